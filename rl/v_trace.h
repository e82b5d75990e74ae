// V-trace: returns for a policy π from the experience of another, the behaviour μ, whose actions are weighted by π/μ.
//
// Espeholt, Soyer, Munos et al. 2018, "IMPALA: Scalable Distributed Deep-RL with Importance Weighted Actor-Learner
// Architectures", arXiv 1802.01561, section 4. The leaky weights: Zahavy et al. 2020, arXiv 2002.12928.
//
//   symbol    name                        shape
//   r_t …     transitions                 as in lambda_returns.h: rewards, next_values, continues
//   V(x_t)    values                      (B, T·N, 1)
//   π/μ       ratio                       (B, T·N, 1): exp(log π(a_t|x_t) − log μ(a_t|x_t))
//   ρ_t, c_t  rho, c                      (B, T·N, 1): what the ratio counts in δ, and how far it is carried
//   γ, λ      gamma, lambda               (B, T·N, 1) or (B, 1, 1)
#pragma once

#include "rl/lambda_returns.h"

namespace innerloop::rl {

struct VTraceConfig {
  double rho_bar = 1, c_bar = 1;  // ρ̄ ≥ c̄ > 0: no ratio counts for more
  double leak = 0;                // in [0, 1]: the part of a ratio that is not clipped
  friend bool operator==(const VTraceConfig&, const VTraceConfig&) = default;
};

// (1 − leak)·min(most, ratio) + leak·ratio
Var clipped_ratio(Var ratio, double most, double leak);

struct VTrace {
  Var targets;     // v_t (B, T·N, 1): what V(x_t) is fitted to
  Var advantages;  // ρ_t (r_t + γ v_{t+1} − V(x_t)): what weighs ∇log π(a_t|x_t)
};
// With π = μ and ρ̄, c̄ ≥ 1 the targets are λ-returns.
VTrace v_trace(const Transitions& transitions, Var values, Var ratio, Var gamma, Var lambda,
               const VTraceConfig& config);

}  // namespace innerloop::rl
