// Policy gradient (REINFORCE with a baseline).
//
// Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement learning"; in the
// form of Schulman et al. 2016, "High-dimensional continuous control using generalized advantage estimation", arXiv
// 1506.02438v6. Make actions that turned out better than expected more likely, the others less: the gradient of the
// expected return is the expectation of ∇log π(a|s) times how much better the action was.
//
//   symbol     name                  shape
//   θ          theta                 (1, in, out) per parameter, or (B, in, out): one policy per task
//   s_t, a_t   batch["observations"], batch["actions"]   (B, rows, ·)
//   Â_t        batch["advantages"]   (B, rows, 1): data
//   w_t        batch["weights"]      (B, rows, 1): 1/M on real rows, 0 on padding
#pragma once

#include "autodiff/function.h"
#include "nn/policy.h"
#include "rl/experience/on_policy.h"
#include "rl/experience/protocol.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

// L_i(θ) = Σ_t w_t log π_θ(a_t|s_t) Â_t, per task (B, 1, 1). Its value means nothing; its gradient is the policy
// gradient.
Var policy_gradient_surrogate(const Params& theta, const nn::PolicySpec& policy, const Batch& batch);

// (theta, batch) → ∇θ Σ_i L_i, the same names as theta. With one policy per task: each task's own gradient.
struct PolicyGradientFunction : Function<nn::PolicySpec> {
  PolicyGradientFunction();
};

// How theta adapts to a task: by steps θ_i ← θ_i + adapt_rate·∇J_i. Must not outlive the source.
AdaptiveLearner policy_gradient_learner(const OnPolicySource& source, const ParamValues& theta);
// The adaptation protocol with that learner.
AdaptReport adapt_by_policy_gradient(const OnPolicySource& source, const ParamValues& theta,
                                     const AdaptRequest& request);

extern const AlgorithmRow policy_gradient;

}  // namespace innerloop::rl
