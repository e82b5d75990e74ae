// Model-agnostic meta-learning for reinforcement learning.
//
// Finn, Abbeel, Levine 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", arXiv 1703.03400v3.
// Find parameters θ from which one step of policy gradient on a little data of a new task already gives a good policy:
// maximise the return *after* the step, by differentiating through the step.
//
//   symbol   name                     shape
//   θ        theta                    (1, in, out) per parameter, shared by all tasks
//   θ_i      theta_i                  (B, in, out): task i's own copy, moved by the inner steps
//   α        alpha                    (1, 1, 1): inner step size
//   D_i      support                  (B, rows, ·): task i's data, collected with the policy to be adapted
//   D'_i     query                    (B, rows, ·): collected with the adapted policy
//   Â        support["advantages"]    (B, rows, 1)
//   1/M_i    support["weights"]       (B, rows, 1): 0 in padding rows
#pragma once

#include "autodiff/function.h"
#include "nn/policy.h"

namespace innerloop::meta {

// Whose derivative is the inner gradient? All have the same first derivative; they differ in the second.
// With ρ = π/stop(π), whose value is 1 and whose gradient is ∇log π:
enum class InnerEstimator {
  first_order,       // the inner gradient is a constant: θ_i' = θ_i + α·stop(∇J)
  log_likelihood,    // Σ log π·Â, as in the authors' code
  likelihood_ratio,  // Σ ρ·Â: LVC of ProMP (Rothfuss et al. 2019, arXiv 1810.06784v4)
  dice,              // Σ (D_t − D_{t−1})·Â with D_t = Π_{k≤t} ρ_k: DiCE (Foerster et al. 2018, arXiv 1802.05098v3); if
                     // Â = G − b, this is DiCE with the baseline b of all orders (Mao et al. 2019)
  loaded_dice,       // the same with D_t = Π_{k≤t} ρ_k^(λ^(t−k)): Loaded DiCE (Farquhar et al. 2019, arXiv
                     // 1909.10549v1); λ = 0 is likelihood_ratio, λ = 1 is dice
  taypo_2,           // Σ (ρ_t − 1)·(1 + Σ_{k<t} (ρ_k − 1))·Â: TayPO-2 (Tang et al. 2021, arXiv 2106.13125v2)
  importance_ratio,  // Σ (π/π_old)·Â, π_old data: likelihood_ratio where the data are the policy's own, and right where
                     // they are an older policy's; ProMP's, which uses its data more than once
};
constexpr auto words_of(InnerEstimator) {
  return std::to_array<Word<InnerEstimator>>({{"first-order", InnerEstimator::first_order},
                                              {"log-likelihood", InnerEstimator::log_likelihood},
                                              {"likelihood-ratio", InnerEstimator::likelihood_ratio},
                                              {"dice", InnerEstimator::dice},
                                              {"loaded-dice", InnerEstimator::loaded_dice},
                                              {"taypo-2", InnerEstimator::taypo_2},
                                              {"importance-ratio", InnerEstimator::importance_ratio}});
}

// How long is an inner step?
enum class StepSizes {
  fixed,    // α for all parameters
  learned,  // α times a step size per parameter, itself a meta-parameter: Meta-SGD (Li et al. 2017, arXiv
            // 1707.09835v2). It stands in the list θ beside its parameter, under "alpha/policy/W1", …: outer step,
            // curvature, line search and checkpoints treat both alike. It may become negative.
};
constexpr auto words_of(StepSizes) {
  return std::to_array<Word<StepSizes>>({{"fixed", StepSizes::fixed}, {"learned", StepSizes::learned}});
}

// What shapes the traced programs: with the shapes of the data, the key of their cache.
struct MamlSpec {
  nn::PolicySpec policy;
  InnerEstimator estimator = InnerEstimator::log_likelihood;
  int inner_steps = 1;         // K
  double loaded_lambda = 0.5;  // λ of loaded_dice, 0 to 1: how far back an action's influence is counted
  StepSizes step_sizes = StepSizes::fixed;
  friend bool operator==(const MamlSpec&, const MamlSpec&) = default;
};

// --- The equations, on a graph ---------------------------------------------------------------------------------------

// Ĵ_i(θ_i; D_i), one number per task (B, 1, 1): the objective whose gradient is the inner step.
Var inner_objective(const Params& theta_i, const Batch& support, const MamlSpec& spec);
// One inner step of every task. With learned step sizes theta_i holds them, and they are handed on unchanged.
Params adapt(const Params& theta_i, const Batch& support, Var alpha, const MamlSpec& spec);
// K inner steps from the shared θ. `supports` holds the K batches under the names "0/observations",
// "1/observations", …; alpha is (1, K, 1), a step size per step.
Params adapt_all(const Params& theta, const Batch& supports, Var alpha, const MamlSpec& spec);
// The adapted policies' surrogate on new data, one number per task (B, 1, 1). query["old_log_prob"] is data: log π of
// the policy that collected it.
Var outer_objectives(const Params& theta_prime, const Batch& query, const MamlSpec& spec);
// Their average over tasks (1, 1, 1): what the meta-gradient is the gradient of.
Var outer_objective(const Params& theta_prime, const Batch& query, const MamlSpec& spec);
// mean_i mean_s KL(π_old ‖ π_θ'), (1, 1, 1): between post-update policies, on post-update states. The old distribution
// is data: query["old/mean"] and query["old/log_sigma"], or query["old/logits"].
Var outer_kl(const Params& theta_prime, const Batch& query, const MamlSpec& spec);
// JᵀFJ·v: the curvature of outer_kl at the current θ, one Var per parameter.
Params curvature_product(const Params& theta, const Batch& supports, Var alpha, const Batch& query, const Params& v,
                         const MamlSpec& spec);

// theta and for each of its tensors a tensor of step sizes, all alpha: where learning them begins.
ParamValues with_step_sizes(const ParamValues& theta, double alpha);

// Batch number k of a list of batches named "k/…".
Batch batch_of_step(const Batch& batches, int k);

// --- The same, compiled ----------------------------------------------------------------------------------------------

// The algorithm's Functions. Arguments stand in brackets; each is a list of tensors, alpha one tensor (1, K, 1).
struct MamlFunctions {
  MamlFunctions();
  Function<MamlSpec> adapt_step;     // (theta_i or θ, support, alpha (1, 1, 1)) → θ'_i; "objective" (B, 1, 1)
  Function<MamlSpec> old_policy;     // (theta_prime, query) → "old_log_prob", "old/…": what query needs as data
  Function<MamlSpec> outer;          // (theta, supports, alpha, query) → "objective", "kl"
  Function<MamlSpec> meta_gradient;  // (theta, supports, alpha, query) → ∇θ of the objective; "objective", "kl"
  Function<MamlSpec> curvature;      // (theta, supports, alpha, query, v) → JᵀFJ·v
  // (theta, supports, alpha, query, damping, state) → state: conjugate gradients with A = JᵀFJ + damping·1
  Function<MamlSpec> cg_iteration;
};

}  // namespace innerloop::meta
