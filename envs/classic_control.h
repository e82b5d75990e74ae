// Two environments of classical control with discrete actions: the cart with a pole, and the two-link acrobot.
#pragma once

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// cartpole-v1: a cart is pushed left or right so that the pole on it stays up. Mass of cart 1 and pole 0.1, half the
// pole's length 0.5, force ±10, explicit Euler steps of 0.02 s:
//   q = (F + 0.05·ω²·sin θ)/1.1,   α = (g sin θ − q cos θ)/(½(4/3 − 0.1·cos² θ/1.1)),   a = q − 0.05·α·cos θ/1.1
// Reward 1 per step, the last one too; over when |x| > 2.4 or |θ| > 12°. Gymnasium CartPole-v1 (Barto, Sutton and
// Anderson 1983).
template <class Real>
struct CartPole {
  struct Task { Real gravity; };
  struct State { Real x, v, theta, omega; };
  struct Action { int right; };  // 0: push left, 1: push right

  static constexpr Spec spec = {
      .name = "cartpole-v1",
      .summary = "balance a pole on a cart; reward 1 per step",
      .source = "Gymnasium CartPole-v1",
      .task_size = 1,
      .obs_size = 4,
      .action_kind = ActionKind::discrete,
      .action_count = 2,
      .horizon = 500,
      .terminates = true,
      .random_reset = true,
      .best_policy = "by hand (linear feedback)",
  };
  static constexpr Real total_mass = Real(1.1), pole_mass = Real(0.1), half_length = Real(0.5), dt = Real(0.02);
  static constexpr Real pole_moment = Real(0.05);  // mass × half length
  static constexpr Real max_x = Real(2.4), max_theta = 12 * 2 * pi<Real> / 360;

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {Real(9.8)}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    const double x = random.uniform(-0.05, 0.05);
    const double v = random.uniform(-0.05, 0.05);
    const double theta = random.uniform(-0.05, 0.05);
    const double omega = random.uniform(-0.05, 0.05);
    return {static_cast<Real>(x), static_cast<Real>(v), static_cast<Real>(theta), static_cast<Real>(omega)};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& s, const Action& action, Random&) {
    const Real force = action.right ? Real(10) : Real(-10);
    const SinCos<Real> pole = sin_cos(s.theta);
    const Real q = (force + pole_moment * s.omega * s.omega * pole.sin) / total_mass;
    const Real alpha = (task.gravity * pole.sin - pole.cos * q) /
                       (half_length * (Real(4) / 3 - pole_mass * pole.cos * pole.cos / total_mass));
    const Real a = q - pole_moment * alpha * pole.cos / total_mass;
    s = {s.x + dt * s.v, s.v + dt * a, s.theta + dt * s.omega, s.omega + dt * alpha};
    const bool fallen = magnitude(s.x) > max_x || magnitude(s.theta) > max_theta;
    return {1, fallen};
  }

  static constexpr void observe(const Task&, const State& s, Real* obs) {
    obs[0] = s.x;
    obs[1] = s.v;
    obs[2] = s.theta;
    obs[3] = s.omega;
  }

  // The side that a linear feedback of all four numbers asks for.
  static constexpr Action best_action(const Task&, const State& s) {
    return {Real(0.05) * s.x + Real(0.2) * s.v + 2 * s.theta + Real(0.6) * s.omega > 0 ? 1 : 0};
  }
};

// acrobot-v1: two links hang from a nail; a torque between them, −1, 0 or 1, swings the tip above the bar at height 1.
// Masses, lengths and moments of inertia 1, centres of mass at ½; the equations of Sutton and Barto's book; one
// Runge–Kutta step of 0.2 s; angles wrapped to ±π, speeds clipped to ±4π and ±9π. Reward −1 per step and 0 at the end:
// −cos θ₁ − cos(θ₁ + θ₂) > 1. Gymnasium Acrobot-v1.
template <class Real>
struct Acrobot {
  struct Task { Real gravity; };
  struct State { Real theta1, theta2, omega1, omega2; };
  struct Action { int torque; };  // 0: −1, 1: 0, 2: +1

