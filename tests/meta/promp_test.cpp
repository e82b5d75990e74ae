// ProMP's objective: the inner step at ratio 1, the clip in its four quadrants, the penalty.
#include "meta/promp.h"

#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/check_cases.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

Params inputs(Graph& graph, const Tensors& values) {
  Params vars;
  for (std::size_t i = 0; i < values.count(); ++i) vars.add(values.name(i), graph.input(values[i], values.name(i)));
  return vars;
}

// The problem's support with the numbers of the policy at θ as those of the old one: every ratio is 1.
BatchValues on_policy(const MamlProblem& problem) {
  BatchValues support;
  for (const char* name : {"observations", "actions", "advantages", "weights", "start"})
    support.add(name, problem.supports["0/" + std::string(name)]);
  MamlFunctions maml;
  const Tensors old = maml.old_policy(problem.spec, {problem.theta, support})[0];
  for (std::size_t i = 0; i < old.count(); ++i) support.add(old.name(i), old[i]);
  return support;
}

}  // namespace

TEST_CASE("[MAML eq. importance-ratio] at ratio 1 the importance-weighted inner step is that of likelihood ratios") {
  MamlProblem problem = make_maml_problem(InnerEstimator::likelihood_ratio, 1);
  const BatchValues support = on_policy(problem);
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Params theta = inputs(graph, problem.theta);
  const Batch data = inputs(graph, support);
  MamlSpec weighted = problem.spec;
  weighted.estimator = InnerEstimator::importance_ratio;
  const Var plain = inner_objective(theta, data, problem.spec), ratio = inner_objective(theta, data, weighted);
  CHECK(ratio.value().at(1, 0, 0) == Approx(plain.value().at(1, 0, 0)).epsilon(1e-12));
  const Params g = grad(plain, theta), g_weighted = grad(ratio, theta);
  const std::vector<Var> h = hvp(plain, theta.all(), theta.all()), h_weighted = hvp(ratio, theta.all(), theta.all());
  for (std::size_t i = 0; i < theta.count(); ++i) {
    CHECK(relative_error(g[i].value(), g_weighted[i].value()) < 1e-12);
    CHECK(relative_error(h[i].value(), h_weighted[i].value()) < 1e-12);
  }
}

TEST_CASE("[MAML eq. importance-ratio] off the old policy the inner gradient is weighted by the ratio") {
  // Σ ρ Â ∇log π, the ratios by hand: one row, log π_old = log π − log 3, so ρ = 3.
  MamlProblem problem = make_maml_problem(InnerEstimator::importance_ratio, 1);
  BatchValues support = on_policy(problem);
  for (double& log_prob : support["old_log_prob"].mutable_values<double>()) log_prob -= std::log(3.0);
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Params theta = inputs(graph, problem.theta);
  const Batch data = inputs(graph, support);
  MamlSpec plain = problem.spec;
  plain.estimator = InnerEstimator::log_likelihood;
  const Params g = grad(inner_objective(theta, data, problem.spec), theta),
               g_plain = grad(inner_objective(theta, data, plain), theta);
  for (std::size_t i = 0; i < theta.count(); ++i)
    CHECK(relative_error(g[i].value(), (3.0 * g_plain[i]).value()) < 1e-12);
}

