// PEARL without its environments: the parameters, and what one update does to them (the equations: pearl.h).
#pragma once

#include "meta/pearl.h"
#include "nn/optimizer.h"
#include "rl/training/checkpoint.h"

namespace innerloop::meta {

struct PearlLearnerConfig {
  PearlSpec spec;  // fitted
  double learning_rate = 3e-4;  // Adam's, of every part
  int annealed_over = 0;        // it falls linearly to 0 in so many updates; 0: it stays
  int kl_rises_over = 0;        // λ grows from a tenth, as the third power, in so many updates
  double temperature = 1;       // α at the start
  double tau = 0.005;
  int tasks = 16, batch = 256;  // of an update: T and B
  Dtype dtype = Dtype::f32;
};

class Pearl {
 public:
  Pearl(const PearlLearnerConfig& config, std::uint64_t seed);

  // One update. batch: (T, B, ·); context: (T, N, ·), with a mask. Noise is a pure function of (seed, number).
  void update(const BatchValues& batch, const BatchValues& context, std::uint32_t number);

  // What a context says of each task: {"precision", "weighted_mean"}, each (T, 1, L). Sums of it are evidence too.
  Tensors evidence(const BatchValues& context) const;
  Tensors no_evidence(int tasks) const;  // zeros: the belief is the prior
  // Draws of z from the belief, (T, N, L), with noise of that shape.
  Tensor draw(const Tensors& evidence, const Tensor& latent_noise) const;
  // Actions in (−1, 1), (1, rows, A), of states with z beside them, (1, rows, O + L); zeros as noise give the mean.
  Tensor act(const Tensor& seen, const Tensor& noise) const;

  const PearlSpec& spec() const { return config_.spec; }
  Dtype dtype() const { return config_.dtype; }
  double alpha() const;
  // Of the last update.
  double critic_loss() const { return critic_loss_; }
  double kl() const { return kl_; }  // mean over tasks
  double target_mean() const { return target_; }
  double entropy() const { return entropy_; }

  void visit(rl::Checkpoint& c);

  ParamValues encoder, actor, critics, value, targets, log_alpha;

 private:
  Tensor noise(Shape shape, const Place& place) const;
  void check(const Tensors& info, const char* whose, std::uint32_t number) const;
  void step(ParamValues& theta, const Tensors& gradient, nn::AdamState& moments, std::uint32_t number) const;

  PearlLearnerConfig config_;
  std::uint64_t seed_;
  PearlFunctions functions_;
  nn::AdamState encoder_moments_, actor_moments_, critic_moments_, value_moments_, temperature_moments_;
  double critic_loss_ = 0, kl_ = 0, target_ = 0, entropy_ = 0;
};

}  // namespace innerloop::meta
