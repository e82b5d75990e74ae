// The distributions that policies are made of. Every function works on all rows at once: a row is one state.
//
// What is summed: log-probabilities, entropies and KLs are summed over action dimensions and returned per row,
// (tasks, rows, 1). Averaging over rows is the caller's business, with weights (padding rows have weight 0).
#pragma once

#include "autodiff/graph.h"

namespace innerloop::nn {

// N(mean, diag σ²). mean is (tasks, rows, A); log_sigma is (tasks, 1, A), the same in all states, or (tasks, rows, A).
struct Gaussian {
  Var mean, log_sigma;
};
Var log_prob(const Gaussian& p, Var action);  // Σ −½((a − μ)/σ)² − log σ − ½ log 2π
Var entropy(const Gaussian& p);               // Σ log σ + ½ log 2πe
// KL(p‖q) = Σ ½(e^{2d} − 1 − 2d + ((μ_p − μ_q)/σ_q)²) with d = log σ_p − log σ_q
Var kl(const Gaussian& p, const Gaussian& q);
Var sample(const Gaussian& p, Var noise);  // μ + σ·ε, ε ~ N(0, 1) of the mean's shape
// Σ_rows w · F · tangent: the Fisher information of each row in the coordinates (μ, log σ), which is diag(1/σ², 2),
// times a tangent, weighted by w (tasks, rows, 1). Log σ's part has log σ's shape.
Gaussian fisher_product(const Gaussian& p, const Gaussian& tangent, Var weights);

// a = tanh u with u ~ N(mean, diag σ²): actions in (−1, 1). u, not a, is what is kept: atanh a would lose digits.
struct SquashedGaussian {
  Var mean, log_sigma;
};
// log π(a) = log N(u) − Σ log(1 − tanh²u), where log(1 − tanh²u) = 2(log 2 − u − softplus(−2u)) is exact for every u.
Var log_prob(const SquashedGaussian& p, Var u);
Var log_tanh_slope(Var u);  // that log(1 − tanh²u), of every number
// KL(p‖q) between the actions' distributions: that of the Gaussians of u, for tanh loses nothing (it is a bijection).
Var kl(const SquashedGaussian& p, const SquashedGaussian& q);
// The entropy of a has no closed form: H(a) = H(u) + E Σ log(1 − tanh²u). This is its unbiased estimate from one draw
// of u per row, u = μ + σ·ε with ε ~ N(0, 1) of the mean's shape; the part with a closed form is exact.
Var entropy_estimate(const SquashedGaussian& p, Var noise);

// One of A actions with probabilities softmax(logits). logits is (tasks, rows, A); an action is its number, (tasks,
// rows, 1). A logit of −∞ masks an action: its probability is 0, and it adds nothing to entropy, KL and derivatives.
struct Categorical {
  Var logits;
};
Var log_prob(const Categorical& p, Var action);      // z_a − logsumexp z
Var entropy(const Categorical& p);                   // −Σ π log π
Var kl(const Categorical& p, const Categorical& q);  // Σ π_p (log π_p − log π_q)
// F = diag π − π πᵀ in the coordinates z.
Categorical fisher_product(const Categorical& p, const Categorical& tangent, Var weights);

}  // namespace innerloop::nn
