// What every environment states about itself, and what a step returns.
#pragma once

#include <cstdint>
#include <string_view>

namespace innerloop::envs {

enum class ActionKind { continuous, discrete };

// The facts of an environment: sizes, bounds, horizon, and where it is from. One constant per environment.
struct Spec {
  std::string_view name;     // "point-nav-v1": a change of any number that an episode shows gets a new version
  std::string_view summary;  // one line: what is to be done
  std::string_view source;   // the paper, with its arXiv id, or the code that defines it

  int task_size = 0;  // numbers that describe a task (the goal, for example)
  int obs_size = 0;   // numbers in an observation

  // Continuous: action_size numbers, clipped by the environment to [action_low, action_high].
  // Discrete: one number, an integer in [0, action_count).
  ActionKind action_kind = ActionKind::continuous;
  int action_size = 1;
  int action_count = 0;
  double action_low = 0, action_high = 0;

  int horizon = 0;            // steps until the time limit truncates the episode
  int trial_episodes = 1;     // episodes of a trial: one task, memory kept from one episode to the next
  bool terminates = false;    // can an episode end by itself before the horizon?
  bool random_reset = false;  // does reset draw random numbers?
  bool random_step = false;   // does step draw random numbers?

  std::string_view best_policy;  // what best_action is called in a table of reference returns

  // How near to its goal (the task's first two numbers) an episode's last position (the first two numbers observed) has
  // to be for a success; 0: success is not defined.
  double goal_radius = 0;
};

// What one step gives beside the new state. The time limit is not the environment's business: the driver keeps it.
template <class Real>
struct Step {
  Real reward;
  bool terminated;  // the episode is over for a reason inside the task; its value from here on is 0
};

// How a step left an episode. Only `terminated` says that nothing comes after it: a time limit cuts the record, not the
// future, so its value is still bootstrapped. (Many libraries stored the limit as terminal; here the two cannot be
// confused.)
enum class End : std::uint8_t { running = 0, terminated = 1, truncated = 2 };

}  // namespace innerloop::envs
