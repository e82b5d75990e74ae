// The pendulum's optimum: −138 ± 2, two ways that agree, and nobody does better.
#include "envs/pendulum_optimum.h"

#include <cmath>

#include "envs/pendulum.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "tests/catch.h"

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

TEST_CASE(
    "pendulum optimum: −138 ± 2 over all starts; table, finer table and what is reached agree; nobody does better") {
  const PendulumOptimumReport report = pendulum_optimum_report({}, 200);
  CAPTURE(report.mean, report.reached_mean, report.gap, report.refinement, report.error);
  CHECK(std::abs(report.mean - -138) < 2);
  CHECK(report.error < 2.5);
  CHECK(std::abs(report.gap) < 2);

  // The policy by hand and a random one, from 300 starts: each episode against its own start's optimum.
  const PendulumOptimum optimum;
  const EnvRow& row = find_env("pendulum-v1");
  for (const bool by_hand : {true, false}) {
    VectorEnv env(row, {{10.0}}, 300, 1);
    env.reset({.purpose = Purpose::test_reset});
    std::vector<double> best, actions(300), returns(300);
    for (int n = 0; n < 300; ++n) best.push_back(optimum.best_return(env.observations().data() + 3 * n));
    while (!env.all_finished()) {
      if (by_hand) env.choose(row.best, actions);
      for (std::size_t n = 0; n < 300 && !by_hand; ++n)
        actions[n] = 2 * std::sin(static_cast<double>(n * 7) + env.time_step());
      env.step(actions);
      for (std::size_t n = 0; n < 300; ++n) returns[n] += env.rewards()[n];
    }
    double regret = 0, smallest = 1e9;
    for (std::size_t n = 0; n < 300; ++n) {
      regret += (best[n] - returns[n]) / 300;
      smallest = std::min(smallest, best[n] - returns[n]);
    }
    CAPTURE(by_hand, regret);
    CHECK(smallest > -report.error);
    CHECK(regret > (by_hand ? 5 : 800));
    CHECK(regret < (by_hand ? 40 : 1300));
  }
}
