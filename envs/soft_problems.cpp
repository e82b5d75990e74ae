#include "envs/soft_problems.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace innerloop::envs {

Mdp soft_two_state_mdp(double switch_cost) {
  using Env = SoftTwoState<double>;
  Mdp mdp(2, 2);
  for (int s = 0; s < 2; ++s)
    for (int a = 0; a < 2; ++a) {
      mdp.reward[mdp.row(s, a)] = Env::reward({switch_cost}, s, a);
      mdp.P(s, a, a == 1 ? 1 - s : s) = 1;
    }
  return mdp;
}

SoftValues soft_value_iteration(const Mdp& mdp, double gamma, double alpha, double tolerance) {
  require(gamma >= 0 && gamma < 1, "soft_value_iteration: gamma must be in [0, 1)");
  require(alpha > 0, "soft_value_iteration: alpha must be above 0; value_iteration is the case 0");
  SoftValues values;
  values.v.resize(static_cast<std::size_t>(mdp.states));
  values.policy.resize(mdp.reward.size());

  // V(s) ← α log Σ_a exp(Q(s, a)/α), with the largest exponent taken out; a contraction, so it ends.
  for (double change = 2 * tolerance; change > tolerance;) {
    values.q = action_values(mdp, values.v, gamma);
    change = 0;
    for (int s = 0; s < mdp.states; ++s) {
      const double* q = values.q.data() + mdp.row(s, 0);
      const double largest = *std::max_element(q, q + mdp.actions);
      double sum = 0;
      for (int a = 0; a < mdp.actions; ++a) sum += std::exp((q[a] - largest) / alpha);
      const double v = largest + alpha * std::log(sum);
      change = std::max(change, std::abs(v - values.v[static_cast<std::size_t>(s)]));
      values.v[static_cast<std::size_t>(s)] = v;
    }
  }
  for (int s = 0; s < mdp.states; ++s)
    for (int a = 0; a < mdp.actions; ++a)
      values.policy[mdp.row(s, a)] =
          std::exp((values.q[mdp.row(s, a)] - values.v[static_cast<std::size_t>(s)]) / alpha);
  return values;
}

LqrOptimum soft_lqr_optimum(double A, double B, double Q, double R, double gamma, double alpha) {
  require(Q >= 0 && R > 0 && gamma >= 0 && gamma < 1 && alpha > 0,
          "soft_lqr_optimum: Q ≥ 0, R > 0, 0 ≤ gamma < 1 and alpha > 0 are needed");
  // The Riccati equation, iterated from P = Q.
  LqrOptimum o{.P = Q};
  for (int sweep = 0; sweep < 100000; ++sweep) {
    o.M = R + gamma * B * B * o.P;
    o.K = gamma * B * o.P * A / o.M;
    const double P = Q + gamma * A * o.P * (A - B * o.K);
    const bool settled = P == o.P;
    o.P = P;
    if (settled) break;
  }
  o.variance = alpha / (2 * o.M);
  o.c = alpha / (2 * (1 - gamma)) * (std::log(std::numbers::pi * alpha) - std::log(o.M));
  return o;
}

}  // namespace innerloop::envs
