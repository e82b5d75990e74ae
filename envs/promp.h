// The two point environments of ProMP: one coordinate, and the four corners.
//
// Rothfuss, Lee, Clavera, Asfour, Abbeel 2019, "ProMP: Proximal Meta-Policy Search", arXiv 1810.06784;
// official code: jonasrothfuss/ProMP, experiments/env_1d/point_1d_hand_grads.py, maml_zoo/envs/point_envs/.
#pragma once

#include <cmath>

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// promp-1d-v1: the action is the next state, s' = clip(a, ±2), with reward exp(−0.1·(s' − g)²), goal g = −1 or 1.
// Departure: the official code clips inside the policy and scores the clipped action; here its own action is scored.
template <class Real>
struct Promp1d {
  struct Task { Real goal; };
  struct State { Real s; };
  struct Action { Real a; };

  static constexpr Spec spec = {
      .name = "promp-1d-v1",
      .summary = "choose a point near a hidden goal at −1 or 1",
      .source = "ProMP (arXiv 1810.06784), official code",
      .task_size = 1,
      .obs_size = 1,
      .action_size = 1,
      .action_low = -2,
      .action_high = 2,
      .horizon = 5,
      .random_reset = true,
      .best_policy = "optimal (a = g)",
  };

  static constexpr int task_count = 2;
  static constexpr Task task(int index) { return {index == 0 ? Real(-1) : Real(1)}; }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    return {static_cast<Real>(random.uniform(-2, 2))};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    state.s = clip<Real>(action.a, -2, 2);
    const Real d = state.s - task.goal;
    return {exp_small(Real(-0.1) * d * d), false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { obs[0] = state.s; }

  static constexpr Action still_action(const Task&, const State& state) { return {state.s}; }
  static constexpr Action best_action(const Task& task, const State&) { return {task.goal}; }
};

// promp-corner-v1: a goal in one of the corners (±2, ±2), and no reward near the start nor in another corner's
// quadrant, so that exploring has to be learnt. With ProMP's normalisation (scale 10) an action u moves by 0.02·u,
// clipped to ±0.2.
template <class Real>
struct PrompCorner {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = "promp-corner-v1",
      .summary = "find the right one of four corners; reward only in its quadrant",
      .source = "ProMP (arXiv 1810.06784), official code, sparse",
      .task_size = 2,
      .obs_size = 2,
      .action_size = 2,
      .action_low = -10,
      .action_high = 10,
      .horizon = 100,
      .random_reset = true,
      .best_policy = "oracle (straight to the corner)",
      .goal_radius = 0.5,
  };
  static constexpr Real max_step = Real(0.2), scale = Real(0.02), centre_radius = Real(0.5);

  // The order of the official code.
  static constexpr int task_count = 4;
  static constexpr Task task(int index) {
    return {index % 2 == 0 ? Real(-2) : Real(2), index < 2 ? Real(-2) : Real(2)};
  }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    const double x = random.uniform(-0.2, 0.2);
    const double y = random.uniform(-0.2, 0.2);
    return {static_cast<Real>(x), static_cast<Real>(y)};
  }

  // Progress to the goal is paid, but only outside the centre (‖p'‖₁ ≥ ½) and where the goal is the nearest corner.
  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    const Real before = distance_to_goal(task, p);
    move(p, u);
    const bool in_centre = magnitude(p.x) + magnitude(p.y) < centre_radius;
    const bool goal_is_nearest = task.goal_x * p.x >= 0 && task.goal_y * p.y >= 0;
    return {!in_centre && goal_is_nearest ? before - distance_to_goal(task, p) : Real(0), false};
  }

  static constexpr void move(State& p, const Action& u) {
    p.x += clip<Real>(scale * u.x, -max_step, max_step);
    p.y += clip<Real>(scale * u.y, -max_step, max_step);
  }

  static constexpr Real distance_to_goal(const Task& task, const State& p) {
    const Real dx = p.x - task.goal_x, dy = p.y - task.goal_y;
    return std::sqrt(dx * dx + dy * dy);
  }

  static constexpr void observe(const Task&, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  // Not optimal for the sparse reward: leaving the quadrant and coming back from farther away would be paid twice.
  static constexpr Action best_action(const Task& task, const State& p) {
    return {clip<Real>((task.goal_x - p.x) / scale, -10, 10), clip<Real>((task.goal_y - p.y) / scale, -10, 10)};
  }
};

// promp-corner-dense-v1: reward −distance everywhere. All else is promp-corner-v1.
template <class Real>
struct PrompCornerDense : PrompCorner<Real> {
  using Base = PrompCorner<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "promp-corner-dense-v1";
    s.summary = "find the right one of four corners; reward −distance";
    s.source = "ProMP (arXiv 1810.06784), official code, dense";
    s.best_policy = "time-optimal";
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    Base::move(p, u);
    return {-Base::distance_to_goal(task, p), false};
  }
};

// promp-corner-dense-squared-v1: reward −distance². All else is promp-corner-v1.
template <class Real>
struct PrompCornerDenseSquared : PrompCorner<Real> {
  using Base = PrompCorner<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "promp-corner-dense-squared-v1";
    s.summary = "find the right one of four corners; reward −distance²";
    s.source = "ProMP (arXiv 1810.06784), official code, dense_squared";
    s.best_policy = "time-optimal";
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    Base::move(p, u);
    const Real dx = p.x - task.goal_x, dy = p.y - task.goal_y;
    return {-(dx * dx + dy * dy), false};
  }
};

}  // namespace innerloop::envs
