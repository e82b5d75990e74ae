#include "meta/check_cases.h"

#include "autodiff/ops.h"
#include "kernels/philox.h"

namespace innerloop::meta {
namespace {

constexpr int kTasks = 3, kRows = 8;
// MAML's; importance_ratio is ProMP's.
constexpr InnerEstimator kEstimators[] = {InnerEstimator::first_order,      InnerEstimator::log_likelihood,
                                          InnerEstimator::likelihood_ratio, InnerEstimator::dice,
                                          InnerEstimator::loaded_dice,      InnerEstimator::taypo_2};

Tensor normals(Philox& random, Shape shape) {
  std::vector<double> numbers(shape.size());
  for (double& n : numbers) n = random.normal();
  return Tensor::from(shape, numbers);
}

// Two trajectories of different length, then one row of padding.
BatchValues make_batch(Philox& random) {
  Tensor start({kTasks, kRows, 1}), weights({kTasks, kRows, 1});
  for (int task = 0; task < kTasks; ++task)
    for (int row = 0; row < kRows; ++row) {
      start.set(task, row, 0, row == 0 || row == 3 || row == kRows - 1);
      weights.set(task, row, 0, row < kRows - 1 ? 1.0 / (kRows - 1) : 0);
    }
  BatchValues batch;
  batch.add("observations", normals(random, {kTasks, kRows, 2}));
  batch.add("actions", normals(random, {kTasks, kRows, 2}));
  batch.add("advantages", normals(random, {kTasks, kRows, 1}));
  batch.add("weights", weights);
  batch.add("start", start);
  return batch;
}

// The meta-objective, or the KL between adapted policies, as a function of θ and α.
CheckCase maml_case(const std::string& name, InnerEstimator estimator, int inner_steps, bool kl) {
  MamlProblem problem = make_maml_problem(estimator, inner_steps);
  // At the old policy itself the KL and its gradient are zero; away from it there is something to check.
  if (kl) {
    Philox random(11, {.purpose = Purpose::check});
    Tensor mean = problem.query["old/mean"].to(Device::cpu);
    for (double& m : mean.mutable_values<double>()) m += 0.5 * random.normal();
    problem.query["old/mean"] = mean;
  }
  CheckCase c{.name = name + ", " + name_of(estimator) + ", K = " + std::to_string(inner_steps),
              .subject = "maml",
              .inputs = {},
              .build = {}};
  auto add = [&](const std::string& prefix, const Tensors& list, bool differentiated) {
    for (std::size_t i = 0; i < list.count(); ++i) c.inputs.push_back({prefix + list.name(i), list[i], differentiated});
  };
  add("theta/", problem.theta, true);
  c.inputs.push_back({"alpha", problem.alpha, true});
  add("supports/", problem.supports, false);
  add("query/", problem.query, false);
  c.every_input_matters = true;
  const bool cuts_nothing =
      estimator == InnerEstimator::log_likelihood || estimator == InnerEstimator::importance_ratio;
  c.cut = cuts_nothing ? CheckCase::Cut::nothing : CheckCase::Cut::something;
  c.build = [spec = problem.spec, kl](const Vars& in) {
    Params theta_prime = adapt_all(in.below("theta/"), in.below("supports/"), in["alpha"], spec);
    const Batch query = in.below("query/");
    return std::vector<Var>{kl ? outer_kl(theta_prime, query, spec) : outer_objective(theta_prime, query, spec)};
  };
  return c;
}

}  // namespace

const char* name_of(InnerEstimator estimator) { return word_for(estimator); }

MamlProblem make_maml_problem(InnerEstimator estimator, int inner_steps, std::uint64_t seed) {
  Philox random(seed, {.purpose = Purpose::check});
  MamlProblem problem;
  problem.spec = {.policy = {.net = {.inputs = 2, .hidden = {4}, .outputs = 2}, .log_sigma_init = -0.3},
                     .estimator = estimator, .inner_steps = inner_steps};
  problem.theta = nn::init_policy(problem.spec.policy, seed);
  problem.alpha = Tensor({1, inner_steps, 1});
  for (int k = 0; k < inner_steps; ++k) {
    BatchValues batch = make_batch(random);
    // Data of an older policy: ratios that are not 1. (log π of these actions is about −3.)
    if (estimator == InnerEstimator::importance_ratio) {
      Tensor old = normals(random, {kTasks, kRows, 1});
      for (double& log_prob : old.mutable_values<double>()) log_prob = 0.3 * log_prob - 3;
      batch.add("old_log_prob", old);
    }
    for (std::size_t i = 0; i < batch.count(); ++i)
      problem.supports.add(std::to_string(k) + "/" + batch.name(i), batch[i]);
    problem.alpha.set(0, k, 0, 0.1 / (k + 1));
  }

  // The query's old policy is the adapted one: what a meta-step begins from.
  problem.query = make_batch(random);
  MamlFunctions maml;
  ParamValues theta_i = problem.theta;
  for (int k = 0; k < inner_steps; ++k) {
    BatchValues support;
    std::string prefix = std::to_string(k) + "/";
    for (std::size_t i = 0; i < problem.supports.count(); ++i)
      if (problem.supports.name(i).starts_with(prefix))
        support.add(problem.supports.name(i).substr(prefix.size()), problem.supports[i]);
    theta_i = maml.adapt_step(problem.spec, {theta_i, support, Tensor::scalar(problem.alpha.at(0, k, 0))})[0];
  }
  Tensors old = maml.old_policy(problem.spec, {theta_i, problem.query})[0];
  for (std::size_t i = 0; i < old.count(); ++i) problem.query.add(old.name(i), old[i]);
  return problem;
}

std::vector<CheckCase> maml_check_cases() {
  std::vector<CheckCase> cases;
  for (const bool kl : {false, true})
    for (int inner_steps : {1, 2, 3})
      for (InnerEstimator estimator : kEstimators)
        cases.push_back(maml_case(kl ? "maml KL" : "maml", estimator, inner_steps, kl));
  return cases;
}

}  // namespace innerloop::meta
