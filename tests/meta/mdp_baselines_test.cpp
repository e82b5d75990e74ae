// Small decision processes: the posterior, planning and each agent by hand, and the published means.
#include "meta/mdp_baselines.h"

#include <cmath>
#include <numeric>

#include "envs/mdp.h"
#include "kernels/require.h"
#include "kernels/threads.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

constexpr int checkpoints[] = {10, 25, 50, 75, 100};

MdpLuck some_luck() { return {5, {.purpose = Purpose::check}}; }

MdpModel some_process(std::uint32_t number) {
  Philox random(2, {.purpose = Purpose::check, .iteration = number});
  return RandomMdp::sample_task(random);
}

}  // namespace

TEST_CASE("mdps: the posterior's mean by hand") {
  MdpPosterior known{.prior_mean = 1};
  known.observe(3, 2, 4, 7);
  known.observe(3, 2, 1, 7);
  CHECK(known.mean_reward(3, 2) == 2);  // (1 + 4 + 1)/3
  CHECK(known.mean_reward(0, 0) == 1);
  const MdpModel mean = known.mean_model();
  CHECK(mean.transition[3][2][7] == Approx(3.0 / 12));
  CHECK(mean.transition[3][2][0] == Approx(1.0 / 12));
  CHECK(mean.transition[0][0][0] == Approx(.1));
}

TEST_CASE("mdps: draws of the posterior have its mean and spread") {
  MdpPosterior known{.prior_mean = 0};
  for (int i = 0; i < 30; ++i) known.observe(1, 4, 2, i % 3);
  const int n = 4000;
  double reward = 0, squares = 0, p0 = 0, p9 = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    Philox random(8, {.purpose = Purpose::check, .iteration = i});
    const MdpModel model = known.sample_model(random);
    reward += model.reward[1][4] / n;
    squares += model.reward[1][4] * model.reward[1][4] / n;
    p0 += model.transition[1][4][0] / n;
    p9 += model.transition[1][4][9] / n;
    if (i == 0) CHECK(std::accumulate(model.transition[1][4], model.transition[1][4] + 10, 0.0) == Approx(1));
  }
  CHECK(std::abs(reward - 60.0 / 31) < 5 / std::sqrt(31.0 * n));
  CHECK(std::abs((squares - reward * reward) * 31 - 1) < .12);
  CHECK(std::abs(p0 - 11.0 / 40) < 5 * std::sqrt(.275 * .725 / 41 / n));
  CHECK(std::abs(p9 - 1.0 / 40) < 5 * std::sqrt(.025 * .975 / 41 / n));
}

TEST_CASE("mdps: planning is backward induction, as for any table [MDP-baselines eq. induction]") {
  const MdpModel model = some_process(0);
  envs::Mdp mdp(mdp_states, mdp_actions);
  for (int s = 0; s < mdp_states; ++s)
    for (int a = 0; a < mdp_actions; ++a) {
      mdp.reward[mdp.row(s, a)] = model.reward[s][a];
      for (int next = 0; next < mdp_states; ++next) mdp.P(s, a, next) = model.transition[s][a][next];
    }
  const MdpPlan plan = plan_for(model);
  for (int t : {0, 4, 9}) {
    const envs::MdpValues values = envs::finite_horizon_values(mdp, 1, mdp_horizon - t);
    for (int s = 0; s < mdp_states; ++s) CHECK(plan.value(t, s) == Approx(values.v[static_cast<std::size_t>(s)]));
  }
  // What the environment calls its best action.
  for (int s = 0; s < mdp_states; ++s) CHECK(RandomMdp::best_action(model, {s, 3}).a == plan.best(3, s));
  CHECK(plan_for(model, 6).value(7, 2) == plan.value(7, 2));
}

TEST_CASE("mdps: a bonus, a radius and many draws make a plan more hopeful [BEB eq. bonus] [UCRL2 eq. radius]") {
  MdpPosterior known;
  for (int i = 0; i < 12; ++i) known.observe(i % 10, i % 5, .3 * i, (7 * i) % 10);
  const auto hope = [&](const MdpAgent& agent) { return agent.plan(known, 12, 0, some_luck()).value(0, 0); };
  const double greedy = hope(greedy_agent());
  CHECK(hope(beb(0)) == Approx(greedy));
  CHECK(hope(beb(11)) > greedy + 1);   // unseen pairs gain β/11 = 1 a step
  CHECK(hope(beb(11)) < greedy + 10.01);
  CHECK(hope(ucrl2(0)) == Approx(greedy));
  CHECK(hope(ucrl2(.05)) > greedy);
  CHECK(hope(ucrl2(.1)) > hope(ucrl2(.05)));
  CHECK(hope(opsrl(20)) >= hope(opsrl(5)));
  CHECK(hope(opsrl(5)) >= hope(psrl()));
  // With no transition uncertainty left to use, UCRL2 adds its reward radius alone: a whole row on one state.
  MdpPosterior sure;
  for (int s = 0; s < 10; ++s)
    for (int a = 0; a < 5; ++a) sure.observe(s, a, 0, s);
  const double radius = std::sqrt(3.5 * std::log(2 * 50 * 51 / .05));
  CHECK(ucrl2(1).plan(sure, 50, 9, some_luck()).value(9, 4) == Approx(.5 + radius));
}

