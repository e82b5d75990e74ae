#include "envs/autoreset.h"

#include <algorithm>
#include <cmath>

#include "envs/table.h"
#include "kernels/require.h"

namespace innerloop::envs {
namespace {

std::size_t size(int n) { return static_cast<std::size_t>(n); }

}  // namespace

AutoresetEnv::AutoresetEnv(const EnvRow& env, int lanes, std::uint64_t seed, int horizon)
    : env_(&env), lanes_(lanes), horizon_(horizon == 0 ? env.spec.horizon : horizon), seed_(seed) {
  const std::string name(env.spec.name);
  require(lanes >= 1 && lanes <= 65535, [&] {
    return name + ": 1 to 65535 lanes are possible, not " + std::to_string(lanes);
  });
  require(horizon_ >= 1, [&] {
    return name + ": the horizon is " + std::to_string(horizon) + "; at least 1 is needed";
  });
  tasks_.resize(size(lanes * env.spec.task_size));
  states_.resize(size(lanes * env.state_words));
  observations_.resize(size(lanes * env.spec.obs_size));
  final_observations_.resize(observations_.size());
  rewards_.resize(size(lanes));
  terminated_.resize(size(lanes));
  ends_.resize(size(lanes));
  episode_.resize(size(lanes));
  time_.resize(size(lanes));
  for (int lane = 0; lane < lanes; ++lane) start_episode(lane);
}

// One lane, as the row's functions see it.
Lanes AutoresetEnv::lane_view(int lane) {
  static constexpr std::uint8_t running = 0;
  return {.task = tasks_.data() + lane * env_->spec.task_size,
          .count = 1,
          .states = states_.data() + lane * env_->state_words,
          .actions = nullptr,
          .finished = &running,
          .rewards = rewards_.data() + lane,
          .terminated = terminated_.data() + lane,
          .observations = observations_.data() + lane * env_->spec.obs_size,
          .seed = seed_,
          .place = {.purpose = Purpose::env,
                    .iteration = episode_[size(lane)],
                    .trajectory = static_cast<std::uint32_t>(lane),
                    .time_step = time_[size(lane)]}};
}

void AutoresetEnv::start_episode(int lane) {
  const Task task =
      sample_task(*env_, seed_, Purpose::task, episode_[size(lane)], static_cast<std::uint32_t>(lane));
  std::ranges::copy(task, tasks_.begin() + lane * env_->spec.task_size);
  time_[size(lane)] = 0;
  Lanes view = lane_view(lane);
  view.place.purpose = Purpose::reset;
  env_->reset(view);
}

void AutoresetEnv::step(std::span<const double> actions) {
  const int A = env_->spec.action_size, O = env_->spec.obs_size;
  require(actions.size() == size(lanes_ * A), [&] {
    return std::string(env_->spec.name) + ": actions must be (lanes, action_size)";
  });
  for (int lane = 0; lane < lanes_; ++lane) check_action(lane, actions.data() + lane * A);
  for (int lane = 0; lane < lanes_; ++lane) {
    // The step.
    Lanes view = lane_view(lane);
    view.actions = actions.data() + lane * A;
    env_->step(view);
    if (!std::isfinite(rewards_[size(lane)])) throw NonFiniteError(where(lane) + ": the reward is not finite");
    for (int k = 0; k < O; ++k)
      if (!std::isfinite(view.observations[k])) throw NonFiniteError(where(lane) + ": the observation is not finite");
    std::copy(view.observations, view.observations + O, final_observations_.begin() + lane * O);

    // Its end, of either kind; then the next episode.
    ++time_[size(lane)];
    ends_[size(lane)] = terminated_[size(lane)]                                        ? End::terminated
                        : time_[size(lane)] == static_cast<std::uint32_t>(horizon_) ? End::truncated
                                                                                    : End::running;
    if (ends_[size(lane)] != End::running) {
      ++episode_[size(lane)];
      start_episode(lane);
    }
  }
}

// "cartpole-v1, lane 3, episode 5, step 17".
std::string AutoresetEnv::where(int lane) const {
  return std::string(env_->spec.name) + ", lane " + std::to_string(lane) + ", episode " +
         std::to_string(episode_[size(lane)]) + ", step " + std::to_string(time_[size(lane)]);
}

void AutoresetEnv::check_action(int lane, const double* action) const {
  const Spec& spec = env_->spec;
  for (int k = 0; k < spec.action_size; ++k) {
    if (!std::isfinite(action[k])) [[unlikely]]
      throw NonFiniteError(where(lane) + ": action " + std::to_string(k) +
                           " is not finite; look at the policy's output and its parameters");
    const bool is_choice = action[k] >= 0 && action[k] < spec.action_count && action[k] == std::floor(action[k]);
    if (spec.action_kind == ActionKind::discrete && !is_choice) [[unlikely]]
      throw Error(where(lane) + ": action " + std::to_string(action[k]) + " is not one of 0 … " +
                  std::to_string(spec.action_count - 1));
  }
}

// Words of a state go in halves: a double holds 32 bits exactly.
std::vector<double> AutoresetEnv::save() const {
  std::vector<double> numbers(tasks_);
  for (std::uint64_t word : states_) {
    numbers.push_back(static_cast<double>(word >> 32));
    numbers.push_back(static_cast<double>(word & 0xffffffffu));
  }
  numbers.insert(numbers.end(), observations_.begin(), observations_.end());
  for (const auto* counter : {&episode_, &time_}) numbers.insert(numbers.end(), counter->begin(), counter->end());
  return numbers;
}

void AutoresetEnv::restore(std::span<const double> numbers) {
  require(numbers.size() == tasks_.size() + 2 * states_.size() + observations_.size() + 2 * size(lanes_),
          "checkpoint: the environments' state is of another environment or another number of lanes");
  auto from = numbers.begin();
  for (double& x : tasks_) x = *from++;
  for (std::uint64_t& word : states_) {
    word = static_cast<std::uint64_t>(*from++) << 32;
    word |= static_cast<std::uint64_t>(*from++);
  }
  for (double& x : observations_) x = *from++;
  for (auto* counter : {&episode_, &time_})
    for (std::uint32_t& x : *counter) x = static_cast<std::uint32_t>(*from++);
}

}  // namespace innerloop::envs
