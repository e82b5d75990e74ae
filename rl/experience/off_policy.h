// What algorithms that learn from a replay buffer share: their settings and the data side of their loop.
#pragma once

#include <string>
#include <vector>

#include "nn/mlp.h"
#include "rl/experience/replay.h"
#include "rl/experience/stream.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

struct OffPolicyConfig {
  std::string env = "pendulum-v1";
  int iterations = 20;
  int steps = 1000;  // of the environment, per iteration
  std::vector<int> hidden = {256, 256};
  Activation activation = Activation::relu;
  int batch = 256;
  int capacity = 1000000;
  int learning_starts = 1000;  // steps with random actions before the first update
  int updates = 1;             // per step after that …
  int update_every = 1;        // … or this many after that many steps
  double gamma = 0.99;
  double tau = 0.005;
  int evaluation_episodes = 10;  // of the policy without its noise, at the end of each iteration
  Dtype dtype = Dtype::f32;
};

const Options<OffPolicyConfig>& off_policy_options();

// Where it learns from: the environment and the buffer behind it.
struct OffPolicySource {
  OffPolicySource(const OffPolicyConfig& config, std::uint64_t seed);
  bool explores() const { return stream.steps() < config.learning_starts; }
  // Whether updates are due after the step just taken.
  bool learns() const;

  OffPolicyConfig config;
  std::uint64_t seed;
  EnvSizes sizes;
  Stream stream;
  ReplayBuffer buffer;
  BatchValues batch;        // the tensors that sample() fills
  std::uint32_t draws = 0;  // batches drawn so far

  void sample() { buffer.sample(seed, draws++, batch); }
  void visit(Checkpoint& c);  // stream, buffer, draws
};

// Columns of metrics.csv that all have: steps so far, and what the training episodes that ended earned.
Metrics stream_metrics(OffPolicySource& source);
// Mean return of `act` over evaluation_episodes episodes of the run's own task.
double mean_evaluation(const OffPolicySource& source, const ActFunction& act);

}  // namespace innerloop::rl
