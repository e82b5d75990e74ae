#include "meta/meta_gradient_problem.h"

#include <string>

#include "kernels/philox.h"

namespace innerloop::meta {
namespace {

constexpr int time_steps = 4, sequences = 2, rows_of_each = time_steps * sequences, states = 3;

Tensor drawn(Philox& random, Shape shape, double scale = 1) {
  std::vector<double> numbers(shape.size());
  for (double& n : numbers) n = scale * random.normal();
  return Tensor::from(shape, numbers);
}

// Observations of any kind, or a state's number as one-hot.
Tensor observed(Philox& random, bool one_hot) {
  if (!one_hot) return drawn(random, {1, rows_of_each, states});
  Tensor x({1, rows_of_each, states});
  for (int row = 0; row < rows_of_each; ++row) x.set(0, row, static_cast<int>(random.below(states)), 1);
  return x;
}

BatchValues experience(Philox& random, const MetaGradientProblemConfig& config) {
  const Shape column{1, rows_of_each, 1};
  Tensor now = observed(random, config.tables), next = observed(random, config.tables);
  Tensor not_terminated = Tensor::full(column, 1), continues(column), actions = drawn(random, column);
  for (int row = 0; row < rows_of_each; ++row) {
    const int t = row / sequences, n = row % sequences;
    continues.set(0, row, 0, t + 1 < time_steps && !(t == 1 && n == 0) && !(t == 2 && n == 1));
    if (t == 1 && n == 0) not_terminated.set(0, row, 0, 0);
    if (continues.at(0, row, 0) != 0)
      for (int k = 0; k < states; ++k) next.set(0, row, k, now.at(0, row + sequences, k));
    if (!config.gaussian) actions.set(0, row, 0, random.below(3));
  }
  BatchValues tau;
  tau.add("observations", now);
  tau.add("next_observations", next);
  tau.add("rewards", drawn(random, column));
  tau.add("not_terminated", not_terminated);
  tau.add("continues", continues);
  tau.add("weights", Tensor::full(column, 1.0 / rows_of_each));
  if (config.control) tau.add("actions", actions);
  return tau;
}

}  // namespace

void add_numbered(Tensors& lists, int k, const Tensors& list) {
  for (std::size_t i = 0; i < list.count(); ++i) lists.add(std::to_string(k) + "/" + list.name(i), list[i]);
}

MetaGradientProblem make_meta_gradient_problem(const MetaGradientProblemConfig& config, std::uint64_t seed) {
  Philox random(seed, {.purpose = Purpose::check});
  MetaGradientProblem p;
  // A table of values over one-hot observations, or networks with a hidden layer.
  const std::vector<int> hidden = config.control ? std::vector{3} : std::vector<int>{};
  p.spec.control = config.control;
  p.spec.value = {.inputs = states, .hidden = hidden, .outputs = 1, .biases = config.control};
  p.spec.policy = {.net = {.inputs = states, .hidden = hidden, .outputs = config.gaussian ? 1 : 3},
                      .head = config.gaussian ? nn::PolicySpec::Head::gaussian : nn::PolicySpec::Head::categorical};
  p.spec.time_steps = time_steps;
  p.spec.updates = config.updates;
  p.spec.gamma = 0.8, p.spec.lambda = 0.6;
  p.spec.gamma_bar = 0.95, p.spec.lambda_bar = 0.9;
  p.spec.entropy_weight = 0.1;
  p.spec.outer_critic = config.outer_critic;
  p.spec.full_derivative = config.full_derivative;
  p.spec.embedding = config.embedding;

  const int numbers = config.tables ? states : 1;
  const auto eta_of = [&](double centre) {
    Tensor eta = drawn(random, {1, numbers, 1}, 0.3);
    for (double& x : eta.mutable_values<double>()) x += centre;
    return eta;
  };
  if (config.gamma) p.eta.add("gamma", eta_of(0.8));
  if (config.lambda) p.eta.add("lambda", eta_of(0.3));
  const int n = numbers * (config.gamma + config.lambda);

  // No parameter is zero; steps are long enough for every one of K updates to matter.
  const ParamValues like = init_meta_gradient(p.spec, n, seed, Dtype::f64);
  for (std::size_t k = 0; k < like.count(); ++k) {
    Shape shape = like[k].shape();
    p.theta.add(like.name(k), drawn(random, shape, 0.6));
    shape.tasks = n;
    p.z.add(like.name(k), drawn(random, shape, 0.1));
  }
  for (int k = 0; k < config.updates; ++k) {
    add_numbered(p.taus, k, experience(random, config));
    ParamValues scale;
    for (std::size_t i = 0; i < p.theta.count(); ++i) {
      Tensor sizes = drawn(random, p.theta[i].shape(), 0.05);
      for (double& x : sizes.mutable_values<double>()) x += 0.4;
      scale.add(p.theta.name(i), sizes);
    }
    add_numbered(p.scales, k, scale);
  }
  p.tau_next = experience(random, config);
  return p;
}

}  // namespace innerloop::meta
