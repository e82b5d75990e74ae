// Bandits: index policies and Thompson sampling against hand-computed choices, closed forms and the published means.
#include "meta/bandit_baselines.h"

#include <cmath>
#include <numeric>

#include "kernels/require.h"
#include "kernels/threads.h"
#include "meta/bayes_optimal.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

int choice(const BanditPolicy& policy, std::vector<Arm> arms, int done, int n, std::uint32_t draw = 0) {
  Philox random(3, {.purpose = Purpose::check, .task = draw});
  return policy({arms, done, n}, random);
}

bool within(const BanditScore& score, double expected, double others_error, double times = 3) {
  return std::abs(score.mean - expected) < times * std::hypot(score.standard_error, others_error);
}

}  // namespace

TEST_CASE("bandits: greedy takes the largest posterior mean, the first of equals") {
  CHECK(choice(greedy_arm(), {{0, 0}, {0, 0}, {0, 0}}, 0, 10) == 0);
  CHECK(choice(greedy_arm(), {{0, 1}, {0, 0}, {0, 0}}, 1, 10) == 1);   // 1/3 < ½
  CHECK(choice(greedy_arm(), {{3, 1}, {1, 0}, {9, 4}}, 18, 20) == 0);  // 4/6, 2/3, 10/15: equal
  CHECK(choice(greedy_arm(), {{3, 2}, {2, 0}, {9, 4}}, 20, 30) == 1);  // 4/7 < 10/15 < ¾
}

TEST_CASE("bandits: ε = 0 is greedy, ε = 1 is random, ½ is half of each") {
  const std::vector<Arm> arms = {{5, 0}, {0, 5}, {0, 5}, {0, 5}};
  int greedy_choices = 0, random_choices = 0, mixed = 0;
  for (std::uint32_t i = 0; i < 4000; ++i) {
    greedy_choices += choice(epsilon_greedy(0), arms, 20, 30, i) == 0;
    random_choices += choice(epsilon_greedy(1), arms, 20, 30, i) == 0;
    mixed += choice(epsilon_greedy(.5), arms, 20, 30, i) == 0;
  }
  CHECK(greedy_choices == 4000);
  CHECK(std::abs(random_choices / 4000.0 - .25) < 5 * std::sqrt(.25 * .75 / 4000));
  CHECK(std::abs(mixed / 4000.0 - .625) < 5 * std::sqrt(.625 * .375 / 4000));
}

TEST_CASE("bandits: UCB1's bound by hand [UCB1 eq. bound]") {
  // t = 5: √(2 log 6) = 1.8930. Arm 0: ¾ and 4 pulls with the prior's two, arm 1: ½ and 2, arm 2: 1/3 and 3.
  const std::vector<Arm> arms = {{2, 0}, {0, 0}, {0, 1}};
  CHECK(choice(ucb1(0), arms, 5, 10) == 0);
  // .75 + .9465c against .5 + 1.3386c: equal at c = .6376.
  CHECK(choice(ucb1(.63), arms, 5, 10) == 0);
  CHECK(choice(ucb1(.65), arms, 5, 10) == 1);
}

TEST_CASE("bandits: Whittle's closed form by hand [Whittle eq. index]") {
  // μ = ½, ν = 2: ½ + ¼/(2·√⅛) = .85355. μ = ¾, ν = 4: ¾ + (3/16)/(4·√(3/64) + ¼) = .91808.
  CHECK(choice(whittle_arm(), {{0, 0}, {2, 0}}, 2, 10) == 1);
  // μ = 2/3, ν = 6: 2/3 + (2/9)/(6·√(1/27) + 1/6) = .82836 < .85355.
  CHECK(choice(whittle_arm(), {{0, 0}, {3, 1}}, 4, 10) == 0);
}

TEST_CASE("bandits: a Thompson draw favours an arm as often as it is the better one [Thompson eq. draw]") {
  // Beta(2, 1) against Beta(1, 1): P = 2/3. Beta(3, 1) against Beta(1, 2): 1 − ∫ x³·2(1 − x)dx = 1 − 2(¼ − 1/5) = .9.
  int first = 0, second = 0, optimistic = 0;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    first += choice(thompson(), {{1, 0}, {0, 0}}, 1, 10, i) == 0;
    second += choice(thompson(), {{2, 0}, {0, 1}}, 3, 10, i) == 0;
    optimistic += choice(optimistic_thompson(), {{1, 0}, {0, 0}}, 1, 10, i) == 0;
  }
  CHECK(std::abs(first / 20000.0 - 2.0 / 3) < 5 * std::sqrt(2.0 / 9 / 20000));
  CHECK(std::abs(second / 20000.0 - .9) < 5 * std::sqrt(.09 / 20000));
  // May's: max(x, 2/3) against max(y, ½). The second wins if y > max(x, 2/3): ∫_{2/3}^1 y² dy = (1 − 8/27)/3.
  CHECK(std::abs(optimistic / 20000.0 - (1 - 19.0 / 81)) < 5 * std::sqrt(.24 * .76 / 20000));
}

TEST_CASE("bandits: of many joint draws the densest one is near the mode") {
  // Modes: 9/12 and 8/10. One draw of each arm is nearly a coin; the densest of many nearly always says arm 1.
  const std::vector<Arm> arms = {{9, 3}, {8, 2}};
  int one = 0, many = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    one += choice(densest_thompson(1), arms, 22, 30, i);
    many += choice(densest_thompson(200), arms, 22, 30, i);
  }
  CHECK(one < 1300);
  CHECK(many > 1300);
}

