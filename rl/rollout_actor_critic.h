// What actor-critic algorithms share: their settings, and the batch that a segment becomes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rl/descent.h"
#include "rl/rollout_segments.h"

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

// The agent that fits the environment; the source of its segments.
nn::ActorCriticSpec agent_for(const ActorCriticConfig& config);
SegmentConfig segment_config(const ActorCriticConfig& config);

// What the losses read: {"observations", "actions", "advantages", "returns", "weights", "reset"} (B, T·N, ·) and
// "state/h", "state/c" (B, N, H). returns = advantages + values, before the advantages are standardised; the weights
// are 1/(B·T·N).
BatchValues segment_batch(const Segments& segments, const ActorCriticConfig& config);

// How many steps the sequences of a batch of this agent have, and so how many sequences there are.
inline int sequence_steps(const SegmentConfig& config) {
  return config.agent.core == nn::ActorCriticSpec::Core::none ? 1 : config.steps;
}

// "return", "length": averages over the episodes that ended in the segments, the last ones known where none did (0 at
// the very first); "episodes".
class EpisodeMetrics {
 public:
  void update(const Segments& segments);
  Metrics metrics() const;
  void visit(Checkpoint& c);

 private:
  double return_ = 0, length_ = 0, episodes_ = 0;
};

}  // namespace innerloop::rl