TEST_CASE("[ProMP eq. clip] a ratio outside 1 ± ε earns nothing more, and pulls back when it is on the wrong side") {
  // One state, one action a = 0, a Gaussian policy whose mean is its bias μ: ratios by choice of old_log_prob.
  struct Row {
    double ratio, advantage, slope;  // slope of the objective in units of ρ·Â·∇log π
  };
  for (const Row row : {Row{1.0, 2, 1}, Row{1.5, 2, 0}, Row{1.5, -2, 1}, Row{0.5, 2, 1}, Row{0.5, -2, 0}}) {
    const PrompSpec spec{.inner = {.policy = {.net = {.inputs = 1, .hidden = {}, .outputs = 1}}}, .clip = 0.3};
    Graph graph(Dtype::f64, Graph::Mode::eager);
    Params theta;
    theta.add("policy/W1", graph.input(Tensor::scalar(0), "W"));
    theta.add("policy/b1", graph.input(Tensor::scalar(0.4), "b"));
    theta.add("policy/log_sigma", graph.input(Tensor::scalar(0), "log_sigma"));
    const double log_pi = -0.5 * 0.4 * 0.4 - 0.5 * std::log(2 * 3.14159265358979323846);
    Batch query;
    query.add("observations", graph.fill({1, 1, 1}, 1));
    query.add("actions", graph.fill({1, 1, 1}, 0));
    query.add("advantages", graph.fill({1, 1, 1}, row.advantage));
    query.add("weights", graph.fill({1, 1, 1}, 1));
    query.add("old_log_prob", graph.fill({1, 1, 1}, log_pi - std::log(row.ratio)));
    const Var objective = clipped_objectives(theta, query, spec);
    const double bound = row.advantage > 0 ? 1.3 : 0.7;
    CHECK(objective.value().item() ==
          Approx(row.slope != 0 ? row.ratio * row.advantage : bound * row.advantage).epsilon(1e-12));
    // ∇_μ log π(0) = (0 − μ)/σ² = −0.4.
    CHECK(grad(objective, theta)["policy/b1"].value().item() ==
          Approx(row.slope * row.ratio * row.advantage * -0.4).margin(1e-12));
  }
}

TEST_CASE("[ProMP eq. kl] [ProMP eq. objective] at the old policy the objective is LVC's, the penalty pulls nowhere") {
  MamlProblem problem = make_maml_problem(InnerEstimator::likelihood_ratio, 1);
  const BatchValues support = on_policy(problem);
  PrompSpec spec{.inner = problem.spec};
  spec.inner.estimator = InnerEstimator::importance_ratio;
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Params theta = inputs(graph, problem.theta);
  Batch supports;
  for (std::size_t i = 0; i < support.count(); ++i) supports.add("0/" + support.name(i), graph.constant(support[i]));
  const Batch query = inputs(graph, problem.query);
  const Var alpha = graph.constant(problem.alpha), eta = graph.fill({1, 1, 1}, 5);
  const PrompObjective promp = promp_objective(theta, supports, alpha, query, eta, spec);
  CHECK(std::abs(promp.kl_steps.value().item()) < 1e-15);
  CHECK(std::abs(promp.kl_outer.value().item()) < 1e-15);

  const Params theta_prime = adapt_all(theta, supports, alpha, problem.spec);
  const Params lvc = grad(outer_objective(theta_prime, query, problem.spec), theta);
  const Params g = grad(promp.value, theta);
  for (std::size_t i = 0; i < theta.count(); ++i) CHECK(relative_error(g[i].value(), lvc[i].value()) < 1e-12);

  // Away from it the value falls by η·KL.
  Params moved;
  for (std::size_t i = 0; i < theta.count(); ++i) moved.add(theta.name(i), theta[i] + 0.05);
  const PrompObjective with = promp_objective(moved, supports, alpha, query, eta, spec),
                       without = promp_objective(moved, supports, alpha, query, graph.fill({1, 1, 1}, 0), spec);
  CHECK(with.kl_steps.value().item() > 1e-4);
  CHECK(without.value.value().item() - with.value.value().item() ==
        Approx(5 * with.kl_steps.value().item()).epsilon(1e-12));
}

TEST_CASE("the adaptive penalty doubles above and halves below its band") {
  CHECK(adapted_penalty(1, 0.016, 0.01) == 2);
  CHECK(adapted_penalty(1, 0.014, 0.01) == 1);
  CHECK(adapted_penalty(1, 0.007, 0.01) == 1);
  CHECK(adapted_penalty(1, 0.006, 0.01) == 0.5);
}
