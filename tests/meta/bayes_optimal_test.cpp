// The best that can be found out, to the last digit: enumerations of independent programs and closed forms.
#include "meta/bayes_optimal.h"

#include <cmath>
#include <numeric>

#include "envs/reference.h"
#include "envs/table.h"
#include "kernels/require.h"
#include "meta/bandit_baselines.h"
#include "meta/grid_walk.h"
#include "meta/two_step_agents.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

void check_value(const BayesOptimal& optimum, double value) {
  CHECK(std::abs(optimum.value - value) < 1e-6);
  CHECK(std::abs(std::accumulate(optimum.curve.begin(), optimum.curve.end(), 0.0) - optimum.value) < 1e-9);
}

}  // namespace

TEST_CASE("Bayes-optimal: independent Bernoulli arms [Bandit eq. optimality]") {
  // Two pulls of two arms: ½ + ½·⅔ + ½·½ = 13/12: stay after a success, change after a failure.
  check_value(optimal_bernoulli(2, 2), 13.0 / 12);
  check_value(optimal_bernoulli(1, 7), 3.5);
  check_value(optimal_bernoulli(5, 5), 3.052083);
  check_value(optimal_bernoulli(2, 10), 6.021786);
  check_value(optimal_bernoulli(5, 10), 6.659988);
  check_value(optimal_bernoulli(10, 10), 6.713951);
  check_value(optimal_bernoulli(50, 10), 6.713951);
  check_value(optimal_bernoulli(5, 20), 14.287338);
  CHECK_THROWS_AS(optimal_bernoulli(11, 11), Error);
}

// [plain] the recursion of the test above, over a hundred pulls
TEST_CASE("Bayes-optimal: a hundred pulls of two independent arms, regret 1.748", "[plain]") {
  const TrialReference reference = trial_reference("wang-independent-v1");
  REQUIRE(reference.optimal.size() == 100);
  const double value = std::accumulate(reference.optimal.begin(), reference.optimal.end(), 0.0);
  CHECK(reference.exact);
  CHECK(std::abs(value - 64.91842) < 1e-5);
  CHECK(std::abs(oracle_value("wang-independent-v1") - value - 1.74825) < 1e-5);
  // The first pull is a guess; the second stays after a success: ½·⅔ + ½·½; the last nearly knows the better arm.
  CHECK(reference.optimal[0] == .5);
  CHECK(reference.optimal[1] == Approx(7.0 / 12));
  CHECK(reference.optimal[99] > .66);
  CHECK(reference.optimal[99] < 2.0 / 3);
}

TEST_CASE("Bayes-optimal: Wang's dependent arms, regrets .625, 1, 2.312 and 1.221 [Pair eq. optimality]") {
  const auto regret = [](const char* env, const BayesOptimal& optimum) { return oracle_value(env) - optimum.value; };
  CHECK(std::abs(regret("wang-easy-v1", optimal_two_levels(.1, 100)) - .625) < 1e-6);
  CHECK(std::abs(regret("wang-medium-v1", optimal_two_levels(.25, 100)) - 1) < 1e-6);
  CHECK(std::abs(regret("wang-hard-v1", optimal_two_levels(.4, 100)) - 2.31208) < 1e-5);
  CHECK(std::abs(regret("wang-uniform-v1", optimal_uniform_pair(100)) - 1.22136) < 1e-5);
  // Two pulls by hand: ½, then after one outcome the likelier arm pays .9² + .1².
  check_value(optimal_two_levels(.1, 2), .5 + .82);
}

TEST_CASE("Bayes-optimal: the eleventh arm is asked first [Informative eq. optimality]") {
  check_value(optimal_informative(), 20.55);
  // Without it each try finds the target with one tenth: Σ_j (5(6 − j) + (j − 1))/10 + 5/2 = 11.
  CHECK(std::abs(optimal_informative(5).value - 11) < 1e-9);
  // Asked at the second pull, after arm 1 was tried, which makes the answer worth .6 and not .55.
  CHECK(std::abs(optimal_informative(1).value - (2.5 + .9 * (1 + .6 + 15))) < 1e-9);
}

TEST_CASE("Bayes-optimal: the two-step task, .6969 and .7059 a trial [Two-step eq. filter]") {
  const double value = optimal_two_step(.75, 0, 100).value, with_flips = optimal_two_step(.8, .025, 100).value;
  CHECK(std::abs(value - 69.6875) < 1e-6);  // as two arms with regret .625: 100·.7 − .625·(.7 − .3)/(.9 − .1)
  CHECK(std::abs(with_flips - 70.59) < .005);
  // The grid of beliefs against the exact count, with flips that never come.
  CHECK(std::abs(optimal_two_step(.75, 1e-12, 100).value - value) < 1e-4);
  // Stepped in the environment.
  for (bool flips : {false, true}) {
    const TwoStepPlay played = play_two_step_filter(flips, 2000, 1);
    CHECK(std::abs(played.reward_per_trial - (flips ? with_flips : value) / 100) < 4 * .46 / std::sqrt(2e5));
  }
}

