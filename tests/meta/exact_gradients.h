// Derivatives on the enumeration: what the tests hold against known numbers and what the chapter tabulates.
#pragma once

#include <cmath>
#include <vector>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/maml.h"
#include "tests/meta/enumeration.h"

namespace innerloop::tests {

using meta::InnerEstimator;
inline constexpr InnerEstimator kEstimators[] = {InnerEstimator::first_order, InnerEstimator::log_likelihood,
                                                 InnerEstimator::likelihood_ratio, InnerEstimator::dice};

inline double length(const std::vector<double>& x) {
  double sum = 0;
  for (double number : x) sum += number * number;
  return std::sqrt(sum);
}
inline double frobenius(const std::vector<std::vector<double>>& h) {
  std::vector<double> rows;
  for (const auto& row : h) rows.push_back(length(row));
  return length(rows);
}

// ∇Ĵ and ∇²Ĵ of the inner objective at theta, 4 and 4 × 4 numbers.
struct Derivatives {
  std::vector<double> gradient;
  std::vector<std::vector<double>> hessian;
};
inline Derivatives inner_derivatives(InnerEstimator estimator, double reward_shift = 0) {
  Enumeration all = enumerate(table_theta().flat(), reward_shift);
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params params;
  params.add("policy/W1", graph.input(table_theta()[0], "theta"));
  Batch support;
  for (std::size_t i = 0; i < all.batch.count(); ++i) support.add(all.batch.name(i), graph.constant(all.batch[i]));
  Var objective = meta::inner_objective(params, support, {.policy = kTablePolicy, .estimator = estimator});
  Derivatives d;
  d.gradient = grad(objective, params)[0].value().to_vector();
  for (int k = 0; k < 4; ++k) {
    Tensor unit({1, 2, 2});
    unit.set(0, k / 2, k % 2, 1);
    Var v = graph.constant(unit);
    d.hessian.push_back(hvp(objective, params.all(), std::span(&v, 1))[0].value().to_vector());
  }
  return d;
}

// J(θ + α·∇J(θ)) with exact inner and outer expectations, through the compiled functions. The data are those of the
// policies at θ and at θ'; they stay when theta moves.
class ExactMetaProblem {
 public:
  ExactMetaProblem(InnerEstimator estimator, double alpha)
      : spec_{.policy = kTablePolicy, .estimator = estimator, .inner_steps = 1}, alpha_(Tensor::scalar(alpha)) {
    BatchValues support = enumerate(table_theta().flat()).batch;
    for (std::size_t i = 0; i < support.count(); ++i) supports_.add("0/" + support.name(i), support[i]);
    query_ = enumerate(maml_.adapt_step(spec_, {table_theta(), support, alpha_})[0].flat()).batch;
  }
  std::vector<double> gradient() const {
    return maml_.meta_gradient(spec_, {table_theta(), supports_, alpha_, query_})[0].flat();
  }
  // The same by central differences of the value, which see through every stop_gradient.
  std::vector<double> live_differences() const {
    std::vector<double> slopes;
    for (std::size_t k = 0; k < 4; ++k) {
      auto slope = [&](double h) { return (value(k, h) - value(k, -h)) / (2 * h); };
      slopes.push_back((4 * slope(1e-3) - slope(2e-3)) / 3);  // without the h² term
    }
    return slopes;
  }

 private:
  double value(std::size_t component, double by) const {
    std::vector<double> theta = table_theta().flat();
    theta[component] += by;
    BatchValues query = query_;
    query.add("old/logits", Tensor({1, 192, 2}));  // for the KL, which is not looked at
    return maml_.outer(spec_, {table_theta(theta), supports_, alpha_, query})[0]["objective"].item();
  }

  meta::MamlFunctions maml_;
  meta::MamlSpec spec_;
  Tensor alpha_;
  BatchValues supports_, query_;
};

}  // namespace innerloop::tests
