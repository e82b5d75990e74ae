// The grid of VariBAD: find a hidden goal, then return to it.
#pragma once

#include "envs/math.h"
#include "envs/spec.h"

namespace innerloop::envs {

// grid-navi-v1: 5 × 5 cells; the start is a corner, the goal any cell outside the 2 × 2 block around it. 15 steps an
// episode, 4 episodes a trial with the same goal. Reward 1 for every step that ends on the goal, −0.1 otherwise; being
// there ends nothing. Zintgraf et al. 2020 (VariBAD, arXiv 1910.08348), official code.
//
// The way to a goal at distance d earns 16.1 − 1.1·d, on average 16.1 − 1.1·96/21 = 11.0714. Whoever does not know the
// goal earns at most 4.0 in the first episode (meta/bandit_baselines.h).
template <class Real>
struct GridNavi {
  struct Task { Real goal; };  // 0 … 20: the cells row by row, those around the start left out
  struct State { int x, y; };
  struct Action { int move; };  // 0: stay, 1: up, 2: right, 3: down, 4: left

  static constexpr Spec spec = {
      .name = "grid-navi-v1",
      .summary = "find a hidden goal on a grid, then return to it in the episodes that follow",
      .source = "VariBAD (arXiv 1910.08348), official code",
      .task_size = 1,
      .obs_size = 2,
      .action_kind = ActionKind::discrete,
      .action_count = 5,
      .horizon = 15,
      .trial_episodes = 4,
      .best_policy = "oracle (straight to the goal)",
  };
  static constexpr int side = 5;

  static constexpr int task_count = 21;
  static constexpr Task task(int index) { return {static_cast<Real>(index)}; }

  // The goal's place: x to the right, y up. Rows 0 and 1 have three goals, the others five.
  static constexpr State goal_of(const Task& task) {
    const int goal = static_cast<int>(task.goal);
    if (goal < 6) return {2 + goal % 3, goal / 3};
    return {(goal - 6) % 5, 2 + (goal - 6) / 5};
  }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0};
  }

  // A move; the border stops it. The reward is that of the new place.
  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    state.x = clip(state.x + (action.move == 2 ? 1 : (action.move == 4 ? -1 : 0)), 0, side - 1);
    state.y = clip(state.y + (action.move == 1 ? 1 : (action.move == 3 ? -1 : 0)), 0, side - 1);
    const State goal = goal_of(task);
    return {state.x == goal.x && state.y == goal.y ? Real(1) : Real(-0.1), false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) {
    obs[0] = static_cast<Real>(state.x);
    obs[1] = static_cast<Real>(state.y);
  }

  static constexpr Action still_action(const Task&, const State&) { return {0}; }
  static constexpr Action best_action(const Task& task, const State& state) {
    const State goal = goal_of(task);
    if (state.x != goal.x) return {state.x < goal.x ? 2 : 4};
    if (state.y != goal.y) return {state.y < goal.y ? 1 : 3};
    return {0};
  }
};

}  // namespace innerloop::envs
