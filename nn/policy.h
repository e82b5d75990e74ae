// A policy: a network from observations to the parameters of a distribution over actions.
#pragma once

#include <cmath>
#include <cstdint>

#include "autodiff/graph.h"
#include "autodiff/tensor.h"
#include "nn/mlp.h"

namespace innerloop::nn {

struct PolicySpec {
  MlpSpec net;  // outputs: action dimensions (gaussian) or number of actions (categorical)
  enum class Head { gaussian, categorical } head = Head::gaussian;
  double log_sigma_init = 0;                // σ = 1
  double log_sigma_floor = std::log(1e-6);  // log σ is max(parameter, floor); where both are equal the derivative is ½

  friend bool operator==(const PolicySpec&, const PolicySpec&) = default;
};

// "policy/W1", "policy/b1", …, and for a Gaussian "policy/log_sigma" (1, 1, A), the same in all states.
ParamValues init_policy(const PolicySpec& spec, std::uint64_t seed, Dtype dtype = Dtype::f64);

// The parameters of a distribution, one row per state: {"mean" (tasks, rows, A), "log_sigma" (tasks, 1, A)} or
// {"logits" (tasks, rows, A)}. As the output of a Function it becomes Tensors, which another Function takes as an
// input.
using DistributionVars = Vars;

DistributionVars distribution(const Params& theta, const PolicySpec& spec, Var observations);

// Per row, (tasks, rows, 1), summed over action dimensions (nn/distributions.h). An action is (tasks, rows, A), or
// (tasks, rows, 1), its number, if discrete.
Var log_prob(const PolicySpec& spec, const DistributionVars& p, Var actions);
Var entropy(const PolicySpec& spec, const DistributionVars& p);
Var kl(const PolicySpec& spec, const DistributionVars& p, const DistributionVars& q);  // KL(p‖q): p is the old policy
// Σ_rows w · F · tangent, in the distribution's coordinates; w is (tasks, rows, 1).
DistributionVars fisher_product(const PolicySpec& spec, const DistributionVars& p, const DistributionVars& tangent,
                                Var weights);

// log π_θ(a|s): distribution() and log_prob() in one.
Var log_prob(const Params& theta, const PolicySpec& spec, Var observations, Var actions);

}  // namespace innerloop::nn
