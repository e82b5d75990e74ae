// The driver: turns an environment, a plain struct, into one row of plain function pointers.
//
// Behind a row every environment looks the same: a task is an array of numbers, a state is an opaque block of words,
// and one call steps all trajectories of a task. This is the only template between an environment and the rest of
// innerloop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "envs/spec.h"
#include "kernels/philox.h"

namespace innerloop::envs {

using Task = std::vector<double>;  // spec.task_size numbers

// The trajectories of one task, in lockstep: what a row's functions read and write. The driver owns none of it.
struct Lanes {
  const double* task = nullptr;              // (task_size)
  int count = 0;                             // trajectories
  std::uint64_t* states = nullptr;           // (count, state_words)
  const double* actions = nullptr;           // (count, action_size)
  const std::uint8_t* finished = nullptr;    // (count): 1 = leave this trajectory alone
  double* rewards = nullptr;                 // (count)
  std::uint8_t* terminated = nullptr;        // (count)
  double* observations = nullptr;            // (count, obs_size)
  std::uint64_t seed = 0;                    // random numbers: trajectory n draws at `place` with place.trajectory + n
  Place place;
};

// One environment in the table.
struct EnvRow {
  Spec spec;
  int state_words = 0;  // 8-byte words of a state
  int task_count = 0;   // how many tasks there are; 0: a continuum

  void (*task)(int index, double* task) = nullptr;            // the tasks one by one; null for a continuum
  void (*sample_task)(Philox& random, double* task) = nullptr;
  void (*reset)(const Lanes&) = nullptr;                      // writes states and observations
  void (*step)(const Lanes&) = nullptr;                       // writes states, rewards, terminated and observations

  // Reference behaviour, which may look at the task: an action for every trajectory. Null where it is not defined.
  void (*still)(const Lanes&, double* actions) = nullptr;
  void (*best)(const Lanes&, double* actions) = nullptr;
};

// Passed to an environment that says it draws nothing: drawing from it does not compile.
struct NoRandom {};

// region: driver
template <class Env>
struct Driver {
  using EnvTask = typename Env::Task;
  using EnvState = typename Env::State;
  using EnvAction = typename Env::Action;
  static constexpr Spec spec = Env::spec;
  static constexpr int state_words = (sizeof(EnvState) + 7) / 8;
  static constexpr bool discrete = spec.action_kind == ActionKind::discrete;

  static_assert(sizeof(EnvTask) == spec.task_size * sizeof(double),
                "a Task is spec.task_size doubles and nothing else");
  static_assert(std::is_trivially_copyable_v<EnvState>, "a State is plain numbers");
  static_assert(discrete ? sizeof(EnvAction) == sizeof(int) : sizeof(EnvAction) == spec.action_size * sizeof(double),
                "an Action is spec.action_size doubles, or one int if discrete");

  // Numbers ↔ structs.
  static EnvTask task_from(const double* numbers) {
    EnvTask task;
    std::memcpy(&task, numbers, sizeof task);
    return task;
  }
  static EnvState load(const std::uint64_t* words) {
    EnvState state;
    std::memcpy(&state, words, sizeof state);
    return state;
  }
  static void store(const EnvState& state, std::uint64_t* words) { std::memcpy(words, &state, sizeof state); }
  static EnvAction action_from(const double* numbers) {
    if constexpr (discrete) return EnvAction{static_cast<int>(numbers[0])};
    EnvAction action;
    std::memcpy(&action, numbers, sizeof action);
    return action;
  }
  static void write(const EnvAction& action, double* numbers) {
    if constexpr (discrete) {
      int choice = 0;
      std::memcpy(&choice, &action, sizeof choice);
      numbers[0] = choice;
    } else {
      std::memcpy(numbers, &action, sizeof action);
    }
  }

  // The random numbers of trajectory n.
  template <bool draws>
  static auto random_of(const Lanes& lanes, int n) {
    if constexpr (draws) {
      Place place = lanes.place;
      place.trajectory += static_cast<std::uint32_t>(n);
      return Philox(lanes.seed, place);
    } else {
      return NoRandom{};
    }
  }

  static void reset(const Lanes& lanes) {
    const EnvTask task = task_from(lanes.task);
    for (int n = 0; n < lanes.count; ++n) {
      auto random = random_of<spec.random_reset>(lanes, n);
      const EnvState state = Env::reset(task, random);
      store(state, lanes.states + n * state_words);
      Env::observe(task, state, lanes.observations + n * spec.obs_size);
    }
  }

