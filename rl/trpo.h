// Trust region policy optimisation.
//
// Schulman, Levine, Moritz, Jordan, Abbeel 2015, "Trust Region Policy Optimization", arXiv 1502.05477v5.
// A policy gradient knows a direction but no distance. TRPO measures distance in the space of action distributions: it
// takes the step of a given mean KL divergence that raises the return most to first order, and then makes sure that it
// really does.
//
//   symbol   name                    shape
//   θ        theta                   (1, in, out) per parameter
//   π_old    old                     data: {"mean", "log_sigma"} or {"logits"}, (B, rows, ·); "log_prob" (B, rows, 1)
//   Â_t      batch["advantages"]     (B, rows, 1): data
//   w_t      batch["weights"]        (B, rows, 1): adds up to 1 over all tasks
//   F        fisher product          never formed: only F·v
//   δ        delta                   bound on the mean KL
#pragma once

#include "autodiff/function.h"
#include "nn/policy.h"
#include "rl/training/trainer.h"
#include "rl/trust_region.h"

namespace innerloop::rl {

// --- The equations, on a graph ---------------------------------------------------------------------------------------

// L(θ) = Σ w_t ρ_t Â_t with ρ_t = π_θ(a_t|s_t)/π_old(a_t|s_t), (1, 1, 1).
Var trpo_surrogate(const Params& theta, const nn::PolicySpec& policy, const Batch& batch, Var old_log_prob);
// Σ w_t KL(π_old(·|s_t) ‖ π_θ(·|s_t)), (1, 1, 1).
Var trpo_kl(const Params& theta, const nn::PolicySpec& policy, const Batch& batch, const nn::DistributionVars& old);
// F·v = Jᵀ F_π J v: forward through the network, the distribution's own Fisher information, back through the network.
Params fisher_vector_product(const Params& theta, const nn::PolicySpec& policy, const Batch& batch, const Params& v);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct TrpoFunctions {
  TrpoFunctions();
  Function<nn::PolicySpec> old_policy;  // (theta, batch) → the distribution's parameters; "log_prob"
  Function<nn::PolicySpec> gradient;    // (theta, batch, log_prob) → ∇L; "objective"
  Function<nn::PolicySpec> evaluate;    // (theta, batch, old, log_prob) → "objective", "kl"
  Function<nn::PolicySpec> fisher;      // (theta, batch, v) → F·v
  Function<nn::PolicySpec> cg_iteration;  // (theta, batch, damping, state) → state, where A is F + damping·1
};

// --- One update ------------------------------------------------------------------------------------------------------

using TrpoConfig = TrustRegionConfig;
using TrpoStep = TrustRegionStep;
TrpoStep trpo_update(const ParamValues& theta, const nn::PolicySpec& policy, const BatchValues& batch,
                     const TrpoFunctions& functions, const TrpoConfig& config);

extern const AlgorithmRow trpo;

}  // namespace innerloop::rl
