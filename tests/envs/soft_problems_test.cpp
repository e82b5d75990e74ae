// The exact soft optima: against the fixtures, and against their own Bellman equations.
#include "envs/soft_problems.h"

#include <cmath>

#include "envs/reference.h"
#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

TEST_CASE("soft value iteration: the two-state fixture to 1e-8") {
  const SoftValues soft = soft_value_iteration(soft_two_state_mdp(), 0.9, 0.5);
  CHECK(soft.v[0] == Approx(9.067854480).margin(1e-8));
  CHECK(soft.v[1] == Approx(10.087607320).margin(1e-8));
  const double q[] = {8.161069032, 8.978846588, 10.078846588, 8.061069032};
  for (std::size_t k = 0; k < 4; ++k) CHECK(soft.q[k] == Approx(q[k]).margin(1e-8));
  CHECK(soft.policy[1] == Approx(0.836929213).margin(1e-8));
  CHECK(soft.policy[2] == Approx(0.982631144).margin(1e-8));
  CHECK(soft.policy[0] + soft.policy[1] == Approx(1).margin(1e-12));
}

TEST_CASE("soft value iteration: V is what the soft policy earns with its entropy, and α → 0 is value iteration") {
  for (const double alpha : {0.05, 0.5, 3.0}) {
    const Mdp mdp = mdp_of("gridworld-v1", std::vector{1.0});
    const SoftValues soft = soft_value_iteration(mdp, 0.9, alpha);
    // The same policy, its entropy paid as a reward, valued by another routine.
    Mdp paid = mdp;
    for (std::size_t k = 0; k < paid.reward.size(); ++k) paid.reward[k] -= alpha * std::log(soft.policy[k]);
    const std::vector<double> v = policy_values(paid, soft.policy, 0.9);
    for (std::size_t s = 0; s < v.size(); ++s) CHECK(v[s] == Approx(soft.v[s]).margin(1e-10));
  }
  const Mdp mdp = soft_two_state_mdp();
  const SoftValues cold = soft_value_iteration(mdp, 0.9, 1e-6);
  const MdpValues hard = value_iteration(mdp, 0.9);
  for (std::size_t s = 0; s < 2; ++s) CHECK(cold.v[s] == Approx(hard.v[s]).margin(1e-4));
}

TEST_CASE("soft LQR: the fixture, and the soft Bellman equation at any state and action") {
  const LqrOptimum o = soft_lqr_optimum(1, 1, 1, 1, 0.9, 0.2);
  CHECK(o.P == Approx(1.588403349).margin(1e-9));
  CHECK(o.K == Approx(0.588403349).margin(1e-9));
  CHECK(o.M == Approx(2.429563014).margin(1e-9));
  CHECK(o.variance == Approx(0.0411596651).margin(1e-10));
  CHECK(o.c == Approx(-1.352419438).margin(1e-9));

  // Q(s, a) − α log π(a|s) is the same for every action, and is V(s).
  const auto V = [&](double s) { return -o.P * s * s + o.c; };
  for (const double s : {-2.0, 0.0, 0.7})
    for (const double a : {-1.0, 0.2, 3.0}) {
      const double q = -(s * s + a * a) + 0.9 * V(s + a);
      const double z = a + o.K * s;
      const double log_pi = -0.5 * z * z / o.variance - 0.5 * std::log(2 * 3.14159265358979324 * o.variance);
      CHECK(q - 0.2 * log_pi == Approx(V(s)).margin(1e-12));
    }
  CHECK(SoftLqr<double>::best_action({1}, {2}).a == Approx(-2 * o.K).margin(1e-12));
}

TEST_CASE("semicircle: the oracle earns −3.84 on average, standing still −20, and no goal is off the circle") {
  const EnvRow& env = find_env("semicircle-dense-v1");
  const std::vector<Task> goals = [&] {
    std::vector<Task> all;
    for (std::uint32_t i = 0; i < 2000; ++i) all.push_back(sample_task(env, 1, Purpose::test_task, 0, i));
    return all;
  }();
  for (const Task& goal : goals) {
    CHECK(std::hypot(goal[0], goal[1]) == Approx(1).margin(1e-12));
    CHECK(goal[1] >= 0);
  }
  const auto rows = reference_returns(env, goals, 1, 2);
  CHECK(rows.front().mean == Approx(-20).margin(1e-9));
  CHECK(rows.back().mean == Approx(-3.841).margin(0.02));
}