TEST_CASE("bandits: draws from Beta have its mean and variance") {
  const std::vector<std::pair<double, double>> shapes = {{1, 1}, {1, 4}, {6, 1}, {2, 3}, {40, 7}, {90, 300}};
  for (const auto& [a, b] : shapes) {
    CAPTURE(a, b);
    const int n = 20000;
    double sum = 0, squares = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      Philox random(9, {.purpose = Purpose::check, .iteration = i});
      const double x = draw_beta(a, b, random);
      REQUIRE((x >= 0 && x <= 1));
      sum += x / n;
      squares += x * x / n;
    }
    const double variance = a * b / ((a + b) * (a + b) * (a + b + 1));
    CHECK(std::abs(sum - a / (a + b)) < 5 * std::sqrt(variance / n));
    CHECK(std::abs((squares - sum * sum) / variance - 1) < .06);
  }
}

TEST_CASE("bandits: the finite-horizon Gittins index in closed form, and monotone in what is left [Gittins eq. gain]") {
  const GittinsTable table(20, 1000);
  // One pull left: the mean. Two from Beta(1, 1): (½ + ½·⅔)/(1 + ½) = 5/9, playing on after a success alone.
  CHECK(table.index(0, 0, 1) == Approx(.5).margin(.0011));
  CHECK(table.index(3, 1, 1) == Approx(4.0 / 6).margin(.0011));
  CHECK(table.index(0, 0, 2) == Approx(5.0 / 9).margin(.0011));
  for (int h = 2; h <= 20; ++h) CHECK(table.index(0, 0, h) > table.index(0, 0, h - 1));
  for (int h = 1; h <= 14; ++h) CHECK(table.index(3, 2, h) > table.index(2, 3, h));
  CHECK_THROWS_AS(table.index(0, 0, 21), Error);
  CHECK_THROWS_AS(table.index(3, 0, 0), Error);
}

TEST_CASE("bandits: ten pulls earn what RL²'s table 1 was recomputed to be, and nothing beats the optimum") {
  // References with their errors: 20 000 instances, error 0.015.
  const int n = 10, instances = 4000;
  const ArmsOf arms = uniform_arms(5, 1);
  const auto score = [&](const BanditPolicy& policy) { return score_bandit(policy, arms, n, instances, 1); };
  CHECK(within(score(random_arm()), 5, 0));
  CHECK(within(score(greedy_arm()), 6.55, .015));
  CHECK(within(score(ucb1(.1)), 6.66, .015));
  CHECK(within(score(thompson()), 5.84, .015));
  CHECK(within(score(densest_thompson(20)), 6.43, .03));
  CHECK(within(score(whittle_arm()), 6.59, .015));
  const GittinsTable table(n, 1000);
  CHECK(within(score(gittins_arm(table)), 6.66, .015));

  // What the optimum leaves for each of them, on the same instances.
  const double optimum = optimal_bernoulli(5, n).value;
  for (const BanditPolicy& policy : {greedy_arm(), ucb1(.1), thompson(), whittle_arm(), gittins_arm(table)}) {
    const BanditScore s = score(policy);
    CHECK(s.mean < optimum + 3 * s.standard_error);
  }
}

TEST_CASE("bandits: a hundred pulls: the index policies gain on greedy and Thompson") {
  const ArmsOf arms = uniform_arms(5, 1);
  const GittinsTable table(100, 200);
  const auto score = [&](const BanditPolicy& policy) { return score_bandit(policy, arms, 100, 1000, 1); };
  const BanditScore greedy = score(greedy_arm()), ts = score(thompson()), index = score(gittins_arm(table));
  CHECK(within(greedy, 75.06, .08));
  CHECK(within(ts, 75.12, .08));
  CHECK(within(index, 78.70, .08));
  CHECK(index.mean > greedy.mean + 2);
  CHECK(index.mean > ts.mean + 2);
}

// [threads] meta/bandit_baselines.cpp
TEST_CASE("bandits: regret and reward of every pull add up, for any number of threads", "[threads]") {
  const ArmsOf arms = arms_of("wang-medium-v1", 4);
  const int threads = thread_count();
  set_thread_count(1);
  const BanditScore one = score_bandit(thompson(), arms, 50, 300, 2);
  set_thread_count(2);
  const BanditScore two = score_bandit(thompson(), arms, 50, 300, 2);
  set_thread_count(threads);
  CHECK(one.mean == two.mean);
  CHECK(one.curve == two.curve);
  CHECK(one.regret == two.regret);
  const double expected = std::accumulate(one.curve.begin(), one.curve.end(), 0.0);
  CHECK(one.regret.back() == Approx(50 * .75 - expected));
  CHECK(std::abs(one.mean - expected) < 5 * std::sqrt(50 * .25 / 300));
}

TEST_CASE("bandits: tuning takes the best setting; what makes no sense is refused") {
  const double settings[] = {1, .1, 5};
  const ArmsOf arms = uniform_arms(5, 1);
  const TunedScore best = tuned(ucb1, settings, arms, 10, 500, 1);
  CHECK(best.setting == .1);
  CHECK(best.score.mean == score_bandit(ucb1(.1), arms, 10, 500, 1).mean);
  CHECK_THROWS_AS(tuned(ucb1, {}, arms, 10, 500, 1), Error);
  CHECK_THROWS_AS(score_bandit(greedy_arm(), arms, 0, 500, 1), Error);
  CHECK_THROWS_AS(GittinsTable(0, 10), Error);
  const GittinsTable table(10, 10);
  CHECK_THROWS_AS(score_bandit(gittins_arm(table), arms, 20, 10, 1), Error);
  CHECK_THROWS_AS(arms_of("wang-restless-v1", 1), Error);
}
