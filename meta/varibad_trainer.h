// Training a policy of state and belief, and the encoder that the belief is from (the equations: varibad.h).
#pragma once

#include <string>
#include <vector>

#include "meta/belief_agent.h"
#include "nn/optimizer.h"
#include "rl/training/trainer.h"

namespace innerloop::meta {

struct VaribadConfig {
  std::string env = "grid-navi-v1";
  int iterations = 600;
  int tasks = 32;    // trials of an iteration, each in a new task
  int episodes = 0;  // of a trial; 0: as many as the environment says
  BeliefConfig belief;
  // The encoder is trained on trials kept from the last iterations.
  double encoder_rate = 3e-3;
  bool anneal_encoder = true;  // the rate falls to 0: towards the end the policy reads a fixed language
  int buffer = 1000;
  int encoder_batch = 25, encoder_updates = 10;
  // The policy.
  std::vector<int> hidden = {64, 64};
  Activation activation = Activation::tanh;
  double log_sigma_init = 0;
  double gamma = 0.95, lambda = 0.95;
  bool standardise = true;
  rl::DescentConfig descent = {
      .learning_rate = 2e-3, .anneal = true, .value_weight = 0.5, .entropy_weight = 0.05, .max_gradient_norm = 0.5};
  bool anneal_entropy = true;
  rl::PpoLearnerConfig ppo = {.clip = 0.1, .epochs = 2, .minibatches = 4};
  Dtype dtype = Dtype::f32;
};

// The last trials, each a row of numbers: inputs, mask, how often it was paid and not paid in each cell, its task.
class TrialBuffer {
 public:
  // Trials of so many steps of X inputs.
  TrialBuffer(int capacity, int steps, int inputs, Cells cells, Dtype dtype);

  // label(i): the number of task i.
  void add(const rl::Trials& trials, const std::vector<int>& labels);
  int size() const { return size_; }
  // Trials drawn with replacement: inputs, reset, mask (1, H·N, ·); paid, unpaid (1, N, C); label (1, H·N, 1).
  BatchValues sample(int trials, std::uint64_t seed, const Place& place) const;
  void visit(rl::Checkpoint& c);

 private:
  int width() const { return steps_ * (inputs_ + 1) + 2 * cells_.count + 1; }

  int steps_, inputs_;
  Cells cells_;
  Tensor rows_;  // (1, capacity, width)
  int size_ = 0, next_ = 0;
};

class VaribadTrainer final : public rl::Trainer {
 public:
  VaribadTrainer(const VaribadConfig& config, std::uint64_t seed);

  rl::Metrics iterate() override;
  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override;
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override;
  rl::AdaptDefaults adapt_defaults() const override;

  const ParamValues& encoder() const { return encoder_; }  // and decoder
  const ParamValues& policy() const { return policy_.theta(); }
  const Beliefs& beliefs() const { return beliefs_; }
  // What the reconstruction of a batch of the buffer would be with the exact posterior's probabilities. A decoder that
  // knows where the policy stays can tell more: it answers for visits, and whoever has found the goal visits it often.
  double exact_reconstruction(const BatchValues& batch) const;

 private:
  ParamValues theta() const;  // of encoder and policy
  // A few steps of the encoder on trials of the buffer: the parts of its loss, averaged.
  rl::Metrics train_encoder();

  VaribadConfig config_;
  std::uint64_t seed_;
  rl::TrialConfig trial_;
  Beliefs beliefs_, exact_;
  nn::ActorCriticSpec policy_spec_;
  RecurrentAgent agent_;
  rl::PpoLearner policy_;
  ParamValues encoder_;
  nn::AdamState encoder_moments_;
  TrialBuffer buffer_;
};

extern const rl::AlgorithmRow varibad;

}  // namespace innerloop::meta
