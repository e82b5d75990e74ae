#include "meta/maml.h"

#include <algorithm>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "rl/conjugate_gradient.h"
#include "rl/experience/padding.h"

namespace innerloop::meta {
namespace {

int task_count(const Batch& data) {
  int tasks = 1;
  for (Var v : data.all()) tasks = std::max(tasks, v.shape().tasks);
  return tasks;
}

// The data of a step, its padding rows masked: what stands there may be anything.
Batch real_rows(const Batch& batch) { return rl::without_padding(batch, batch["weights"]); }

// Σ_{k≤t} λ^(t−k) x_k along each trajectory; not_done is 0 where a trajectory begins.
Var running_sum(Var x, Var not_done, double lambda = 1) {
  const Var carry = lambda == 1 ? not_done : lambda * not_done;
  return linear_recurrence(x, carry, x.shape().rows, +1);  // (tasks, rows, 1)
}

}  // namespace

ParamValues with_step_sizes(const ParamValues& theta, double alpha) {
  ParamValues all = theta;
  for (std::size_t i = 0; i < theta.count(); ++i)
    all.add("alpha/" + theta.name(i), Tensor::full(theta[i].shape(), alpha, theta[i].dtype()));
  return all;
}

Batch batch_of_step(const Batch& batches, int k) {
  const std::string prefix = std::to_string(k) + "/";
  Batch batch = batches.below(prefix);
  require(batch.count() > 0, [&] {
    return "there is no data for inner step " + std::to_string(k) + " (names begin with '" + prefix + "')";
  });
  return batch;
}

// region: inner_objective
Var inner_objective(const Params& theta_i, const Batch& support, const MamlSpec& spec) {
  const Batch data = real_rows(support);
  Var log_pi = nn::log_prob(theta_i, spec.policy, data["observations"], data["actions"]);
  log_pi = rl::on_real_rows(log_pi, support["weights"]);  // (tasks, rows, 1)
  Var weighted_advantage = support["weights"] * data["advantages"];
  Var log_rho = log_pi - stop_gradient(log_pi);  // value 0, gradient ∇log π
  switch (spec.estimator) {
    case InnerEstimator::first_order:
    case InnerEstimator::log_likelihood:
      // [MAML eq. log-likelihood]  Ĵ = Σ_t log π(a_t|s_t)·Â_t
      return sum_all(log_pi * weighted_advantage);
    case InnerEstimator::likelihood_ratio:
      // [MAML eq. likelihood-ratio]  Ĵ = Σ_t ρ_t·Â_t
      return sum_all(exp(log_rho) * weighted_advantage);
    case InnerEstimator::dice: {
      // [MAML eq. dice]  Ĵ = Σ_t (D_t − D_{t−1})·Â_t,  D_t = Π_{k≤t} ρ_k,  D_{−1} = 1
      Var not_done = 1.0 - data["start"];  // 0 where a trajectory begins
      Var product = exp(running_sum(log_rho, not_done));
      Var before = not_done * shift_rows(product, 1) + data["start"];
      return sum_all((product - before) * weighted_advantage);
    }
    case InnerEstimator::loaded_dice: {
      // [MAML eq. loaded-dice]  Ĵ = Σ_t (exp w_t − exp v_t)·Â_t,  w_t = λ w_{t−1} + log ρ_t,  v_t = w_t − log ρ_t
      Var w = running_sum(log_rho, 1.0 - data["start"], spec.loaded_lambda);
      return sum_all((exp(w) - exp(w - log_rho)) * weighted_advantage);
    }
    case InnerEstimator::taypo_2: {
      // [MAML eq. taypo-2]  Ĵ = Σ_t (ρ_t − 1)·(1 + Σ_{k<t} (ρ_k − 1))·Â_t
      Var excess = exp(log_rho) - 1.0;
      Var before = running_sum(excess, 1.0 - data["start"]) - excess;
      return sum_all(excess * (1.0 + before) * weighted_advantage);
    }
    case InnerEstimator::importance_ratio:
      // [MAML eq. importance-ratio]  Ĵ = Σ_t π(a_t|s_t)/π_old(a_t|s_t)·Â_t
      return sum_all(exp(rl::on_real_rows(log_pi - data["old_log_prob"], support["weights"])) * weighted_advantage);
  }
  return {};
}
// endregion

// region: step_sizes
// [MAML eq. step-sizes]  θ'_i = θ_i + α ∘ ∇Ĵ_i(θ_i): a learned step size for each parameter
static Params adapt_by_learned_sizes(const Params& theta_i, const Batch& support, Var alpha,
                                     const MamlSpec& spec) {
  const Params sizes = theta_i.below("alpha/");
  Params policy;
  for (std::size_t i = 0; i < sizes.count(); ++i) policy.add(sizes.name(i), theta_i[sizes.name(i)]);
  Params gradient = grad(inner_objective(policy, support, spec), policy);
  if (spec.estimator == InnerEstimator::first_order) gradient = stop_gradient(gradient);
  Params moved;
  for (std::size_t i = 0; i < sizes.count(); ++i)
    moved.add(sizes.name(i), policy[i] + alpha * sizes[i] * gradient[i]);
  for (std::size_t i = 0; i < sizes.count(); ++i) moved.add("alpha/" + sizes.name(i), sizes[i]);
  return moved;
}
// endregion

// region: adapt
// [MAML eq. adapt]  θ'_i = θ_i + α·∇Ĵ_i(θ_i)
Params adapt(const Params& theta_i, const Batch& support, Var alpha, const MamlSpec& spec) {
  if (spec.step_sizes == StepSizes::learned) return adapt_by_learned_sizes(theta_i, support, alpha, spec);
  Params gradient = grad(inner_objective(theta_i, support, spec), theta_i);
  if (spec.estimator == InnerEstimator::first_order) gradient = stop_gradient(gradient);
  return theta_i + alpha * gradient;
}

Params adapt_all(const Params& theta, const Batch& supports, Var alpha, const MamlSpec& spec) {
  // Every task begins from its own copy of θ: from here on gradients with respect to theta_i are per task.
  Params theta_i = broadcast_tasks(theta, task_count(supports));
  for (int k = 0; k < spec.inner_steps; ++k)
    theta_i = adapt(theta_i, batch_of_step(supports, k), slice_rows(alpha, k, 1), spec);
  return theta_i;
}
// endregion

// [MAML eq. 4]  J_i(θ') as a surrogate around the policy that collected the data:  Σ (π_θ'(a|s)/π_old(a|s))·Â / M_i
Var outer_objectives(const Params& theta_prime, const Batch& query, const MamlSpec& spec) {
  const Batch data = real_rows(query);
  Var log_pi = nn::log_prob(theta_prime, spec.policy, data["observations"], data["actions"]);
  Var ratio = exp(rl::on_real_rows(log_pi - data["old_log_prob"], query["weights"]));  // (tasks, rows, 1)
  return sum_all(mul3(ratio, data["advantages"], query["weights"]));
}

Var outer_objective(const Params& theta_prime, const Batch& query, const MamlSpec& spec) {
  Var per_task = outer_objectives(theta_prime, query, spec);
  return sum_tasks(per_task) * (1.0 / per_task.shape().tasks);
}

Var outer_kl(const Params& theta_prime, const Batch& query, const MamlSpec& spec) {
  const Batch data = real_rows(query);
  nn::DistributionVars now = nn::distribution(theta_prime, spec.policy, data["observations"]);
  Var kl = nn::kl(spec.policy, data.below("old/"), now);
  kl = rl::on_real_rows(kl, query["weights"]);  // (tasks, rows, 1)
  Var per_task = sum_all(kl * query["weights"]);
  return sum_tasks(per_task) * (1.0 / per_task.shape().tasks);
}

// region: curvature
// [MAML eq. curvature]  ∇²θ KL(π_θ'old ‖ π_U(θ)) at θ_old = Jᵀ F J with J = ∂U/∂θ: the KL's own gradient is zero there,
// so no derivative of J is needed.
Params curvature_product(const Params& theta, const Batch& supports, Var alpha, const Batch& query, const Params& v,
                         const MamlSpec& spec) {
  Params theta_prime = adapt_all(theta, supports, alpha, spec);
  nn::DistributionVars p = nn::distribution(theta_prime, spec.policy, real_rows(query)["observations"]);

  // J·v forward through adaptation and network, F in the distribution's coordinates, Jᵀ back the same way.
  nn::DistributionVars tangent = p.with(jvp(p.all(), theta.all(), v.all()));
  Var weights = query["weights"] * (1.0 / query["weights"].shape().tasks);
  nn::DistributionVars cotangent = nn::fisher_product(spec.policy, p, tangent, weights);
  return theta.with(vjp(p.all(), theta.all(), cotangent.all()));
}
// endregion

MamlFunctions::MamlFunctions()
    : adapt_step("maml/adapt",
                 [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
                   Params theta_i = in.next("theta_i");
                   Batch support = in.next("support");
                   theta_i = broadcast_tasks(theta_i, task_count(support));  // the first step begins from the shared θ
                   Var alpha = in.next_var("alpha");
                   Vars objective;
                   objective.add("objective", inner_objective(theta_i, support, spec));
                   return {adapt(theta_i, support, alpha, spec), objective};
                 }),
      old_policy("maml/old_policy",
                 [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
                   Params theta_prime = in.next("theta_prime");
                   Batch query = real_rows(in.next("query"));
                   nn::DistributionVars p = nn::distribution(theta_prime, spec.policy, query["observations"]);
                   Vars old;
                   old.add("old_log_prob", nn::log_prob(spec.policy, p, query["actions"]));
                   for (std::size_t i = 0; i < p.count(); ++i) old.add("old/" + p.name(i), p[i]);
                   return {old};
                 }),
      outer("maml/outer",
            [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
              Params theta = in.next("theta");
              Batch supports = in.next("supports");
              Var alpha = in.next_var("alpha");
              Batch query = in.next("query");
              Params theta_prime = adapt_all(theta, supports, alpha, spec);
              Vars values;
              values.add("objective", outer_objective(theta_prime, query, spec));
              values.add("kl", outer_kl(theta_prime, query, spec));
              return {values};
            }),
      meta_gradient("maml/meta_gradient",
                    [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
                      Params theta = in.next("theta");
                      Batch supports = in.next("supports");
                      Var alpha = in.next_var("alpha");
                      Batch query = in.next("query");
                      // [MAML eq. 1]  ∇θ Σ_i J_i(θ'_i): differentiates through adapt(); nothing is switched on.
                      Params theta_prime = adapt_all(theta, supports, alpha, spec);
                      Vars values;
                      values.add("objective", outer_objective(theta_prime, query, spec));
                      return {grad(values["objective"], theta), values};
                    }),
      curvature("maml/curvature", [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
        Params theta = in.next("theta");
        Batch supports = in.next("supports");
        Var alpha = in.next_var("alpha");
        Batch query = in.next("query");
        Params v = in.next("v");
        return {curvature_product(theta, supports, alpha, query, v, spec)};
      }),
      cg_iteration("maml/cg_iteration", [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
        Params theta = in.next("theta");
        Batch supports = in.next("supports");
        Var alpha = in.next_var("alpha");
        Batch query = in.next("query");
        Var damping = in.next_var("damping");
        Vars state = in.next("state");
        Params p = rl::cg_direction(state);
        return {rl::cg_iteration(state, curvature_product(theta, supports, alpha, query, p, spec) + damping * p)};
      }) {}

}  // namespace innerloop::meta
