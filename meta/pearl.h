// PEARL: probabilistic embeddings for actor-critic meta-reinforcement learning.
//
// Rakelly, Zhou, Quillen, Finn, Levine 2019, "Efficient Off-Policy Meta-Reinforcement Learning via Probabilistic
// Context Variables", arXiv 1903.08254v1, and its official code (katerakelly/oyster, 44e20fd). What is known of a task
// is a Gaussian belief over a latent variable z, to which every transition seen contributes one factor. A soft
// actor-critic that sees z beside the state is trained off-policy; to explore, z is drawn from the belief and kept for
// an episode.
//
//   symbol   name               shape
//   c_n      context            (T, N, C): one transition (s, a, r) or (s, a, r, s') per row
//            mask               (T, N, 1): 1 where the row is a transition, 0 where nothing stands
//   φ        encoder            (1, in, out) per parameter: a transition to the mean and variance of its factor
//   q(z|c)   Belief             (T, 1, L): N(m, σ̄²)
//   ξ        latent_noise       (T, 1, L), from N(0, 1)
//   z        z                  (T, 1, L): one per task in a batch
//   λ        kl_weight
//   the rest as in rl/sac.h: the state there is (s, z) here, and the first axis holds T tasks of B transitions each
#pragma once

#include "rl/sac.h"

namespace innerloop::meta {

// KL(q‖N(0, 1)) over the tasks of a batch: added up (official), or averaged as L_Q is.
enum class KlReduction { sum, mean };
// What makes a factor's variance of ρ: softplus (official), where ρ has to walk as far as the variance itself, or exp,
// where it walks as far as its logarithm.
enum class FactorVariance { softplus, exp };

// What shapes the programs.
struct PearlSpec {
  rl::SacSpec sac;      // its actor and critics see (s, z)
  nn::MlpSpec encoder;  // C → 2L: the factor's mean, then what its variance is made of
  int observations = 1;
  int latent_size = 5;  // L
  bool next_observation = false;  // s' in the context: where the dynamics vary
  bool prior_factor = false;      // the prior N(0, 1) is one factor of the product
  bool sample_latent = true;      // z = m + σ̄·ξ; false: z = m
  bool told = false;              // z is data, "z" of the context (T, 1, L): no belief and no encoder (references)
  FactorVariance factor_variance = FactorVariance::softplus;
  KlReduction kl_reduction = KlReduction::sum;
  double kl_weight = 0.1;            // λ
  double policy_regulariser = 1e-3;  // before mean μ² and mean (log σ)² in L_π

  int context_size() const { return observations * (next_observation ? 2 : 1) + sac.action_size + 1; }  // C
  friend bool operator==(const PearlSpec&, const PearlSpec&) = default;
};
// The spec with all networks of these hidden widths for states of `observations` and actions of `actions` numbers.
PearlSpec fitted(PearlSpec spec, int observations, int actions, const std::vector<int>& hidden,
                 const std::vector<int>& encoder_hidden, Activation activation);

ParamValues init_encoder(const PearlSpec& spec, std::uint64_t seed, Dtype dtype);  // none where z is told

// --- The belief ------------------------------------------------------------------------------------------------------

// One Gaussian factor per transition, as numbers that add up: what several transitions say is the sum of what each one
// says.
struct Evidence {
  Var precision;      // 1/σ_n², or their sum
  Var weighted_mean;  // μ_n/σ_n², or their sum
};
struct Belief {
  Var mean, variance;  // (T, 1, L): m, σ̄²
};

// The sum over the rows where mask is 1 of factors N(mean, variance), each (T, N, L): (T, 1, L).
Evidence add_up(Var mean, Var variance, Var mask);
// The product of the factors, and of the prior if it is one of them. No factor at all leaves the prior N(0, 1).
Belief belief_of(const Evidence& sum, bool prior_factor);
// The rows that the encoder reads: s, a, r and perhaps s' of a batch with those names.
Var context_rows(const Batch& context, const PearlSpec& spec);
// What the encoder makes of a context: its evidence, added up.
Evidence encode(const Params& encoder, const PearlSpec& spec, Var context, Var mask);

Var kl_to_prior(const Belief& q);                                          // per task, (T, 1, 1), summed over L
Var draw_latent(const Belief& q, const PearlSpec& spec, Var latent_noise);  // z, one per row of the noise

// --- The losses: each a number (1, 1, 1), a mean over tasks and transitions ------------------------------------------

// A batch whose states are (s, z).
Batch beside_latent(const Batch& batch, Var z);

Var pearl_critic_loss(const Params& critics, const PearlSpec& spec, const Batch& batch, Var z, Var target);
Var pearl_kl_loss(const Belief& q, const PearlSpec& spec);
// y (T, B, 1); data: no gradient leaves it.
Var pearl_target(const Params& actor, const Params& targets, Var log_alpha, const PearlSpec& spec, const Batch& batch,
                 Var z, Var noise);
// critics: "q1/…", "q2/…" and "v/…", of which only the last is moved.
Var pearl_value_loss(const Params& critics, const Params& actor, Var log_alpha, const PearlSpec& spec,
                     const Batch& batch, Var z, Var noise);
// ã ~ π(·|s, sg z).
rl::SacAction pearl_action(const Params& actor, const PearlSpec& spec, const Batch& batch, Var z, Var noise);
Var pearl_actor_loss(const rl::SacAction& now, const Params& critics, Var log_alpha, const PearlSpec& spec,
                     const Batch& batch, Var z);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct PearlFunctions {
  PearlFunctions();
  // (actor, observations and z beside each other, noise) → {"action"}
  Function<PearlSpec> act;
  // (encoder, context) → {"precision", "weighted_mean"}, (T, 1, L). A context is a batch with a mask.
  Function<PearlSpec> encode;
  // (precision, weighted_mean, latent_noise (T, N, L)) → {"z"} (T, N, L): N draws from each task's belief
  Function<PearlSpec> draw;
  // (encoder, critics, actor, targets, log_alpha, context, latent_noise, kl_share (1, 1, 1), batch, noise of s')
  //   → ∇_φ (L_Q + kl_share·λKL), empty where z is told; ∇_θ L_Q; {"z"}; {"critic_loss", "kl", "target", "gradient"}
  Function<PearlSpec> critic_gradient;
  // (actor, critics, value, log_alpha, z, batch, noise of s)
  //   → ∇L_π; ∇L_V, empty without a value network; {"log_alpha": ∂L_α/∂ℓ}; {"entropy", "gradient"}
  Function<PearlSpec> actor_gradient;
};

}  // namespace innerloop::meta
