// IMPALA: actors that collect experience, and one learner that corrects for what it has learned since.
//
// Espeholt, Soyer, Munos et al. 2018, "IMPALA: Scalable Distributed Deep-RL with Importance Weighted Actor-Learner
// Architectures", arXiv 1802.01561v3. Whoever acts and whoever learns need not wait for each other: an actor takes the
// newest parameters, acts for T steps and hands them in, while the learner goes on with what others have handed in. So
// experience is some updates old when it is learned from, and V-trace (rl/v_trace.h) weighs it for that.
//
//   symbol    name                       shape
//   θ         theta                      (1, in, out) per parameter of actor and critic
//   μ         behaviour                  parameters of the policy that acted: θ as it was some updates ago
//   log μ     batch["log_mu"]            (B, T·N, 1): data
//   v_t       VTrace::targets            (B, T·N, 1)
//   w_t       batch["weights"]           (B, T·N, 1): adds up to 1
#pragma once

#include <string>
#include <vector>

#include "kernels/words.h"
#include "rl/actor_critic.h"
#include "rl/actor_critic_config.h"
#include "rl/v_trace.h"

namespace innerloop::rl {

// What is made of π/μ: V-trace, or 1 whatever it is, as if the experience were the policy's own.
enum class Correction { v_trace, none };
constexpr auto words_of(Correction) {
  return std::to_array<Word<Correction>>({{"v-trace", Correction::v_trace}, {"none", Correction::none}});
}

struct ImpalaSpec {
  AgentLossSpec loss;  // agent without memory, time_steps T, value_weight, entropy_weight
  double gamma = 0.99, lambda = 1;
  VTraceConfig trace;
  Correction correction = Correction::v_trace;
  friend bool operator==(const ImpalaSpec&, const ImpalaSpec&) = default;
};

// {"observations", "next_observations", "actions", "rewards", "not_terminated", "continues", "weights", "reset",
// "log_mu"} → the loss; parts: as a2c_loss, and "kl" Σ w (π/μ − 1 − log π/μ), "clipped" Σ w [π/μ > ρ̄].
AgentLoss impala_loss(const Params& theta, const ImpalaSpec& spec, const Batch& batch);

struct ImpalaFunctions {
  ImpalaFunctions();
  Function<AgentLossSpec> behaviour;  // (theta, batch) → "log_mu" of the batch's actions
  Function<ImpalaSpec> gradient;      // (theta, batch) → the gradient of the loss; its parts
};

struct ImpalaConfig {
  std::string env = "cartpole-v1";
  int iterations = 200;
  int updates = 8;        // of the learner in an iteration
  int actors = 4;         // each with environments of its own
  int actor_threads = 0;  // 0: actors take turns, every run the same; else they act on so many threads, none waiting
  int trajectories = 4;   // environments of an actor, side by side
  int steps = 32;         // T: of each, between taking parameters and handing in
  std::vector<int> hidden = {64, 64};
  double gamma = 0.99, lambda = 1;
  VTraceConfig trace;
  Correction correction = Correction::v_trace;
  double reward_scale = 1;
  DescentConfig descent = {.learning_rate = 1e-3, .entropy_weight = 0.01};
  Dtype dtype = Dtype::f32;
};
const Options<ImpalaConfig>& impala_options();

// One stretch of an actor's experience.
struct Unroll {
  Segments segments;
  BatchValues batch;    // what impala_loss reads
  long taken_after = 0; // how many updates the parameters that acted had behind them
};

// Actor number k with environments and random numbers of its own; it acts with `behaviour` until take() changes it.
class ImpalaActor {
 public:
  ImpalaActor(const ImpalaConfig& config, std::uint64_t seed, int number, const ParamValues& theta);
  void take(const ParamValues& theta, long updates) { behaviour_ = theta.to(Device::cpu), taken_after_ = updates; }
  Unroll act();
  void visit(Checkpoint& c);
  const SegmentSource& source() const { return source_; }

 private:
  SegmentSource source_;
  ParamValues behaviour_;
  long taken_after_ = 0;
  AgentLossSpec spec_;
  ImpalaFunctions functions_;
};

// The seed of actor number k's random numbers: the run's own for k = 0.
std::uint64_t actor_seed(std::uint64_t seed, int number);

class ImpalaTrainer final : public Trainer {
 public:
  ImpalaTrainer(const ImpalaConfig& config, std::uint64_t seed);
  Metrics iterate() override;
  int iterations() const override { return config_.iterations; }
  void visit(Checkpoint& c) override;
  AdaptReport adapt(const AdaptRequest& request) const override {
    return actors_[0].source().adapt(state_.theta, request);
  }
  const ParamValues& theta() const { return state_.theta; }

 private:
  struct Sums;  // of an iteration's metrics
  void learn(const Unroll& unroll, Sums& sums);
  void take_turns(Sums& sums);
  void act_on_threads(Sums& sums);

  ImpalaConfig config_;
  ImpalaSpec spec_;
  std::vector<ImpalaActor> actors_;
  DescentState state_;
  long updates_ = 0;  // of the learner, in all
  EpisodeMetrics episodes_;
  ImpalaFunctions functions_;
};

extern const AlgorithmRow impala;

}  // namespace innerloop::rl