  // One time step of every trajectory that is still running; the others keep state and observation and earn nothing.
  // Blocks in which all run and nothing is drawn go through step_block.
  static void step(const Lanes& lanes) {
    const EnvTask task = task_from(lanes.task);
    int n = 0;
    if constexpr (!spec.random_step && !discrete)
      for (; n + block <= lanes.count; n += block) {
        const bool all_run = std::count(lanes.finished + n, lanes.finished + n + block, std::uint8_t{0}) == block;
        all_run ? step_block(task, lanes, n) : step_one_by_one(task, lanes, n, n + block);
      }
    step_one_by_one(task, lanes, n, lanes.count);
  }

  // `block` trajectories from `first` on, by loops without a branch: the compiler makes vector code of them.
  static constexpr int block = 64;
  static void step_block(const EnvTask& task, const Lanes& lanes, int first) {
    EnvState states[block];
    EnvAction actions[block];
    double rewards[block], observations[block * spec.obs_size];
    std::uint8_t terminated[block];
    NoRandom none;
    for (int i = 0; i < block; ++i) states[i] = load(lanes.states + (first + i) * state_words);
    std::memcpy(actions, lanes.actions + first * spec.action_size, sizeof actions);
    for (int i = 0; i < block; ++i) {
      const Step<double> out = Env::step(task, states[i], actions[i], none);
      rewards[i] = out.reward;
      terminated[i] = out.terminated;
    }
    for (int i = 0; i < block; ++i) Env::observe(task, states[i], observations + i * spec.obs_size);
    for (int i = 0; i < block; ++i) store(states[i], lanes.states + (first + i) * state_words);
    std::memcpy(lanes.observations + first * spec.obs_size, observations, sizeof observations);
    std::memcpy(lanes.rewards + first, rewards, sizeof rewards);
    std::memcpy(lanes.terminated + first, terminated, sizeof terminated);
  }

  static void step_one_by_one(const EnvTask& task, const Lanes& lanes, int first, int end) {
    for (int n = first; n < end; ++n) {
      lanes.rewards[n] = 0;
      lanes.terminated[n] = 0;
      if (lanes.finished[n]) continue;
      auto random = random_of<spec.random_step>(lanes, n);
      EnvState state = load(lanes.states + n * state_words);
      const Step<double> out = Env::step(task, state, action_from(lanes.actions + n * spec.action_size), random);
      store(state, lanes.states + n * state_words);
      Env::observe(task, state, lanes.observations + n * spec.obs_size);
      lanes.rewards[n] = out.reward;
      lanes.terminated[n] = out.terminated;
    }
  }

  // An action for every trajectory from a function of task and state.
  template <class Act>
  static void act(const Lanes& lanes, double* actions, Act choose) {
    const EnvTask task = task_from(lanes.task);
    for (int n = 0; n < lanes.count; ++n)
      write(choose(task, load(lanes.states + n * state_words)), actions + n * spec.action_size);
  }
};
// endregion

// The row of an environment. What a struct does not define (a list of its tasks, standing still) stays null.
template <class Env>
EnvRow make_row() {
  using D = Driver<Env>;
  EnvRow row;
  row.spec = Env::spec;
  row.state_words = D::state_words;
  row.sample_task = [](Philox& random, double* numbers) {
    const typename Env::Task task = Env::sample_task(random);
    std::memcpy(numbers, &task, sizeof task);
  };
  row.reset = D::reset;
  row.step = D::step;
  if constexpr (requires { Env::task_count; }) {
    row.task_count = Env::task_count;
    row.task = [](int index, double* numbers) {
      const typename Env::Task task = Env::task(index);
      std::memcpy(numbers, &task, sizeof task);
    };
  }
  if constexpr (requires(typename Env::Task t, typename Env::State s) { Env::still_action(t, s); })
    row.still = [](const Lanes& lanes, double* actions) {
      D::act(lanes, actions, [](const auto& task, const auto& state) { return Env::still_action(task, state); });
    };
  if constexpr (requires(typename Env::Task t, typename Env::State s) { Env::best_action(t, s); })
    row.best = [](const Lanes& lanes, double* actions) {
      D::act(lanes, actions, [](const auto& task, const auto& state) { return Env::best_action(task, state); });
    };
  return row;
}

}  // namespace innerloop::envs