  static constexpr Spec spec = {
      .name = "acrobot-v1",
      .summary = "swing the tip of two links above the bar; reward −1 per step",
      .source = "Gymnasium Acrobot-v1",
      .task_size = 1,
      .obs_size = 6,
      .action_kind = ActionKind::discrete,
      .action_count = 3,
      .horizon = 500,
      .terminates = true,
      .random_reset = true,
      .best_policy = "by hand (torque along the lower link's speed)",
  };
  static constexpr Real dt = Real(0.2);

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {Real(9.8)}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    const double theta1 = random.uniform(-0.1, 0.1);
    const double theta2 = random.uniform(-0.1, 0.1);
    const double omega1 = random.uniform(-0.1, 0.1);
    const double omega2 = random.uniform(-0.1, 0.1);
    return {static_cast<Real>(theta1), static_cast<Real>(theta2), static_cast<Real>(omega1),
            static_cast<Real>(omega2)};
  }

  // d/dt of the state under a torque.
  static constexpr State slope(const Task& task, const State& s, Real torque) {
    const Real g = task.gravity, half = Real(0.5);
    const SinCos<Real> second = sin_cos(s.theta2);
    const Real d1 = Real(0.25) + (1 + Real(0.25) + second.cos) + 2;
    const Real d2 = Real(0.25) + half * second.cos + 1;
    // cos(θ − π/2) = sin θ.
    const Real phi2 = half * g * sin_cos(s.theta1 + s.theta2).sin;
    const Real phi1 = -half * s.omega2 * s.omega2 * second.sin - s.omega2 * s.omega1 * second.sin +
                      (half + 1) * g * sin_cos(s.theta1).sin + phi2;
    const Real alpha2 = (torque + d2 / d1 * phi1 - half * s.omega1 * s.omega1 * second.sin - phi2) /
                        (Real(0.25) + 1 - d2 * d2 / d1);
    const Real alpha1 = -(d2 * alpha2 + phi1) / d1;
    return {s.omega1, s.omega2, alpha1, alpha2};
  }

  // s + h·k
  static constexpr State moved(const State& s, Real h, const State& k) {
    return {s.theta1 + h * k.theta1, s.theta2 + h * k.theta2, s.omega1 + h * k.omega1, s.omega2 + h * k.omega2};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& s, const Action& action, Random&) {
    const Real torque = static_cast<Real>(action.torque - 1);
    // The classical Runge–Kutta step.
    const State k1 = slope(task, s, torque);
    const State k2 = slope(task, moved(s, dt / 2, k1), torque);
    const State k3 = slope(task, moved(s, dt / 2, k2), torque);
    const State k4 = slope(task, moved(s, dt, k3), torque);
    s = moved(s, dt / 6, moved(moved(moved(k1, 2, k2), 2, k3), 1, k4));

    s.theta1 = wrap_angle(s.theta1);
    s.theta2 = wrap_angle(s.theta2);
    s.omega1 = clip<Real>(s.omega1, -4 * pi<Real>, 4 * pi<Real>);
    s.omega2 = clip<Real>(s.omega2, -9 * pi<Real>, 9 * pi<Real>);
    const bool above = -sin_cos(s.theta1).cos - sin_cos(s.theta1 + s.theta2).cos > 1;
    return {above ? Real(0) : Real(-1), above};
  }

  static constexpr void observe(const Task&, const State& s, Real* obs) {
    const SinCos<Real> first = sin_cos(s.theta1), second = sin_cos(s.theta2);
    obs[0] = first.cos;
    obs[1] = first.sin;
    obs[2] = second.cos;
    obs[3] = second.sin;
    obs[4] = s.omega1;
    obs[5] = s.omega2;
  }

  static constexpr Action still_action(const Task&, const State&) { return {1}; }

  // The torque acts on the angle between the links: along its speed it always adds energy.
  static constexpr Action best_action(const Task&, const State& s) { return {s.omega2 >= 0 ? 2 : 0}; }
};

}  // namespace innerloop::envs
