// Environments stepped by a device: all trajectories of all tasks in one launch, a thread each.
//
// The very same structs as on the CPU (envs/driver.h), compiled for the device: + − × ÷, √, and our own sine, cosine
// and exponential, so every number is the CPU's, bit for bit. What VectorEnv checks, finite actions and rewards, nobody
// checks here.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "kernels/philox.h"
#include "kernels/shape.h"

namespace innerloop::envs {

// The trajectories of all tasks: sizes, and addresses in the device's memory.
struct DeviceLanes {
  int tasks = 0, trajectories = 0;
  const double* task_numbers = nullptr;     // (tasks, task_size)
  std::uint64_t* states = nullptr;          // (tasks, trajectories, EnvRow::state_words)
  const double* actions = nullptr;          // (tasks, trajectories, action_size)
  const std::uint8_t* finished = nullptr;   // (tasks, trajectories): 1 = leave this trajectory alone
  double* rewards = nullptr;                // (tasks, trajectories)
  std::uint8_t* terminated = nullptr;       // (tasks, trajectories)
  double* observations = nullptr;           // (tasks, trajectories, obs_size)
  std::uint64_t seed = 0;                   // random numbers: trajectory n of task t draws at `place` with
  Place place;                              // place.task + t and place.trajectory + n
};

// Asynchronous on the stream. Error where a place does not fit its fields, or the device has no such environment.
void reset_on(Device device, std::string_view env, const DeviceLanes& lanes, void* stream);
void step_on(Device device, std::string_view env, const DeviceLanes& lanes, void* stream);

}  // namespace innerloop::envs
