// Segments: fixed-length stretches of experience from environments that never stop, for actor-critic algorithms.
//
// N lanes side by side take T steps; where an episode ends, the lane goes on with the next one, and the next segment
// goes on where this one stops. Rows are time-major, as a recurrent network wants them.
//
//   lane n     ── s₀ a₀ r₀ ─ s₁ a₁ r₁ ─ (end) │ s₀ a₀ r₀ ─ …          │: a reset; the recurrent state begins anew
//   next_values    V(s₁)      V(s_end) or 0         …       V(s_T)      where the lane is cut, V of what it saw last
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "envs/autoreset.h"
#include "rl/experience/agent.h"
#include "rl/experience/normaliser.h"
#include "rl/experience/protocol.h"

namespace innerloop::rl {

struct Segments {
  int slices = 0;  // B: lanes are cut into slices, which lie on the task axis, so that threads have something to share
  int lanes = 0;   // N: of one slice
  int steps = 0;   // T
  Tensor observations;  // (B, T·N, O): row t·N + n, as the network saw it (normalised where that is asked for)
  Tensor actions;       // (B, T·N, A): as the policy gave it
  Tensor rewards;       // (B, T·N, 1): scaled
  Tensor values;        // (B, T·N, 1): V(s_t) when the action was drawn
  Tensor next_values;   // (B, T·N, 1): V of the state that the action led to: 0 where it terminated the episode, of the
                        // last observation where the time limit or the segment's end cut it
  Tensor continues;     // (B, T·N, 1): 1 where row (t + 1, n) is the next step of the same episode
  Tensor reset;         // (B, T·N, 1): 1 where an episode begins
  Tensor next_observations;  // (B, T·N, O): what each step led to, in its own episode; {} unless asked for
  Tensor not_terminated;     // (B, T·N, 1): 0 where that ended the episode for good; {} unless asked for
  Tensors start;        // recurrent state before the first step: (B, N, H) each, {} without a core
  std::vector<double> returns;  // undiscounted and unscaled, of the episodes that ended in this segment
  std::vector<int> lengths;     // their steps

  int rows() const { return steps * lanes; }
};

// Â_t = δ_t + γλ·continues_t·Â_{t+1},  δ_t = r_t + γ·next_values_t − values_t: GAE(λ) within the segment. λ = 0 gives
// δ; λ = 1 the discounted sum of rewards, with what is bootstrapped at the cut, minus V(s_t).
Tensor segment_advantages(const Segments& segments, double gamma, double lambda);

struct SegmentConfig {
  const envs::EnvRow* env = nullptr;
  nn::ActorCriticSpec agent;
  int slices = 1, lanes = 8, steps = 128;  // B, N, T
  double reward_scale = 1;
  bool normalise_observations = false;
  Dtype dtype = Dtype::f32;
  bool transitions = false;  // whether segments hold next_observations and not_terminated
};

// Of the environment of this name and the agent that fits it (agent_for); all else as it stands above.
SegmentConfig segment_config(const std::string& env, nn::ActorCriticSpec::Core core, int core_size,
                             const std::vector<int>& hidden, Activation activation, double log_sigma_init);

// The environments, their recurrent states and the normaliser: all that goes on from one segment to the next.
class SegmentSource {
 public:
  SegmentSource(const SegmentConfig& config, std::uint64_t seed);
  Segments collect(const ParamValues& theta);

  // Whole episodes of given tasks: one for each of them and of `episodes`, memory cleared at the start.
  Trajectories play(const ParamValues& theta, const std::vector<envs::Task>& tasks, int episodes,
                    const RolloutPlace& place, bool deterministic) const;
  // The protocol with a learner that does not adapt: the same theta after every update.
  AdaptReport adapt(const ParamValues& theta, const AdaptRequest& request) const;

  void visit(Checkpoint& c);  // "env/state", "env/episode_return", "state/…", "normaliser"

  const SegmentConfig& config() const { return config_; }
  const Normaliser& normaliser() const { return normaliser_; }

 private:
  AgentStep forward(const ParamValues& theta, std::span<const double> observations, const Tensor& reset,
                    const Tensors& state) const;
  std::vector<double> normalised(std::span<const double> observations) const;
  std::vector<double> draw(const AgentStep& acts);
  void write_row(Segments& segments, int t, const std::vector<double>& seen, const std::vector<double>& actions,
                 const AgentStep& acts, const std::vector<double>& reset);
  void write_next(Segments& segments, int t) const;
  int all_lanes() const { return config_.slices * config_.lanes; }

  SegmentConfig config_;
  std::uint64_t seed_;
  envs::AutoresetEnv env_;
  Normaliser normaliser_;
  Tensors state_;                        // recurrent state of every lane
  std::vector<double> episode_return_;   // of every lane's current episode, so far
  AgentActor actor_;
};

// What the losses read: {"observations", "actions", "advantages", "returns", "weights", "reset"} (B, T·N, ·) and
// "state/h", "state/c" (B, N, H). returns = advantages + values, before the advantages are standardised; the weights
// are 1/(B·T·N).
BatchValues segment_batch(const Segments& segments, double gamma, double lambda, bool standardise);

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
