// What standing still, random actions and the best policy earn: against the closed forms and the published numbers.
#include <cmath>

#include "envs/maml_goals.h"
#include "envs/math.h"
#include "envs/reference.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

ReferenceReturn row_of(const std::vector<ReferenceReturn>& rows, std::string_view policy) {
  for (const ReferenceReturn& row : rows)
    if (std::string_view(row.policy).starts_with(policy)) return row;
  FAIL("no row " << policy);
  return {};
}

}  // namespace

TEST_CASE("reference returns: point-nav-v1 on the authors' 40 goals [point-nav eq. reward]") {
  const auto rows = reference_returns(find_env("point-nav-v1"), maml_test_goals(), 1);

  // Standing still earns −100 times the mean distance of the goals.
  const ReferenceReturn still = row_of(rows, "standing still");
  double distance = 0;
  for (const Task& g : maml_test_goals()) distance += std::hypot(g[0], g[1]) / 40;
  CHECK(std::abs(still.mean + 100 * distance) < 1e-10);
  CHECK(std::abs(still.mean - -40.08) < .005);
  CHECK(still.standard_error == 0);
  CHECK(still.mean_length == 100);

  const ReferenceReturn best = row_of(rows, "time-optimal");
  CHECK(std::abs(best.mean - -.544) < .0005);
  CHECK(best.mean_length == 3.75);

  const ReferenceReturn random = row_of(rows, "random");
  CHECK(std::abs(random.mean - -72) < 1.5);
  CHECK(random.standard_error > .2);
  CHECK(random.standard_error < .8);  // about 29.7/√4000 = 0.47

  // Another seed of the goals gives other numbers.
  const auto other = reference_returns(find_env("point-nav-v1"), maml_test_goals(2), 1, 2);
  CHECK(std::abs(row_of(other, "standing still").mean - still.mean) > .1);
  CHECK(std::abs(row_of(other, "time-optimal").mean - best.mean) > 1e-3);
}

TEST_CASE("reference returns: the action convention decides what σ = 1 earns") {
  const auto random_of = [](const char* name) {
    return row_of(reference_returns(find_env(name), maml_test_goals(), 1), "random").mean;
  };
  CHECK(std::abs(random_of("point-nav-raw-v1") - -91.4) < 2);
  CHECK(std::abs(random_of("point-nav-scale10-v1") - -40.8) < .3);

  // The conventions share the dynamics: standing still and the best policy earn the same in all.
  for (const char* name : {"point-nav-raw-v1", "point-nav-scale10-v1"}) {
    const auto rows = reference_returns(find_env(name), maml_test_goals(), 1, 2);
    CHECK(std::abs(row_of(rows, "standing still").mean - -40.08) < .005);
    CHECK(std::abs(row_of(rows, "time-optimal").mean - -.544) < .0005);
  }
}

TEST_CASE("reference returns: point-nav-squared-v1 standing still is −100 times the mean squared distance") {
  const auto rows = reference_returns(find_env("point-nav-squared-v1"), maml_test_goals(), 1, 2);
  double squared = 0;
  for (const Task& g : maml_test_goals()) squared += (g[0] * g[0] + g[1] * g[1]) / 40;
  CHECK(std::abs(row_of(rows, "standing still").mean + 100 * squared) < 1e-10);
}

TEST_CASE("reference returns: the small environments against closed forms") {
  // Four arms, one pays: ¼ at random; 1 for who knows which.
  const auto grid = reference_returns(find_env("four-state-v1"), reference_tasks(find_env("four-state-v1")), 1, 2000);
  CHECK(std::abs(row_of(grid, "random").mean - .25) < 5 * row_of(grid, "random").standard_error);
  CHECK(row_of(grid, "oracle").mean == 1);
  CHECK(row_of(grid, "oracle").mean_length == 1);

  // Two states, uniform policy: P(s' = 0) is .55 from 0 and .45 from 1, rewards ½ and ¾ on average, so
  // J = ½ + (.55·½ + .45·¾) + (.505·½ + .495·¾) = 1.73625. Backward induction gives 3.23 for a = s.
  const auto two = reference_returns(find_env("two-state-v1"), {{0}}, 1, 20000);
  CHECK(std::abs(row_of(two, "random").mean - 1.73625) < 5 * row_of(two, "random").standard_error);
  CHECK(std::abs(row_of(two, "optimal").mean - 3.23) < 5 * row_of(two, "optimal").standard_error);
  CHECK(row_of(two, "random").standard_error < .015);

  // One coordinate: 1 per step at the goal. Standing still: 5·¼∫exp(−0.1(s − g)²)ds over [−2, 2], by the midpoint rule.
  const EnvRow& line = find_env("promp-1d-v1");
  const auto rows = reference_returns(line, reference_tasks(line), 1, 2000);
  CHECK(row_of(rows, "optimal").mean == 5);
  double integral = 0;
  for (int i = 0; i < 4000; ++i) integral += std::exp(-.1 * std::pow(-2 + (i + .5) * .001 - 1, 2)) * .001;
  CHECK(std::abs(row_of(rows, "standing still").mean - 5 * integral / 4) <
        5 * row_of(rows, "standing still").standard_error);
}

