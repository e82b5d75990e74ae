// Reference returns: what standing still, random actions and the best policy earn, so that a reader knows what a number
// means.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "envs/driver.h"

namespace innerloop::envs {

// The return (undiscounted sum of rewards) of one policy, over tasks and episodes.
struct ReferenceReturn {
  std::string policy;         // "standing still", "random (σ = 1)", "time-optimal" …
  double mean = 0;            // over all tasks, each weighing the same
  double standard_error = 0;  // of that mean, from the spread of episodes within each task; 0 if nothing is random
  double task_deviation = 0;  // standard deviation, over tasks, of the task's own mean
  double mean_length = 0;     // steps
  std::vector<double> task_means = {};  // of each task alone
};

// Computed by stepping, at every call; nothing is stored. Rows: standing still (where it is defined), random (normal
// with σ = 1 in the environment's own action convention, uniform for discrete actions), best. episodes: per task, at
// least 2.
std::vector<ReferenceReturn> reference_returns(const EnvRow& env, const std::vector<Task>& tasks, std::uint64_t seed,
                                               int episodes = 100);

}  // namespace innerloop::envs
