// Every environment in the table follows its committed trajectories.
#include <cmath>
#include <set>

#include "envs/table.h"
#include "envs/vector_env.h"
#include "tests/catch.h"
#include "tests/envs/golden_control.h"
#include "tests/envs/golden_distractions.h"
#include "tests/envs/golden_goal_arc.h"
#include "tests/envs/golden_promp_maesn.h"
#include "tests/envs/golden_trajectories.h"
#include "tests/envs/golden_trials.h"
#include "tests/envs/golden_varied.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

void check_near(std::span<const double> got, std::span<const double> expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i, got[i], expected[i]);
    CHECK(std::abs(got[i] - expected[i]) <= 1e-10);
  }
}

std::vector<Golden> all_golden() {
  std::vector<Golden> all = golden_trajectories();
  for (const auto& more : {golden_control(), golden_trials(), golden_distractions(), golden_promp_maesn(),
                           golden_goal_arc(), golden_varied()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

TEST_CASE("envs: every environment follows its golden trajectories to 1e-10 [point-nav eq. move]") {
  for (const Golden& golden : all_golden()) {
    CAPTURE(golden.env);
    VectorEnv env(find_env(golden.env), {golden.task}, 1, golden_seed);
    env.reset({.purpose = Purpose::reset});
    check_near(env.observations(), golden.start);
    for (std::size_t t = 0; t < golden.steps.size(); ++t) {
      const GoldenStep& step = golden.steps[t];
      CAPTURE(t);
      env.step(step.action);
      check_near(env.rewards(), std::vector{step.reward});
      check_near(env.observations(), step.observation);
      CHECK((env.ends()[0] == End::terminated) == step.terminated);
    }
  }
}

TEST_CASE("envs: no environment is without a golden trajectory, and none that ends by itself without a golden end") {
  std::set<std::string> with_trajectory, with_end;
  for (const Golden& golden : all_golden()) {
    with_trajectory.insert(golden.env);
    if (golden.steps.back().terminated) with_end.insert(golden.env);
  }
  for (const EnvRow& row : all_envs()) {
    const std::string name(row.spec.name);
    CAPTURE(name);
    CHECK(with_trajectory.contains(name));
    // The action scalings of point navigation share the end of point-nav-v1: one function, PointNavigation::move.
    const bool shares_end =
        name == "point-nav-raw-v1" || name == "point-nav-scale10-v1" || name == "point-nav-oracle-v1";
    // A hundred steps lead to these ends: classic_control_test.cpp.
    const bool far_end = name == "mountain-car-continuous-v0" || name == "acrobot-v1";
    if (!shares_end && !far_end) CHECK(with_end.contains(name) == row.spec.terminates);
  }
}
