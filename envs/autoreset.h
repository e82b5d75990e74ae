// Environments that never stop: whoever ends an episode starts the next one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "envs/driver.h"

namespace innerloop::envs {

// `lanes` environments side by side, each with a task of its own, drawn anew for every episode. Unlike VectorEnv's, an
// episode that ends is followed by a new one in the same step; what was seen at its end is kept apart from what the new
// one shows, because a value is bootstrapped from the former and an action chosen from the latter.
//
//   step t of a lane whose episode ends:   final_observations: s_T of the old episode
//                                          observations:       s_0 of the new one
//
// Random numbers of a lane's episode number e: tasks at Place{task, iteration e, task = lane}; resets and steps at
// Place{reset or env, iteration e, trajectory = lane}. So they depend on nothing beside the lane.
class AutoresetEnv {
 public:
  // horizon 0: that of the environment. All lanes start their episode 0.
  AutoresetEnv(const EnvRow& env, int lanes, std::uint64_t seed, int horizon = 0);

  // One step of every lane. actions: (lanes, action_size). Throws NonFiniteError for an action, an observation or a
  // reward that is not finite, Error for a discrete action that is none.
  void step(std::span<const double> actions);

  const EnvRow& env() const { return *env_; }
  int lanes() const { return lanes_; }
  std::span<const double> observations() const { return observations_; }              // (lanes, obs_size): to act on
  std::span<const double> final_observations() const { return final_observations_; }  // (lanes, obs_size): after step()
  std::span<const double> rewards() const { return rewards_; }                        // (lanes), of the last step
  std::span<const End> ends() const { return ends_; }  // (lanes): how that step left the episode it belongs to
  std::uint32_t episode(int lane) const { return episode_[static_cast<std::size_t>(lane)]; }   // number of the current
  std::uint32_t time_step(int lane) const { return time_[static_cast<std::size_t>(lane)]; }    // steps done in it

  // All that changes, as numbers, for a checkpoint; and back.
  std::vector<double> save() const;
  void restore(std::span<const double> numbers);

 private:
  void start_episode(int lane);
  Lanes lane_view(int lane);
  std::string where(int lane) const;
  void check_action(int lane, const double* action) const;

  const EnvRow* env_;
  int lanes_, horizon_;
  std::uint64_t seed_;
  std::vector<double> tasks_;          // (lanes, task_size)
  std::vector<std::uint64_t> states_;  // (lanes, state_words)
  std::vector<double> observations_, final_observations_, rewards_;
  std::vector<std::uint8_t> terminated_;  // as the environment's functions take them
  std::vector<End> ends_;
  std::vector<std::uint32_t> episode_, time_;
};

}  // namespace innerloop::envs
