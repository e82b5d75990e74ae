#include "meta/maml.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"

namespace innerloop::meta {
namespace {

// Π_{k≤t} ρ_k along each trajectory, as exp of a running sum of log ρ that begins anew where a trajectory begins.
Var trajectory_product(Var log_rho, Var continues) {
  return exp(linear_recurrence(log_rho, continues, log_rho.shape().rows, +1));  // (tasks, rows, 1)
}

}  // namespace

Batch batch_of_step(const Batch& batches, int k) {
  Batch batch;
  std::string prefix = std::to_string(k) + "/";
  for (std::size_t i = 0; i < batches.count(); ++i)
    if (batches.name(i).starts_with(prefix)) batch.add(batches.name(i).substr(prefix.size()), batches[i]);
  require(batch.count() > 0, "there is no data for inner step " + std::to_string(k) + " (names begin with '" + prefix + "')");
  return batch;
}

Var inner_objective(const Params& theta_i, const Batch& support, const MamlProgram& program) {
  Var log_pi = nn::log_prob(theta_i, program.policy, support["observations"], support["actions"]);  // (tasks, rows, 1)
  Var weighted_advantage = support["weights"] * support["advantages"];
  Var log_rho = log_pi - stop_gradient(log_pi);  // value 0, gradient ∇log π
  switch (program.estimator) {
    case InnerEstimator::first_order:
    case InnerEstimator::log_likelihood:
      // [MAML eq. log-likelihood]  Ĵ = Σ_t log π(a_t|s_t)·Â_t
      return sum_all(log_pi * weighted_advantage);
    case InnerEstimator::likelihood_ratio:
      // [MAML eq. likelihood-ratio]  Ĵ = Σ_t ρ_t·Â_t
      return sum_all(exp(log_rho) * weighted_advantage);
    case InnerEstimator::dice: {
      // [MAML eq. dice]  Ĵ = Σ_t (D_t − D_{t−1})·Â_t,  D_t = Π_{k≤t} ρ_k,  D_{−1} = 1
      Var product = trajectory_product(log_rho, support["continues"]);
      Var before = support["continues"] * shift_rows(product, 1) + (1.0 - support["continues"]);
      return sum_all((product - before) * weighted_advantage);
    }
  }
  return {};
}

// [MAML eq. adapt]  θ'_i = θ_i + α·∇Ĵ_i(θ_i)
Params adapt(const Params& theta_i, const Batch& support, Var alpha, const MamlProgram& program) {
  Params gradient = grad(inner_objective(theta_i, support, program), theta_i);
  if (program.estimator == InnerEstimator::first_order) gradient = stop_gradient(gradient);
  return theta_i + alpha * gradient;
}

Params adapt_all(const Params& theta, const Batch& supports, Var alpha, const MamlProgram& program) {
  // Every task begins from its own copy of θ: from here on gradients with respect to theta_i are per task.
  int tasks = 1;
  for (Var data : supports.all()) tasks = std::max(tasks, data.shape().tasks);
  Params theta_i = broadcast_tasks(theta, tasks);
  for (int k = 0; k < program.inner_steps; ++k)
    theta_i = adapt(theta_i, batch_of_step(supports, k), slice_rows(alpha, k, 1), program);
  return theta_i;
}

}  // namespace innerloop::meta
