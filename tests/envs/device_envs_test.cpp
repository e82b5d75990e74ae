// Every environment on the device, emulated, against the CPU's driver: bit for bit, over episodes and resets.
#include "envs/device_envs.h"

#include <cstring>

#include "envs/table.h"
#include "envs/vector_env.h"
#include "kernels/require.h"
#include "tests/catch.h"
#include "tests/cuda/schedules.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

constexpr int kTasks = 3, kTrajectories = 5;
constexpr std::size_t kLanes = kTasks * kTrajectories;
constexpr std::uint64_t kSeed = 11;

// The emulated device's memory is the host's.
struct Memory {
  std::vector<double> tasks, actions, rewards, observations;
  std::vector<std::uint64_t> states;
  std::vector<std::uint8_t> finished, terminated;

  Memory(const EnvRow& env, const std::vector<Task>& list)
      : actions(kLanes * static_cast<std::size_t>(env.spec.action_size)),
        rewards(kLanes, NAN),
        observations(kLanes * static_cast<std::size_t>(env.spec.obs_size), NAN),
        states(kLanes * static_cast<std::size_t>(env.state_words)),
        finished(kLanes),
        terminated(kLanes, 7) {
    for (const Task& task : list) tasks.insert(tasks.end(), task.begin(), task.end());
  }
  DeviceLanes lanes(const Place& place) {
    return {kTasks,         kTrajectories,     tasks.data(),        states.data(), actions.data(), finished.data(),
            rewards.data(), terminated.data(), observations.data(), kSeed,         place};
  }
};

bool same(const std::vector<double>& a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

void draw_actions(const Spec& spec, Philox& random, std::vector<double>& actions) {
  for (double& a : actions)
    a = spec.action_kind == ActionKind::discrete ? random.below(static_cast<std::uint32_t>(spec.action_count))
                                                 : random.uniform(1.5 * spec.action_low, 1.5 * spec.action_high);
}

// Three episodes of at most 40 steps: the device does what the CPU does.
void compare(const EnvRow& env) {
  std::vector<Task> tasks;
  for (std::uint32_t t = 0; t < kTasks; ++t) tasks.push_back(sample_task(env, kSeed, Purpose::task, 0, t));
  VectorEnv here(env, tasks, kTrajectories, kSeed, 40);
  Memory there(env, tasks);
  Philox random(1, {.purpose = Purpose::check});
  for (std::uint32_t episode = 0; episode < 3; ++episode) {
    Place place{.purpose = Purpose::reset, .inner_step = 1, .iteration = episode, .task = 4, .trajectory = 2};
    here.reset(place);
    reset_on(Device::simt, env.spec.name, there.lanes(place), nullptr);
    REQUIRE(same(there.observations, here.observations()));
    place.purpose = Purpose::env;
    while (!here.all_finished()) {
      there.finished.assign(here.finished().begin(), here.finished().end());
      draw_actions(env.spec, random, there.actions);
      place.time_step = static_cast<std::uint32_t>(here.time_step());
      here.step(there.actions);
      step_on(Device::simt, env.spec.name, there.lanes(place), nullptr);
      INFO("episode " << episode << ", step " << here.time_step());
      REQUIRE(same(there.observations, here.observations()));
      REQUIRE(same(there.rewards, here.rewards()));
      for (std::size_t lane = 0; lane < there.terminated.size(); ++lane)
        REQUIRE((there.terminated[lane] != 0) == (here.ends()[lane] == End::terminated));
    }
  }
}

}  // namespace

TEST_CASE("every environment on the device gives the CPU's bits, resets included, in every order of threads") {
  for (const EnvRow& env : all_envs()) {
    INFO(std::string(env.spec.name));
    simt::for_each_schedule([&](const std::string& schedule) {
      INFO(schedule);
      compare(env);
    });
  }
}

TEST_CASE("environments on a device refuse places that do not fit, and names that are none") {
  const EnvRow& env = all_envs()[0];
  Memory memory(env, std::vector<Task>(kTasks, Task(2)));
  const Place last{.purpose = Purpose::reset, .task = 65535};
  CHECK_THROWS_AS(reset_on(Device::simt, env.spec.name, memory.lanes(last), nullptr), Error);
  CHECK_THROWS_AS(step_on(Device::simt, "no-such-env", memory.lanes({.purpose = Purpose::env}), nullptr), Error);
  CHECK_THROWS_AS(step_on(Device::cpu, env.spec.name, memory.lanes({.purpose = Purpose::env}), nullptr), Error);
}