TEST_CASE("mdps: a random agent earns 1 a step, the optimum 21.8 an episode") {
  const int at[] = {10};
  const MdpScores scores = score_mdp(random_agent(), 1, at, 1000, 1);
  CHECK(std::abs(scores.agent.mean[0] - 100) < 4 * scores.agent.standard_error[0]);
  CHECK(std::abs(scores.optimum.mean[0] - 218.05) < 4 * std::hypot(scores.optimum.standard_error[0], .15));
  // Full knowledge in the place of a posterior: nobody earns more.
  CHECK(score_mdp(greedy_agent(true), 1, at, 1000, 1).agent.mean[0] < scores.optimum.mean[0]);
}

// [plain] means over a thousand instances; a sanitizer sees the same agents in the other tests
TEST_CASE("mdps: posterior sampling earns what RL²'s table was recomputed to be, for both prior means", "[plain]") {
  // 2 000 to 20 000 instances; mean and error for n = 10, 25, 50, 75, 100.
  struct Reference { double prior_mean, mean[5], error[5]; };
  for (const Reference& reference :
       {Reference{0, {137.7, 407.8, 901.0, 1413.8, 1934.6}, {.2, 1.4, 2.6, 3.9, 5.1}},
        Reference{1, {133.5, 402.5, 900.8, 1416.1, 1939.7}, {.2, 1.3, 2.6, 4.0, 5.3}}}) {
    const MdpScore score = score_mdp(psrl(), reference.prior_mean, checkpoints, 1000, 1).agent;
    for (std::size_t c = 0; c < 5; ++c) {
      CAPTURE(reference.prior_mean, checkpoints[c], score.mean[c], score.standard_error[c]);
      CHECK(std::abs(score.mean[c] - reference.mean[c]) <
            3 * std::hypot(score.standard_error[c], reference.error[c]));
    }
  }
}

// [plain] means over a thousand instances; a sanitizer sees the same agents in the other tests
TEST_CASE("mdps: greed gains more than ten in ten episodes from the right prior mean; so does nobody that samples",
          "[plain]") {
  const int at[] = {10};
  const auto gain = [&](const MdpAgent& agent) {
    return score_mdp(agent, 1, at, 1000, 1).agent.mean[0] - score_mdp(agent, 0, at, 1000, 1).agent.mean[0];
  };
  CHECK(gain(greedy_agent()) > 10);
  CHECK(gain(greedy_agent(true)) > 10);
  CHECK(gain(beb(10)) > 5);
  CHECK(gain(psrl()) < 0);
}

// [threads] meta/mdp_baselines.cpp
TEST_CASE("mdps: the same numbers for any number of threads; what makes no sense is refused", "[threads]") {
  const int at[] = {2, 5}, threads = thread_count();
  set_thread_count(1);
  const MdpScore one = score_mdp(opsrl(3), 0, at, 20, 3).agent;
  set_thread_count(2);
  const MdpScore two = score_mdp(opsrl(3), 0, at, 20, 3).agent;
  set_thread_count(threads);
  CHECK(one.mean == two.mean);
  CHECK(one.standard_error == two.standard_error);

  const double settings[] = {0, 10};
  const TunedMdpScore best = tuned_mdp([](double beta) { return beb(beta); }, settings, 0, at, 100, 3);
  for (std::size_t c = 0; c < 2; ++c)
    CHECK(best.score.mean[c] == score_mdp(beb(best.setting[c]), 0, at, 100, 3).agent.mean[c]);
  const int falling[] = {5, 2};
  CHECK_THROWS_AS(score_mdp(psrl(), 0, falling, 20, 3), Error);
  CHECK_THROWS_AS(score_mdp(psrl(), 0, at, 1, 3), Error);
  CHECK_THROWS_AS(tuned_mdp(epsilon_greedy_agent, {}, 0, at, 20, 3), Error);
}
