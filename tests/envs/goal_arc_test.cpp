// The far goals on an arc: what can be earned, knowing the goal and not.
#include "envs/goal_arc.h"

#include <algorithm>
#include <cmath>

#include "envs/reference.h"
#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

double best_on_arc(const char* env, const std::vector<Task>& goals) {
  for (const ReferenceReturn& row : reference_returns(find_env(env), goals, 1, 2))
    if (std::string_view(row.policy) == find_env(env).spec.best_policy) return row.mean;
  FAIL("no best policy");
  return 0;
}

// What going to (r, 0) earns, on average over goals at this distance on an arc of this half width.
double blind(double r, double half, double goal = 3) {
  double sum = 0;
  const int n = 2000;
  for (int i = 0; i < n; ++i) {
    const double angle = half * (2 * (i + 0.5) / n - 1);
    sum += (goal - std::hypot(r - goal * std::cos(angle), goal * std::sin(angle))) / 0.1;
  }
  return sum / n;
}

}  // namespace

TEST_CASE("mass: full thrust earns Σ (1 − 0.8ᵗ) = 28.003 whatever the goal, and no way to push reaches farther") {
  double sum = 0;
  for (int t = 1; t <= 32; ++t) sum += 1 - std::pow(0.8, t);
  CHECK(std::abs(sum - 28.003) < 1e-3);
  for (const char* env : {"mass-right-v1", "mass-left-v1", "mass-circle-v1"})
    for (std::uint32_t i = 0; i < 10; ++i) {
      const Task goal = sample_task(find_env(env), 1, Purpose::task, 0, i);
      CHECK(std::hypot(goal[0], goal[1]) == Approx(3));
      CHECK(best_on_arc(env, {goal}) == Approx(sum));
    }

  // Random thrusts, whatever their direction, end within the disc of that radius.
  using Mass = GoalMass<double, Arc::circle>;
  const Mass::Task goal{3, 0};
  Philox random(1, {.purpose = Purpose::check});
  for (int lane = 0; lane < 50; ++lane) {
    Mass::State s{};
    const double turn = random.uniform(-0.3, 0.3), bias = random.uniform(0, 6.28);
    for (int t = 0; t < 32; ++t) {
      const SinCos<double> a = sin_cos(bias + turn * t);
      Mass::step(goal, s, {5 * a.cos, 5 * a.sin}, random);
    }
    CHECK(std::hypot(s.x, s.y) < 0.1 * sum + 1e-12);
  }
}

TEST_CASE("mass: who does not know the goal earns at most 8.62 on half a circle, and nothing on all of it") {
  double half = -100, whole = -100;
  for (int i = 0; i <= 280; ++i) {
    half = std::max(half, blind(0.01 * i, pi<double> / 2));
    whole = std::max(whole, blind(0.01 * i, pi<double>));
  }
  CHECK(half == Approx(8.6246).epsilon(1e-4));
  CHECK(std::abs(whole) < 1e-9);  // at the start
}

// The mean is concave in the place where it stops and the same on both sides, so it is largest straight ahead.
TEST_CASE("unicycle: who does not know the goal earns at most 9.20 on the right half, whichever way it drives") {
  double best = -100;
  for (int i = 0; i <= 320; ++i) best = std::max(best, blind(0.01 * i, pi<double> / 2, 3.2));
  CHECK(best == Approx(9.1995).epsilon(1e-4));
}

TEST_CASE("unicycle: it turns at most 0.3 a step, never drives backwards, and its oracle earns most of the way") {
  using Unicycle = GoalUnicycle<double, Arc::right>;
  const Unicycle::Task goal{3.2, 0};
  Unicycle::State s{};
  NoRandom none;
  CHECK(Unicycle::step(goal, s, {-5, 0}, none).reward == 0);
  CHECK(Unicycle::step(goal, s, {1, 0}, none).reward == Approx(1));
  Unicycle::step(goal, s, {0, 9}, none);
  CHECK(s.heading == Approx(0.3));
  std::vector<Task> right, left;
  for (std::uint32_t i = 0; i < 40; ++i) {
    right.push_back(sample_task(find_env("unicycle-right-v1"), 1, Purpose::task, 0, i));
    left.push_back(sample_task(find_env("unicycle-left-v1"), 1, Purpose::task, 0, i));
  }
  CHECK(best_on_arc("unicycle-right-v1", right) > 28);
  CHECK(best_on_arc("unicycle-right-v1", right) < 32);
  CHECK(best_on_arc("unicycle-left-v1", left) > 20);
}
