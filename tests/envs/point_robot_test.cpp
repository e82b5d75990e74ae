// The point robots' oracles against the exact values.
#include "envs/point_robot.h"

#include <cmath>

#include "envs/reference.h"
#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

// Goals at the midpoints of n equal arcs of the half circle.
std::vector<Task> half_circle(int n) {
  std::vector<Task> goals;
  for (int i = 0; i < n; ++i) {
    const double angle = pi<double> * (i + 0.5) / n;
    goals.push_back({std::cos(angle), std::sin(angle)});
  }
  return goals;
}

double earned(const char* env, const std::vector<Task>& tasks, std::string_view policy, int episodes = 2) {
  for (const ReferenceReturn& row : reference_returns(find_env(env), tasks, 1, episodes))
    if (std::string_view(row.policy).starts_with(policy)) return row.mean;
  FAIL("no row " << policy);
  return 0;
}

}  // namespace

TEST_CASE("semicircle: the oracle earns 13.382 of the sparse reward, standing still 0") {
  const std::vector<Task> goals = half_circle(4000);
  CHECK(std::abs(earned("semicircle-sparse-v1", goals, "optimal") - 13.382) < 2e-3);
  CHECK(earned("semicircle-sparse-v1", goals, "standing still") == 0);
  // Goal by goal the sparse oracle lies between 12.70 and 14.84.
  double lowest = 100, highest = 0;
  for (const Task& goal : half_circle(200)) {
    const double best = earned("semicircle-sparse-v1", {goal}, "optimal");
    lowest = std::min(lowest, best), highest = std::max(highest, best);
  }
  CHECK(std::abs(lowest - 12.70) < .01);
  CHECK(std::abs(highest - 14.84) < .01);
}

TEST_CASE("point robot: the oracle earns −5.163 on average over goals and starts") {
  std::vector<Task> goals;
  for (std::uint32_t i = 0; i < 2000; ++i)
    goals.push_back(sample_task(find_env("point-robot-v1"), 1, Purpose::test_task, 0, i));
  CHECK(std::abs(earned("point-robot-v1", goals, "optimal", 10) - -5.163) < .1);
}

TEST_CASE("semicircle: goals that are drawn fill the half circle evenly") {
  int left = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const Task goal = sample_task(find_env("semicircle-sparse-v1"), 1, Purpose::task, 0, i);
    CHECK(goal[1] >= 0);
    CHECK(goal[0] * goal[0] + goal[1] * goal[1] == Approx(1).epsilon(1e-14));
    left += goal[0] < -std::sqrt(.5);  // the last quarter
  }
  CHECK(std::abs(left - 500) < 100);  // five standard errors
}
