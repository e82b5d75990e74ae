// Problems whose entropy-regularised optimum is known exactly: a linear system with quadratic costs, and two states.
//
// The soft value of a policy counts α times its entropy as a reward: V(s) = max_π E[Σ γᵗ (r_t + α H(π(·|s_t)))]
// (Ziebart 2010; Haarnoja et al. 2017, arXiv 1702.08165).
#pragma once

#include "envs/math.h"
#include "envs/mdp.h"
#include "envs/spec.h"

namespace innerloop::envs {

// soft-lqr-v1: a number is to be brought to 0 at little cost:  s' = drift·s + a,  r = −(s² + a²), of the state that is
// left. The soft optimum is a Gaussian with a mean that is linear in s: soft_lqr_optimum. (Actions are clipped to ±2,
// seven standard deviations from where that Gaussian acts at s = ±1.)
template <class Real>
struct SoftLqr {
  struct Task { Real drift; };
  struct State { Real s; };
  struct Action { Real a; };

  static constexpr Spec spec = {
      .name = "soft-lqr-v1",
      .summary = "bring a number to 0; linear dynamics, quadratic costs, so the soft optimum is known",
      .source = "this project's exact fixture",
      .task_size = 1,
      .obs_size = 1,
      .action_size = 1,
      .action_low = -2,
      .action_high = 2,
      .horizon = 10,
      .random_reset = true,
      .best_policy = "Riccati gain at γ = 0.9",
  };

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {1}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    return {static_cast<Real>(random.uniform(-1, 1))};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    const Real a = clip<Real>(action.a, -2, 2);
    const Real cost = state.s * state.s + a * a;
    state.s = task.drift * state.s + a;
    return {-cost, false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { obs[0] = state.s; }

  static constexpr Action still_action(const Task&, const State&) { return {0}; }
  static constexpr Action best_action(const Task&, const State& state) { return {Real(-0.588403348998555) * state.s}; }
};

// soft-two-state-v1: stay (0) or switch (1). Staying pays 1 in state 1 and 0 in state 0; switching costs 0.1.
template <class Real>
struct SoftTwoState {
  struct Task { Real switch_cost; };
  struct State { int s; };
  struct Action { int a; };

  static constexpr Spec spec = {
      .name = "soft-two-state-v1",
      .summary = "two states, stay or switch; soft values known",
      .source = "this project's exact fixture",
      .task_size = 1,
      .obs_size = 2,
      .action_kind = ActionKind::discrete,
      .action_count = 2,
      .horizon = 20,
      .best_policy = "optimal (be in state 1)",
  };

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {Real(0.1)}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0};
  }

  static constexpr Real reward(const Task& task, int s, int a) { return a == 1 ? -task.switch_cost : Real(s); }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    const Real r = reward(task, state.s, action.a);
    if (action.a == 1) state.s = 1 - state.s;
    return {r, false};
  }

  // One-hot over the two states.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    obs[0] = state.s == 0 ? Real(1) : Real(0);
    obs[1] = state.s == 1 ? Real(1) : Real(0);
  }

  static constexpr Action best_action(const Task&, const State& state) { return {state.s == 0 ? 1 : 0}; }
};
Mdp soft_two_state_mdp(double switch_cost = 0.1);

struct SoftValues {
  std::vector<double> v;       // (S): α log Σ_a exp(Q(s, a)/α)
  std::vector<double> q;       // (S, A): r(s, a) + γ Σ P V
  std::vector<double> policy;  // (S, A): exp((Q(s, a) − V(s))/α)
};
// The optimum with temperature α > 0, to `tolerance` as in value_iteration; α → 0 is value_iteration itself.
SoftValues soft_value_iteration(const Mdp& mdp, double gamma, double alpha, double tolerance = 1e-13);

// s' = As + Ba, r = −(Qs² + Ra²), discount γ, temperature α:
//   V(s) = −Ps² + c  with  P = Q + γAP(A − BK),  K = γBPA/M,  M = R + γB²P,  c = α/(2(1 − γ))·(log πα − log M);
//   the optimal policy is N(−Ks, α/(2M)).
struct LqrOptimum {
  double P = 0, K = 0, M = 0, variance = 0, c = 0;
};
LqrOptimum soft_lqr_optimum(double A, double B, double Q, double R, double gamma, double alpha);

}  // namespace innerloop::envs
