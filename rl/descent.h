// How actor-critic learners descend, wherever their data is from: steps of Adam, and minibatches of whole sequences.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/philox.h"
#include "nn/optimizer.h"
#include "rl/training/checkpoint.h"
#include "rl/training/option_table.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

struct DescentConfig {
  double learning_rate = 3e-4;
  bool anneal = false;             // the learning rate falls linearly to 0 at the last iteration
  double value_weight = 0.5;       // c_v
  double entropy_weight = 0;       // c_e
  double max_gradient_norm = 0.5;  // longer gradients are cut to this length; 0: never
};
const Options<DescentConfig>& descent_options();

struct DescentState {
  ParamValues theta;
  nn::AdamState adam;
  void visit(Checkpoint& c);
};

// θ after one Adam step down the gradient, cut to max_gradient_norm: iteration number `iteration` of `iterations`.
// Returns the gradient's length. NonFiniteError, naming the algorithm and the iteration, if it is not finite.
double descend(DescentState& state, const ParamValues& gradient, const DescentConfig& config, int iteration,
               int iterations, const char* algorithm);

// The sequences of a batch with these numbers, of every slice alike: rows t·N + n with n in `sequences`. Without a core
// every row is a sequence of one step (time_steps = 1). Weights are made to add up to 1 again, padding's staying 0.
BatchValues choose_sequences(const BatchValues& batch, int time_steps, std::span<const int> sequences);
// 0 … count − 1 in a random order.
std::vector<int> permutation(int count, std::uint64_t seed, const Place& place);

}  // namespace innerloop::rl
