// Two families of grids whose task is a seed: an open grid with walls, pits and a slippery floor, and a maze.
//
// Their dynamics are a list of outcomes, which step() draws from and envs/mdp.h turns into exact tables.
#pragma once

#include <array>
#include <cstdint>

#include "envs/spec.h"

namespace innerloop::envs {

// A square grid of at most 64 cells, numbered row by row. Bit k of a mask is cell k.
struct GridLayout {
  std::uint64_t walls, pits;
  int goal;
  int unused;  // no byte without a value: states are stored and compared as bytes
};

constexpr bool has(std::uint64_t mask, int cell) { return (mask >> cell & 1) != 0; }

// The cell one step up (0), right (1), down (2) or left (3); the same cell at the border.
constexpr int beside(int cell, int direction, int side) {
  const int row = cell / side, column = cell % side;
  if (direction == 0) return row > 0 ? cell - side : cell;
  if (direction == 1) return column + 1 < side ? cell + 1 : cell;
  if (direction == 2) return row + 1 < side ? cell + side : cell;
  return column > 0 ? cell - 1 : cell;
}

// The numbers that a layout is drawn from: a pure function of the seed (splitmix64, Steele et al. 2014).
struct LayoutRandom {
  std::uint64_t state;
  constexpr int below(int n) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<int>((z ^ (z >> 31)) % static_cast<std::uint64_t>(n));
  }
};

// What both families share. Grid gives: side, slip, step_reward, pit_reward and layout_of(seed).
template <class Real, class Grid>
struct GridFamily {
  struct Task { Real seed; };
  struct State {
    GridLayout layout;
    int cell;
    int unused;
  };
  struct Action { int direction; };  // 0: up, 1: right, 2: down, 3: left
  struct Outcome {
    Real probability;
    State next;
    Step<Real> step;
  };

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    return {static_cast<Real>(random.below(1u << 20))};
  }

  // Every episode starts in the upper left corner.
  template <class Random>
  static constexpr State reset(const Task& task, Random&) {
    return {Grid::layout_of(static_cast<std::uint64_t>(task.seed)), 0, 0};
  }

  // A move; walls and the border stop it. Goal and pits end the episode.
  static constexpr Outcome move(const State& state, int direction, Real probability) {
    const int target = beside(state.cell, direction, Grid::side);
    const State next{state.layout, has(state.layout.walls, target) ? state.cell : target, 0};
    const bool goal = next.cell == next.layout.goal, pit = has(next.layout.pits, next.cell);
    const Real reward = goal ? Real(1) : (pit ? Grid::pit_reward : Grid::step_reward);
    return {probability, next, {reward, goal || pit}};
  }

  // As intended, or, each with probability `slip`, to one of the two sides of it.
  static constexpr std::array<Outcome, 3> outcomes(const State& state, const Action& action) {
    return {move(state, action.direction, 1 - 2 * Grid::slip), move(state, (action.direction + 1) % 4, Grid::slip),
            move(state, (action.direction + 3) % 4, Grid::slip)};
  }

  template <class Random>
  static constexpr Step<Real> step(const Task&, State& state, const Action& action, Random& random) {
    const auto possible = outcomes(state, action);
    int k = 0;
    if constexpr (Grid::slip > 0) {
      const double u = random.uniform();
      k = u < possible[0].probability ? 0 : (u < possible[0].probability + possible[1].probability ? 1 : 2);
    }
    state = possible[static_cast<std::size_t>(k)].next;
    return possible[static_cast<std::size_t>(k)].step;
  }

  // One-hot over the cells.
  static constexpr void observe(const Task&, const State& state, Real* obs) {
    for (int cell = 0; cell < Grid::side * Grid::side; ++cell) obs[cell] = cell == state.cell ? Real(1) : Real(0);
  }

  // Steps from every cell to the goal, pits and walls apart; 64 where there is no way.
  static constexpr std::array<int, 64> distances(const GridLayout& layout) {
    std::array<int, 64> steps{};
    steps.fill(64);
    steps[static_cast<std::size_t>(layout.goal)] = 0;
    for (bool changed = true; changed;) {
      changed = false;
      for (int cell = 0; cell < Grid::side * Grid::side; ++cell) {
        if (has(layout.walls | layout.pits, cell)) continue;
        int& own = steps[static_cast<std::size_t>(cell)];
        for (int direction = 0; direction < 4; ++direction) {
          const int near = steps[static_cast<std::size_t>(beside(cell, direction, Grid::side))] + 1;
          if (near < own) own = near, changed = true;
        }
      }
    }
    return steps;
  }

  // Along the shortest way.
  static constexpr Action best_action(const Task&, const State& state) {
    const auto steps = distances(state.layout);
    int best = 0;
    for (int direction = 1; direction < 4; ++direction)
      if (steps[static_cast<std::size_t>(beside(state.cell, direction, Grid::side))] <
          steps[static_cast<std::size_t>(beside(state.cell, best, Grid::side))])
        best = direction;
    return {best};
  }
};

