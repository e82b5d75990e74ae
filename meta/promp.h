// ProMP: proximal meta-policy search.
//
// Rothfuss, Lee, Clavera, Asfour, Abbeel 2019, "ProMP: Proximal Meta-Policy Search", arXiv 1810.06784v4.
// Two ideas: differentiate the inner step by likelihood ratios (LVC), whose second derivative varies little; and take
// several meta-steps on the same data, as PPO does, with clipped ratios and a penalty on how far the policies move.
//
//   symbol      name                       shape
//   θ_o         -                          the parameters that collected the data; never needed, its numbers are data:
//   π_θo        supports["k/old_log_prob"], "k/old/…"    (B, rows, ·): of the policy that collected batch k
//   ε           clip                       ratios outside 1 ± ε earn nothing more
//   η           eta                        (1, K, 1): weight of the KL penalty, one per inner step
//   J^LR        inner_objective            with InnerEstimator::importance_ratio
#pragma once

#include "meta/maml.h"
#include "rl/training/trainer.h"

namespace innerloop::meta {

struct PrompSpec {
  MamlSpec inner{.policy = {}, .estimator = InnerEstimator::importance_ratio};
  double clip = 0.3;
  friend bool operator==(const PrompSpec&, const PrompSpec&) = default;
};

// --- The equations, on a graph ---------------------------------------------------------------------------------------

// J^clip_i(θ'_i), one number per task (B, 1, 1).
Var clipped_objectives(const Params& theta_prime, const Batch& query, const PrompSpec& spec);
// KL between the policies before and after a meta-step, on the data of inner step k: mean over states and tasks,
// (1, 1, 1). theta_i: the policies before inner step k, one per task, as functions of θ.
Var step_kl(const Params& theta_i, const Batch& support, const PrompSpec& spec);

// The objective of a meta-step and what it is made of.
struct PrompObjective {
  Var value;     // (1, 1, 1): mean_i J^clip_i − mean_k η_k·KL_k
  Var kl_steps;  // (1, K, 1): KL_k
  Var kl_outer;  // (1, 1, 1): between the adapted policies, on query; reported, not penalised
};
PrompObjective promp_objective(const Params& theta, const Batch& supports, Var alpha, const Batch& query, Var eta,
                               const PrompSpec& spec);

// --- The adaptive penalty --------------------------------------------------------------------------------------------

// η halved where KL < target/1.5, doubled where KL > 1.5·target.
double adapted_penalty(double eta, double kl, double target);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct PrompFunctions {
  PrompFunctions();
  // (theta, supports, alpha, query, eta) → ∇θ of the objective; "objective"
  Function<PrompSpec> gradient;
  Function<PrompSpec> evaluate;  // the same arguments → "objective", "kl" of the adapted policies, "kl_steps"
};

extern const rl::AlgorithmRow promp;

}  // namespace innerloop::meta
