// The discounting chain: one decision, whose reward comes sooner or later.
#pragma once

#include "envs/spec.h"

namespace innerloop::envs {

// discounting-chain-1-v2, …-3-v2, …-10-v2, …-30-v2, …-100-v2: the first action picks one of five delays, 1, 3, 10, 30
// or 100 steps, after which a reward of 1 comes; the delay of the name pays 1.1. An episode has 100 steps, and no
// action but the first does anything. Who discounts by γ sees 1.1·γ^(d−1) against 1: to prefer the delay of 100 takes a
// γ above 0.99904. As in bsuite (Osband et al. 2020, arXiv 1908.03568); since v2 it is seen whether the reward is still
// to come: without that a critic has to find five delays in the time, and its errors at the 99 steps that decide
// nothing drown the one that does.
template <class Real, int best>
struct DiscountingChain {
  struct Task { Real bonus; };
  struct State { int chosen, t; };  // chosen: −1 before the first action
  struct Action { int choice; };

  static constexpr Spec spec = {
      .name = best == 0   ? "discounting-chain-1-v2"
              : best == 1 ? "discounting-chain-3-v2"
              : best == 2 ? "discounting-chain-10-v2"
              : best == 3 ? "discounting-chain-30-v2"
                          : "discounting-chain-100-v2",
      .summary = "pick one of five delays to a reward of 1; that of the name pays 1.1",
      .source = "bsuite (arXiv 1908.03568), discounting chain",
      .task_size = 1,
      .obs_size = 7,
      .action_kind = ActionKind::discrete,
      .action_count = 5,
      .horizon = 100,
      .terminates = true,
      .best_policy = "oracle (knows which pays 1.1)",
  };

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {Real(0.1)}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {-1, 0};
  }

  static constexpr int delay(int choice) {
    return choice == 0 ? 1 : (choice == 1 ? 3 : (choice == 2 ? 10 : (choice == 3 ? 30 : 100)));
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    if (state.chosen < 0) state.chosen = action.choice;
    ++state.t;
    const Real reward = state.chosen == best ? 1 + task.bonus : Real(1);
    return {state.t == delay(state.chosen) ? reward : Real(0), state.t == 100};
  }

  // One-hot over the delay that was picked, the time as a fraction of the episode, and 1 while the reward is to come.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    for (int k = 0; k < 5; ++k) obs[k] = k == state.chosen ? Real(1) : Real(0);
    obs[5] = static_cast<Real>(state.t) / 100;
    obs[6] = state.chosen < 0 || state.t < delay(state.chosen) ? Real(1) : Real(0);
  }

  static constexpr Action best_action(const Task&, const State&) { return {best}; }
};

}  // namespace innerloop::envs
