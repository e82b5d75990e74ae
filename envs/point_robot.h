// The point robots of PEARL: a point on the plane takes steps of at most 0.1 along each axis towards a hidden goal.
//
// Many codes have an environment of this name; they differ in start, goals, horizon and reward (the chapter lists
// them). These are of the official code of PEARL (Rakelly et al. 2019, arXiv 1903.08254, katerakelly/oyster), whose
// agents act in [−1, 1], scaled to these ±0.1.
#pragma once

#include <cmath>

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// point-robot-v1: goals uniform in the square [−1, 1]², the start too, anew for every episode. Reward −‖p' − g‖₂ at the
// new place; never over before the time limit of 20 steps.
template <class Real>
struct PointRobot {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = "point-robot-v1",
      .summary = "find a hidden goal in a square from anywhere in it; reward −distance",
      .source = "PEARL (arXiv 1903.08254), official code",
      .task_size = 2,
      .obs_size = 2,
      .action_size = 2,
      .action_low = -0.1,
      .action_high = 0.1,
      .horizon = 20,
      .random_reset = true,
      .best_policy = "optimal (each axis as fast as it goes)",
  };
  static constexpr Real max_step = Real(0.1);

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double x = random.uniform(-1, 1);
    const double y = random.uniform(-1, 1);
    return {static_cast<Real>(x), static_cast<Real>(y)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    const double x = random.uniform(-1, 1);
    const double y = random.uniform(-1, 1);
    return {static_cast<Real>(x), static_cast<Real>(y)};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    move(p, u);
    return {-distance(task, p), false};
  }

  static constexpr void move(State& p, const Action& u) {
    p.x += clip<Real>(u.x, -max_step, max_step);
    p.y += clip<Real>(u.y, -max_step, max_step);
  }
  static constexpr Real distance(const Task& task, const State& p) {
    const Real dx = p.x - task.goal_x, dy = p.y - task.goal_y;
    return std::sqrt(dx * dx + dy * dy);
  }

  static constexpr void observe(const Task&, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  // After k steps the point can be anywhere in a box; this is, for every k, the place of that box nearest to the goal.
  // So nothing earns more, whatever the reward, if only it falls with the distance.
  static constexpr Action best_action(const Task& task, const State& p) {
    return {clip<Real>(task.goal_x - p.x, -max_step, max_step), clip<Real>(task.goal_y - p.y, -max_step, max_step)};
  }
};

// semicircle-sparse-v1: goals uniform on the upper half of the unit circle, start at the origin. Reward 1 − ‖p' − g‖
// within 0.2 of the goal, 0 elsewhere: what PEARL's context shows, and what it is scored on.
template <class Real>
struct SemicircleSparse : PointRobot<Real> {
  using Base = PointRobot<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "semicircle-sparse-v1";
    s.summary = "find a hidden goal on a half circle; reward 1 − distance within 0.2 of it, else 0";
    s.random_reset = false;
    return s;
  }();
  static constexpr Real radius = Real(0.2);

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const SinCos<double> direction = sin_cos(random.uniform(0, pi<double>));
    return {static_cast<Real>(direction.cos), static_cast<Real>(direction.sin)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    Base::move(p, u);
    const Real d = Base::distance(task, p);
    return {d <= radius ? 1 - d : Real(0), false};
  }
};

}  // namespace innerloop::envs
