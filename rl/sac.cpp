#include "rl/sac.h"

#include <cmath>
#include <numbers>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/optimizer.h"

namespace innerloop::rl {
namespace {

Var side_by_side(Var a, Var b) { return concat_cols(std::array{a, b}); }

}  // namespace

nn::MlpSpec value_spec(const SacSpec& spec) {
  nn::MlpSpec value = spec.critic;
  value.inputs -= spec.action_size;
  return value;
}

ParamValues init_actor(const SacSpec& spec, std::uint64_t seed, Dtype dtype) {
  return nn::init_mlp(spec.actor, seed, "actor", dtype);
}

ParamValues init_critics(const SacSpec& spec, std::uint64_t seed, Dtype dtype) {
  ParamValues critics;
  const auto append = [&](const nn::MlpSpec& net, const char* prefix) {
    const ParamValues part = nn::init_mlp(net, seed, prefix, dtype);
    for (std::size_t k = 0; k < part.count(); ++k) critics.add(part.name(k), part[k]);
  };
  append(spec.critic, "q1");
  append(spec.critic, "q2");
  if (spec.value_network) append(value_spec(spec), "v");
  return critics;
}

ParamValues targeted(const ParamValues& critics, const SacSpec& spec) {
  ParamValues part;
  for (std::size_t k = 0; k < critics.count(); ++k)
    if (critics.name(k).starts_with("v/") == spec.value_network) part.add(critics.name(k), critics[k]);
  return part;
}

// region: policy
// [SAC eq. action]  u = μ_φ(s) + σ_φ(s)·ε,  a = tanh u
SacAction sac_action(const Params& actor, const SacSpec& spec, Var observations, Var noise) {
  const int A = spec.action_size;
  const Var head = nn::mlp(actor, spec.actor, "actor", observations);  // (1, rows, 2A)
  const Var h = slice_cols(head, A, A);

  SacAction out;
  out.mean = slice_cols(head, 0, A);
  switch (spec.log_sigma) {
    case LogSigma::clamp: out.log_sigma = clip(h, -20, 2); break;
    case LogSigma::tanh: out.log_sigma = 3.5 * (tanh(h) + 1.0) - 5.0; break;
    case LogSigma::softplus: out.log_sigma = log(softplus(h) + 1e-5); break;
  }
  out.u = out.mean + exp(out.log_sigma) * noise;
  out.action = spec.squash ? tanh(out.u) : out.u;
  out.log_prob = sac_log_prob(spec, out.log_sigma, out.u, out.action, noise);
  return out;
}

// [SAC eq. log-prob]  log π(a|s) = Σ_i [−½ε_i² − log σ_i − ½ log 2π − log(1 − tanh²u_i)] − Σ_i log c_i
Var sac_log_prob(const SacSpec& spec, Var log_sigma, Var u, Var action, Var noise) {
  // On this path (u − μ)/σ is ε itself, so μ enters through the squashing alone.
  Var terms = -0.5 * square(noise) - log_sigma - 0.5 * std::log(2 * std::numbers::pi);
  if (spec.squash && spec.log_prob == SquashLogProb::exact)
    terms = terms - nn::log_tanh_slope(u);
  else if (spec.squash)
    terms = terms - log((1.0 + 1e-6) - square(action));
  return sum_cols(terms) - spec.log_action_scale;
}
// endregion

Var action_value(const Params& critics, const SacSpec& spec, std::string_view prefix, Var observations, Var action) {
  return nn::mlp(critics, spec.critic, prefix, side_by_side(observations, action));
}

// region: critics
Var soft_value(Var q1, Var q2, Var log_alpha, Var log_prob) { return minimum(q1, q2) - exp(log_alpha) * log_prob; }

Var soft_backup(const SacSpec& spec, const Batch& batch, Var next_value) {
  const Var not_done = 1.0 - batch["terminated"];
  return stop_gradient(spec.reward_scale * batch["rewards"] + spec.gamma * not_done * next_value);
}

// [SAC eq. target]  y = κr + γ(1 − d)·V̄(s'),  v2: V̄(s') = min_j Q̄_j(s', a') − α log π(a'|s'),  v1: V̄(s') = V_ψ̄(s')
Var sac_target(const Params& actor, const Params& targets, Var log_alpha, const SacSpec& spec, const Batch& batch,
               Var noise) {
  const Var s_next = batch["next_observations"];
  Var value;
  if (spec.value_network) {
    value = nn::mlp(targets, value_spec(spec), "v", s_next);
  } else {
    const SacAction next = sac_action(actor, spec, s_next, noise);
    const Var q1 = action_value(targets, spec, "q1", s_next, next.action);
    const Var q2 = action_value(targets, spec, "q2", s_next, next.action);
    value = soft_value(q1, q2, log_alpha, next.log_prob);
  }
  return soft_backup(spec, batch, value);
}

// [SAC eq. critic]  L_Q = ½ Σ_j mean (Q_j(s, a) − y)²
Var sac_critic_loss(const Params& critics, const SacSpec& spec, const Batch& batch, Var target) {
  const Var s = batch["observations"], a = batch["actions"];
  const Var error1 = action_value(critics, spec, "q1", s, a) - target;
  const Var error2 = action_value(critics, spec, "q2", s, a) - target;
  return spec.critic_factor * mean_all(square(error1) + square(error2));
}

// [SAC eq. value]  v1: L_V = ½ mean (V(s) − [min_j Q_j(s, ã) − α log π(ã|s)])²,  ã ~ π(·|s)
Var sac_value_loss(const Params& critics, const Params& actor, Var log_alpha, const SacSpec& spec, const Batch& batch,
                   Var noise) {
  const Var s = batch["observations"];
  const SacAction now = sac_action(actor, spec, s, noise);
  const Var goal = stop_gradient(soft_value(action_value(critics, spec, "q1", s, now.action),
                                            action_value(critics, spec, "q2", s, now.action), log_alpha, now.log_prob));
  return 0.5 * mean_all(square(nn::mlp(critics, value_spec(spec), "v", s) - goal));
}
// endregion

// region: actor
// [SAC eq. actor]  L_π = mean (α log π(ã|s) − Q*(s, ã)): through ã, but not into the critics or the temperature
Var sac_actor_loss(const SacAction& now, const Params& critics, Var log_alpha, const SacSpec& spec,
                   const Batch& batch) {
  const Params frozen = stop_gradient(critics);
  const Var s = batch["observations"];
  Var q = action_value(frozen, spec, "q1", s, now.action);
  if (spec.actor_value != ActorValue::first) {
    const Var q2 = action_value(frozen, spec, "q2", s, now.action);
    q = spec.actor_value == ActorValue::minimum ? minimum(q, q2) : 0.5 * (q + q2);
  }
  return mean_all(exp(stop_gradient(log_alpha)) * now.log_prob - q);
}

// [SAC eq. temperature]  L_α = −x·mean(log π(ã|s) + H̄) with x = α or log α: α grows where the entropy is below H̄
Var sac_temperature_loss(Var log_alpha, Var log_prob, const SacSpec& spec) {
  const Var x = spec.temperature_loss == TemperatureLoss::alpha ? exp(log_alpha) : log_alpha;
  const Var shortage = stop_gradient(mean_all(log_prob) + spec.target_entropy);  // H̄ less the entropy
  return spec.temperature_loss == TemperatureLoss::fixed ? 0.0 * x : -(x * shortage);
}
// endregion

// region: functions
SacFunctions::SacFunctions()
    : act("sac/act",
          [](Inputs& in, const SacSpec& spec) -> std::vector<Vars> {
            const Params actor = in.next("actor");
            const Var s = in.next_var("observations");
            return {Vars("action", sac_action(actor, spec, s, in.next_var("noise")).action)};
          }),
      critic_gradient("sac/critic_gradient",
                      [](Inputs& in, const SacSpec& spec) -> std::vector<Vars> {
                        const Params actor = in.next("actor"), critics = in.next("critics");
                        const Params targets = in.next("targets");
                        const Var log_alpha = in.next_var("log_alpha");
                        const Batch batch = in.next("batch");
                        const Var noise_next = in.next_var("noise_next"), noise = in.next_var("noise");

                        const Var y = sac_target(actor, targets, log_alpha, spec, batch, noise_next);
                        Var loss = sac_critic_loss(critics, spec, batch, y);
                        Vars info("critic_loss", loss);
                        info.add("target", mean_all(y));
                        if (spec.value_network)
                          loss = loss + sac_value_loss(critics, actor, log_alpha, spec, batch, noise);
                        const Vars gradient = grad(loss, critics);
                        info.add("gradient", nn::sum_of_all(gradient));
                        return {gradient, info};
                      }),
      actor_gradient("sac/actor_gradient", [](Inputs& in, const SacSpec& spec) -> std::vector<Vars> {
        const Params actor = in.next("actor"), critics = in.next("critics");
        const Var log_alpha = in.next_var("log_alpha");
        const Batch batch = in.next("batch");

        const SacAction now = sac_action(actor, spec, batch["observations"], in.next_var("noise"));
        const Var loss = sac_actor_loss(now, critics, log_alpha, spec, batch);
        const Var temperature = sac_temperature_loss(log_alpha, now.log_prob, spec);
        const Vars gradient = grad(loss, actor);
        const Var by_temperature = grad(temperature, std::array{log_alpha})[0];
        Vars info("entropy", -mean_all(now.log_prob));
        info.add("gradient", nn::sum_of_all(gradient) + by_temperature);
        return {gradient, Vars("log_alpha", by_temperature), info};
      }) {}
// endregion

}  // namespace innerloop::rl
