// ProMP's two harder point environments: a point with momentum, and two ring walls with a gap each.
//
// Rothfuss, Lee, Clavera, Asfour, Abbeel 2019, "ProMP: Proximal Meta-Policy Search", arXiv 1810.06784;
// official code: jonasrothfuss/ProMP, meta_policy_search/envs/point_envs/. Goals and action scale are the corner's.
#pragma once

#include <cmath>

#include "envs/math.h"
#include "envs/promp.h"
#include "envs/spec.h"

namespace innerloop::envs {

// promp-momentum-v1: the action is a push, which changes the velocity by 0.01·u, clipped to ±0.1; nothing slows the
// point down. Reward max(0, 2 − ‖p' − g‖): nothing beyond a distance of 2 from the goal's corner.
// Departure: the official code takes the goal from all four numbers of an observation, which has no meaning; the
// distance here is the position's.
template <class Real>
struct PrompMomentum {
  struct Task { Real goal_x, goal_y; };
  struct State { Real x, y, vx, vy; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = "promp-momentum-v1",
      .summary = "steer a point with momentum to the right one of four corners; reward near the goal only",
      .source = "ProMP (arXiv 1810.06784), official code, sparse",
      .task_size = 2,
      .obs_size = 4,
      .action_size = 2,
      .action_low = -10,
      .action_high = 10,
      .horizon = 100,
      .random_reset = true,
      .best_policy = "by hand (each axis at full push, braking in time)",
  };
  static constexpr Real max_push = Real(0.1), scale = Real(0.01), reward_radius = Real(2);

  static constexpr int task_count = 4;
  static constexpr Task task(int index) {
    const auto corner = PrompCorner<Real>::task(index);
    return {corner.goal_x, corner.goal_y};
  }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    const double x = random.uniform(-0.2, 0.2);
    const double y = random.uniform(-0.2, 0.2);
    const double vx = random.uniform(-0.1, 0.1);
    const double vy = random.uniform(-0.1, 0.1);
    return {static_cast<Real>(x), static_cast<Real>(y), static_cast<Real>(vx), static_cast<Real>(vy)};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    p.vx += clip<Real>(scale * u.x, -max_push, max_push);
    p.vy += clip<Real>(scale * u.y, -max_push, max_push);
    p.x += p.vx;
    p.y += p.vy;
    const Real dx = p.x - task.goal_x, dy = p.y - task.goal_y;
    const Real distance = std::sqrt(dx * dx + dy * dy);
    return {distance < reward_radius ? reward_radius - distance : Real(0), false};
  }

  static constexpr void observe(const Task&, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
    obs[2] = p.vx;
    obs[3] = p.vy;
  }

  // As still as it gets: the velocity is taken back.
  static constexpr Action still_action(const Task&, const State& p) {
    return {clip<Real>(-p.vx / scale, -10, 10), clip<Real>(-p.vy / scale, -10, 10)};
  }

  static constexpr Action best_action(const Task& task, const State& p) {
    return {push_along(task.goal_x - p.x, p.vx), push_along(task.goal_y - p.y, p.vy)};
  }

  // One axis, at a distance d with velocity v: to the largest velocity w from which full pushes still stop in time. The
  // point then moves w + (w − a) + (w − 2a) + … ≈ w²/2a + w/2 = |d| with a = max_push; within a push of the goal, d.
  static constexpr Real push_along(Real d, Real v) {
    const Real far = magnitude(d);
    const Real w = far < max_push ? far : std::sqrt(max_push * max_push / 4 + 2 * max_push * far) - max_push / 2;
    return clip<Real>(((d < 0 ? -w : w) - v) / scale, -10, 10);
  }
};

// promp-walls-v1: a point inside two ring walls of radius 1 and 2. A ring can be left only within a distance of 1 of
// its gap; elsewhere the point is put back onto it. It can be entered anywhere. Reward −‖p' − g‖ at the place where the
// point wanted to be, before a wall puts it back, as in the official code (whose sparse variant returns no reward far
// from the goal, and is left out).
template <class Real>
struct PrompWalls {
  struct Task { Real goal_x, goal_y, gap1_x, gap1_y, gap2_x, gap2_y; };
  struct State { Real x, y; };
  struct Action { Real x, y; };

