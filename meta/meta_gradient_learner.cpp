#include "meta/meta_gradient_learner.h"

#include <algorithm>
#include <cmath>

#include "autodiff/ops.h"

namespace innerloop::meta {
namespace {

constexpr double rms_decay = 0.99, rms_epsilon = 1e-5;

// RMSProp as step sizes: v' = 0.99v + 0.01g²,  A = rate/(√(v'·correction) + 10⁻⁵)
std::vector<Vars> rms_scale(Inputs& in, const NoSpec&) {
  const Params gradient = in.next("gradient"), squares = in.next("squares");
  const Var correction = in.next_var("correction"), rate = in.next_var("rate");
  std::vector<Var> next, scale;
  for (std::size_t k = 0; k < gradient.count(); ++k) {
    next.push_back(rms_decay * squares[k] + (1 - rms_decay) * square(gradient[k]));
    scale.push_back(rate / (sqrt(next.back() * correction) + rms_epsilon));
  }
  return {gradient.with(next), gradient.with(scale)};
}

Tensors cut_to(const Tensors& list, double most) {
  const double length = norm(list);
  return most > 0 && length > most ? (most / length) * list : list;
}

Tensors filled_like(const Tensors& list, double value, int tasks) {
  Tensors filled;
  for (std::size_t k = 0; k < list.count(); ++k) {
    Shape shape = list[k].shape();
    shape.tasks = tasks;
    filled.add(list.name(k), Tensor::full(shape, value, list[k].dtype()));
  }
  return filled;
}

void require_finite(double length, const char* what, int iteration) {
  if (!std::isfinite(length))
    throw NonFiniteError("meta_gradient, iteration " + std::to_string(iteration) + ": the " + what +
                         " is not finite; a smaller learning_rate or beta may help");
}

void add_list(Tensors& lists, int k, const Tensors& list) {
  for (std::size_t i = 0; i < list.count(); ++i) lists.add(std::to_string(k) + "/" + list.name(i), list[i]);
}

}  // namespace

Tensor eta_for(double value, int n, Dtype dtype) {
  const double bounded = std::clamp(value, 1e-4, 1 - 1e-4);
  return Tensor::full({1, n, 1}, std::log(bounded / (1 - bounded)), dtype);
}

MetaGradientLearner::MetaGradientLearner(const MetaGradientLearnerConfig& config, std::uint64_t seed)
    : config_(config), rms_("meta_gradient/rmsprop", rms_scale) {
  require(config_.learners == 1 || config_.exact,
          "meta_gradient: several learners side by side need the exact meta-gradient (mode = exact)");
  require(config_.exact || config_.spec.updates == 1, "meta_gradient: with the trace, updates must be 1");
  require(config_.spec.embedding == 0 || !config_.spec.value.hidden.empty(),
          "meta_gradient: an embedding needs a network with a hidden layer; a table has none");
  const int n = config_.by_state ? config_.spec.value.inputs : 1;
  if (config_.learn_gamma || config_.move_gamma) eta.add("gamma", eta_for(config_.spec.gamma, n, config_.dtype));
  if (config_.learn_lambda) eta.add("lambda", eta_for(config_.spec.lambda, n, config_.dtype));
  const int numbers = static_cast<int>(eta.number_count());
  theta = init_meta_gradient(config_.spec, numbers, seed, config_.dtype);
  // A table of values starts at 0.
  if (!config_.spec.control) theta = filled_like(theta, 0, config_.bilevel ? 1 : config_.learners);
  start_ = theta;
  moments = nn::adam_start(eta);
  if (config_.rmsprop) squares = filled_like(theta, 0, config_.learners);
  if (!config_.exact && numbers > 0) z = filled_like(theta, 0, numbers);
}

std::vector<double> MetaGradientLearner::parameter(const char* name) const {
  Tensors fixed;
  fixed.add("gamma", Tensor::scalar(config_.spec.gamma));
  fixed.add("lambda", Tensor::scalar(config_.spec.lambda));
  if (!eta.contains(name)) return fixed[name].to_vector();
  std::vector<double> numbers = eta[name].to_vector();
  for (double& x : numbers) x = 1 / (1 + std::exp(-x));
  return numbers;
}

void MetaGradientLearner::set_gamma(double gamma) {
  eta["gamma"] = eta_for(gamma, eta["gamma"].shape().rows, config_.dtype);
}

ParamValues MetaGradientLearner::acting() const {
  return config_.spec.embedding == 0 || eta.count() == 0
             ? theta
             : functions_.embedded(config_.spec, {theta, eta})[0];
}

Tensors MetaGradientLearner::learned_part(const Tensors& list) const {
  Tensors learned;
  if (config_.learn_gamma) learned.add("gamma", list["gamma"]);
  if (config_.learn_lambda) learned.add("lambda", list["lambda"]);
  return learned;
}

// A: step sizes of this update, data to the meta-gradient; the cut of a long gradient is part of them.
ParamValues MetaGradientLearner::scale_of(const ParamValues& gradient, double length) {
  const double most = config_.max_gradient_norm;
  const double rate = config_.learning_rate * (most > 0 && length > most ? most / length : 1);
  if (!config_.rmsprop) return filled_like(gradient, rate, 1);
  const double correction = 1 / (1 - std::pow(rms_decay, ++updates_done));
  std::vector<Tensors> out = rms_({}, {gradient, squares, Tensor::scalar(correction, config_.dtype),
                                       Tensor::scalar(rate, config_.dtype)});
  squares = out[0];
  return out[1];
}

struct MetaGradientLearner::Step {
  ParamValues scale;
  double gradient_norm = 0;
};

// θ ← θ + f(τ, θ, η)
MetaGradientLearner::Step MetaGradientLearner::descend(const BatchValues& tau, int iteration) {
  const Tensors gradient = functions_.gradient(config_.spec, {theta, eta, tau})[0];
  Step step{.scale = {}, .gradient_norm = norm(gradient)};
  require_finite(step.gradient_norm, "gradient", iteration);
  step.scale = scale_of(gradient, step.gradient_norm);
  theta = functions_.descend({}, {theta, gradient, step.scale})[0];
  return step;
}

// region: iterate
MetaGradientLearner::Report MetaGradientLearner::iterate(const Collect& collect, int iteration, double factor) {
  const MetaGradientSpec& spec = config_.spec;
  Report report;

  // The experience that judged the last step of η is the first to learn from.
  BatchValues tau = pending.count() > 0 ? pending : collect(acting(), 0);
  const ParamValues start = theta;
  BatchValues taus;
  ParamValues scales;
  for (int k = 0; k < spec.updates; ++k) {
    // θ moves with the return that η means; what θ'(η) is, is remembered: its trace, or all that it was made from.
    const ParamValues before = theta;
    const Step step = descend(tau, iteration);
    report.gradient_norm = step.gradient_norm;
    if (z.count() > 0)
      z = functions_.grow(spec, {z, Tensor::scalar(config_.mu, config_.dtype), before, eta, tau, step.scale})[0];
    add_list(taus, k, tau);
    add_list(scales, k, step.scale);
    tau = collect(acting(), k + 1);
  }

  // The new experience judges with η̄; η follows the derivative of its judgement.
  const bool learns = config_.learn_gamma || config_.learn_lambda;
  if (learns && iteration >= config_.eta_after) {
    Tensors gradient;
    if (config_.exact) {
      const std::vector<Tensors> out = functions_.exact(spec, {start, eta, taus, scales, tau});
      gradient = out[0];
      for (const double x : out[1]["objective"].to_vector()) report.objective += x / config_.learners;
    } else {
      const std::vector<Tensors> out = functions_.along(spec, {z, theta, eta, tau});
      gradient = eta.with_flat(out[0]["eta"].to_vector());
      report.objective = out[1]["objective"].item();
    }
    report.meta_gradient_norm = norm(learned_part(gradient));
    require_finite(report.meta_gradient_norm, "meta-gradient", iteration);
    step_eta(cut_to(gradient, config_.max_meta_gradient_norm), config_.beta * factor);
  }

  pending = tau;
  if (config_.bilevel) theta = start_, pending = {};
  return report;
}
// endregion

void MetaGradientLearner::step_eta(const Tensors& gradient, double rate) {
  Tensors next = eta;
  if (config_.meta_optimiser == MetaOptimiser::adam) {
    nn::adam_step(next, gradient, moments, {.learning_rate = rate});
  } else {
    next = eta - rate * gradient;
  }
  if (config_.learn_gamma) eta["gamma"] = next["gamma"];
  if (config_.learn_lambda) eta["lambda"] = next["lambda"];
}

}  // namespace innerloop::meta
