// Exact values of finite processes: published ones, hand numbers, and the grids' own dynamics.
#include "envs/mdp.h"

#include <cmath>

#include "envs/gridworld.h"
#include "envs/reference.h"
#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;
using Catch::Matchers::ContainsSubstring;

namespace {

// Russell and Norvig's 4 × 3 world with this project's rules: three rows of a 4 × 4 grid, the fourth walled off.
struct RussellNorvig : GridFamily<double, RussellNorvig> {
  static constexpr int side = 4;
  static constexpr double slip = 0.1, step_reward = -0.04, pit_reward = -1;
  static constexpr GridLayout layout_of(std::uint64_t) {
    return {.walls = 1u << 5 | 0xf000u, .pits = 1u << 7, .goal = 3, .unused = 0};
  }
};

}  // namespace

TEST_CASE("value iteration: the utilities printed for Russell and Norvig's 4 × 3 world") {
  const MdpValues values = value_iteration(grid_mdp<RussellNorvig>({0}), 1);
  // The book's reward is that of being in a state, not of entering it: its utility has one −0.04 more.
  const auto utility = [&](int cell) { return values.v[static_cast<std::size_t>(cell)] - 0.04; };
  const double book[3][4] = {{.812, .868, .918, 0}, {.762, 0, .660, 0}, {.705, .655, .611, .388}};
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 4; ++column) {
      if (book[row][column] == 0) continue;
      CAPTURE(row, column);
      CHECK(std::abs(utility(4 * row + column) - book[row][column]) < .0006);
    }
}

TEST_CASE(
    "value iteration: the two-state process against backward induction by hand and a linear system "
    "[MDP eq. optimality]") {
  const Mdp mdp = mdp_of("two-state-v1", std::vector{0.0});
  CHECK(std::abs(finite_horizon_values(mdp, 1, 3).v[0] - 3.23) < 1e-12);
  // a = s is optimal at γ = 0.9 too; its values solve (1 − γP)v = r:
  //   v0 = 1 + .9(.9 v0 + .1 v1),  v1 = 2 + .9(.6 v0 + .4 v1)
  const MdpValues values = value_iteration(mdp, .9);
  const double det = (1 - .81) * (1 - .36) - .09 * .54;
  CHECK(std::abs(values.v[0] - (.64 * 1 + .09 * 2) / det) < 1e-11);
  CHECK(std::abs(values.v[1] - (.54 * 1 + .19 * 2) / det) < 1e-11);
  const std::vector<double> same = policy_values(mdp, std::vector<double>{1, 0, 0, 1}, .9);
  for (int s : {0, 1}) CHECK(std::abs(same[s] - values.v[s]) < 1e-11);
  // No policy is better in any state.
  const std::vector<double> uniform = policy_values(mdp, std::vector<double>(4, .5), .9);
  for (int s : {0, 1}) CHECK(uniform[s] < values.v[s]);
}

TEST_CASE("value iteration: what cannot be answered is refused") {
  Mdp loop(1, 1);
  loop.P(0, 0, 0) = 1;
  loop.reward[0] = 1;
  CHECK_THROWS_WITH(value_iteration(loop, 1), ContainsSubstring("come to an end"));
  CHECK(std::abs(value_iteration(loop, .5).v[0] - 2) < 1e-12);
  CHECK_THROWS_WITH(value_iteration(loop, 1.5), ContainsSubstring("gamma"));
  loop.P(0, 0, 0) = 1.5;
  CHECK_THROWS_WITH(value_iteration(loop, .5), ContainsSubstring("add up to"));
  CHECK_THROWS_WITH(mdp_of("cartpole-v1", std::vector{9.8}), ContainsSubstring("cartpole-v1"));
}

// Of 300 seeds: each maze is one tree of rooms², with rooms² − 1 passages between them. Returns how many differ from
// the one that follows.
template <class AnyMaze>
static int check_mazes() {
  int different = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const GridLayout maze = AnyMaze::layout_of(seed);
    CHECK(!has(maze.walls, maze.goal));
    CHECK(AnyMaze::distances(maze)[0] < AnyMaze::side * AnyMaze::side);
    different += maze.walls != AnyMaze::layout_of(seed + 1).walls;
    int open = 0;
    for (int cell = 0; cell < AnyMaze::side * AnyMaze::side; ++cell) open += !has(maze.walls, cell);
    CHECK(open == 2 * AnyMaze::rooms * AnyMaze::rooms - 1);
  }
  return different;
}

TEST_CASE("grids: every seed has a way to the goal, and seeds differ") {
  for (std::uint64_t seed = 0; seed < 300; ++seed)
    CHECK(Gridworld<double>::distances(Gridworld<double>::layout_of(seed))[0] < 64);
  CHECK(check_mazes<Maze<double>>() > 290);
  // A walk through nine rooms makes so few trees that every twelfth is the same as the next.
  CHECK(check_mazes<Maze<double, 5>>() > 250);
}

TEST_CASE("grids: the oracle's return in a maze is the exact optimum; on the slippery grid nothing exceeds it") {
  for (const char* name : {"maze-v1", "maze-5x5-v1", "gridworld-v1"}) {
    const EnvRow& env = find_env(name);
    for (double seed : {1.0, 2.0, 3.0}) {
      CAPTURE(name, seed);
      const auto rows = reference_returns(env, {{seed}}, 1, 400);
      const Mdp mdp = mdp_of(name, std::vector{seed});
      const double optimum = finite_horizon_values(mdp, 1, env.spec.horizon).v[static_cast<std::size_t>(mdp.start)];
      for (const ReferenceReturn& row : rows) CHECK(row.mean <= optimum + 4 * row.standard_error + 1e-9);
      if (env.spec.name.starts_with("maze")) CHECK(std::abs(rows.back().mean - optimum) < 1e-9);
    }
  }
}