TEST_CASE("reference returns: the corner") {
  const EnvRow& sparse = find_env("promp-corner-v1");
  const auto rows = reference_returns(sparse, reference_tasks(sparse), 1);
  CHECK(row_of(rows, "standing still").mean == 0);

  // Straight to the corner: rewards telescope to the distance from where the centre is left, between the largest
  // distance of a start and that at the centre's edge, one step later.
  CHECK(row_of(rows, "oracle").mean > 2 * std::sqrt(2) - .5 - .3);
  CHECK(row_of(rows, "oracle").mean < 2.2 * std::sqrt(2));
  CHECK(row_of(rows, "oracle").mean > row_of(rows, "random").mean);

  // Standing still in the dense variants: a start is uniform in a square of half-width 0.2, so E‖p − g‖² = 8 +
  // 2·0.2²/3.
  const EnvRow& squared = find_env("promp-corner-dense-squared-v1");
  const ReferenceReturn still = row_of(reference_returns(squared, reference_tasks(squared), 1, 400), "standing still");
  CHECK(std::abs(still.mean + 100 * (8 + .08 / 3)) < 5 * still.standard_error);
}

TEST_CASE("reference returns: classical control") {
  const auto rows_of = [](const char* name, int episodes) {
    const EnvRow& row = find_env(name);
    return reference_returns(row, reference_tasks(row), 1, episodes);
  };
  // Gymnasium: no torque earns −1219 on average.
  const auto pendulum = rows_of("pendulum-v1", 1000);
  CHECK(std::abs(row_of(pendulum, "standing still").mean - -1219) <
        4 * row_of(pendulum, "standing still").standard_error);
  CHECK(row_of(rows_of("cartpole-v1", 20), "by hand").mean == 500);
  CHECK(row_of(rows_of("mountain-car-continuous-v0", 20), "standing still").mean == 0);
  CHECK(row_of(rows_of("acrobot-v1", 20), "standing still").mean == -500);
}

TEST_CASE("reference returns: a uniformly random torque earns −1229 ± 30 on the pendulum") {
  VectorEnv env(find_env("pendulum-v1"), {{10.0}}, 1000, 1);
  std::vector<double> actions(1000);
  double sum = 0;
  env.reset({.purpose = Purpose::test_reset});
  while (!env.all_finished()) {
    Place place{.purpose = Purpose::test_action, .time_step = static_cast<std::uint32_t>(env.time_step())};
    for (place.trajectory = 0; place.trajectory < 1000; ++place.trajectory)
      actions[place.trajectory] = Philox(1, place).uniform(-2, 2);
    env.step(actions);
    for (double r : env.rewards()) sum += r;
  }
  CHECK(std::abs(sum / 1000 - -1229) < 30);
}

TEST_CASE("reference returns: the same seed gives the same bits, and nothing beats the best policy") {
  for (const EnvRow& row : all_envs()) {
    CAPTURE(row.spec.name);
    const auto first = reference_returns(row, reference_tasks(row), 3, 20);
    const auto again = reference_returns(row, reference_tasks(row), 3, 20);
    const auto other = reference_returns(row, reference_tasks(row), 4, 20);
    CHECK(row_of(first, "random").mean == row_of(again, "random").mean);
    // In 20 episodes of random torques the acrobot may never get above its bar; of the chain's, as many may pay 1.1.
    if (row.spec.name != "acrobot-v1" && !row.spec.name.starts_with("discounting-chain"))
      CHECK(row_of(first, "random").mean != row_of(other, "random").mean);
    for (const ReferenceReturn& r : first) CHECK(r.mean <= first.back().mean);
  }
}

TEST_CASE("envs: exp_small is e^x to two units in the last place") {
  for (int i = -1000; i <= 1000; ++i) {
    const double x = i * 1e-3;
    CHECK(std::abs(exp_small(x) / std::exp(static_cast<long double>(x)) - 1) < 2 * 2.3e-16L);
  }
  static_assert(exp_small(0.0) == 1);
}
