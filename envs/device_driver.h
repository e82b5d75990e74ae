// The template between an environment, a plain struct, and its two kernels. Internal to device_rows.cu.
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "envs/device_envs.h"
#include "envs/driver.h"
#include "kernels/cuda/philox_device.h"
#include "kernels/cuda/simt/simt.h"

namespace innerloop::envs::SIMT_BACKEND {

using kernels::DevicePhilox;

// What reset and step of one environment are called by.
struct DeviceEnvRow {
  std::string_view name;
  void (*reset)(const DeviceLanes& lanes, void* stream);
  void (*step)(const DeviceLanes& lanes, void* stream);
};

// What a thread is given, by value: the counter of the first place in place of the place itself.
struct LaneArguments {
  DeviceLanes lanes;
  std::array<std::uint32_t, 4> counter;
};

// The trajectory of one thread.
template <class Env>
struct Lane {
  using Task = typename Env::Task;
  using State = typename Env::State;
  using Action = typename Env::Action;
  static constexpr int state_words = Driver<Env>::state_words, obs_size = Env::spec.obs_size;
  static constexpr int task_size = Env::spec.task_size, action_size = Env::spec.action_size;
  static constexpr bool draws_at_reset = Env::spec.random_reset, draws_at_step = Env::spec.random_step;
  static constexpr bool discrete = Driver<Env>::discrete;

  const LaneArguments& all;
  int task_number, lane;

  SIMT_DEVICE Lane(const LaneArguments& arguments, int l)
      : all(arguments), task_number(l / arguments.lanes.trajectories), lane(l) {}

  // In place: the 550 numbers of a random decision process have no room in a thread's registers.
  SIMT_DEVICE const Task& task() const {
    static_assert(std::is_empty_v<Task> || sizeof(Task) == task_size * sizeof(double), "a task is numbers alone");
    return *reinterpret_cast<const Task*>(all.lanes.task_numbers + static_cast<std::size_t>(task_number) * task_size);
  }
  SIMT_DEVICE std::uint64_t* state_place() const {
    return all.lanes.states + static_cast<std::size_t>(lane) * state_words;
  }
  SIMT_DEVICE double* observation() const { return all.lanes.observations + static_cast<std::size_t>(lane) * obs_size; }
  SIMT_DEVICE Action action() const {
    const double* numbers = all.lanes.actions + static_cast<std::size_t>(lane) * action_size;
    if constexpr (discrete) {
      return Action{static_cast<int>(numbers[0])};
    } else {
      Action a;
      memcpy(&a, numbers, sizeof a);
      return a;
    }
  }

  // The random numbers of this trajectory; none for an environment that says it draws nothing.
  template <bool draws>
  SIMT_DEVICE auto random() const {
    if constexpr (draws) {
      std::array<std::uint32_t, 4> counter = all.counter;
      counter[1] += static_cast<std::uint32_t>(task_number) << 16;
      counter[1] += static_cast<std::uint32_t>(lane - task_number * all.lanes.trajectories);
      return DevicePhilox(all.lanes.seed, counter);
    } else {
      return NoRandom{};
    }
  }
};

template <class Env>
SIMT_KERNEL void reset_lanes(LaneArguments arguments) {
  const int count = arguments.lanes.tasks * arguments.lanes.trajectories;
  for (int l = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); l < count;
       l += static_cast<int>(gridDim.x * blockDim.x)) {
    const Lane<Env> lane(arguments, l);
    const typename Env::Task& task = lane.task();
    auto random = lane.template random<Lane<Env>::draws_at_reset>();
    const typename Env::State state = Env::reset(task, random);
    memcpy(lane.state_place(), &state, sizeof state);
    Env::observe(task, state, lane.observation());
  }
}

// One time step of every trajectory that is still running; the others keep state and observation and earn nothing.
template <class Env>
SIMT_KERNEL void step_lanes(LaneArguments arguments) {
  const int count = arguments.lanes.tasks * arguments.lanes.trajectories;
  for (int l = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); l < count;
       l += static_cast<int>(gridDim.x * blockDim.x)) {
    const Lane<Env> lane(arguments, l);
    arguments.lanes.rewards[l] = 0;
    arguments.lanes.terminated[l] = 0;
    if (arguments.lanes.finished[l]) continue;
    const typename Env::Task& task = lane.task();
    auto random = lane.template random<Lane<Env>::draws_at_step>();
    typename Env::State state;
    memcpy(&state, lane.state_place(), sizeof state);
    const Step<double> out = Env::step(task, state, lane.action(), random);
    memcpy(lane.state_place(), &state, sizeof state);
    Env::observe(task, state, lane.observation());
    arguments.lanes.rewards[l] = out.reward;
    arguments.lanes.terminated[l] = out.terminated;
  }
}

inline void launch_lanes(void (*kernel)(LaneArguments), const DeviceLanes& lanes, void* stream) {
  constexpr unsigned threads = 128, most_blocks = 132 * 16;
  const unsigned count = static_cast<unsigned>(lanes.tasks) * static_cast<unsigned>(lanes.trajectories);
  simt::launch({.grid = std::min((count + threads - 1) / threads, most_blocks), .block = threads, .stream = stream},
               kernel, LaneArguments{lanes, first_counter(lanes.place)});
}

template <class Env>
constexpr DeviceEnvRow device_row = {
    Env::spec.name,
    [](const DeviceLanes& lanes, void* stream) { launch_lanes(reset_lanes<Env>, lanes, stream); },
    [](const DeviceLanes& lanes, void* stream) { launch_lanes(step_lanes<Env>, lanes, stream); }};

}  // namespace innerloop::envs::SIMT_BACKEND
