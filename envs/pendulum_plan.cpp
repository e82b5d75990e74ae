#include "envs/pendulum_plan.h"

#include <algorithm>

#include "envs/driver.h"
#include "envs/pendulum.h"

namespace innerloop::envs {
namespace {

using Env = Pendulum<double>;
constexpr Env::Task pendulum{10};
constexpr double dt = Env::dt;

// What a round changes at a step: the torque itself, and the torque for each unit of distance from the plan.
struct Correction {
  double torque = 0, per_angle = 0, per_speed = 0;
};

// A function of a state near the plan's, to second order: derivatives by the angle x and the speed w.
struct Expansion {
  double x = 0, w = 0, xx = 0, xw = 0, ww = 0;
};

// The states that the plan passes, its first and its last included.
std::vector<Env::State> states_of(const PendulumPlan& plan) {
  NoRandom none;
  std::vector<Env::State> states{{plan.theta, plan.omega}};
  for (const double u : plan.torques) {
    Env::State s = states.back();
    Env::step(pendulum, s, {u}, none);
    states.push_back(s);
  }
  return states;
}

// One step back: from the cost to go after the step, `next`, to that before it; on the way the correction.
//   w' = w + (15 sin x + 3u)·dt,  x' = x + w'·dt,  cost = x² + 0.1w² + 0.001u²;  where the speed is at its bound, w' is
// constant.
Correction step_back(const Env::State& s, double u, double damping, Expansion& next) {
  const SinCos<double> direction = sin_cos(s.theta);
  const double gravity = 1.5 * pendulum.gravity * dt, speed = s.omega + gravity * direction.sin + 3 * u * dt;
  const bool free = magnitude(speed) < Env::max_speed;
  const double wx = free ? gravity * direction.cos : 0, ww = free ? 1 : 0, wu = free ? 3 * dt : 0;
  const double wxx = free ? -gravity * direction.sin : 0;
  const double xx = 1 + dt * wx, xw = dt * ww, xu = dt * wu;

  // Q(x, w, u) to second order: the cost of the step and V of where it leads.
  const auto curved = [&next](double ax, double aw, double bx, double bw) {
    return ax * (next.xx * bx + next.xw * bw) + aw * (next.xw * bx + next.ww * bw);
  };
  const Expansion q{.x = 2 * wrap_angle(s.theta) + next.x * xx + next.w * wx,
                    .w = 0.2 * s.omega + next.x * xw + next.w * ww,
                    .xx = 2 + curved(xx, wx, xx, wx) + (dt * next.x + next.w) * wxx,
                    .xw = curved(xx, wx, xw, ww),
                    .ww = 0.2 + curved(xw, ww, xw, ww)};
  const double qu = 0.002 * u + next.x * xu + next.w * wu, quu = 0.002 + curved(xu, wu, xu, wu);
  const double qux = curved(xu, wu, xx, wx), quw = curved(xu, wu, xw, ww);

  // The torque at the bottom of the parabola, within its bounds; at a bound nothing is fed back. Where the parabola
  // opens downwards, a step against the slope.
  const double curvature = quu + damping > 1e-9 ? quu + damping : 1e-3 + magnitude(quu + damping);
  const double best = clip<double>(u - qu / curvature, -Env::max_torque, Env::max_torque);
  const bool bound = magnitude(best) >= Env::max_torque;
  const Correction c{best - u, bound ? 0 : -qux / curvature, bound ? 0 : -quw / curvature};

  // V(x, w) = Q(x, w, u(x, w)).
  const double k = c.torque, kx = c.per_angle, kw = c.per_speed;
  next = {.x = q.x + kx * (quu * k + qu) + qux * k,
          .w = q.w + kw * (quu * k + qu) + quw * k,
          .xx = q.xx + kx * (quu * kx + 2 * qux),
          .xw = q.xw + kx * quu * kw + kx * quw + kw * qux,
          .ww = q.ww + kw * (quu * kw + 2 * quw)};
  return c;
}

// The plan with a share of the corrections, and all of the feedback.
PendulumPlan corrected(const PendulumPlan& plan, const std::vector<Env::State>& states,
                       const std::vector<Correction>& corrections, double share) {
  NoRandom none;
  PendulumPlan next{plan.theta, plan.omega, plan.torques, 0};
  Env::State s{plan.theta, plan.omega};
  for (std::size_t t = 0; t < next.torques.size(); ++t) {
    const Correction& c = corrections[t];
    const double feedback = c.per_angle * (s.theta - states[t].theta) + c.per_speed * (s.omega - states[t].omega);
    next.torques[t] =
        clip<double>(plan.torques[t] + share * c.torque + feedback, -Env::max_torque, Env::max_torque);
    next.earned += Env::step(pendulum, s, {next.torques[t]}, none).reward;
  }
  return next;
}

}  // namespace

PendulumPlan pendulum_plan(double theta, double omega, std::vector<double> torques) {
  PendulumPlan plan{theta, omega, std::move(torques), 0};
  NoRandom none;
  Env::State s{theta, omega};
  for (const double u : plan.torques) plan.earned += Env::step(pendulum, s, {u}, none).reward;
  return plan;
}

PendulumPlan improved(PendulumPlan plan, int rounds) {
  double damping = 1e-6;
  for (int round = 0; round < rounds && damping <= 1; ++round) {
    // Backwards along the plan.
    const std::vector<Env::State> states = states_of(plan);
    std::vector<Correction> corrections(plan.torques.size());
    Expansion to_go;
    for (std::size_t t = plan.torques.size(); t-- > 0;)
      corrections[t] = step_back(states[t], plan.torques[t], damping, to_go);

    // Forwards: the largest share of the corrections that earns more. None, or hardly: smaller steps next time.
    const double before = plan.earned;
    for (double share = 1; share > 1e-3 && plan.earned <= before; share /= 2) {
      PendulumPlan next = corrected(plan, states, corrections, share);
      if (next.earned > plan.earned + 1e-9) plan = std::move(next);
    }
    damping = plan.earned > before + 1e-4 ? std::max(damping / 10, 1e-6) : std::max(damping * 100, 1e-3);
  }
  return plan;
}

}  // namespace innerloop::envs
