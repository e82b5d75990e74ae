#include "meta/meta_gradient.h"

#include <algorithm>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/maml.h"
#include "nn/actor_critic.h"
#include "nn/init.h"

namespace innerloop::meta {
namespace {

int most_tasks(std::initializer_list<const Vars*> lists) {
  int tasks = 1;
  for (const Vars* list : lists)
    for (Var v : list->all()) tasks = std::max(tasks, v.shape().tasks);
  return tasks;
}

// The same numbers under new names, a copy for each learner: what is differentiated with respect to them is not
// differentiated with respect to θ, and the other way round.
Params copy(const Params& theta, int tasks) {
  std::vector<Var> copies;
  for (Var v : theta.all()) copies.push_back(broadcast_tasks(reshape(v, v.shape().rows, v.shape().cols), tasks));
  return theta.with(copies);
}

// V of what is seen now, and of what each step led to: 0 where nothing follows.
Var value_now(const Params& theta, const char* critic, const Batch& tau, const MetaGradientSpec& spec) {
  return nn::mlp(theta, spec.value, critic, tau["observations"]);
}
Var value_next(const Params& theta, const char* critic, const Batch& tau, const MetaGradientSpec& spec) {
  return tau["not_terminated"] * nn::mlp(theta, spec.value, critic, tau["next_observations"]);
}

Var returns_with(const Params& theta, const char* critic, Var gamma, Var lambda, const Batch& tau,
                 const MetaGradientSpec& spec) {
  const Var next = value_next(theta, critic, tau, spec);
  return rl::lambda_returns({tau["rewards"], next, tau["continues"], spec.time_steps}, gamma, lambda);
}

// The return with η̄, from the values of one of the two critics.
Var reference_returns(const Params& theta, const char* critic, const Batch& tau, const MetaGradientSpec& spec) {
  Graph& graph = *tau["rewards"].graph;
  return returns_with(theta, critic, graph.fill({1, 1, 1}, spec.gamma_bar),
                      graph.fill({1, 1, 1}, spec.lambda_bar), tau, spec);
}

const char* judging_critic(const MetaGradientSpec& spec) {
  return spec.outer_critic ? "outer_value" : "value";
}

Var half_squares(const Batch& tau, Var error) { return 0.5 * sum_all(tau["weights"] * square(error)); }

}  // namespace

// region: return_parameter
// [meta-gradient eq. eta]  γ = σ(η_γ), λ = σ(η_λ); by state: γ_t = σ(η_γ(s_{t+1})), a table over one-hot observations
Var return_parameter(const Params& eta, const char* name, double otherwise, const Batch& tau) {
  if (!eta.contains(name)) return tau["rewards"].graph->fill({1, 1, 1}, otherwise);
  const Var bounded = sigmoid(eta[name]);  // (tasks, n, 1)
  return bounded.shape().rows == 1 ? bounded : matmul(tau["next_observations"], bounded);
}
// endregion

Params with_embedding(const Params& theta, const Params& eta, const MetaGradientSpec& spec) {
  if (spec.embedding == 0 || eta.count() == 0) return theta;
  // [meta-gradient eq. embedding]  e = η·W with η as data: no meta-gradient flows through what the networks see of it
  std::vector<Var> numbers;
  for (Var part : eta.all()) numbers.push_back(transpose(stop_gradient(part)));  // (tasks, 1, n)
  const Var e = matmul(concat_cols(numbers), theta["embedding/W"]);               // (tasks, 1, width)
  std::vector<Var> all(theta.all().begin(), theta.all().end());
  for (std::size_t k = 0; k < theta.count(); ++k)
    if (theta.name(k).ends_with("/b1")) {
      const std::string network = theta.name(k).substr(0, theta.name(k).size() - 3);
      all[k] = all[k] + matmul(e, theta["embedding/" + network]);
    }
  return theta.with(all);
}

// region: returns
// [meta-gradient eq. return]  g_η(τ)_t = r_t + γ_t [(1 − λ_t) v_θ(s_{t+1}) + λ_t g_η(τ)_{t+1}]
Var eta_returns(const Params& theta, const Params& eta, const Batch& tau, const MetaGradientSpec& spec) {
  return returns_with(with_embedding(theta, eta, spec), "value",
                      return_parameter(eta, "gamma", spec.gamma, tau),
                      return_parameter(eta, "lambda", spec.lambda, tau), tau, spec);
}
// endregion

namespace {

// What the learner descends: its loss at θ̂, where targets and advantages are data.
struct Targets {
  Var G, advantage;  // g_η; g_η − v_θ
  Var outer;         // the return with η̄, where there is an outer critic
};

Targets targets(const Params& theta, const Params& eta, const Batch& tau, const MetaGradientSpec& spec) {
  const Params seen = with_embedding(theta, eta, spec);
  Targets t;
  t.G = eta_returns(theta, eta, tau, spec);
  if (spec.control) t.advantage = t.G - value_now(seen, "value", tau, spec);
  if (spec.outer_critic) t.outer = reference_returns(seen, "outer_value", tau, spec);
  return t;
}

// region: loss
Var learner_loss(const Params& theta, const Params& eta, const Targets& target, const Batch& tau,
                 const MetaGradientSpec& spec) {
  const Params seen = with_embedding(theta, eta, spec);
  // [meta-gradient eq. prediction]  L = ½ Σ w (g − v_θ(s))²
  const Var critic = half_squares(tau, target.G - value_now(seen, "value", tau, spec));
  if (!spec.control) return critic;

  // [meta-gradient eq. control]  L = −Σ w (g − v) log π_θ(a|s) + c_v ½ Σ w (g − v_θ(s))² − c_e Σ w H(π_θ(·|s))
  const nn::DistributionVars policy = nn::distribution(seen, spec.policy, tau["observations"]);
  const Var log_pi = nn::log_prob(spec.policy, policy, tau["actions"]);  // (B, T·N, 1)
  Var entropy = nn::entropy(spec.policy, policy);
  if (entropy.shape().rows == 1) entropy = broadcast_rows(entropy, tau["weights"].shape().rows);
  Var loss = spec.value_weight * critic - sum_all(mul3(tau["weights"], target.advantage, log_pi)) -
             spec.entropy_weight * sum_all(tau["weights"] * entropy);
  // The outer critic learns beside, from returns with η̄, and nothing of it depends on η.
  if (spec.outer_critic)
    loss = loss + spec.value_weight * half_squares(tau, target.outer - value_now(seen, "outer_value", tau, spec));
  return loss;
}
// endregion

}  // namespace

// region: update
// [meta-gradient eq. update]  θ' = θ + f(τ, θ, η),  f = −A ∘ ∂L(θ̂; g_η(τ, θ))/∂θ̂ at θ̂ = θ
Params update(const Params& theta, const Params& eta, const Batch& tau, const Params& scale,
              const MetaGradientSpec& spec) {
  const Params theta_hat = copy(theta, most_tasks({&theta, &eta, &tau}));
  const Targets target = targets(theta, eta, tau, spec);
  const Params gradient = grad(learner_loss(theta_hat, eta, target, tau, spec), theta_hat);
  std::vector<Var> moved;
  for (std::size_t k = 0; k < theta.count(); ++k) moved.push_back(theta[k] - scale[k] * gradient[k]);
  return theta.with(moved);
}

Params updates(const Params& theta, const Params& eta, const Batch& taus, const Params& scales,
               const MetaGradientSpec& spec) {
  Params theta_k = theta;
  for (int k = 0; k < spec.updates; ++k)
    theta_k = update(theta_k, eta, batch_of_step(taus, k), batch_of_step(scales, k), spec);
  return theta_k;
}
// endregion

// region: objective
// [meta-gradient eq. objective]  prediction: J̄ = ½ Σ w (ḡ − v_θ'(s))²;  control: J̄ = −Σ w (ḡ − v̄(s)) log π_θ'(a|s)
Var meta_objective(const Params& theta_prime, const Params& eta, const Batch& tau_next,
                   const MetaGradientSpec& spec) {
  const Params seen = with_embedding(theta_prime, eta, spec);
  // The judge's own target is data, unless the full derivative is asked for.
  const auto data = [&](Var target) { return spec.full_derivative ? target : stop_gradient(target); };
  const char* critic = judging_critic(spec);
  const Var G_bar = reference_returns(seen, critic, tau_next, spec);
  const Var v = value_now(seen, critic, tau_next, spec);
  if (!spec.control) return half_squares(tau_next, data(G_bar) - v);
  const nn::DistributionVars policy = nn::distribution(seen, spec.policy, tau_next["observations"]);
  const Var log_pi = nn::log_prob(spec.policy, policy, tau_next["actions"]);  // (B, T·N, 1)
  return -sum_all(mul3(tau_next["weights"], data(G_bar - v), log_pi));
}
// endregion

// region: trace
// [meta-gradient eq. trace]  z' = μz + ∂f(τ, θ, η)/∂η: all columns at once, number k of η moved in task k
Params trace(const Params& z, Var mu, const Params& theta, const Params& eta, const Batch& tau, const Params& scale,
             const MetaGradientSpec& spec) {
  const int n = z[0].shape().tasks;
  const Params eta_n = copy(eta, n);
  std::vector<Var> directions;
  int column = 0;
  for (Var part : eta.all()) {
    Tensor unit({n, part.shape().rows, 1}, part.graph->dtype());
    for (int row = 0; row < part.shape().rows; ++row) unit.set(column++, row, 0, 1);
    directions.push_back(part.graph->constant(unit));
  }
  require(column == n, [&] {
    return "the trace has " + std::to_string(n) + " columns, η has " + std::to_string(column) + " numbers";
  });
  const Params moved = update(theta, eta_n, tau, scale, spec);
  return mu * z + z.with(jvp(moved.all(), eta_n.all(), directions));
}

// [meta-gradient eq. along the trace]  ∂J̄/∂η = (∂J̄(τ', θ', η̄)/∂θ')ᵀ z'
Var along_trace(const Params& z, const Params& theta_prime, const Params& eta, const Batch& tau_next,
                const MetaGradientSpec& spec) {
  const Params gradient = grad(meta_objective(theta_prime, eta, tau_next, spec), theta_prime);
  Var sum = sum_all(gradient[0] * z[0]);  // (n, 1, 1)
  for (std::size_t k = 1; k < z.count(); ++k) sum = sum + sum_all(gradient[k] * z[k]);
  return sum;
}
// endregion

MetaGradientFunctions::MetaGradientFunctions()
    : gradient("meta_gradient/gradient",
               [](Inputs& in, const MetaGradientSpec& spec) -> std::vector<Vars> {
                 const Params theta = in.next("theta"), eta = in.next("eta");
                 const Batch tau = in.next("tau");
                 const Params theta_hat = copy(theta, most_tasks({&theta, &tau}));
                 const Var loss = learner_loss(theta_hat, eta, targets(theta, eta, tau, spec), tau, spec);
                 return {grad(loss, theta_hat), Vars("loss", loss)};
               }),
      exact("meta_gradient/exact",
            [](Inputs& in, const MetaGradientSpec& spec) -> std::vector<Vars> {
              const Params theta = in.next("theta"), eta = in.next("eta");
              const Batch taus = in.next("taus");
              const Params scales = in.next("scales");
              const Batch tau_next = in.next("tau_next");
              // [meta-gradient eq. exact]  ∂J̄(τ', θ_K, η̄)/∂η through θ_{k+1} = θ_k + f(τ_k, θ_k, η)
              const Params theta_K = updates(theta, eta, taus, scales, spec);
              const Var objective = meta_objective(theta_K, eta, tau_next, spec);
              const Var mean = sum_tasks(objective) * (1.0 / objective.shape().tasks);
              return {grad(mean, eta), Vars("objective", objective)};
            }),
      grow("meta_gradient/trace",
           [](Inputs& in, const MetaGradientSpec& spec) -> std::vector<Vars> {
             const Params z = in.next("z");
             const Var mu = in.next_var("mu");
             const Params theta = in.next("theta"), eta = in.next("eta");
             const Batch tau = in.next("tau");
             return {trace(z, mu, theta, eta, tau, in.next("scale"), spec)};
           }),
      along("meta_gradient/along_trace",
            [](Inputs& in, const MetaGradientSpec& spec) -> std::vector<Vars> {
              const Params z = in.next("z"), theta_prime = in.next("theta_prime"), eta = in.next("eta");
              const Batch tau_next = in.next("tau_next");
              return {Vars("eta", along_trace(z, theta_prime, eta, tau_next, spec)),
                      Vars("objective", meta_objective(theta_prime, eta, tau_next, spec))};
            }),
      embedded("meta_gradient/embedded",
               [](Inputs& in, const MetaGradientSpec& spec) -> std::vector<Vars> {
                 const Params theta = in.next("theta");
                 return {with_embedding(theta, in.next("eta"), spec)};
               }),
      descend("meta_gradient/descend", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
        const Params theta = in.next("theta"), gradient = in.next("gradient"), scale = in.next("scale");
        std::vector<Var> moved;
        for (std::size_t k = 0; k < theta.count(); ++k) moved.push_back(theta[k] - scale[k] * gradient[k]);
        return {theta.with(moved)};
      }) {}

