// Many trajectories of many tasks, stepped together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "envs/driver.h"

namespace innerloop::envs {

// (tasks × trajectories) of one environment in lockstep, in double.
//
// Every trajectory runs until it terminates or the horizon truncates it, and then stays finished: no reset happens by
// itself, its last observation stays, its rewards are 0, its actions are not read. So the observation to bootstrap from
// after a truncation is always there.
//
// Random numbers depend on (seed, place) alone, so one VectorEnv of 40 tasks and 40 of one task (first task id in
// place.task) give the same bits, in any order, on any number of threads.
class VectorEnv {
 public:
  // tasks: each of spec.task_size finite numbers. horizon 0 means spec.horizon.
  VectorEnv(const EnvRow& env, std::vector<Task> tasks, int trajectories, std::uint64_t seed, int horizon = 0);

  // Starts all trajectories. place: purpose reset (training) or test_reset (testing); inner_step and iteration of this
  // batch; task and trajectory: the ids of the first ones here; time_step must be 0.
  void reset(const Place& place);

  // One step. actions: (tasks, trajectories, action_size). Throws NonFiniteError for an action or a reward that is not
  // finite, and Error for a discrete action that is none; an action is refused before anything has moved.
  void step(std::span<const double> actions);

  std::span<const double> observations() const { return observations_; }      // (tasks, trajectories, obs_size)
  std::span<const double> rewards() const { return rewards_; }                // (tasks, trajectories), of the last step
  std::span<const End> ends() const { return ends_; }                          // how the last step left each; running
                                                                               // also where it had finished before
  std::span<const std::uint8_t> finished() const { return finished_; }         // 1: ended, in whatever way, at any time
  bool all_finished() const { return running_ == 0; }
  int time_step() const { return time_step_; }  // steps taken since reset

  const EnvRow& env() const { return *env_; }
  const std::vector<Task>& tasks() const { return tasks_; }
  int trajectories() const { return trajectories_; }
  int horizon() const { return horizon_; }

  // For reference behaviour that looks at the task and state (EnvRow::still, EnvRow::best): actions of all
  // trajectories.
  void choose(void (*act)(const Lanes&, double* actions), std::span<double> actions);

 private:
  Lanes lanes(std::size_t task);
  std::string where(std::size_t lane) const;
  void check_actions(std::span<const double> actions) const;

  const EnvRow* env_;  // rows live as long as the program
  std::vector<Task> tasks_;
  int trajectories_;
  std::uint64_t seed_;
  int horizon_;
  Place place_;
  int time_step_ = 0;
  std::size_t running_ = 0;
  std::vector<std::uint64_t> states_;
  std::vector<double> observations_, rewards_;
  std::vector<std::uint8_t> terminated_, finished_;  // as the environment's functions take them
  std::vector<End> ends_;
};

}  // namespace innerloop::envs
