// The semicircle of goals of PEARL's point robot, with dense rewards.
#pragma once

#include <cmath>

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// semicircle-dense-v1: a point starts at the origin and looks for a goal on the upper half of the unit circle:
//   p' = p + clip(a, ±0.1),   r = −‖p' − g‖
// Twenty steps; it never ends by itself. Rakelly et al. 2019, arXiv 1903.08254, official code (oyster), with the reward
// that its agent is trained with.
template <class Real>
struct SemicircleDense {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = "semicircle-dense-v1",
      .summary = "find a goal on the upper unit semicircle; reward −distance",
      .source = "PEARL (arXiv 1903.08254), official code, dense",
      .task_size = 2,
      .obs_size = 2,
      .action_size = 2,
      .action_low = -0.1,
      .action_high = 0.1,
      .horizon = 20,
      .best_policy = "straight in each coordinate (optimal)",
  };
  static constexpr Real max_step = Real(0.1);

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const SinCos<double> angle = sin_cos(pi<double> * random.uniform());
    return {static_cast<Real>(angle.cos), static_cast<Real>(angle.sin)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& a, Random&) {
    p.x += clip<Real>(a.x, -max_step, max_step);
    p.y += clip<Real>(a.y, -max_step, max_step);
    const Real dx = p.x - task.goal_x, dy = p.y - task.goal_y;
    return {-std::sqrt(dx * dx + dy * dy), false};
  }

  static constexpr void observe(const Task&, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  // What can be reached in k steps is a square, and this is its nearest point to the goal, for every k.
  static constexpr Action best_action(const Task& task, const State& p) {
    return {clip<Real>(task.goal_x - p.x, -max_step, max_step), clip<Real>(task.goal_y - p.y, -max_step, max_step)};
  }
};

}  // namespace innerloop::envs
