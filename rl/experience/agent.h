// The networks that fit an environment, and an actor-critic agent that acts: its network on one time step of many
// lanes, and actions drawn from what it says.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "autodiff/function.h"
#include "envs/driver.h"
#include "kernels/philox.h"
#include "nn/actor_critic.h"

namespace innerloop::rl {

// What the network says of one time step, in double.
struct AgentStep {
  std::vector<double> centre, sigma, value;  // (lanes, A), (A), (lanes)
  Tensors state;                             // the recurrent state after it
};

// The policy that fits an environment: Gaussian for continuous actions, categorical for discrete ones.
nn::PolicySpec policy_for(const envs::EnvRow& env, std::vector<int> hidden, Activation activation,
                          double log_sigma_init = 0);
// The agent that does: memory of this width, then policy and value with these hidden layers.
nn::ActorCriticSpec agent_for(const envs::EnvRow& env, nn::ActorCriticSpec::Core core, int core_size,
                              const std::vector<int>& hidden, Activation activation, double log_sigma_init = 0);

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
