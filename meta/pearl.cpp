#include "meta/pearl.h"

#include <optional>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/optimizer.h"

namespace innerloop::meta {
namespace {

Var beside(Var states, Var z) {
  const Var repeated = broadcast_rows(z, states.shape().rows);
  return concat_cols(std::array{states, repeated});
}

// The mean over tasks of a number per task.
Var mean_tasks(Var x) { return (1.0 / x.shape().tasks) * sum_tasks(x); }

// Both lists as one.
Params joined(const Params& a, const Params& b) {
  Params both = a;
  for (std::size_t k = 0; k < b.count(); ++k) both.add(b.name(k), b[k]);
  return both;
}

}  // namespace

PearlSpec fitted(PearlSpec spec, int observations, int actions, const std::vector<int>& hidden,
                 const std::vector<int>& encoder_hidden, Activation activation) {
  spec.observations = observations;
  spec.sac.action_size = actions;
  const int seen = observations + spec.latent_size;
  spec.sac.actor = {.inputs = seen, .hidden = hidden, .outputs = 2 * actions, .activation = activation};
  spec.sac.critic = {.inputs = seen + actions, .hidden = hidden, .outputs = 1, .activation = activation};
  spec.encoder = {.inputs = spec.context_size(), .hidden = encoder_hidden, .outputs = 2 * spec.latent_size,
                  .activation = activation};
  return spec;
}

ParamValues init_encoder(const PearlSpec& spec, std::uint64_t seed, Dtype dtype) {
  return spec.told ? ParamValues{} : nn::init_mlp(spec.encoder, seed, "encoder", dtype);
}

// region: belief
// [PEARL eq. product]  q(z|c) ∝ Π_n N(μ_n, σ_n²):  σ̄⁻² = Σ_n σ_n⁻²,  m = σ̄² Σ_n μ_n σ_n⁻²
Evidence add_up(Var mean, Var variance, Var mask) {
  const Var here = broadcast_cols(mask, mean.shape().cols);
  const Var precision = select(here, reciprocal(variance), zeros_like(mean));
  return {sum_rows(precision), sum_rows(precision * mean)};
}

Belief belief_of(const Evidence& sum, bool prior_factor) {
  // The prior adds precision 1 and mean 0. Where it is no factor it still stands for a product of none.
  const Var something = step(sum.precision);
  const Var precision = prior_factor ? sum.precision + 1.0
                                     : select(something, sum.precision, 1.0 + zeros_like(sum.precision));
  const Var variance = reciprocal(precision);
  return {variance * sum.weighted_mean, variance};
}

Var context_rows(const Batch& context, const PearlSpec& spec) {
  std::vector<Var> parts = {context["observations"], context["actions"], context["rewards"]};
  if (spec.next_observation) parts.push_back(context["next_observations"]);
  return concat_cols(parts);
}

// [PEARL eq. factor]  (μ_n, ρ_n) = f_φ(c_n),  σ_n² = softplus ρ_n, at least 10⁻⁷; or exp ρ_n, with ρ_n within ±16
Evidence encode(const Params& encoder, const PearlSpec& spec, Var context, Var mask) {
  const Var head = nn::mlp(encoder, spec.encoder, "encoder", context);  // (T, N, 2L)
  const int L = spec.latent_size;
  const Var mean = slice_cols(head, 0, L), rho = slice_cols(head, L, L);
  const Var variance = spec.factor_variance == FactorVariance::softplus ? clip(softplus(rho), 1e-7, 1e30)
                                                                        : exp(clip(rho, -16, 16));
  return add_up(mean, variance, mask);
}

// [PEARL eq. KL]  KL(q‖N(0, 1)) = Σ_k ½(σ̄_k² + m_k² − 1 − log σ̄_k²)
Var kl_to_prior(const Belief& q) { return 0.5 * sum_cols(q.variance + square(q.mean) - 1.0 - log(q.variance)); }

// [PEARL eq. latent]  z = m + σ̄·ξ
Var draw_latent(const Belief& q, const PearlSpec& spec, Var latent_noise) {
  const int rows = latent_noise.shape().rows;
  const Var mean = broadcast_rows(q.mean, rows);
  return spec.sample_latent ? mean + broadcast_rows(sqrt(q.variance), rows) * latent_noise : mean;
}
// endregion

Batch beside_latent(const Batch& batch, Var z) {
  Batch out;
  for (std::size_t k = 0; k < batch.count(); ++k)
    out.add(batch.name(k), batch.name(k).ends_with("observations") ? beside(batch[k], z) : batch[k]);
  return out;
}

// region: losses
// [PEARL eq. critic]  L_Q = Σ_j mean (Q_j(s, a, z) − y)²: the only loss of the actor-critic that reaches the encoder
Var pearl_critic_loss(const Params& critics, const PearlSpec& spec, const Batch& batch, Var z, Var target) {
  return mean_tasks(rl::sac_critic_loss(critics, spec.sac, beside_latent(batch, z), target));
}

// [PEARL eq. bottleneck]  λ Σ_t KL(q(z|c_t)‖N(0, 1)): summed over tasks, while L_Q is a mean
Var pearl_kl_loss(const Belief& q, const PearlSpec& spec) {
  const Var kl = kl_to_prior(q);
  return spec.kl_weight * (spec.kl_reduction == KlReduction::sum ? sum_tasks(kl) : mean_tasks(kl));
}

// [PEARL eq. target]  y = κr + γ(1 − d)·V̄(s', z), with V̄ as in SAC
Var pearl_target(const Params& actor, const Params& targets, Var log_alpha, const PearlSpec& spec, const Batch& batch,
                 Var z, Var noise) {
  return rl::sac_target(actor, targets, log_alpha, spec.sac, beside_latent(batch, stop_gradient(z)), noise);
}

// [PEARL eq. value]  L_V = ½ mean (V(s, sg z) − [min_j Q_j(s, ã, sg z) − α log π(ã|s, sg z)])²
Var pearl_value_loss(const Params& critics, const Params& actor, Var log_alpha, const PearlSpec& spec,
                     const Batch& batch, Var z, Var noise) {
  return mean_tasks(
      rl::sac_value_loss(critics, actor, log_alpha, spec.sac, beside_latent(batch, stop_gradient(z)), noise));
}

rl::SacAction pearl_action(const Params& actor, const PearlSpec& spec, const Batch& batch, Var z, Var noise) {
  return rl::sac_action(actor, spec.sac, beside(batch["observations"], stop_gradient(z)), noise);
}

// [PEARL eq. actor]  L_π = mean (α log π(ã|s, sg z) − min_j Q_j(s, ã, sg z)) + 10⁻³ mean μ² + 10⁻³ mean (log σ)²
Var pearl_actor_loss(const rl::SacAction& now, const Params& critics, Var log_alpha, const PearlSpec& spec,
                     const Batch& batch, Var z) {
  const Var loss = rl::sac_actor_loss(now, critics, log_alpha, spec.sac, beside_latent(batch, stop_gradient(z)));
  const Var size = mean_all(square(now.mean)) + mean_all(square(now.log_sigma));
  return mean_tasks(loss + spec.policy_regulariser * size);
}
// endregion

// region: functions
namespace {

std::vector<Vars> critic_step(Inputs& in, const PearlSpec& spec) {
  const Params encoder = in.next("encoder"), critics = in.next("critics");
  const Params actor = in.next("actor"), targets = in.next("targets");
  const Var log_alpha = in.next_var("log_alpha");
  const Batch context = in.next("context");
  const Var latent_noise = in.next_var("latent_noise"), kl_share = in.next_var("kl_share");
  const Batch batch = in.next("batch");

  // What the context says of each task, and a guess drawn from it; or what is told.
  std::optional<Belief> q;
  if (!spec.told)
    q = belief_of(encode(encoder, spec, context_rows(context, spec), context["mask"]), spec.prior_factor);
  const Var z = q ? draw_latent(*q, spec, latent_noise) : context["z"];

  // How wrong the critics are with that guess, and how far the belief is from the prior.
  const Var y = pearl_target(actor, targets, log_alpha, spec, batch, z, in.next_var("noise_next"));
  const Var critic_loss = pearl_critic_loss(critics, spec, batch, z, y);
  const Vars by_critics = grad(critic_loss, critics);
  Vars by_encoder, info("critic_loss", critic_loss);
  Var sum = nn::sum_of_all(by_critics);
  if (q) {
    by_encoder = grad(critic_loss + kl_share * pearl_kl_loss(*q, spec), encoder);
    sum = sum + nn::sum_of_all(by_encoder);
  }
  info.add("kl", q ? mean_tasks(kl_to_prior(*q)) : zeros_like(critic_loss));
  info.add("target", mean_tasks(mean_all(y)));
  info.add("gradient", sum);
  return {by_encoder, by_critics, Vars("z", z), info};
}

std::vector<Vars> actor_step(Inputs& in, const PearlSpec& spec) {
  const Params actor = in.next("actor"), critics = in.next("critics"), value = in.next("value");
  const Var log_alpha = in.next_var("log_alpha"), z = in.next_var("z");
  const Batch batch = in.next("batch");
  const Var noise = in.next_var("noise");

  const rl::SacAction now = pearl_action(actor, spec, batch, z, noise);
  const Var loss = pearl_actor_loss(now, critics, log_alpha, spec, batch, z);
  const Var temperature = mean_tasks(rl::sac_temperature_loss(log_alpha, now.log_prob, spec.sac));
  const Vars by_actor = grad(loss, actor);
  const Var by_temperature = grad(temperature, std::array{log_alpha})[0];
  Vars by_value, info("entropy", -mean_tasks(mean_all(now.log_prob)));
  Var sum = nn::sum_of_all(by_actor) + by_temperature;
  if (spec.sac.value_network) {
    by_value = grad(pearl_value_loss(joined(critics, value), actor, log_alpha, spec, batch, z, noise), value);
    sum = sum + nn::sum_of_all(by_value);
  }
  info.add("gradient", sum);
  return {by_actor, by_value, Vars("log_alpha", by_temperature), info};
}

}  // namespace

PearlFunctions::PearlFunctions()
    : act("pearl/act",
          [](Inputs& in, const PearlSpec& spec) -> std::vector<Vars> {
            const Params actor = in.next("actor");
            const Var seen = in.next_var("seen");
            return {Vars("action", rl::sac_action(actor, spec.sac, seen, in.next_var("noise")).action)};
          }),
      encode("pearl/encode",
             [](Inputs& in, const PearlSpec& spec) -> std::vector<Vars> {
               const Params encoder = in.next("encoder");
               const Batch context = in.next("context");
               const Evidence sum = meta::encode(encoder, spec, context_rows(context, spec), context["mask"]);
               Vars out("precision", sum.precision);
               out.add("weighted_mean", sum.weighted_mean);
               return {out};
             }),
      draw("pearl/draw",
           [](Inputs& in, const PearlSpec& spec) -> std::vector<Vars> {
             const Evidence sum{in.next_var("precision"), in.next_var("weighted_mean")};
             return {Vars("z", draw_latent(belief_of(sum, spec.prior_factor), spec, in.next_var("latent_noise")))};
           }),
      critic_gradient("pearl/critic_gradient", critic_step),
      actor_gradient("pearl/actor_gradient", actor_step) {}
// endregion

}  // namespace innerloop::meta