ParamValues init_meta_gradient(const MetaGradientSpec& spec, int eta_numbers, std::uint64_t seed, Dtype dtype) {
  ParamValues theta;
  const auto append = [&](const ParamValues& part) {
    for (std::size_t k = 0; k < part.count(); ++k) theta.add(part.name(k), part[k]);
  };
  if (spec.control)
    append(nn::init_actor_critic({.observations = spec.value.inputs, .policy = spec.policy,
                                  .value_hidden = spec.value.hidden}, seed, dtype));
  else
    append(nn::init_mlp(spec.value, seed, "value", dtype));
  if (spec.outer_critic) append(nn::init_mlp(spec.value, seed, "outer_value", dtype));
  if (spec.embedding == 0 || eta_numbers == 0) return theta;
  const auto matrix = [&](const std::string& name, int rows, int cols) {
    theta.add(name, nn::xavier_uniform(name, rows, cols, seed, dtype));
  };
  matrix("embedding/W", eta_numbers, spec.embedding);
  if (spec.control) matrix("embedding/policy", spec.embedding, spec.policy.net.hidden.at(0));
  matrix("embedding/value", spec.embedding, spec.value.hidden.at(0));
  if (spec.outer_critic) matrix("embedding/outer_value", spec.embedding, spec.value.hidden.at(0));
  return theta;
}

}  // namespace innerloop::meta
