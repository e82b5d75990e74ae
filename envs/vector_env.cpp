#include "envs/vector_env.h"

#include <algorithm>
#include <cmath>

#include "kernels/require.h"

namespace innerloop::envs {

VectorEnv::VectorEnv(const EnvRow& env, std::vector<Task> tasks, int trajectories, std::uint64_t seed, int horizon)
    : env_(&env), tasks_(std::move(tasks)), trajectories_(trajectories), seed_(seed),
      horizon_(horizon == 0 ? env.spec.horizon : horizon) {
  const std::string name(env.spec.name);
  require(!tasks_.empty(), [&] { return name + ": there must be at least one task"; });
  require(trajectories_ >= 1, [&] {
    return name + ": trajectories per task is " + std::to_string(trajectories_) + "; use 1 or more";
  });
  require(horizon_ >= 1, [&] {
    return name + ": the horizon is " + std::to_string(horizon_) + "; use 1 or more, or 0 for " +
           std::to_string(env.spec.horizon);
  });
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    require(tasks_[i].size() == static_cast<std::size_t>(env.spec.task_size), [&] {
      return name + ": task " + std::to_string(i) + " has " + std::to_string(tasks_[i].size()) +
             " numbers; a task of this environment has " + std::to_string(env.spec.task_size);
    });
    for (double number : tasks_[i])
      if (!std::isfinite(number)) throw NonFiniteError(name + ": task " + std::to_string(i) + " is not finite");
  }

  const std::size_t lanes = tasks_.size() * static_cast<std::size_t>(trajectories_);
  states_.resize(lanes * static_cast<std::size_t>(env.state_words));
  observations_.resize(lanes * static_cast<std::size_t>(env.spec.obs_size));
  rewards_.resize(lanes);
  terminated_.resize(lanes);
  finished_.resize(lanes);
  ends_.resize(lanes);
}

// The part of the arrays that belongs to one task.
Lanes VectorEnv::lanes(std::size_t task) {
  const std::size_t first = task * static_cast<std::size_t>(trajectories_);
  Lanes lanes{.task = tasks_[task].data(),
              .count = trajectories_,
              .states = states_.data() + first * static_cast<std::size_t>(env_->state_words),
              .finished = finished_.data() + first,
              .rewards = rewards_.data() + first,
              .terminated = terminated_.data() + first,
              .observations = observations_.data() + first * static_cast<std::size_t>(env_->spec.obs_size),
              .seed = seed_,
              .place = place_};
  lanes.place.task += static_cast<std::uint32_t>(task);
  return lanes;
}

void VectorEnv::reset(const Place& place) {
  require(place.purpose == Purpose::reset || place.purpose == Purpose::test_reset,
          "VectorEnv::reset: place.purpose must be Purpose::reset or Purpose::test_reset");
  require(place.time_step == 0, "VectorEnv::reset: place.time_step must be 0; steps are counted from the reset");
  place_ = place;
  for (std::size_t i = 0; i < tasks_.size(); ++i) env_->reset(lanes(i));

  std::fill(rewards_.begin(), rewards_.end(), 0.0);
  for (auto* flags : {&terminated_, &finished_}) std::fill(flags->begin(), flags->end(), std::uint8_t{0});
  std::fill(ends_.begin(), ends_.end(), End::running);
  time_step_ = 0;
  running_ = finished_.size();

  // Steps draw from a purpose of their own.
  place_.purpose = place.purpose == Purpose::reset ? Purpose::env : Purpose::test_env;
}

void VectorEnv::step(std::span<const double> actions) {
  if (running_ == 0) throw Error(std::string(env_->spec.name) + ": nothing is running; call reset before step");
  place_.time_step = static_cast<std::uint32_t>(time_step_);
  check_actions(actions);

  // Move every trajectory that still runs.
  const auto per_task = static_cast<std::size_t>(trajectories_ * env_->spec.action_size);
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    Lanes task_lanes = lanes(i);
    task_lanes.actions = actions.data() + i * per_task;
    env_->step(task_lanes);
  }
  ++time_step_;

  // The horizon cuts what has not ended by itself; a trajectory that ends in the very last step has ended by itself.
  const bool time_is_up = time_step_ == horizon_;
  for (std::size_t lane = 0; lane < finished_.size(); ++lane) {
    if (!std::isfinite(rewards_[lane]))
      throw NonFiniteError(where(lane) + ": the reward is not finite; look at the environment's step");
    ends_[lane] = terminated_[lane]                  ? End::terminated
                  : time_is_up && !finished_[lane] ? End::truncated
                                                   : End::running;
    const bool ends = ends_[lane] != End::running;
    finished_[lane] |= static_cast<std::uint8_t>(ends);
    running_ -= ends;
  }
}

void VectorEnv::choose(void (*act)(const Lanes&, double* actions), std::span<double> actions) {
  if (act == nullptr) throw Error(std::string(env_->spec.name) + ": this reference behaviour is not defined here");
  const auto per_task = static_cast<std::size_t>(trajectories_ * env_->spec.action_size);
  require(actions.size() == tasks_.size() * per_task,
          "VectorEnv::choose: actions must be (tasks, trajectories, action_size)");
  for (std::size_t i = 0; i < tasks_.size(); ++i) act(lanes(i), actions.data() + i * per_task);
}

// "point-nav-v1, task 3, trajectory 5, step 17": ids as in place, step counted from 0.
std::string VectorEnv::where(std::size_t lane) const {
  const auto n = static_cast<std::size_t>(trajectories_);
  return std::string(env_->spec.name) + ", task " + std::to_string(place_.task + lane / n) + ", trajectory " +
         std::to_string(place_.trajectory + lane % n) + ", step " + std::to_string(place_.time_step);
}

void VectorEnv::check_actions(std::span<const double> actions) const {
  const Spec& spec = env_->spec;
  const auto size = static_cast<std::size_t>(spec.action_size);
  // Messages are made only when there is something to say: this runs at every step.
  if (actions.size() != finished_.size() * size)
    throw Error(std::string(spec.name) + ": " + std::to_string(actions.size()) + " numbers given as actions; " +
                std::to_string(tasks_.size()) + " tasks × " + std::to_string(trajectories_) + " trajectories × " +
                std::to_string(size) + " are needed");
  for (std::size_t lane = 0; lane < finished_.size(); ++lane) {
    if (finished_[lane]) continue;
    for (std::size_t k = 0; k < size; ++k) {
      const double a = actions[lane * size + k];
      if (!std::isfinite(a)) [[unlikely]]
        throw NonFiniteError(where(lane) + ": action " + std::to_string(k) + " is " +
                             (std::isnan(a) ? "NaN" : "infinite") + "; look at the policy's output and its parameters");
      const bool is_choice = a >= 0 && a < spec.action_count && a == std::floor(a);
      if (spec.action_kind == ActionKind::discrete && !is_choice) [[unlikely]]
        throw Error(where(lane) + ": action " + std::to_string(a) + " is not one of 0 … " +
                    std::to_string(spec.action_count - 1));
    }
  }
}

}  // namespace innerloop::envs
