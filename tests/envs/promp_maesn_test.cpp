// ProMP's momentum and walls, MAESN's robot and pusher: what their references earn, and what their definitions promise.
#include <cmath>
#include <cstring>
#include <set>

#include "envs/maesn.h"
#include "envs/promp_obstacles.h"
#include "envs/reference.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

double reference(const char* env, std::string_view policy, int episodes = 20) {
  for (const ReferenceReturn& row : reference_returns(find_env(env), reference_tasks(find_env(env)), 1, episodes))
    if (std::string_view(row.policy).starts_with(policy)) return row.mean;
  FAIL("no row " << policy);
  return 0;
}

// The last state of an episode of best_action.
template <class Env>
typename Env::State played(const typename Env::Task& task, typename Env::State state) {
  NoRandom none;
  for (int t = 0; t < Env::spec.horizon; ++t) Env::step(task, state, Env::best_action(task, state), none);
  return state;
}

}  // namespace

TEST_CASE("promp-momentum-v1: who brakes in time stays at the corner; who does not leaves it") {
  using Env = PrompMomentum<double>;
  for (int i = 0; i < Env::task_count; ++i) {
    const Env::Task task = Env::task(i);
    const Env::State end = played<Env>(task, {0.1, -0.2, 0.05, -0.1});
    CHECK(std::hypot(end.x - task.goal_x, end.y - task.goal_y) < 1e-6);
    CHECK(std::hypot(end.vx, end.vy) < 1e-6);
  }
  // Seven steps there and 93 at the goal, with 2 each.
  CHECK(reference("promp-momentum-v1", "by hand") > 180);
  CHECK(reference("promp-momentum-v1", "by hand") < 200);
  CHECK(reference("promp-momentum-v1", "standing still") < 1);
}

TEST_CASE("promp-walls-v1: a ring is left through its gap only") {
  using Env = PrompWalls<double>;
  NoRandom none;
  const Env::Task task{2, 2, 1, 0, 0, -2};
  for (int degrees = 0; degrees < 360; degrees += 3) {
    // From just inside each ring straight out.
    const SinCos<double> out = sin_cos(degrees * pi<double> / 180);
    Env::State inner{0.95 * out.cos, 0.95 * out.sin}, outer{1.95 * out.cos, 1.95 * out.sin};
    const Env::Action ahead{5 * out.cos, 5 * out.sin};
    const bool near1 = std::hypot(1.05 * out.cos - 1, 1.05 * out.sin) <= 1;
    const bool near2 = std::hypot(2.05 * out.cos, 2.05 * out.sin + 2) <= 1;
    Env::step(task, inner, ahead, none);
    Env::step(task, outer, ahead, none);
    CHECK((std::hypot(inner.x, inner.y) > 1) == near1);
    CHECK((std::hypot(outer.x, outer.y) > 2) == near2);
  }
  // The reference behaviour finds its way in every task that is drawn.
  for (const Task& numbers : reference_tasks(find_env("promp-walls-v1"))) {
    const Env::Task t{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
    const Env::State end = played<Env>(t, {0.1, -0.1});
    CHECK(std::hypot(end.x - t.goal_x, end.y - t.goal_y) < 1e-6);
  }
}

TEST_CASE("the wheeled robot: standing still earns −200, the goal region is worth finding, a circle closes") {
  CHECK(reference("wheeled-dense-v1", "standing still") == Approx(-200).epsilon(1e-12));
  CHECK(reference("wheeled-sparse-v1", "standing still") == Approx(-200).epsilon(1e-12));
  CHECK(reference("wheeled-sparse-v1", "by hand") > -60);
  CHECK(reference("wheeled-dense-v1", "by hand") > reference("wheeled-sparse-v1", "by hand"));

  // One wheel at full speed, the other standing: a circle of radius (roll/2)/(turn/2) around the standing wheel.
  using Env = WheeledDense<double>;
  NoRandom none;
  Env::State state = Env::reset({0, 2}, none);
  double farthest = 0;
  for (int t = 0; t < 50; ++t) {
    Env::drive(state, {0, 1});
    farthest = std::max(farthest, std::hypot(state.x, state.y));
  }
  // 50 steps of 0.125 rad are 6.25 rad, all but a full turn; the chord of a step stands for its arc.
  CHECK(farthest == Approx(2 * 0.4).epsilon(0.01));
  CHECK(std::hypot(state.x, state.y) < 0.05);
  // Every goal lies on the half circle.
  for (const Task& goal : reference_tasks(find_env("wheeled-sparse-v1"))) {
    CHECK(std::hypot(goal[0], goal[1]) == Approx(2).epsilon(1e-12));
    CHECK(goal[1] >= 0);
  }
}

TEST_CASE("the pusher: blocks lie in lanes of their own, move only when touched, and the reference brings them home") {
  using Env = PusherDense<double>;
  for (const Task& numbers : reference_tasks(find_env("pusher-sparse-v1"))) {
    std::set<int> lanes;
    for (int i = 0; i < Env::blocks; ++i) {
      const double x = numbers[static_cast<std::size_t>(3 + i)], y = numbers[static_cast<std::size_t>(8 + i)];
      CHECK(x >= 0.35);
      CHECK(x < 0.65);
      lanes.insert(static_cast<int>(std::floor((y + 0.5) / 0.2)));
    }
    CHECK(lanes == std::set<int>{0, 1, 2, 3, 4});
    const auto chosen = static_cast<std::size_t>(numbers[0]);
    CHECK(std::floor((numbers[2] + 0.5) / 0.2) == std::floor((numbers[8 + chosen] + 0.5) / 0.2));

    Env::Task task{};
    std::memcpy(&task, numbers.data(), sizeof task);
    NoRandom none;
    const Env::State end = played<Env>(task, Env::reset(task, none));
    CHECK(Env::distance(task, end) < 0.02);
  }
  CHECK(reference("pusher-sparse-v1", "by hand") > reference("pusher-sparse-v1", "standing still") + 100);
}
