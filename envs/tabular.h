// Two small discrete environments: the four-state grid of MAML's code, and the two-state process of the exact fixture.
#pragma once

#include "envs/spec.h"

namespace innerloop::envs {

// four-state-v1: a 3 × 3 grid; the start is the centre; one of its four neighbours is the goal (reward 1), the other
// three are holes. Goal and holes end the episode, so the first move decides all: a bandit with four arms, seen as a
// grid. Official MAML code: cbfinn/maml_rl, rllab/envs/grid_world_env_rand.py, map "four-state", used by
// maml_trpo_4state.py.
template <class Real>
struct FourState {
  struct Task { Real goal; };  // 0: left, 1: right, 2: above, 3: below (the order of the maps in the official code)
  struct State { int row, column; };
  struct Action { int direction; };  // 0: left, 1: down, 2: right, 3: up

  static constexpr Spec spec = {
      .name = "four-state-v1",
      .summary = "one of four neighbours is the goal; reward 1 there",
      .source = "MAML official code (cbfinn/maml_rl)",
      .task_size = 1,
      .obs_size = 9,
      .action_kind = ActionKind::discrete,
      .action_count = 4,
      .horizon = 10,
      .terminates = true,
      .best_policy = "oracle (knows the goal)",
  };

  // Every task there is.
  static constexpr int task_count = 4;
  static constexpr Task task(int index) { return {static_cast<Real>(index)}; }

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return task(static_cast<int>(random.below(task_count)));
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {1, 1};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    // The move; the grid has walls around it.
    const int row_step = action.direction == 1 ? 1 : (action.direction == 3 ? -1 : 0);
    const int column_step = action.direction == 2 ? 1 : (action.direction == 0 ? -1 : 0);
    state.row = limit(state.row + row_step);
    state.column = limit(state.column + column_step);

    // Every cell but the centre ends the episode; one of them pays.
    const bool in_centre = state.row == 1 && state.column == 1;
    const bool at_goal = state.row * 3 + state.column == goal_cell(task);
    return {at_goal ? Real(1) : Real(0), !in_centre};
  }

  // One-hot over the nine cells, row by row.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    for (int cell = 0; cell < 9; ++cell) obs[cell] = cell == state.row * 3 + state.column ? Real(1) : Real(0);
  }

  static constexpr Action best_action(const Task& task, const State&) {
    const int goal = goal_cell(task);
    return {goal == 3 ? 0 : (goal == 7 ? 1 : (goal == 5 ? 2 : 3))};
  }

 private:
  static constexpr int limit(int x) { return x < 0 ? 0 : (x > 2 ? 2 : x); }
  static constexpr int goal_cell(const Task& task) {
    return task.goal < 1 ? 3 : (task.goal < 2 ? 5 : (task.goal < 3 ? 1 : 7));
  }
};

// two-state-v1: the process on which every estimator of this project is checked by enumeration: 2 states, 2 actions,
// 3 steps, so 64 trajectories (start s = 0):
//   P(s' = 0 | s, a):  0.9, 0.2 from s = 0;  0.3, 0.6 from s = 1       r(s, a):  1, 0 in s = 0;  −½, 2 in s = 1
// The task is an offset on every reward: estimators that are not free of it are found out by it.
template <class Real>
struct TwoState {
  struct Task { Real reward_offset; };
  struct State { int s; };
  struct Action { int a; };

  static constexpr Spec spec = {
      .name = "two-state-v1",
      .summary = "two states, two actions, three steps: small enough to enumerate",
      .source = "this project's exact fixture",
      .task_size = 1,
      .obs_size = 2,
      .action_kind = ActionKind::discrete,
      .action_count = 2,
      .horizon = 3,
      .random_step = true,
      .best_policy = "optimal (a = s)",
  };

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {0}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0};
  }

  static constexpr Real probability_of_0(int s, int a) {
    return s == 0 ? (a == 0 ? Real(0.9) : Real(0.2)) : (a == 0 ? Real(0.3) : Real(0.6));
  }
  static constexpr Real reward(int s, int a) {
    return s == 0 ? (a == 0 ? Real(1) : Real(0)) : (a == 0 ? Real(-0.5) : Real(2));
  }

  // The reward belongs to the state that is left.
  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    const Real r = reward(state.s, action.a) + task.reward_offset;
    state.s = random.uniform() < probability_of_0(state.s, action.a) ? 0 : 1;
    return {r, false};
  }

  // One-hot over the two states.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    obs[0] = state.s == 0 ? Real(1) : Real(0);
    obs[1] = state.s == 1 ? Real(1) : Real(0);
  }

  // Backward induction gives a = s at every one of the three steps; the value at the start is 3.23.
  static constexpr Action best_action(const Task&, const State& state) { return {state.s}; }
};

}  // namespace innerloop::envs
