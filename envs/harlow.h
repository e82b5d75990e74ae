// Harlow's task: two new objects, one of them pays; after one try there is nothing left to find out.
#pragma once

#include "envs/spec.h"

namespace innerloop::envs {

// harlow-v1: ten trials with the same two objects, each a row of six numbers ±1, shown left and right by chance.
// Choosing the good one pays 1, the other −1. Chance decides the first trial, so the best expected sum is 9. Harlow
// 1949; Wang et al. 2016 (arXiv 1611.05763, section 3.3), whose objects are images and whose agent must look at a point
// for 0.2 before each trial: neither changes what is to be learned.
template <class Real>
struct Harlow {
  static constexpr int features = 6;
  struct Task { Real good[features], bad[features]; };
  struct State { int good_is_right; };
  struct Action { int side; };  // 0: left, 1: right

  static constexpr Spec spec = {
      .name = "harlow-v1",
      .summary = "two new objects, one pays; find out which, and remember it by its look",
      .source = "Wang 2016 (arXiv 1611.05763), section 3.3, with symbols",
      .task_size = 2 * features,
      .obs_size = 2 * features,
      .action_kind = ActionKind::discrete,
      .action_count = 2,
      .horizon = 10,
      .random_reset = true,
      .random_step = true,
      .best_policy = "oracle (knows the good one)",
  };

  // Two different objects.
  template <class Random>
  static constexpr Task sample_task(Random& random) {
    Task task{};
    int different = 0;
    while (different == 0)
      for (int i = 0; i < features; ++i) {
        task.good[i] = random.below(2) == 0 ? Real(-1) : Real(1);
        task.bad[i] = random.below(2) == 0 ? Real(-1) : Real(1);
        different += task.good[i] != task.bad[i];
      }
    return task;
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    return {static_cast<int>(random.below(2))};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task&, State& state, const Action& action, Random& random) {
    const Real reward = action.side == state.good_is_right ? Real(1) : Real(-1);
    state.good_is_right = static_cast<int>(random.below(2));
    return {reward, false};
  }

  // The left object, then the right one.
  static constexpr void observe(const Task& task, const State& state, Real* obs) {
    for (int i = 0; i < features; ++i) {
      obs[i] = state.good_is_right ? task.bad[i] : task.good[i];
      obs[features + i] = state.good_is_right ? task.good[i] : task.bad[i];
    }
  }

  static constexpr Action best_action(const Task&, const State& state) { return {state.good_is_right}; }
};

}  // namespace innerloop::envs
