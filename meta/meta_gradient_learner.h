// The loop of meta-gradient learning, without an environment: K updates of θ, a look at what comes next, a step of η.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "meta/meta_gradient.h"
#include "nn/optimizer.h"

namespace innerloop::meta {

enum class MetaOptimiser { sgd, adam };

struct MetaGradientLearnerConfig {
  MetaGradientSpec spec;  // gamma, lambda: what they start from, whether learned or not
  bool learn_gamma = true, learn_lambda = false;
  bool move_gamma = false;       // γ is part of η though it is not learned: set_gamma moves it
  bool by_state = false;         // one number per state, for observations that are one-hot
  int learners = 1;              // B; more than one need the exact meta-gradient
  bool exact = false;            // differentiate all K updates; else the trace
  double mu = 0;                 // of the trace
  double learning_rate = 1e-3;   // α
  bool rmsprop = false;          // α/√v for α, with v the running mean of squared gradients
  double max_gradient_norm = 0;  // longer gradients are cut to this length; 0: never
  double beta = 1e-3;            // step size of η
  int eta_after = 0;             // iterations before η moves: a judge whose values are still wrong is only noise
  MetaOptimiser meta_optimiser = MetaOptimiser::adam;
  double max_meta_gradient_norm = 0;
  bool bilevel = false;          // θ goes back to where it started after each step of η
  Dtype dtype = Dtype::f64;
};

class MetaGradientLearner {
 public:
  MetaGradientLearner(const MetaGradientLearnerConfig& config, std::uint64_t seed);

  // The experience that θ makes with η's embedding put in; k counts those of an iteration from 0.
  using Collect = std::function<BatchValues(const ParamValues& acting, int k)>;
  struct Report {
    double objective = 0;           // J̄, mean over learners; 0 where η has no part
    double gradient_norm = 0;       // of the last update
    double meta_gradient_norm = 0;
  };
  // One iteration: K updates and one step of η with the step size beta·factor. NonFiniteError naming the iteration if a
  // gradient is not finite, before it moves anything.
  Report iterate(const Collect& collect, int iteration, double factor = 1);

  // γ or λ as they are: one number, or one per state.
  std::vector<double> parameter(const char* name) const;
  void set_gamma(double gamma);
  ParamValues acting() const;  // θ with the embedding put in

  const MetaGradientLearnerConfig& config() const { return config_; }

  // All that goes on from one iteration to the next. pending: the experience that judged last, {} before the first
  // iteration and with bilevel.
  ParamValues theta;
  Tensors eta;
  nn::AdamState moments;  // of η
  ParamValues squares;    // v of RMSProp
  int updates_done = 0;
  ParamValues z;
  BatchValues pending;

 private:
  struct Step;  // what one update leaves for the meta-gradient
  Step descend(const BatchValues& tau, int iteration);
  ParamValues scale_of(const ParamValues& gradient, double length);
  void step_eta(const Tensors& gradient, double rate);
  Tensors learned_part(const Tensors& list) const;

  MetaGradientLearnerConfig config_;
  ParamValues start_;
  MetaGradientFunctions functions_;
  Function<> rms_;  // (gradient, squares, correction, rate) → squares'; scale
};

// What η starts as: σ(η) is `value`, a number for each of n states. Within [1e-4, 1 − 1e-4], where σ can still move.
Tensor eta_for(double value, int n, Dtype dtype);

}  // namespace innerloop::meta
