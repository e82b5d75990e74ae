#include "nn/distributions.h"

#include <numbers>

#include "autodiff/ops.h"

namespace innerloop::nn {
namespace {

constexpr double log_two_pi = 1.8378770664093454836;

// log σ as one number per row and action dimension.
Var per_row(Var log_sigma, int rows) {
  return log_sigma.shape().rows == rows ? log_sigma : broadcast_rows(log_sigma, rows);
}

}  // namespace

// [Gaussian eq. log-prob]  log N(a; μ, σ) = Σ −½((a − μ)/σ)² − log σ − ½ log 2π
Var log_prob(const Gaussian& p, Var action) {
  // The same σ in all states: one fused operation.
  if (p.log_sigma.shape().rows == 1) return gaussian_log_prob(p.mean, p.log_sigma, action);

  const Var z = (action - p.mean) * exp(-p.log_sigma);  // (tasks, rows, A)
  return sum_cols(-0.5 * square(z) - p.log_sigma - 0.5 * log_two_pi);
}

Var entropy(const Gaussian& p) { return sum_cols(per_row(p.log_sigma, p.mean.shape().rows) + 0.5 * (log_two_pi + 1)); }

// [Gaussian eq. KL]  KL(p‖q) = Σ ½(e²ᵈ − 1 − 2d + ((μ_p − μ_q)/σ_q)²),  d = log σ_p − log σ_q
Var kl(const Gaussian& p, const Gaussian& q) {
  const int rows = p.mean.shape().rows;
  const Var log_sigma_q = per_row(q.log_sigma, rows);
  const Var d = per_row(p.log_sigma, rows) - log_sigma_q;
  const Var z = (p.mean - q.mean) * exp(-log_sigma_q);
  return sum_cols(0.5 * (expm1(2.0 * d) - 2.0 * d + square(z)));
}

Var sample(const Gaussian& p, Var noise) { return p.mean + exp(per_row(p.log_sigma, p.mean.shape().rows)) * noise; }

// [Gaussian eq. Fisher]  F·(μ̇, log σ̇) = (μ̇/σ², 2 log σ̇), weighted row by row
Gaussian fisher_product(const Gaussian& p, const Gaussian& tangent, Var weights) {
  const int rows = p.mean.shape().rows, A = p.mean.shape().cols;
  const Var precision = exp(-2.0 * per_row(p.log_sigma, rows));
  const Var mean = mul3(broadcast_cols(weights, A), precision, tangent.mean);

  // A log σ that all states (and perhaps all tasks) share collects the weights of all its rows.
  if (p.log_sigma.shape().rows == 1)
    return {mean, 2.0 * (sum_to(sum_rows(weights), {p.log_sigma.shape().tasks, 1, 1}) * tangent.log_sigma)};
  return {mean, 2.0 * (broadcast_cols(weights, A) * tangent.log_sigma)};
}

namespace {

Gaussian before_squashing(const SquashedGaussian& p) { return {p.mean, p.log_sigma}; }

}  // namespace

Var log_tanh_slope(Var u) { return 2.0 * (std::numbers::ln2 - u - softplus(-2.0 * u)); }

// [squashed eq. log-prob]  a = tanh u:  log π(a) = log N(u; μ, σ) − Σ 2(log 2 − u − softplus(−2u))
Var log_prob(const SquashedGaussian& p, Var u) {
  return log_prob(before_squashing(p), u) - sum_cols(log_tanh_slope(u));
}

Var kl(const SquashedGaussian& p, const SquashedGaussian& q) { return kl(before_squashing(p), before_squashing(q)); }

Var entropy_estimate(const SquashedGaussian& p, Var noise) {
  const Gaussian gaussian = before_squashing(p);
  return entropy(gaussian) + sum_cols(log_tanh_slope(sample(gaussian, noise)));
}

// [categorical eq. log-prob]  log π(a) = z_a − logsumexp z
Var log_prob(const Categorical& p, Var action) { return pick_cols(p.logits, action) - logsumexp(p.logits); }

namespace {

// π log x with 0·log x = 0: an action whose probability is 0 (a logit of −∞ masks it) adds nothing, and no derivative.
Var weighted(Var pi, Var log_x) { return pi * select(step(pi), log_x, At(log_x.graph->fill({1, 1, 1}, 0))); }

}  // namespace

Var entropy(const Categorical& p) { return -sum_cols(weighted(softmax(p.logits), log_softmax(p.logits))); }

// KL(p‖q) = Σ π_p (log π_p − log π_q); ∞ where q rules out what p does
Var kl(const Categorical& p, const Categorical& q) {
  return sum_cols(weighted(softmax(p.logits), log_softmax(p.logits) - log_softmax(q.logits)));
}

Categorical fisher_product(const Categorical& p, const Categorical& tangent, Var weights) {
  const int A = p.logits.shape().cols;
  const Var pi = softmax(p.logits);
  const Var mean = broadcast_cols(sum_cols(pi * tangent.logits), A);  // Σ π ż
  return {mul3(broadcast_cols(weights, A), pi, tangent.logits - mean)};
}

}  // namespace innerloop::nn
