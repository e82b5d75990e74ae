// A goal far away in an unknown direction: EPG's question of generalisation (Houthooft et al. 2018, arXiv 1802.04821,
// §4.5, asks it of an ant) without a physics engine. Goals lie on an arc; a learner meets one half of the circle in
// training and the other in the test. The definitions are ours.
//
//   r_t = (‖p_t − g‖ − ‖p_{t+1} − g‖)/0.1, the progress made, so returns telescope: (‖p_0 − g‖ − ‖p_T − g‖)/0.1
//
// The goal is farther off than T steps lead, so no one passes it; the start is the origin; nothing is random.
#pragma once

#include <algorithm>
#include <cmath>

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

enum class Arc { right, left, circle };  // goals with x > 0, with x < 0, all

template <class Real>
struct ArcGoal { Real x, y; };

// A direction on the arc, uniformly, at this distance.
template <class Real, class Random>
constexpr ArcGoal<Real> sample_arc_goal(Arc arc, double radius, Random& random) {
  const double half = arc == Arc::circle ? pi<double> : pi<double> / 2;
  const SinCos<double> direction = sin_cos(random.uniform(-half, half));
  const double side = arc == Arc::left ? -1 : 1;
  return {static_cast<Real>(side * radius * direction.cos), static_cast<Real>(radius * direction.sin)};
}

// mass-right-v1, mass-left-v1, mass-circle-v1: a point mass with friction, its thrust a at most 1 long:
//   v' = 0.8 v + 0.2 a,   p' = p + 0.1 v'
// T = 32, ‖g‖ = 3. The places that 32 steps reach are a disc around the start, of radius 0.1 Σ_t (1 − 0.8ᵗ) = 2.8: full
// thrust towards the goal leads to the nearest of them, and nothing earns more.
template <class Real, Arc arc>
struct GoalMass {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y, vx, vy; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = arc == Arc::right ? "mass-right-v1" : arc == Arc::left ? "mass-left-v1" : "mass-circle-v1",
      .summary = arc == Arc::right  ? "push a mass towards a far goal on the right half of a circle; reward progress"
                 : arc == Arc::left ? "push a mass towards a far goal on the left half of a circle; reward progress"
                                    : "push a mass towards a far goal anywhere on a circle; reward progress",
      .source = "after EPG (arXiv 1802.04821), §4.5; ours",
      .task_size = 2,
      .obs_size = 4,
      .action_size = 2,
      .action_low = -1,
      .action_high = 1,
      .horizon = 32,
      .best_policy = "optimal (full thrust at the goal)",
  };

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const ArcGoal<Real> goal = sample_arc_goal<Real>(arc, 3, random);
    return {goal.x, goal.y};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0, 0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& s, const Action& a, Random&) {
    const Real before = distance(task, s);
    // Its direction first: the square of a very long one would be infinite.
    const Real longest = std::max(magnitude(a.x), magnitude(a.y)), unit = longest > 1 ? longest : Real(1);
    const Real x = a.x / unit, y = a.y / unit, length = std::sqrt(x * x + y * y);
    const Real scale = length > 1 ? 1 / length : Real(1);
    s.vx = Real(0.8) * s.vx + Real(0.2) * scale * x;
    s.vy = Real(0.8) * s.vy + Real(0.2) * scale * y;
    s.x += Real(0.1) * s.vx;
    s.y += Real(0.1) * s.vy;
    return {(before - distance(task, s)) / Real(0.1), false};
  }
  static constexpr Real distance(const Task& task, const State& s) {
    const Real dx = s.x - task.goal_x, dy = s.y - task.goal_y;
    return std::sqrt(dx * dx + dy * dy);
  }

  static constexpr void observe(const Task&, const State& s, Real* obs) {
    obs[0] = s.x;
    obs[1] = s.y;
    obs[2] = s.vx;
    obs[3] = s.vy;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }
  static constexpr Action best_action(const Task& task, const State& s) {
    const Real d = distance(task, s);
    return {(task.goal_x - s.x) / d, (task.goal_y - s.y) / d};
  }
};

// unicycle-right-v1, unicycle-left-v1: it turns by at most 0.3 a step and then drives up to 0.1 where it looks, never
// backwards; at the start it looks to the right.
//   h' = h + 0.3 clip(turn, ±1),   p' = p + 0.1 clip(speed, 0, 1)·(cos h', sin h')
// T = 32, ‖g‖ = 3.2.
template <class Real, Arc arc>
struct GoalUnicycle {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y, heading; };
  struct Action { Real speed, turn; };

  static constexpr Spec spec = {
      .name = arc == Arc::right ? "unicycle-right-v1" : "unicycle-left-v1",
      .summary = arc == Arc::right ? "steer a unicycle to a far goal on the right half of a circle; reward progress"
                                   : "steer a unicycle to a far goal on the left half of a circle; reward progress",
      .source = "after EPG (arXiv 1802.04821), §4.5; ours",
      .task_size = 2,
      .obs_size = 4,
      .action_size = 2,
      .action_low = -1,
      .action_high = 1,
      .horizon = 32,
      .best_policy = "good (turn to the goal, drive when it is ahead)",
  };

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const ArcGoal<Real> goal = sample_arc_goal<Real>(arc, 3.2, random);
    return {goal.x, goal.y};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& s, const Action& a, Random&) {
    const Real before = distance(task, s);
    s.heading = wrap_angle(s.heading + Real(0.3) * clip<Real>(a.turn, -1, 1));
    const SinCos<Real> ahead = sin_cos(s.heading);
    const Real step = Real(0.1) * clip<Real>(a.speed, 0, 1);
    s.x += step * ahead.cos;
    s.y += step * ahead.sin;
    return {(before - distance(task, s)) / Real(0.1), false};
  }
  static constexpr Real distance(const Task& task, const State& s) {
    const Real dx = s.x - task.goal_x, dy = s.y - task.goal_y;
    return std::sqrt(dx * dx + dy * dy);
  }

  // Where it is, and which way it looks.
  static constexpr void observe(const Task&, const State& s, Real* obs) {
    const SinCos<Real> ahead = sin_cos(s.heading);
    obs[0] = s.x;
    obs[1] = s.y;
    obs[2] = ahead.cos;
    obs[3] = ahead.sin;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }
  static constexpr Action best_action(const Task& task, const State& s) {
    const SinCos<Real> ahead = sin_cos(s.heading);
    const Real dx = task.goal_x - s.x, dy = task.goal_y - s.y, d = distance(task, s);
    const Real front = (dx * ahead.cos + dy * ahead.sin) / d, left = (dy * ahead.cos - dx * ahead.sin) / d;
    const Real turn = front > 0 ? left / Real(0.3) : left >= 0 ? Real(1) : Real(-1);
    return {front > 0 ? Real(1) : Real(0), clip<Real>(turn, -1, 1)};
  }
};

}  // namespace innerloop::envs
