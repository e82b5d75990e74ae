// Two environments of classical control with continuous actions: the pendulum and the mountain car.
#pragma once

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// region: pendulum
// pendulum-v1: a rod hangs in the wind of nothing but gravity; a motor too weak to lift it at once swings it up and
// holds it. θ = 0 is upright; the angle is never wrapped in the state, only in the reward.
// Reward of the state that is left; u clipped to ±2; m = l = 1. Gymnasium Pendulum-v1.
template <class Real>
struct Pendulum {
  struct Task { Real gravity; };
  struct State { Real theta, omega; };
  struct Action { Real torque; };

  static constexpr Spec spec = {
      .name = "pendulum-v1",
      .summary = "swing a rod up and hold it; reward −(angle² + 0.1 speed² + 0.001 torque²)",
      .source = "Gymnasium Pendulum-v1",
      .task_size = 1,
      .obs_size = 3,
      .action_size = 1,
      .action_low = -2,
      .action_high = 2,
      .horizon = 200,
      .random_reset = true,
      .best_policy = "by hand (energy, then feedback)",
  };
  static constexpr Real dt = Real(0.05), max_speed = 8, max_torque = 2;

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {10}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    const double theta = random.uniform(-pi<double>, pi<double>);
    const double omega = random.uniform(-1, 1);
    return {static_cast<Real>(theta), static_cast<Real>(omega)};
  }

  // [pendulum eq. motion]  ω' = clip(ω + (3g/(2l)·sin θ + 3/(ml²)·u)·dt, ±8),  θ' = θ + ω'·dt
  // [pendulum eq. reward]  r = −(wrap(θ)² + 0.1·ω² + 0.001·u²)
  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    const Real u = clip<Real>(action.torque, -max_torque, max_torque);
    const Real angle = wrap_angle(state.theta);
    const Real cost = angle * angle + Real(0.1) * state.omega * state.omega + Real(0.001) * u * u;
    const Real acceleration = Real(1.5) * task.gravity * sin_cos(state.theta).sin + 3 * u;
    state.omega = clip<Real>(state.omega + acceleration * dt, -max_speed, max_speed);
    state.theta += state.omega * dt;
    return {-cost, false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) {
    const SinCos<Real> direction = sin_cos(state.theta);
    obs[0] = direction.cos;
    obs[1] = direction.sin;
    obs[2] = state.omega;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0}; }

  // Near the top, linear feedback. Elsewhere the torque feeds energy until it is that of the upright rod, E = 0 with
  // E = ω²/2 + 3g/2·(cos θ − 1). Good, not optimal: envs/pendulum_optimum.h has the optimum.
  static constexpr Action best_action(const Task& task, const State& state) {
    const Real angle = wrap_angle(state.theta);
    const Real energy = state.omega * state.omega / 2 + Real(1.5) * task.gravity * (sin_cos(state.theta).cos - 1);
    const Real feedback = -10 * angle - 2 * state.omega;
    const Real pump = (energy < 0) == (state.omega >= 0) ? max_torque : -max_torque;
    return {clip<Real>(magnitude(angle) < Real(0.5) ? feedback : pump, -max_torque, max_torque)};
  }
};
// endregion

// mountain-car-continuous-v0: a car in a valley, too weak for the slope; it must swing to get out.
//   v' = clip(v + 0.0015·clip(a, ±1) − 0.0025·cos 3x, ±0.07),   x' = clip(x + v', −1.2, 0.6);  the left wall stops it
// r = −0.1·a² with a as given, not clipped, and 100 at the end: x ≥ 0.45 with v ≥ 0. Gymnasium
// MountainCarContinuous-v0, which keeps its state in float; here it is Real.
template <class Real>
struct MountainCarContinuous {
  struct Task { Real gravity; };
  struct State { Real x, v; };
  struct Action { Real force; };

  static constexpr Spec spec = {
      .name = "mountain-car-continuous-v0",
      .summary = "get a weak car out of a valley; reward 100 at the top, −0.1 force²",
      .source = "Gymnasium MountainCarContinuous-v0",
      .task_size = 1,
      .obs_size = 2,
      .action_size = 1,
      .action_low = -1,
      .action_high = 1,
      .horizon = 999,
      .terminates = true,
      .random_reset = true,
      .best_policy = "by hand (push along the velocity)",
  };

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {Real(0.0025)}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    return {static_cast<Real>(random.uniform(-0.6, -0.4)), 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    const Real push = Real(0.0015) * clip<Real>(action.force, -1, 1);
    state.v = clip<Real>(state.v + push - task.gravity * sin_cos(3 * state.x).cos, Real(-0.07), Real(0.07));
    state.x = clip<Real>(state.x + state.v, Real(-1.2), Real(0.6));
    if (state.x == Real(-1.2) && state.v < 0) state.v = 0;
    const bool at_top = state.x >= Real(0.45) && state.v >= 0;
    return {(at_top ? Real(100) : Real(0)) - Real(0.1) * action.force * action.force, at_top};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) {
    obs[0] = state.x;
    obs[1] = state.v;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0}; }

  // Work is force times velocity: pushing along the velocity always adds energy.
  static constexpr Action best_action(const Task&, const State& state) { return {state.v >= 0 ? Real(1) : Real(-1)}; }
};

}  // namespace innerloop::envs
