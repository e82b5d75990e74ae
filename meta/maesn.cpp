#include "meta/maesn.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "meta/maml.h"
#include "nn/distributions.h"
#include "rl/conjugate_gradient.h"
#include "rl/experience/padding.h"

namespace innerloop::meta {
namespace {

Batch steps_only(const Batch& batch) { return rl::without_padding(batch, batch["weights"]); }

// The entries whose names begin so, under their full names.
Params entries(const Params& list, const std::string& prefix) {
  Params found;
  for (std::size_t i = 0; i < list.count(); ++i)
    if (list.name(i).starts_with(prefix)) found.add(list.name(i), list[i]);
  return found;
}

// Columns of the environment's observation, and of z.
Var without_latent(Var observations, const MaesnSpec& spec) {
  return slice_cols(observations, 0, spec.policy.net.inputs - spec.latent_size);
}
Var latent_columns(Var observations, const MaesnSpec& spec) {
  return slice_cols(observations, spec.policy.net.inputs - spec.latent_size, spec.latent_size);
}

}  // namespace

ParamValues init_maesn(const MaesnSpec& spec, int tasks, double alpha, std::uint64_t seed, Dtype dtype) {
  ParamValues theta = nn::init_policy(spec.policy, seed, dtype);
  const ParamValues policy = theta;
  const int D = spec.latent_size;
  Philox random(seed, {.purpose = Purpose::init, .time_step = 1});  // the network draws its own at step 0
  std::vector<double> means(static_cast<std::size_t>(tasks * D));
  for (double& mean : means) mean = random.normal();
  theta.add("latent/mean", Tensor::from({1, tasks, D}, means, dtype));
  theta.add("alpha/latent/mean", Tensor::full({1, 1, D}, alpha, dtype));
  if (spec.latents == Latents::gaussian) {
    theta.add("latent/log_sigma", Tensor({1, tasks, D}, dtype));
    theta.add("alpha/latent/log_sigma", Tensor::full({1, 1, D}, alpha, dtype));
  }
  if (spec.adapt_policy)
    for (std::size_t i = 0; i < policy.count(); ++i)
      theta.add("alpha/" + policy.name(i), Tensor::full(policy[i].shape(), alpha, dtype));
  return theta;
}

Params task_state(const Params& theta, Var task, const MaesnSpec& spec) {
  const int B = task.shape().tasks;
  Params state;
  for (std::size_t i = 0; i < theta.count(); ++i) {
    const std::string& name = theta.name(i);
    if (name.starts_with("latent/"))
      state.add(name, matmul(task, broadcast_tasks(theta[i], B)));  // (B, 1, T)·(B, T, D): the task's own row
    else if (spec.adapt_policy && name.starts_with("policy/"))
      state.add(name, broadcast_tasks(theta[i], B));
    else
      state.add(name, theta[i]);
  }
  return state;
}

// [MAESN eq. latent]  z = μ_i + σ_i·ε
Var latent_of(const Params& state, Var noise, const MaesnSpec& spec) {
  const int rows = noise.shape().rows;
  const Var mean = broadcast_rows(state["latent/mean"], rows);
  if (spec.latents == Latents::point) return mean;
  return mean + broadcast_rows(exp(state["latent/log_sigma"]), rows) * noise;
}

// region: inner
// [MAESN eq. latent-objective]  Ĵ(μ, σ) = 1/N Σ_n A_n log N(z_n; μ, σ²): the score function of what was drawn
Var latent_objective(const Params& state, const Batch& support, const MaesnSpec& spec) {
  const Batch data = steps_only(support);
  if (spec.latents == Latents::point) {
    // Without noise there is no score: the policy's own surrogate, as a function of z = μ.
    const Var z = latent_of(state, latent_columns(data["observations"], spec), spec);
    const Var seen = concat_cols(std::vector<Var>{without_latent(data["observations"], spec), z});
    const Var log_pi = nn::log_prob(state, spec.policy, seen, data["actions"]);
    return sum_all(rl::on_real_rows(log_pi, support["weights"]) * data["advantages"] * support["weights"]);
  }
  const Var z = latent_columns(data["observations"], spec);  // (B, rows, D), data
  const nn::Gaussian q{broadcast_rows(state["latent/mean"], z.shape().rows), state["latent/log_sigma"]};
  return sum_all(nn::log_prob(q, z) * support["latent_advantages"]);
}

// [MAESN eq. adapt]  μ' = μ + α_μ ∘ ∇_μ Ĵ,  log σ' = log σ + α_σ ∘ ∇_{log σ} Ĵ
Params adapt_latents(const Params& state, const Batch& support, Var factor, const MaesnSpec& spec) {
  Params moving = entries(state, "latent/");
  const Params slopes = grad(latent_objective(state, support, spec), moving);
  Params moved;
  for (std::size_t i = 0; i < moving.count(); ++i)
    moved.add(moving.name(i), moving[i] + factor * state["alpha/" + moving.name(i)] * slopes[i]);
  if (spec.adapt_policy) {
    // [MAESN eq. adapt-policy]  θ' = θ + α_θ ∘ ∇_θ Ĵ_i(θ)
    const Params policy = entries(state, "policy/");
    const Params gradient = grad(inner_objective(policy, support, {.policy = spec.policy}), policy);
    for (std::size_t i = 0; i < policy.count(); ++i)
      moved.add(policy.name(i), policy[i] + factor * state["alpha/" + policy.name(i)] * gradient[i]);
  }
  Params next;
  for (std::size_t i = 0; i < state.count(); ++i) {
    const std::string& name = state.name(i);
    next.add(name, moved.contains(name) ? moved[name] : state[i]);
  }
  return next;
}
// endregion

Params adapt_state(const Params& theta, const Batch& supports, Var task, Var factor, const MaesnSpec& spec) {
  Params state = task_state(theta, task, spec);
  for (int k = 0; k < spec.inner_steps; ++k)
    state = adapt_latents(state, batch_of_step(supports, k), factor, spec);
  return state;
}

nn::DistributionVars latent_policy(const Params& state, const Batch& batch, const MaesnSpec& spec) {
  const Batch data = steps_only(batch);
  const Var z = latent_of(state, data["noise"], spec);
  const Var seen = concat_cols(std::vector<Var>{without_latent(data["observations"], spec), z});
  return nn::distribution(state, spec.policy, seen);
}

// region: outer
// [MAESN eq. prior]  KL(N(μ_i, σ_i²) ‖ N(0, 1)) = Σ ½(σ² + μ² − 1) − log σ, of the latents before the update
Var prior_kl(const Params& state, const MaesnSpec& spec) {
  const Var mean = state["latent/mean"];  // (B, 1, D)
  if (spec.latents == Latents::point) return sum_all(0.5 * square(mean));
  const Var log_sigma = state["latent/log_sigma"];
  return sum_all(0.5 * (square(exp(log_sigma)) + square(mean) - 1.0) - log_sigma);
}

// [MAESN eq. objective]  mean_i (E_{z ~ N(μ'_i, σ'_i)} R_i − c·KL(N(μ_i, σ_i²) ‖ N(0, 1))), as a surrogate around the
// policy that collected the data: z' = μ' + σ'ε moves with the latents, ε is data
Var maesn_objective(const Params& theta, const Batch& supports, Var task, Var factor, const Batch& query,
                    const MaesnSpec& spec) {
  const Params state = adapt_state(theta, supports, task, factor, spec);
  const Batch data = steps_only(query);
  const Var log_pi = nn::log_prob(spec.policy, latent_policy(state, query, spec), data["actions"]);
  const Var ratio = exp(rl::on_real_rows(log_pi - data["old_log_prob"], query["weights"]));  // (B, rows, 1)
  const Var earned = sum_all(mul3(ratio, data["advantages"], query["weights"]));
  const Var prior = prior_kl(task_state(theta, task, spec), spec);
  return sum_tasks(earned - spec.kl_weight * prior) * (1.0 / task.shape().tasks);
}
// endregion

Var maesn_kl(const Params& theta, const Batch& supports, Var task, Var factor, const Batch& query,
             const MaesnSpec& spec) {
  const Params state = adapt_state(theta, supports, task, factor, spec);
  const nn::DistributionVars now = latent_policy(state, query, spec);
  const Var kl = rl::on_real_rows(nn::kl(spec.policy, steps_only(query).below("old/"), now), query["weights"]);
  return sum_tasks(sum_all(kl * query["weights"])) * (1.0 / task.shape().tasks);
}

namespace {

// JᵀFJ·v through adaptation, z and network, as MAML's.
Params maesn_curvature(const Params& theta, const Batch& supports, Var task, Var factor, const Batch& query,
                       const Params& v, const MaesnSpec& spec) {
  const Params state = adapt_state(theta, supports, task, factor, spec);
  const nn::DistributionVars p = latent_policy(state, query, spec);
  const nn::DistributionVars tangent = p.with(jvp(p.all(), theta.all(), v.all()));
  const Var weights = query["weights"] * (1.0 / query["weights"].shape().tasks);
  return theta.with(vjp(p.all(), theta.all(), nn::fisher_product(spec.policy, p, tangent, weights).all()));
}

}  // namespace

MaesnFunctions::MaesnFunctions()
    : state("maesn/state",
            [](Inputs& in, const MaesnSpec& spec) -> std::vector<Vars> {
              const Params theta = in.next("theta");
              return {task_state(theta, in.next_var("task"), spec)};
            }),
      adapt_step("maesn/adapt",
                 [](Inputs& in, const MaesnSpec& spec) -> std::vector<Vars> {
                   const Params state = in.next("state");
                   const Batch support = in.next("support");
                   return {adapt_latents(state, support, in.next_var("factor"), spec)};
                 }),
      old_policy("maesn/old_policy",
                 [](Inputs& in, const MaesnSpec& spec) -> std::vector<Vars> {
                   const Params state = in.next("state");
                   const Batch query = in.next("query");
                   const nn::DistributionVars p = latent_policy(state, query, spec);
                   Vars old("old_log_prob", nn::log_prob(spec.policy, p, steps_only(query)["actions"]));
                   for (std::size_t i = 0; i < p.count(); ++i) old.add("old/" + p.name(i), p[i]);
                   return {old};
                 }),
      meta_gradient("maesn/meta_gradient",
                    [](Inputs& in, const MaesnSpec& spec) -> std::vector<Vars> {
                      const Params theta = in.next("theta");
                      const Batch supports = in.next("supports");
                      const Var task = in.next_var("task"), factor = in.next_var("factor");
                      const Batch query = in.next("query");
                      const Var objective = maesn_objective(theta, supports, task, factor, query, spec);
                      return {grad(objective, theta), Vars("objective", objective)};
                    }),
      outer("maesn/outer",
            [](Inputs& in, const MaesnSpec& spec) -> std::vector<Vars> {
              const Params theta = in.next("theta");
              const Batch supports = in.next("supports");
              const Var task = in.next_var("task"), factor = in.next_var("factor");
              const Batch query = in.next("query");
              Vars values("objective", maesn_objective(theta, supports, task, factor, query, spec));
              values.add("kl", maesn_kl(theta, supports, task, factor, query, spec));
              return {values};
            }),
      cg_iteration("maesn/cg_iteration", [](Inputs& in, const MaesnSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch supports = in.next("supports");
        const Var task = in.next_var("task"), factor = in.next_var("factor");
        const Batch query = in.next("query");
        const Var damping = in.next_var("damping");
        const Vars cg = in.next("state");
        const Params p = rl::cg_direction(cg);
        const Params Ap = maesn_curvature(theta, supports, task, factor, query, p, spec) + damping * p;
        return {rl::cg_iteration(cg, Ap)};
      }) {}

}  // namespace innerloop::meta
