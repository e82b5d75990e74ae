// What on-policy algorithms of one policy share: their settings, and the data of an iteration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "envs/driver.h"
#include "nn/policy.h"
#include "rl/experience/batch.h"
#include "rl/experience/protocol.h"
#include "rl/experience/rollout.h"
#include "rl/experience/value_network.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

struct OnPolicyConfig {
  std::string env = "point-nav-v1";
  std::vector<int> hidden = {100, 100};
  Activation activation = Activation::relu;
  double log_sigma_init = 0;
  int tasks = 20;         // one policy for all of them
  bool redraw = true;     // tasks are drawn anew for every iteration; else those of the first are kept
  int trajectories = 20;  // per task
  int iterations = 100;
  AdvantageConfig advantage;
  double adapt_rate = 0.1;  // step size of the gradient steps with which `adapt` fits the policy to a new task
  Dtype dtype = Dtype::f32;
};

const Options<OnPolicyConfig>& on_policy_options();

// One iteration's data. The batch's weights add up to 1 over all tasks (to the number of steps of a trajectory, for
// Weighting::trajectory_sum), so the sum over tasks and rows of weights·x is the average of x.
struct Experience {
  Trajectories trajectories;
  BatchValues batch;
};

// Draws tasks and collects their trajectories. A single task is cut into slices that lie side by side on the task axis,
// so that threads have something to share; the number of slices depends on the number of trajectories alone.
class OnPolicySource {
 public:
  OnPolicySource(const OnPolicyConfig& config, std::uint64_t seed);
  Experience collect(const ParamValues& theta, int iteration);

  const nn::PolicySpec& policy() const { return rollout_.policy(); }
  const Rollout& rollout() const { return rollout_; }
  const OnPolicyConfig& config() const { return config_; }

  void visit(Checkpoint& c);  // "baseline/…"

 private:
  OnPolicyConfig config_;
  std::uint64_t seed_;
  Rollout rollout_;
  Tensor baseline_weights_;                    // the baseline's last fit
  std::optional<ValueNetwork> value_network_;  // or the network, if that is the baseline
};

// "return", "length": averages over the trajectories of an iteration.
Metrics experience_metrics(const Experience& experience);

}  // namespace innerloop::rl