// gridworld-v1: 5 × 5 cells, three walls, one pit and a goal, drawn from the seed so that the goal can be reached. The
// floor is slippery: a move goes as intended with probability 0.8 and to each side of it with 0.1. Reward −0.04 per
// step, 1 at the goal, −1 in the pit. The rules of Russell and Norvig's 4 × 3 world (Artificial Intelligence, ch. 17).
template <class Real>
struct Gridworld : GridFamily<Real, Gridworld<Real>> {
  static constexpr Spec spec = {
      .name = "gridworld-v1",
      .summary = "find the goal on a slippery grid, beware of the pit; the task is the grid's seed",
      .source = "rules of Russell and Norvig's 4 × 3 world",
      .task_size = 1,
      .obs_size = 25,
      .action_kind = ActionKind::discrete,
      .action_count = 4,
      .horizon = 100,
      .terminates = true,
      .random_step = true,
      .best_policy = "shortest way (knows the grid)",
  };
  static constexpr int side = 5;
  static constexpr Real slip = Real(0.1), step_reward = Real(-0.04), pit_reward = -1;

  // Draws again until there is a way from the start to the goal.
  static constexpr GridLayout layout_of(std::uint64_t seed) {
    LayoutRandom random{seed};
    while (true) {
      GridLayout layout{0, 0, 0, 0};
      layout.goal = 1 + random.below(24);
      for (int wall = 0; wall < 3; ++wall) layout.walls |= std::uint64_t{1} << random.below(25);
      layout.pits = std::uint64_t{1} << random.below(25);
      const bool start_is_free = !has(layout.walls | layout.pits, 0);
      const bool goal_is_free = !has(layout.walls | layout.pits, layout.goal);
      layout.pits &= ~layout.walls;
      if (start_is_free && goal_is_free && GridFamily<Real, Gridworld>::distances(layout)[0] < 64) return layout;
    }
  }
};

// maze-v1: 7 × 7 cells; maze-5x5-v1: 5 × 5, as small as those that RL² was trained in (Duan et al. 2016, section 3.3).
// Rooms are the cells with even row and column; passages between them are carved by a random walk that backtracks, so
// there is exactly one way between any two rooms. The goal is a room other than the start, drawn from the seed.
// Reward −0.01 per step, 1 at the goal.
template <class Real, int Side = 7>
struct Maze : GridFamily<Real, Maze<Real, Side>> {
  using Base = GridFamily<Real, Maze<Real, Side>>;

  static constexpr Spec spec = {
      .name = Side == 7 ? "maze-v1" : "maze-5x5-v1",
      .summary = "find the goal of a maze; the task is the maze's seed",
      .source = "this project; passages by depth-first search",
      .task_size = 1,
      .obs_size = Side * Side,
      .action_kind = ActionKind::discrete,
      .action_count = 4,
      .horizon = Side == 7 ? 100 : 50,
      .trial_episodes = 2,
      .terminates = true,
      .best_policy = "shortest way (knows the maze)",
  };
  static constexpr int side = Side, rooms = (Side + 1) / 2;  // of each row and column
  static constexpr Real slip = 0, step_reward = Real(-0.01), pit_reward = 0;

  static constexpr GridLayout layout_of(std::uint64_t seed) {
    LayoutRandom random{seed};
    GridLayout layout{0, 0, 0, 0};
    layout.walls = (std::uint64_t{1} << side * side) - 1;
    open(layout, 0);

    // From the newest room, break through to a room that is not open yet; where there is none, go back one room.
    std::array<int, rooms * rooms> trail{};
    int depth = 1;
    while (depth > 0) {
      const int room = trail[static_cast<std::size_t>(depth - 1)];
      std::array<int, 4> choices{};
      int count = 0;
      for (int direction = 0; direction < 4; ++direction)
        if (has(layout.walls, beyond(room, direction))) choices[static_cast<std::size_t>(count++)] = direction;
      if (count == 0) {
        --depth;
        continue;
      }
      const int direction = choices[static_cast<std::size_t>(random.below(count))];
      open(layout, beside(room, direction, side));
      open(layout, beyond(room, direction));
      trail[static_cast<std::size_t>(depth++)] = beyond(room, direction);
    }

    const int room = 1 + random.below(rooms * rooms - 1);
    layout.goal = room / rooms * 2 * side + room % rooms * 2;
    return layout;
  }

 private:
  static constexpr int beyond(int cell, int direction) {
    return beside(beside(cell, direction, side), direction, side);
  }
  static constexpr void open(GridLayout& layout, int cell) { layout.walls &= ~(std::uint64_t{1} << cell); }
};

}  // namespace innerloop::envs
