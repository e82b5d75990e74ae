// Training with soft actor-critic (the equations: sac.h).
#pragma once

#include "nn/optimizer.h"
#include "rl/experience/off_policy.h"
#include "rl/sac.h"

namespace innerloop::rl {

// Whose log-probability an entropy is: of the action in (−1, 1), or of the environment's action.
enum class EntropyUnits { action, environment };
constexpr auto words_of(EntropyUnits) {
  return std::to_array<Word<EntropyUnits>>(
      {{"action", EntropyUnits::action}, {"environment", EntropyUnits::environment}});
}

struct SacConfig {
  OffPolicyConfig data;
  double actor_rate = 3e-4;  // Adam's, each
  double critic_rate = 3e-4;
  double temperature_rate = 3e-4;
  double temperature = 1;  // α at the start
  TemperatureLoss temperature_loss = TemperatureLoss::log_alpha;
  double entropy_per_action = -1;  // H̄/A
  EntropyUnits entropy_units = EntropyUnits::action;
  bool squash = true;
  LogSigma log_sigma = LogSigma::clamp;
  SquashLogProb log_prob = SquashLogProb::exact;
  ActorValue actor_value = ActorValue::minimum;
  double critic_factor = 0.5;
  double reward_scale = 1;
  bool value_network = false;
  bool simultaneous = false;  // all gradients at the parameters before the update (v1's code), else critics first
  int policy_delay = 1;       // every d-th update the actor takes d steps (CleanRL 2)
};
const Options<SacConfig>& sac_options();

// The programs of a config in an environment: its networks, the entropy's target and its units.
SacSpec sac_spec(const SacConfig& config, const EnvSizes& env);

// The learner without its environment: what one update does to the parameters.
class Sac {
 public:
  Sac(const SacConfig& config, const EnvSizes& env, std::uint64_t seed);

  // One update from a batch of transitions. noise numbers are a pure function of (seed, update).
  void update(const BatchValues& batch, std::uint32_t update);
  // An action in (−1, 1)^A for each state, with noise drawn at `place`.
  const Tensor& act(const Tensor& observations, const Place& place);
  // Those of any actor with given noise (1, rows, A): zeros give its mode.
  Tensor act(const ParamValues& whose, const Tensor& observations, const Tensor& noise) const;

  const SacSpec& spec() const { return spec_; }
  double alpha() const;
  double entropy() const { return entropy_; }          // of the last actor step, estimated on its batch
  double critic_loss() const { return critic_loss_; }  // of the last update
  double target_mean() const { return target_; }

  void visit(Checkpoint& c);

  ParamValues actor, critics, targets, log_alpha;

 private:
  void check(const std::vector<Tensors>& gradient, const char* whose, std::uint32_t update) const;
  void step_critics(const std::vector<Tensors>& gradient);
  void step_actor(const std::vector<Tensors>& gradient);

  SacConfig config_;
  SacSpec spec_;
  std::uint64_t seed_;
  SacFunctions functions_;
  nn::AdamState actor_moments_, critic_moments_, temperature_moments_;
  Tensor noise_, noise_next_, act_noise_, action_;
  double entropy_ = 0, critic_loss_ = 0, target_ = 0;
};

extern const AlgorithmRow sac;

}  // namespace innerloop::rl
