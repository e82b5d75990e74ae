// Environments where the discount matters: rewards that nothing influences, a small reward near by, a long fall.
#pragma once

#include "envs/classic_control.h"
#include "envs/spec.h"

namespace innerloop::envs {

// lure-grid-v1: an open grid of 7 × 7 cells. From the upper left corner the exit two cells to the right pays ½, that in
// the lower right corner, twelve steps away, pays 1; both end the episode. Every step pays or takes 0.1 besides, by a
// coin that nothing influences. A discount below 0.933 prefers the near exit; one near 1 hears all the coins.
template <class Real>
struct LureGrid {
  struct Task { Real lure; };
  struct State { int cell, unused; };
  struct Action { int direction; };  // 0: up, 1: right, 2: down, 3: left

  static constexpr Spec spec = {
      .name = "lure-grid-v1",
      .summary = "a near exit pays ½, a far one 1, and every step a coin: which discount finds the far one?",
      .source = "this project, for meta-gradients",
      .task_size = 1,
      .obs_size = 49,
      .action_kind = ActionKind::discrete,
      .action_count = 4,
      .horizon = 100,
      .terminates = true,
      .random_step = true,
      .best_policy = "shortest way to the far exit",
  };
  static constexpr int side = 7, lure_cell = 2, goal_cell = 48;
  static constexpr Real coin = Real(0.1);

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {Real(0.5)}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) {
    return {0, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    const int row_step = action.direction == 2 ? 1 : (action.direction == 0 ? -1 : 0);
    const int column_step = action.direction == 1 ? 1 : (action.direction == 3 ? -1 : 0);
    const int row = limit(state.cell / side + row_step), column = limit(state.cell % side + column_step);
    state.cell = row * side + column;
    const Real exit = state.cell == goal_cell ? Real(1) : (state.cell == lure_cell ? task.lure : Real(0));
    return {exit + (random.uniform() < 0.5 ? coin : -coin), state.cell == goal_cell || state.cell == lure_cell};
  }

  // One-hot over the cells.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    for (int cell = 0; cell < side * side; ++cell) obs[cell] = cell == state.cell ? Real(1) : Real(0);
  }

  // Down first, then right: past the near exit.
  static constexpr Action best_action(const Task&, const State& state) {
    return {state.cell / side < side - 1 ? 2 : 1};
  }

 private:
  static constexpr int limit(int x) { return x < 0 ? 0 : (x >= side ? side - 1 : x); }
};

// noisy-cartpole-v1: cartpole-v1, where every step pays or takes 1 besides, by a coin that nothing influences.
template <class Real>
struct NoisyCartPole : CartPole<Real> {
  using Base = CartPole<Real>;
  using typename Base::Action, typename Base::State, typename Base::Task;

  static constexpr Spec spec = [] {
    Spec s = Base::spec;
    s.name = "noisy-cartpole-v1";
    s.summary = "balance a pole on a cart; reward 1 per step, and ±1 by a coin";
    s.source = "this project, for meta-gradients";
    s.random_step = true;
    return s;
  }();

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    const Step<Real> out = Base::step(task, state, action, random);
    return {out.reward + (random.uniform() < 0.5 ? Real(1) : Real(-1)), out.terminated};
  }
};

// catch-v1, catch-tall-v1: a ball falls one row a step, straight down, in one of five columns; a paddle in the bottom
// row moves left, stays or moves right. When the ball is down, reward 1 if it is caught, −1 if not. Ten rows, and
// forty: the same skill, the reward four times as late. As in bsuite (Osband et al. 2020, arXiv 1908.03568).
template <class Real, int rows>
struct Catch {
  struct Task { Real reward; };
  struct State { int row, ball, paddle, unused; };
  struct Action { int move; };  // 0: left, 1: stay, 2: right

  static constexpr Spec spec = {
      .name = rows == 10 ? "catch-v1" : "catch-tall-v1",
      .summary = rows == 10 ? "catch a falling ball; ten rows" : "catch a falling ball; forty rows",
      .source = "bsuite (arXiv 1908.03568), catch",
      .task_size = 1,
      .obs_size = 11,
      .action_kind = ActionKind::discrete,
      .action_count = 3,
      .horizon = rows - 1,
      .terminates = true,
      .random_reset = true,
      .best_policy = "below the ball (optimal)",
  };

  static constexpr int task_count = 1;
  static constexpr Task task(int) { return {1}; }

  template <class Random>
  static constexpr Task sample_task(Random&) {
    return task(0);
  }

  template <class Random>
  static constexpr State reset(const Task&, Random& random) {
    return {0, static_cast<int>(random.below(5)), 2, 0};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random&) {
    const int moved = state.paddle + action.move - 1;
    state.paddle = moved < 0 ? 0 : (moved > 4 ? 4 : moved);
    ++state.row;
    const bool down = state.row == rows - 1;
    return {!down ? Real(0) : (state.ball == state.paddle ? task.reward : -task.reward), down};
  }

  // One-hot over the ball's column and over the paddle's, and how far the ball has fallen.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    for (int k = 0; k < 5; ++k) {
      obs[k] = k == state.ball ? Real(1) : Real(0);
      obs[5 + k] = k == state.paddle ? Real(1) : Real(0);
    }
    obs[10] = static_cast<Real>(state.row) / (rows - 1);
  }

  static constexpr Action best_action(const Task&, const State& state) {
    return {state.ball < state.paddle ? 0 : (state.ball > state.paddle ? 2 : 1)};
  }
};

}  // namespace innerloop::envs
