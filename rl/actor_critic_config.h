// The settings that actor-critic algorithms share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rl/descent.h"
#include "rl/experience/segments.h"

namespace innerloop::rl {

struct ActorCriticConfig {
  std::string env = "cartpole-v1";
  nn::ActorCriticSpec::Core core = nn::ActorCriticSpec::Core::none;
  int core_size = 64;
  std::vector<int> hidden = {64, 64};  // of the policy's and of the value's network, on top of the core
  Activation activation = Activation::tanh;
  double log_sigma_init = 0;
  int tasks = 1, trajectories = 8;  // tasks·trajectories lanes; the first factor is cut over threads
  int steps = 128;                  // of every lane between two updates
  int iterations = 100;
  double gamma = 0.99, lambda = 0.95;
  bool standardise = true;  // advantages of an update with mean 0 and deviation 1
  double reward_scale = 1;  // of rewards as the learner sees them
  bool normalise_observations = false;
  DescentConfig descent;
  Dtype dtype = Dtype::f32;
};

const Options<ActorCriticConfig>& actor_critic_options();

// How its agent, one that fits the environment, is let loose on it.
SegmentConfig segment_config(const ActorCriticConfig& config);

}  // namespace innerloop::rl
