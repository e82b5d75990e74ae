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

// Whose derivative is the inner gradient? All four have the same first derivative; they differ in the second.
enum class InnerEstimator {
  first_order,     // the inner gradient is a constant: θ_i' = θ_i + α·stop(∇J)
  log_likelihood,  // Σ log π·Â, as in the authors' code
  likelihood_ratio,  // Σ ρ·Â with ρ = π/stop(π): LVC of ProMP (Rothfuss et al. 2019, arXiv 1810.06784v4)
  dice,              // Σ (D_t − D_{t−1})·Â with D_t = Π_{k≤t} ρ_k: DiCE (Foerster et al. 2018, arXiv 1802.05098v3)
};
constexpr auto words_of(InnerEstimator) {
  return std::to_array<Word<InnerEstimator>>({{"first-order", InnerEstimator::first_order},
                                              {"log-likelihood", InnerEstimator::log_likelihood},
                                              {"likelihood-ratio", InnerEstimator::likelihood_ratio},
                                              {"dice", InnerEstimator::dice}});
}

// What shapes the traced programs: with the shapes of the data, the key of their cache.
struct MamlProgram {
  nn::PolicySpec policy;
  InnerEstimator estimator = InnerEstimator::log_likelihood;
  int inner_steps = 1;  // K
  friend bool operator==(const MamlProgram&, const MamlProgram&) = default;
};

// --- The equations, on a graph ---------------------------------------------------------------------------------------

// Ĵ_i(θ_i; D_i), one number per task (B, 1, 1): the objective whose gradient is the inner step.
Var inner_objective(const Params& theta_i, const Batch& support, const MamlProgram& program);
// One inner step of every task.
Params adapt(const Params& theta_i, const Batch& support, Var alpha, const MamlProgram& program);
// K inner steps from the shared θ. `supports` holds the K batches under the names "0/observations",
// "1/observations", …; alpha is (1, K, 1), a step size per step.
Params adapt_all(const Params& theta, const Batch& supports, Var alpha, const MamlProgram& program);
// The adapted policies' surrogate on new data, one number per task (B, 1, 1). query["old_log_prob"] is data: log π of
// the policy that collected it.
Var outer_objectives(const Params& theta_prime, const Batch& query, const MamlProgram& program);
// Their average over tasks (1, 1, 1): what the meta-gradient is the gradient of.
Var outer_objective(const Params& theta_prime, const Batch& query, const MamlProgram& program);
// mean_i mean_s KL(π_old ‖ π_θ'), (1, 1, 1): between post-update policies, on post-update states. The old distribution
// is data: query["old/mean"] and query["old/log_sigma"], or query["old/logits"].
Var outer_kl(const Params& theta_prime, const Batch& query, const MamlProgram& program);
// JᵀFJ·v: the curvature of outer_kl at the current θ, one Var per parameter.
Params curvature_product(const Params& theta, const Batch& supports, Var alpha, const Batch& query, const Params& v,
                         const MamlProgram& program);

// Batch number k of a list of batches named "k/…".
Batch batch_of_step(const Batch& batches, int k);

// --- The same, compiled ----------------------------------------------------------------------------------------------

// The algorithm's Functions. Arguments stand in brackets; each is a list of tensors, alpha one tensor (1, K, 1).
struct MamlFunctions {
  MamlFunctions();
  Function<MamlProgram> adapt_step;     // (theta_i or θ, support, alpha (1, 1, 1)) → θ'_i; "objective" (B, 1, 1)
  Function<MamlProgram> old_policy;     // (theta_prime, query) → "old_log_prob", "old/…": what query needs as data
  Function<MamlProgram> outer;          // (theta, supports, alpha, query) → "objective", "kl"
  Function<MamlProgram> meta_gradient;  // (theta, supports, alpha, query) → ∇θ of the objective; "objective", "kl"
  Function<MamlProgram> curvature;      // (theta, supports, alpha, query, v) → JᵀFJ·v
  // (theta, supports, alpha, query, damping, state) → state: conjugate gradients with A = JᵀFJ + damping·1
  Function<MamlProgram> cg_iteration;
};

}  // namespace innerloop::meta
