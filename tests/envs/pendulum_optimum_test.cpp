// The pendulum's optimum: −138 ± 2, two ways that agree, and nobody does better.
#include "envs/pendulum_optimum.h"

#include <cmath>
#include <vector>

#include "envs/pendulum.h"
#include "envs/pendulum_plan.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;
using namespace innerloop::envs;

TEST_CASE("pendulum optimum: one step by hand, and a rod that stands costs nothing") {
  const PendulumOptimum one({}, 1);  // one step left: no torque, its price alone
  CHECK(one.value(1, 2) == Approx(-(1 + .4)).epsilon(2e-3));
  CHECK(std::abs(one.torque(1, 2, 1)) < 1e-9);
  CHECK(one.value(pi<double>, 0) == Approx(-pi<double> * pi<double>).epsilon(1e-3));
  CHECK(one.value(0, 0) > -1e-3);
  const double observation[] = {std::cos(2.5), std::sin(2.5), -3};
  CHECK(one.best_return(observation) == Approx(-(2.5 * 2.5 + .9)).epsilon(1e-9));
}

// [threads] envs/pendulum_optimum.cpp
TEST_CASE("pendulum optimum: the same table and the same report on 1, 2 and 4 threads", "[threads]") {
  const auto numbers = [](int threads) {
    const ThreadCount count(threads);
    const PendulumOptimum optimum({31, 21, 5}, 12);
    const PendulumOptimumReport report = pendulum_optimum_report(optimum, 6);
    return std::vector{optimum.value(1, 2), report.mean,       report.reached_mean,
                       report.gap,          report.refinement, report.worst};
  };
  const std::vector<double> one = numbers(1);
  CHECK(one[0] < 0);
  CHECK(numbers(2) == one);
  CHECK(numbers(4) == one);
}

TEST_CASE("pendulum plan: improvement finds the optimum near a bad plan, never loses, and is told by its torques") {
  // One second from near the top without any torque: the rod falls. Then from the table's optimum upwards.
  const PendulumPlan falls = pendulum_plan(0.05, 0, std::vector<double>(20, 0.0)), holds = improved(falls);
  const PendulumOptimum optimum({}, 20);
  CHECK(falls.earned < -7);
  CHECK(holds.earned > optimum.value(0.05, 0));
  CHECK(holds.earned == Approx(optimum.best_return(0.05, 0)).epsilon(1e-6));
  CHECK(pendulum_plan(0.05, 0, holds.torques).earned == Approx(holds.earned).epsilon(1e-12));
  for (const double u : holds.torques) CHECK(std::abs(u) <= 2);
  double before = falls.earned;
  for (int rounds = 0; rounds < 8; ++rounds) {
    const double now = improved(falls, rounds).earned;
    CHECK(now >= before);
    before = now;
  }

  // No torque is left that would pay to change: the optimum is stationary.
  for (std::size_t t = 0; t < holds.torques.size(); ++t)
    for (const double change : {-1e-2, 1e-2}) {
      std::vector<double> torques = holds.torques;
      torques[t] += change;
      CHECK(pendulum_plan(0.05, 0, torques).earned <= holds.earned + 1e-7);
    }
}

TEST_CASE(
    "pendulum optimum: −138 ± 2 over all starts; table, finer table and what is reached agree; nobody does better") {
  const PendulumOptimum optimum({361, 321, 21});
  const PendulumOptimumReport report = pendulum_optimum_report(optimum, 100);
  CAPTURE(report.mean, report.reached_mean, report.gap, report.refinement, report.error, report.worst);
  CHECK(std::abs(report.mean - -138) < 2);
  CHECK(report.error < 2.5);
  CHECK(std::abs(report.gap) < 2);
  CHECK(report.worst < 2);

  // The policy by hand and a random one, from 150 starts: each episode against its own start's optimum.
  const EnvRow& row = find_env("pendulum-v1");
  std::vector<double> best;
  for (const bool by_hand : {true, false}) {
    VectorEnv env(row, {{10.0}}, 150, 1);
    env.reset({.purpose = Purpose::test_reset});
    std::vector<double> actions(150), returns(150);
    for (int n = 0; n < 150 && by_hand; ++n) best.push_back(optimum.best_return(env.observations().data() + 3 * n));
    while (!env.all_finished()) {
      if (by_hand) env.choose(row.best, actions);
      for (std::size_t n = 0; n < 150 && !by_hand; ++n)
        actions[n] = 2 * std::sin(static_cast<double>(n * 7) + env.time_step());
      env.step(actions);
      for (std::size_t n = 0; n < 150; ++n) returns[n] += env.rewards()[n];
    }
    double regret = 0, smallest = 1e9;
    for (std::size_t n = 0; n < 150; ++n) {
      regret += (best[n] - returns[n]) / 150;
      smallest = std::min(smallest, best[n] - returns[n]);
    }
    CAPTURE(by_hand, regret);
    CHECK(smallest > -report.worst);
    CHECK(regret > (by_hand ? 5 : 800));
    CHECK(regret < (by_hand ? 40 : 1300));
  }
}
