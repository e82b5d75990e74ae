// Every environment on the device against the CPU's driver: bit for bit, over episodes and resets.
#include "envs/device_envs.h"

#include <cstring>

#include "envs/table.h"
#include "envs/vector_env.h"
#include "kernels/require.h"
#include "tests/catch.h"
#include "tests/cuda/devices.h"
#include "tests/cuda/schedules.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

constexpr int kTasks = 3, kTrajectories = 5;
constexpr std::size_t kLanes = kTasks * kTrajectories;
constexpr std::uint64_t kSeed = 11;

std::vector<double> numbers_of(const std::vector<Task>& list) {
  std::vector<double> all;
  for (const Task& task : list) all.insert(all.end(), task.begin(), task.end());
  return all;
}

std::vector<double> nothing_yet(int numbers) {
  return std::vector<double>(kLanes * static_cast<std::size_t>(numbers), NAN);
}

// All lanes of an environment in the device's memory.
struct Memory {
  DeviceArray<double> tasks, actions, rewards, observations;
  DeviceArray<std::uint64_t> states;
  DeviceArray<std::uint8_t> finished, terminated;

  Memory(Device device, const EnvRow& env, const std::vector<Task>& list)
      : tasks(device, numbers_of(list)),
        actions(device, nothing_yet(env.spec.action_size)),
        rewards(device, nothing_yet(1)),
        observations(device, nothing_yet(env.spec.obs_size)),
        states(device, std::vector<std::uint64_t>(kLanes * static_cast<std::size_t>(env.state_words))),
        finished(device, std::vector<std::uint8_t>(kLanes)),
        terminated(device, std::vector<std::uint8_t>(kLanes, 7)) {}
  DeviceLanes lanes(const Place& place) {
    return {kTasks,         kTrajectories,     tasks.data(),        states.data(), actions.data(), finished.data(),
            rewards.data(), terminated.data(), observations.data(), kSeed,         place};
  }
};

bool same(const std::vector<double>& a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

std::vector<double> draw_actions(const Spec& spec, Philox& random) {
  std::vector<double> actions(kLanes * static_cast<std::size_t>(spec.action_size));
  for (double& a : actions)
    a = spec.action_kind == ActionKind::discrete ? random.below(static_cast<std::uint32_t>(spec.action_count))
                                                 : random.uniform(1.5 * spec.action_low, 1.5 * spec.action_high);
  return actions;
}

// Three episodes of at most 40 steps: the device does what the CPU does.
void compare(Device device, const EnvRow& env) {
  std::vector<Task> tasks;
  for (std::uint32_t t = 0; t < kTasks; ++t) tasks.push_back(sample_task(env, kSeed, Purpose::task, 0, t));
  VectorEnv here(env, tasks, kTrajectories, kSeed, 40);
  Memory there(device, env, tasks);
  Philox random(1, {.purpose = Purpose::check});
  for (std::uint32_t episode = 0; episode < 3; ++episode) {
    Place place{.purpose = Purpose::reset, .inner_step = 1, .iteration = episode, .task = 4, .trajectory = 2};
    here.reset(place);
    reset_on(device, env.spec.name, there.lanes(place), nullptr);
    REQUIRE(same(there.observations.numbers(), here.observations()));
    place.purpose = Purpose::env;
    while (!here.all_finished()) {
      there.finished.write({here.finished().begin(), here.finished().end()});
      const std::vector<double> actions = draw_actions(env.spec, random);
      there.actions.write(actions);
      place.time_step = static_cast<std::uint32_t>(here.time_step());
      here.step(actions);
      step_on(device, env.spec.name, there.lanes(place), nullptr);
      INFO("episode " << episode << ", step " << here.time_step());
      REQUIRE(same(there.observations.numbers(), here.observations()));
      REQUIRE(same(there.rewards.numbers(), here.rewards()));
      const std::vector<std::uint8_t> terminated = there.terminated.numbers();
      for (std::size_t lane = 0; lane < terminated.size(); ++lane)
        REQUIRE((terminated[lane] != 0) == (here.ends()[lane] == End::terminated));
    }
  }
}

}  // namespace

TEST_CASE("every environment on the device gives the CPU's bits, resets included, in every order of threads",
          "[device]") {
  for (Device device : devices())
    for (const EnvRow& env : all_envs())
      simt::for_each_order(device, [&](const std::string& order) {
        INFO(name_of(device) << ", " << std::string(env.spec.name) << ", " << order);
        compare(device, env);
      });
}

TEST_CASE("environments on a device refuse places that do not fit, and names that are none", "[device]") {
  const EnvRow& env = all_envs()[0];
  const Place last{.purpose = Purpose::reset, .task = 65535};
  for (Device device : devices()) {
    INFO(name_of(device));
    Memory memory(device, env, std::vector<Task>(kTasks, Task(2)));
    CHECK_THROWS_AS(reset_on(device, env.spec.name, memory.lanes(last), nullptr), Error);
    CHECK_THROWS_AS(step_on(device, "no-such-env", memory.lanes({.purpose = Purpose::env}), nullptr), Error);
  }
  Memory memory(Device::simt, env, std::vector<Task>(kTasks, Task(2)));
  CHECK_THROWS_AS(step_on(Device::cpu, env.spec.name, memory.lanes({.purpose = Purpose::env}), nullptr), Error);
}
