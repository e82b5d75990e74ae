// Tasks that differ in their dynamics: what tells them apart is where an action leads, not what it earns.
#pragma once

#include <cmath>

#include "envs/classic_control.h"
#include "envs/pendulum.h"
#include "envs/point_robot.h"

namespace innerloop::envs {

// wind-v1: a point starts at the origin and must stay within 0.03 of (0, 1); a constant wind, which is the task,
// carries it: p' = p + clip(a, ±0.1) + w, w uniform in [−0.08, 0.08]². Reward 1 near the goal, else 0; 75 steps, never
// over before (Dorfman, Shenfeld, Tamar 2021, "Offline Meta Learning of Exploration", arXiv 2008.02598, its code).
template <class Real>
struct Wind {
  struct Task { Real wind_x, wind_y; };
  using State = typename PointRobot<Real>::State;
  using Action = typename PointRobot<Real>::Action;

  static constexpr Spec spec = [] {
    Spec s = PointRobot<Real>::spec;
    s.name = "wind-v1";
    s.summary = "get to a known place and stay there in a hidden wind; reward 1 within 0.03 of it, else 0";
    s.source = "BOReL (arXiv 2008.02598), code of pomdp-baselines";
    s.horizon = 75;
    s.random_reset = false;
    s.best_policy = "optimal (against the wind, each axis as fast as it goes)";
    return s;
  }();
  static constexpr Real max_step = Real(0.1), max_wind = Real(0.08), radius = Real(0.03), goal_x = 0, goal_y = 1;

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double x = random.uniform(-0.08, 0.08);
    const double y = random.uniform(-0.08, 0.08);
    return {static_cast<Real>(x), static_cast<Real>(y)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& p, const Action& u, Random&) {
    p.x += clip<Real>(u.x, -max_step, max_step) + task.wind_x;
    p.y += clip<Real>(u.y, -max_step, max_step) + task.wind_y;
    const Real dx = p.x - goal_x, dy = p.y - goal_y;
    return {std::sqrt(dx * dx + dy * dy) <= radius ? Real(1) : Real(0), false};
  }

  static constexpr void observe(const Task&, const State& p, Real* obs) {
    obs[0] = p.x;
    obs[1] = p.y;
  }

  static constexpr Action still_action(const Task&, const State&) { return {0, 0}; }

  // What the wind leaves to do, each axis as fast as it goes: nearest to the goal after any number of steps.
  static constexpr Action best_action(const Task& task, const State& p) {
    return {clip<Real>(goal_x - p.x - task.wind_x, -max_step, max_step),
            clip<Real>(goal_y - p.y - task.wind_y, -max_step, max_step)};
  }
};

// pendulum-varied-v1: the pendulum with another rod in every task: mass and length uniform in [0.6, 1.2] each.
//   ω' = clip(ω + (3g/(2l)·sin θ + 3u/(ml²))·dt, ±8),  g = 10; the rest as pendulum-v1, which is m = l = 1
template <class Real>
struct PendulumVaried {
  struct Task { Real mass, length; };
  using Base = Pendulum<Real>;
  using State = typename Base::State;
  using Action = typename Base::Action;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "pendulum-varied-v1";
    s.summary = "swing a rod of hidden mass and length up and hold it; reward as pendulum-v1";
    s.source = "Gymnasium Pendulum-v1; mass and length ours";
    s.task_size = 2;
    return s;
  }();
  static constexpr Real gravity = 10;

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double mass = random.uniform(0.6, 1.2);
    const double length = random.uniform(0.6, 1.2);
    return {static_cast<Real>(mass), static_cast<Real>(length)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    return Base::reset({gravity}, random);
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    const Real u = clip<Real>(action.torque, -Base::max_torque, Base::max_torque);
    const Real angle = wrap_angle(state.theta);
    const Real cost = angle * angle + Real(0.1) * state.omega * state.omega + Real(0.001) * u * u;
    const Real acceleration = Real(1.5) * gravity / task.length * sin_cos(state.theta).sin +
                              3 * u / (task.mass * task.length * task.length);
    state.omega = clip<Real>(state.omega + acceleration * Base::dt, -Base::max_speed, Base::max_speed);
    state.theta += state.omega * Base::dt;
    return {-cost, false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { Base::observe({gravity}, state, obs); }
  static constexpr Action still_action(const Task&, const State&) { return {0}; }

  // As for pendulum-v1, with the energy and the torques of this rod.
  static constexpr Action best_action(const Task& task, const State& state) {
    const Real angle = wrap_angle(state.theta);
    const Real energy = state.omega * state.omega / 2 +
                        Real(1.5) * gravity / task.length * (sin_cos(state.theta).cos - 1);
    const Real feedback = -task.mass * task.length * (10 * angle + 2 * task.length * state.omega);
    const Real pump = (energy < 0) == (state.omega >= 0) ? Base::max_torque : -Base::max_torque;
    return {clip<Real>(magnitude(angle) < Real(0.5) ? feedback : pump, -Base::max_torque, Base::max_torque)};
  }
};

// cartpole-varied-v1: another pole in every task: mass uniform in [0.05, 0.5], half its length in [0.25, 1].
//   q = (F + ml·ω²·sin θ)/(1 + m),   α = (g sin θ − q cos θ)/(l(4/3 − m·cos² θ/(1 + m))),   a = q − ml·α·cos θ/(1 + m)
// The rest as cartpole-v1, which is m = 0.1 and l = 0.5.
template <class Real>
struct CartPoleVaried {
  struct Task { Real mass, half_length; };
  using Base = CartPole<Real>;
  using State = typename Base::State;
  using Action = typename Base::Action;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "cartpole-varied-v1";
    s.summary = "balance a pole of hidden mass and length on a cart; reward 1 per step";
    s.source = "Gymnasium CartPole-v1; mass and length ours";
    s.task_size = 2;
    return s;
  }();

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double mass = random.uniform(0.05, 0.5);
    const double half_length = random.uniform(0.25, 1);
    return {static_cast<Real>(mass), static_cast<Real>(half_length)};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    return Base::reset({Real(9.8)}, random);
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& s, const Action& action, Random&) {
    const Real force = action.right ? Real(10) : Real(-10), total = 1 + task.mass;
    const Real moment = task.mass * task.half_length;
    const SinCos<Real> pole = sin_cos(s.theta);
    const Real q = (force + moment * s.omega * s.omega * pole.sin) / total;
    const Real alpha = (Real(9.8) * pole.sin - pole.cos * q) /
                       (task.half_length * (Real(4) / 3 - task.mass * pole.cos * pole.cos / total));
    const Real a = q - moment * alpha * pole.cos / total;
    s = {s.x + Base::dt * s.v, s.v + Base::dt * a, s.theta + Base::dt * s.omega, s.omega + Base::dt * alpha};
    return {1, magnitude(s.x) > Base::max_x || magnitude(s.theta) > Base::max_theta};
  }

  static constexpr void observe(const Task&, const State& s, Real* obs) { Base::observe({Real(9.8)}, s, obs); }
  static constexpr Action best_action(const Task&, const State& s) { return Base::best_action({Real(9.8)}, s); }
};

}  // namespace innerloop::envs