  static constexpr Spec spec = {
      .name = "promp-walls-v1",
      .summary = "through the gaps of two ring walls to one of four corners; reward −distance",
      .source = "ProMP (arXiv 1810.06784), official code, dense",
      .task_size = 6,
      .obs_size = 2,
      .action_size = 2,
      .action_low = -10,
      .action_high = 10,
      .horizon = 100,
      .random_reset = true,
      .best_policy = "by hand (to the gaps along the rings, then to the corner)",
  };
  static constexpr Real max_step = Real(0.2), scale = Real(0.02), gap_radius = Real(1);

  // A corner, and a gap anywhere on each ring.
  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const auto corner = PrompCorner<Real>::task(static_cast<int>(random.below(4)));
    const SinCos<double> gap1 = sin_cos(random.uniform(-pi<double>, pi<double>));
    const SinCos<double> gap2 = sin_cos(random.uniform(-pi<double>, pi<double>));
    return {corner.goal_x, corner.goal_y, static_cast<Real>(gap1.cos), static_cast<Real>(gap1.sin),
            static_cast<Real>(2 * gap2.cos), static_cast<Real>(2 * gap2.sin)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    const double x = random.uniform(-0.2, 0.2);
    const double y = random.uniform(-0.2, 0.2);
    return {static_cast<Real>(x), static_cast<Real>(y)};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    const Real before = length(p.x, p.y);
    p.x += clip<Real>(scale * u.x, -max_step, max_step);
    p.y += clip<Real>(scale * u.y, -max_step, max_step);
    const Real reward = -length(p.x - task.goal_x, p.y - task.goal_y);
    if (before < 1 && length(p.x, p.y) > 1)
      hold(p, task.gap1_x, task.gap1_y, Real(1));
    else if (before < 2 && length(p.x, p.y) > 2)
      hold(p, task.gap2_x, task.gap2_y, Real(2));
    return {reward, false};
  }

  // Back onto the ring, unless the gap is near.
  static constexpr void hold(State& p, Real gap_x, Real gap_y, Real radius) {
    if (length(p.x - gap_x, p.y - gap_y) <= gap_radius) return;
    const Real shrink = length(p.x, p.y) / radius + Real(1e-6);
    p.x /= shrink;
    p.y /= shrink;
  }

  static constexpr Real length(Real x, Real y) { return std::sqrt(x * x + y * y); }

  static constexpr void observe(const Task&, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  static constexpr Action best_action(const Task& task, const State& p) {
    const Real r = length(p.x, p.y);
    if (r < 1) return towards(p, Real(1.2) * task.gap1_x, Real(1.2) * task.gap1_y);
    if (r < 2) return around(p, r, Real(1.5), task.gap2_x / 2, task.gap2_y / 2, Real(2.3));
    return around(p, r, Real(2.4), task.goal_x / corner_radius, task.goal_y / corner_radius, corner_radius);
  }

  static constexpr Real corner_radius = Real(2.8284271247461903);  // ‖(2, 2)‖

  // Along a ring until the direction (x, y), of length 1, is near; then out in that direction.
  static constexpr Action around(const State& p, Real r, Real ring, Real x, Real y, Real out) {
    if (p.x * x + p.y * y > Real(0.93) * r) return towards(p, out * x, out * y);
    // A quarter of a radian further, on the shorter side.
    const Real cos = Real(0.96891242171064473), sin = Real(0.24740395925452294);
    const Real turn = p.x * y - p.y * x >= 0 ? sin : -sin;
    return towards(p, ring * (cos * p.x - turn * p.y) / r, ring * (turn * p.x + cos * p.y) / r);
  }
  static constexpr Action towards(const State& p, Real x, Real y) {
    return {clip<Real>((x - p.x) / scale, -10, 10), clip<Real>((y - p.y) / scale, -10, 10)};
  }
};

}  // namespace innerloop::envs