TEST_CASE("two-step: a planner stays by reward and transition, habit by reward alone") {
  // The filter's own: 1.00 after a rewarded common or an unrewarded rare transition, .67 and .66 otherwise.
  const StayCounts filter = play_two_step_filter(true, 2000, 1).stays;
  CHECK(filter.probability(true, true) == 1);
  CHECK(filter.probability(false, false) == 1);
  CHECK(std::abs(filter.probability(true, false) - .67) < .02);
  CHECK(std::abs(filter.probability(false, true) - .66) < .02);
  CHECK(std::abs(filter.reward_effect()) < .02);

  // Habit has an interaction too, since paid transitions are mostly common ones; its reward effect gives it away.
  const StayCounts habit = play_two_step_habit(true, 2000, 1).stays;
  CHECK(habit.interaction() > .15);
  CHECK(habit.reward_effect() > .2);
  CHECK(habit.reward_effect() < .35);

  StayCounts counts;
  counts.add(true, true, true);
  CHECK(counts.probability(true, true) == 1);
  CHECK_THROWS_AS(counts.probability(false, true), Error);
}

TEST_CASE("Bayes-optimal: GridNavi, 4.0 in the first episode, 11.0714 in each that follows, 37.2143 in four") {
  const GridWalk walk = find_grid_walk();
  REQUIRE(walk.found);
  CHECK(std::abs(walk.first_episode - 4) < 1e-9);
  CHECK(std::abs(walk.first_bound - 4) < 1e-9);
  CHECK(std::abs(walk.later_episodes - (16.1 - 1.1 * 96 / 21)) < 1e-9);
  CHECK(std::abs(walk.later_bound - walk.later_episodes) < 1e-9);
  CHECK(walk.first.size() == 15);
  CHECK(std::abs(optimal_grid_navi(4).value - 37.2143) < 5e-5);

  // Random actions: the exact chain against episodes that were stepped.
  const envs::EnvRow& env = envs::find_env("grid-navi-v1");
  const envs::ReferenceReturn random = envs::reference_returns(env, envs::reference_tasks(env), 1, 400)[1];
  CHECK(std::abs(random.mean - random_grid_return()) < 4 * random.standard_error);
}

TEST_CASE("Bayes-optimal: references by name have a number for every unit of a trial") {
  for (const auto& [env, units, random, optimal] : std::vector<std::tuple<const char*, std::size_t, double, double>>{
           {"rl2-bandit-k5-n10-v1", 10, 5, 6.659988}, {"rl2-bandit-k50-n10-v1", 10, 5, 6.713951},
           {"wang-easy-v1", 100, 50, 89.375}, {"wang-uniform-v1", 100, 50, 73.778637},
           {"wang-informative-v1", 5, 6.613636, 20.55}, {"two-step-v1", 100, 50, 69.6875},
           {"two-step-flip-v1", 100, 50, 70.585534}, {"harlow-v1", 10, 0, 9}, {"grid-navi-v1", 4, -4.662, 37.214286}}) {
    CAPTURE(env);
    const TrialReference reference = trial_reference(env);
    CHECK(reference.exact);
    CHECK(reference.random.size() == units);
    CHECK(reference.optimal.size() == units);
    CHECK(std::accumulate(reference.random.begin(), reference.random.end(), 0.0) == Approx(random).margin(.001));
    CHECK(std::accumulate(reference.optimal.begin(), reference.optimal.end(), 0.0) == Approx(optimal).margin(1e-4));
  }
  CHECK_THROWS_AS(trial_reference("point-nav-v1"), Error);
  CHECK_THROWS_AS(trial_reference("wang-restless-v1"), Error);
  CHECK_THROWS_AS(oracle_value("harlow-v1"), Error);
}

TEST_CASE("Bayes-optimal: where the belief is too large, the reference is the finite-horizon Gittins index") {
  const TrialReference reference = trial_reference("rl2-bandit-k5-n100-v1");
  CHECK(!reference.exact);
  const double sum = std::accumulate(reference.optimal.begin(), reference.optimal.end(), 0.0);
  CHECK(std::abs(sum - 78.70) < 3 * std::hypot(16.0 / std::sqrt(4000), .08));
}
