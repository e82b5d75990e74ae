// Optimisers as pure functions: (parameters, gradient, state) → new parameters and state. Both descend. And the update
// of target networks. Error unless the gradient has the parameters' names; in their order too, but for adam(), which
// looks them up.
#pragma once

#include <string_view>

#include "autodiff/graph.h"
#include "autodiff/tensor.h"

namespace innerloop::nn {

// θ ← θ − learning_rate · g
ParamValues sgd(const ParamValues& theta, const ParamValues& gradient, double learning_rate);

struct AdamConfig {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  friend bool operator==(const AdamConfig&, const AdamConfig&) = default;
};

struct AdamState {
  Tensors m, v;   // running means of g and g²
  int steps = 0;  // taken so far
};
AdamState adam_start(const ParamValues& theta);

struct AdamResult {
  ParamValues theta;
  AdamState state;
};
// Kingma and Ba 2015, "Adam: a method for stochastic optimization", arXiv 1412.6980v9, algorithm 1.
AdamResult adam(const ParamValues& theta, const ParamValues& gradient, const AdamState& state,
                const AdamConfig& config);

// The same step in place, down factor · gradient, without an allocation: for loops that take many small steps. A factor
// of −1 climbs, one below 1 cuts a long gradient; neither is written down first. Gradient and state hold the names of
// theta in the same order. If theta or gradient is on a device, the step is done and its results stay there.
void adam_step(ParamValues& theta, const ParamValues& gradient, AdamState& state, const AdamConfig& config,
               double factor = 1);

// The Polyak update of a target network, in place: θ̄ ← (1 − τ) θ̄ + τ θ. A small τ makes targets that move slowly;
// τ = 1 copies. If either is on a device, so is the result. Error for parameters of other number, shape or dtype.
void polyak_update(ParamValues& target, const ParamValues& theta, double tau);

// Σ of all numbers of a gradient, (1, 1, 1): finite only if all of them are, which it takes one number to know. A NaN
// let through would stay in Adam's moments for ever.
Var sum_of_all(const Vars& gradient);

}  // namespace innerloop::nn
