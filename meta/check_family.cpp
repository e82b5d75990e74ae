// What `innerloop check` checks of MAML's relatives, on MAML's problem or one like it: Meta-SGD, E-MAML, ProMP, MAESN.
#include "autodiff/ops.h"
#include "kernels/philox.h"
#include "meta/check_cases.h"
#include "meta/e_maml.h"
#include "meta/promp.h"

namespace innerloop::meta {
namespace {

// The problem's tensors as inputs: θ and α differentiated, data not.
CheckCase case_of(const std::string& name, const char* subject, const MamlProblem& problem) {
  CheckCase c{.name = name, .subject = subject, .inputs = {}, .build = {}};
  const auto add = [&](const std::string& prefix, const Tensors& list, bool differentiated) {
    for (std::size_t i = 0; i < list.count(); ++i) c.inputs.push_back({prefix + list.name(i), list[i], differentiated});
  };
  add("theta/", problem.theta, true);
  c.inputs.push_back({"alpha", problem.alpha, true});
  add("supports/", problem.supports, false);
  add("query/", problem.query, false);
  c.cut = CheckCase::Cut::nothing;
  c.every_input_matters = true;
  return c;
}

std::string with_steps(std::string name, int inner_steps) { return name + ", K = " + std::to_string(inner_steps); }

Tensor drawn(Philox& random, Shape shape, double centre, double spread) {
  std::vector<double> numbers(shape.size());
  for (double& n : numbers) n = centre + spread * random.normal();
  return Tensor::from(shape, numbers);
}

}  // namespace

std::vector<CheckCase> meta_sgd_check_cases() {
  std::vector<CheckCase> cases;
  for (const int inner_steps : {1, 2, 3}) {
    // A step size of its own for every parameter, some of them negative.
    MamlProblem problem = make_maml_problem(InnerEstimator::log_likelihood, inner_steps);
    Philox random(13, {.purpose = Purpose::check});
    ParamValues theta = problem.theta;
    for (std::size_t i = 0; i < problem.theta.count(); ++i)
      theta.add("alpha/" + problem.theta.name(i), drawn(random, problem.theta[i].shape(), 1, 1));
    problem.theta = std::move(theta);
    problem.spec.step_sizes = StepSizes::learned;
    CheckCase c = case_of(with_steps("maml, learned step sizes", inner_steps), "maml", problem);
    c.build = [spec = problem.spec](const Vars& in) {
      const Params theta_prime = adapt_all(in.below("theta/"), in.below("supports/"), in["alpha"], spec);
      return std::vector<Var>{outer_objective(theta_prime, in.below("query/"), spec)};
    };
    cases.push_back(std::move(c));
  }
  return cases;
}

std::vector<CheckCase> e_maml_check_cases() {
  std::vector<CheckCase> cases;
  for (const Credit credit : {Credit::sum, Credit::mean})
    for (const int inner_steps : {1, 2, 3}) {
      MamlProblem problem = make_maml_problem(InnerEstimator::log_likelihood, inner_steps);
      Philox random(17, {.purpose = Purpose::check});
      problem.query.add("scores", drawn(random, {problem.query["weights"].shape().tasks, 1, 1}, 0, 1));
      const std::string name = std::string("e_maml, ") + word_for(credit);
      CheckCase c = case_of(with_steps(name, inner_steps), "e_maml", problem);
      c.build = [spec = EMamlSpec{.inner = problem.spec, .credit = credit}](const Vars& in) {
        return std::vector<Var>{e_maml_objective(in.below("theta/"), in.below("supports/"), in["alpha"],
                                                 in.below("query/"), spec)};
      };
      cases.push_back(std::move(c));
    }
  return cases;
}

std::vector<CheckCase> promp_check_cases() {
  std::vector<CheckCase> cases;
  for (const int inner_steps : {1, 2, 3}) {
    // Data of other policies than θ's, so that ratios and KLs say something; some ratios are outside the clip.
    MamlProblem problem = make_maml_problem(InnerEstimator::importance_ratio, inner_steps);
    Philox random(19, {.purpose = Purpose::check});
    const Shape rows = problem.query["weights"].shape();
    for (int k = 0; k < inner_steps; ++k) {
      const std::string step = std::to_string(k) + "/";
      problem.supports.add(step + "old/mean", drawn(random, {rows.tasks, rows.rows, 2}, 0, 0.3));
      problem.supports.add(step + "old/log_sigma", drawn(random, {rows.tasks, 1, 2}, -0.3, 0.1));
    }
    Tensor old = problem.query["old_log_prob"].to(Device::cpu);
    for (double& log_prob : old.mutable_values<double>()) log_prob += 0.3 * random.normal();
    problem.query["old_log_prob"] = old;

    CheckCase c = case_of(with_steps("promp", inner_steps), "promp", problem);
    c.inputs.push_back({"eta", drawn(random, {1, inner_steps, 1}, 0.5, 0.1), true});
    c.build = [spec = PrompSpec{.inner = problem.spec, .clip = 0.3}](const Vars& in) {
      return std::vector<Var>{promp_objective(in.below("theta/"), in.below("supports/"), in["alpha"],
                                              in.below("query/"), in["eta"], spec).value};
    };
    cases.push_back(std::move(c));
  }
  return cases;
}

// Three of five tasks, a policy that sees two numbers and z, rows as in MAML's problem.
MaesnProblem make_maesn_problem(const MaesnSpec& spec, std::uint64_t seed) {
  constexpr int tasks = 3, rows = 8, list = 5;
  Philox random(seed, {.purpose = Purpose::check});
  MaesnProblem problem;
  problem.spec = spec;
  problem.theta = init_maesn(spec, list, 0.4, seed, Dtype::f64);
  for (std::size_t i = 0; i < problem.theta.count(); ++i)
    if (!problem.theta.name(i).starts_with("policy/")) {
      problem.theta[i] = problem.theta[i].to(Device::cpu);
      for (double& x : problem.theta[i].mutable_values<double>()) x += 0.3 * random.normal();
    }
  problem.task = Tensor({tasks, 1, list});
  for (int i = 0; i < tasks; ++i) problem.task.set(i, 0, 2 * i % list, 1);  // tasks 0, 2, 4
  problem.factor = Tensor::scalar(0.8);
  const auto batch = [&] {
    BatchValues b = make_maml_problem(InnerEstimator::log_likelihood, 1, seed + 1).query;
    BatchValues full;
    const int D = spec.latent_size;
    full.add("observations", drawn(random, {tasks, rows, 2 + D}, 0, 1));
    for (const char* name : {"actions", "advantages", "weights", "start"}) full.add(name, b[name]);
    full.add("noise", drawn(random, {tasks, rows, D}, 0, 1));
    Tensor latent_advantages = drawn(random, {tasks, rows, 1}, 0, 0.5);
    for (int i = 0; i < tasks; ++i)
      for (int row = 0; row < rows; ++row)
        if (row != 0 && row != 3) latent_advantages.set(i, row, 0, 0);
    full.add("latent_advantages", latent_advantages);
    return full;
  };
  const MaesnFunctions maesn;
  ParamValues state = maesn.state(spec, {problem.theta, problem.task})[0];
  for (int k = 0; k < spec.inner_steps; ++k) {
    const BatchValues support = batch();
    for (std::size_t i = 0; i < support.count(); ++i)
      problem.supports.add(std::to_string(k) + "/" + support.name(i), support[i]);
    state = maesn.adapt_step(spec, {state, support, problem.factor})[0];
  }
  problem.query = batch();
  const Tensors old = maesn.old_policy(spec, {state, problem.query})[0];
  for (std::size_t i = 0; i < old.count(); ++i) problem.query.add(old.name(i), old[i]);
  return problem;
}

std::vector<CheckCase> maesn_check_cases() {
  const nn::PolicySpec policy{.net = {.inputs = 4, .hidden = {4}, .outputs = 2}, .log_sigma_init = -0.3};
  std::vector<CheckCase> cases;
  const auto add = [&](const std::string& name, const MaesnSpec& spec, bool kl) {
    MaesnProblem problem = make_maesn_problem(spec);
    // At the old policy itself the KL and its gradient are zero; away from it there is something to check.
    Philox random(23, {.purpose = Purpose::check});
    if (kl) {
      problem.query["old/mean"] = problem.query["old/mean"].to(Device::cpu);
      for (double& m : problem.query["old/mean"].mutable_values<double>()) m += 0.5 * random.normal();
    }
    CheckCase c{.name = with_steps(name, spec.inner_steps), .subject = "maesn", .inputs = {}, .build = {}};
    const auto inputs = [&](const std::string& prefix, const Tensors& list, bool differentiated) {
      for (std::size_t i = 0; i < list.count(); ++i)
        c.inputs.push_back({prefix + list.name(i), list[i], differentiated});
    };
    inputs("theta/", problem.theta, true);
    c.inputs.push_back({"factor", problem.factor, true});
    c.inputs.push_back({"task", problem.task, false});
    inputs("supports/", problem.supports, false);
    inputs("query/", problem.query, false);
    c.cut = CheckCase::Cut::nothing;
    c.every_input_matters = true;
    c.build = [spec, kl](const Vars& in) {
      const auto value = kl ? maesn_kl : maesn_objective;
      return std::vector<Var>{value(in.below("theta/"), in.below("supports/"), in["task"], in["factor"],
                                    in.below("query/"), spec)};
    };
    cases.push_back(std::move(c));
  };
  for (const int inner_steps : {1, 2}) {
    add("maesn", {.policy = policy, .inner_steps = inner_steps}, false);
    add("maesn KL", {.policy = policy, .inner_steps = inner_steps}, true);
  }
  add("maesn, policy adapts too", {.policy = policy, .adapt_policy = true}, false);
  add("maesn, points", {.policy = policy, .latents = Latents::point}, false);
  return cases;
}

}  // namespace innerloop::meta
