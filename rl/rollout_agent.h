// An actor-critic agent that acts: its network on one time step of many lanes, and actions drawn from what it says.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "autodiff/function.h"
#include "kernels/philox.h"
#include "nn/actor_critic.h"

namespace innerloop::rl {

// A random action of one lane from the numbers of its distribution: `centre` holds a Gaussian's mean (A), whose
// deviations are `sigma` (A), or the probabilities of discrete actions. deterministic: the mean, or the likeliest. A
// Gaussian's is rounded to dtype, since that is how it will be learned from. NonFiniteError, beginning with `where`,
// for a probability that is not finite.
void draw_action(const nn::PolicySpec& policy, const double* centre, const double* sigma, Philox random,
                 bool deterministic, Dtype dtype, const std::string& where, double* action);

// What the network says of one time step, in double.
struct AgentStep {
  std::vector<double> centre, sigma, value;  // (lanes, A), (A), (lanes)
  Tensors state;                             // the recurrent state after it
};

class AgentActor {
 public:
  explicit AgentActor(const nn::ActorCriticSpec& agent);

  // observations (B, N, O), reset (B, N, 1): 1 clears the memory before the step; state as nn::start_state gives it.
  AgentStep step(const ParamValues& theta, const Tensor& observations, const Tensor& reset, const Tensors& state) const;

  // An action of every lane, (lanes, action numbers), each with its own random numbers.
  std::vector<double> draw(const AgentStep& step, std::span<const Philox> random, bool deterministic, Dtype dtype,
                           const std::string& where) const;

 private:
  nn::ActorCriticSpec agent_;
  Function<nn::ActorCriticSpec> act_;
};

}  // namespace innerloop::rl
