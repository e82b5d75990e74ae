// A value network as the baseline of policy gradient and TRPO, with generalised advantage estimation on top of it.
//
// Schulman, Moritz, Levine, Jordan, Abbeel 2016, "High-dimensional continuous control using generalized advantage
// estimation", arXiv 1506.02438v6, sections 5 and 6. Unlike the linear baseline it is carried from iteration to
// iteration, is fitted after the advantages are computed, and values the state that a time limit cuts off.
#pragma once

#include <cstdint>
#include <vector>

#include "autodiff/function.h"
#include "nn/mlp.h"
#include "nn/optimizer.h"
#include "rl/experience/trajectory.h"
#include "rl/training/checkpoint.h"

namespace innerloop::rl {

struct ValueNetworkConfig {
  nn::MlpSpec net;             // inputs: the observation; one output, times 1/(1 − γ) but at most 100: the mean reward
                               // per step is what it learns, so that returns of hundreds are not far away at the start
  double gamma = 0.99, lambda = 0.97;
  double learning_rate = 5e-3;
  int fit_steps = 25;          // Adam steps on the whole batch per iteration
};

// ½ Σ w (V − target)² in the network's own unit, what each step of the fit descends; batch: "observations", "targets",
// "weights". The parameters' names begin with value_prefix.
inline constexpr const char* value_prefix = "baseline/value";
Var value_fit_loss(const Params& theta, const nn::MlpSpec& net, const Batch& batch);

class ValueNetwork {
 public:
  ValueNetwork(const ValueNetworkConfig& config, std::uint64_t seed, Dtype dtype);

  // V(s_t) of every row and, at last rows of trajectories that the time limit cut, V of what was seen after them
  // (elsewhere 0): (B, rows, 1) each.
  struct Values {
    Tensor values, end_values;
  };
  Values predict(const Trajectories& trajectories) const;

  // GAE(λ) from the current network; then the network is fitted to Â + V, all rows alike.
  Tensor advantages_then_fit(const Trajectories& trajectories);

  void visit(Checkpoint& c);  // "baseline/value/…" and its optimiser

 private:
  double scale() const;

  ValueNetworkConfig config_;
  ParamValues theta_;
  nn::AdamState adam_;
  Function<nn::MlpSpec> forward_, gradient_;
};

}  // namespace innerloop::rl
