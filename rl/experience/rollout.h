// Rollouts: exactly N trajectories for each of B tasks, all of them stepped together.
//
// Random numbers are pure functions of (seed, purpose, inner step, iteration, task, trajectory, time step), so what is
// collected depends on neither the number of threads nor on the tasks beside it.
#pragma once

#include <cstdint>
#include <vector>

#include "autodiff/function.h"
#include "envs/driver.h"
#include "nn/policy.h"
#include "rl/experience/trajectory.h"

namespace innerloop::rl {

// Which random numbers a rollout uses.
struct RolloutPlace {
  std::uint64_t seed = 1;
  std::uint32_t iteration = 0;
  std::uint32_t inner_step = 0;
  std::uint32_t first_task = 0;  // number of the first task: B tasks at once = B rollouts of one task
  std::uint32_t first_trajectory = 0;
  bool test = false;  // purposes test_reset, test_action, test_env in place of reset, action, env
};

class Rollout {
 public:
  // horizon 0: that of the environment. context_size: numbers that the policy sees beside the observation, the same in
  // all steps of an episode. Error if policy and environment do not fit.
  Rollout(const envs::EnvRow& env, nn::PolicySpec policy, int horizon = 0, int context_size = 0);

  // trajectories: N. theta: one policy for all tasks (1, ·, ·), or one per task (B, ·, ·); its dtype is the result's.
  // deterministic: the mean, or the likeliest action, in place of a draw.
  // context: (B, N, context_size), of each episode; the result's observations end with it.
  // NonFiniteError for a reward, observation or action that is not finite, naming environment, task, trajectory and
  // step.
  Trajectories collect(const ParamValues& theta, const std::vector<envs::Task>& tasks, int trajectories,
                       const RolloutPlace& place, bool deterministic = false, const Tensor& context = {}) const;

  const envs::EnvRow& env() const { return *env_; }
  const nn::PolicySpec& policy() const { return policy_; }

 private:
  const envs::EnvRow* env_;
  nn::PolicySpec policy_;
  int horizon_;
  int context_size_;
  Function<nn::PolicySpec> forward_;
};

}  // namespace innerloop::rl
