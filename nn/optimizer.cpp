#include "nn/optimizer.h"

#include <cmath>
#include <string>

#include "autodiff/function.h"
#include "autodiff/ops.h"
#include "kernels/require.h"

namespace innerloop::nn {
namespace {

// xⁿ by repeated squaring. Products only, unlike std::pow of a maths library: the same bits on every machine, and a
// function of n alone, so that a resumed run goes on with the bits of one that never stopped.
double power(double x, int n) {
  double result = 1;
  for (; n > 0; n /= 2, x *= x)
    if (n % 2 == 1) result *= x;
  return result;
}

// [Adam eq. step]  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  θ ← θ − rate·m̂/(√v̂ + ε),  m̂ = m/(1 − β₁ᵗ), v̂ alike
// One step of one parameter, g = factor · gradient; step counts from 1.
template <class T>
void adam_one(Tensor& theta, const Tensor& gradient, double factor, Tensor& m, Tensor& v, int step,
              const AdamConfig& config) {
  const auto beta1 = static_cast<T>(config.beta1), beta2 = static_cast<T>(config.beta2);
  const auto rate = static_cast<T>(config.learning_rate), epsilon = static_cast<T>(config.epsilon);
  const auto m_scale = static_cast<T>(1 / (1 - power(config.beta1, step)));
  const auto v_scale = static_cast<T>(1 / (1 - power(config.beta2, step)));
  const auto scale = static_cast<T>(factor);
  const T* given = static_cast<const T*>(gradient.data());
  T* x = static_cast<T*>(theta.mutable_data());
  T *first = static_cast<T*>(m.mutable_data()), *second = static_cast<T*>(v.mutable_data());
  for (std::size_t k = 0; k < theta.size(); ++k) {
    const T g = scale * given[k];
    first[k] = beta1 * first[k] + (1 - beta1) * g;
    second[k] = beta2 * second[k] + (1 - beta2) * g * g;
    x[k] -= rate * (first[k] * m_scale) / (std::sqrt(second[k] * v_scale) + epsilon);
  }
}

template <class T>
void polyak_one(Tensor& target, const Tensor& theta, double tau) {
  const auto rate = static_cast<T>(tau);
  T* to = static_cast<T*>(target.mutable_data());
  const T* from = static_cast<const T*>(theta.data());
  for (std::size_t k = 0; k < theta.size(); ++k) to[k] += rate * (from[k] - to[k]);
}

// The same step as a Function, for parameters on a device: nothing comes back to the CPU.
// theta, gradient, m, v, rate, 1 / (1 − β₁ᵗ), 1 / (1 − β₂ᵗ) → theta, m, v
std::vector<Vars> adam_on_graph(Inputs& in, const AdamConfig& config) {
  const Params theta = in.next("theta"), gradient = in.next("gradient"), m = in.next("m"), v = in.next("v");
  const Var rate = in.next_var("rate"), m_scale = in.next_var("m_scale"), v_scale = in.next_var("v_scale");
  std::vector<Var> next_theta, next_m, next_v;
  for (std::size_t k = 0; k < theta.count(); ++k) {
    const Var g = gradient[theta.name(k)];
    next_m.push_back(config.beta1 * m[k] + (1 - config.beta1) * g);
    next_v.push_back(config.beta2 * v[k] + (1 - config.beta2) * square(g));
    const Var step = (m_scale * next_m[k]) / (sqrt(v_scale * next_v[k]) + config.epsilon);
    next_theta.push_back(theta[k] - rate * step);
  }
  return {theta.with(next_theta), m.with(next_m), v.with(next_v)};
}

AdamResult adam_on_device(const ParamValues& theta, const ParamValues& gradient, const AdamState& state,
                          const AdamConfig& config) {
  static const Function<AdamConfig> step("adam", &adam_on_graph);
  const int t = state.steps + 1;
  // The rate is an input and no part of the plan: an annealed one would need a new plan each time.
  AdamConfig shape = config;
  shape.learning_rate = 0;
  const auto scalar = [&](double x) { return Tensor::scalar(x, theta[0].dtype()); };
  const Tensor rate = scalar(config.learning_rate), m_scale = scalar(1 / (1 - power(config.beta1, t))),
               v_scale = scalar(1 / (1 - power(config.beta2, t)));
  std::vector<Tensors> next = step(shape, {theta, gradient, state.m, state.v, rate, m_scale, v_scale});
  return {std::move(next[0]), {std::move(next[1]), std::move(next[2]), t}};
}

}  // namespace

ParamValues sgd(const ParamValues& theta, const ParamValues& gradient, double learning_rate) {
  return theta - learning_rate * gradient;
}

AdamState adam_start(const ParamValues& theta) {
  AdamState state;
  for (std::size_t k = 0; k < theta.count(); ++k) {
    state.m.add(theta.name(k), Tensor(theta[k].shape(), theta[k].dtype()));
    state.v.add(theta.name(k), Tensor(theta[k].shape(), theta[k].dtype()));
  }
  return state;
}

AdamResult adam(const ParamValues& theta, const ParamValues& gradient, const AdamState& state,
                const AdamConfig& config) {
  ParamValues in_order;
  for (std::size_t k = 0; k < theta.count(); ++k) in_order.add(theta.name(k), gradient[theta.name(k)]);
  AdamResult next{theta, state};
  adam_step(next.theta, in_order, next.state, config);
  return next;
}

void adam_step(ParamValues& theta, const ParamValues& gradient, AdamState& state, const AdamConfig& config,
               double factor) {
  require_same_names("adam: parameters and gradient", theta, gradient);
  require_same_names("adam: parameters and their running means", theta, state.m);
  require_same_names("adam: parameters and their running means", theta, state.v);
  if (theta.count() > 0 && (theta[0].device() != Device::cpu || gradient[0].device() != Device::cpu)) {
    AdamResult next = adam_on_device(theta, factor == 1 ? gradient : factor * gradient, state, config);
    theta = std::move(next.theta);
    state = std::move(next.state);
    return;
  }
  ++state.steps;
  for (std::size_t k = 0; k < theta.count(); ++k) {
    if (gradient[k].shape() != theta[k].shape() || gradient[k].dtype() != theta[k].dtype())
      throw Error("adam: the gradient of " + theta.name(k) + " is " + to_string(gradient[k].shape()) +
                  ", the parameter " + to_string(theta[k].shape()));
    const auto step = theta[k].dtype() == Dtype::f32 ? adam_one<float> : adam_one<double>;
    step(theta[k], gradient[k], factor, state.m[k], state.v[k], state.steps, config);
  }
}

void polyak_update(ParamValues& target, const ParamValues& theta, double tau) {
  require_same_names("polyak_update: target and parameters", target, theta);
  if (theta.count() > 0 && (theta[0].device() != Device::cpu || target[0].device() != Device::cpu)) {
    target = (1 - tau) * target + tau * theta;
    return;
  }
  for (std::size_t k = 0; k < theta.count(); ++k) {
    if (target[k].shape() != theta[k].shape() || target[k].dtype() != theta[k].dtype())
      throw Error("polyak_update: " + target.name(k) + " is " + to_string(target[k].shape()) + ", but " +
                  theta.name(k) + " is " + to_string(theta[k].shape()));
    const auto update = theta[k].dtype() == Dtype::f32 ? polyak_one<float> : polyak_one<double>;
    update(target[k], theta[k], tau);
  }
}

Var sum_of_all(const Vars& gradient) {
  Var sum = sum_all(gradient[0]);
  for (std::size_t k = 1; k < gradient.count(); ++k) sum = sum + sum_all(gradient[k]);
  return sum;
}

}  // namespace innerloop::nn
