#include "meta/grid_walk.h"

#include <algorithm>
#include <cmath>

#include "envs/grid_navi.h"

namespace innerloop::meta {
namespace {

using Grid = envs::GridNavi<double>;
constexpr int goal_count = Grid::task_count, walk_steps = Grid::spec.horizon, move_count = Grid::spec.action_count;

// The number of the goal at (x, y); −1 around the start.
int goal_at(int x, int y) {
  for (int g = 0; g < goal_count; ++g) {
    const Grid::State place = Grid::goal_of(Grid::task(g));
    if (place.x == x && place.y == y) return g;
  }
  return -1;
}

Grid::State moved(Grid::State state, int move) {
  struct Nothing {} nothing;
  Grid::step({0}, state, {move}, nothing);
  return state;
}

// Whether one shortest walk from the start passes all of the cells left (a mask of goals): sorted by distance, each
// must lie up and to the right of the one before. The moves, if so.
bool shortest_walk_through(unsigned left, std::vector<int>& walk) {
  std::vector<Grid::State> cells;
  for (int g = 0; g < goal_count; ++g)
    if (left >> g & 1) cells.push_back(Grid::goal_of(Grid::task(g)));
  std::sort(cells.begin(), cells.end(), [](const auto& a, const auto& b) { return a.x + a.y < b.x + b.y; });
  Grid::State here{0, 0};
  walk.clear();
  for (const Grid::State& cell : cells) {
    if (cell.x < here.x || cell.y < here.y) return false;
    for (; here.x < cell.x; ++here.x) walk.push_back(2);
    for (; here.y < cell.y; ++here.y) walk.push_back(1);
  }
  return true;
}

// Goes on with the walk so far, which has met a new goal at every step from the second on.
bool search(Grid::State here, unsigned met, GridWalk& walk) {
  if (static_cast<int>(walk.first.size()) == walk_steps)
    return shortest_walk_through(~met & ((1U << goal_count) - 1), walk.second);
  for (int move = 1; move < move_count; ++move) {
    const Grid::State next = moved(here, move);
    const int goal = goal_at(next.x, next.y);
    const bool first_step = walk.first.empty();
    if (!first_step && (goal < 0 || (met >> goal & 1))) continue;
    walk.first.push_back(move);
    if (search(next, goal < 0 ? met : met | 1U << goal, walk)) return true;
    walk.first.pop_back();
  }
  return false;
}

// One episode: the moves given until the goal is met or is known to be elsewhere on them, then staying there.
double play_episode(const Grid::Task& task, const std::vector<int>& walk, bool& known) {
  struct Nothing {} nothing;
  Grid::State state = Grid::reset(task, nothing);
  double sum = 0;
  for (int t = 0; t < walk_steps; ++t) {
    const Grid::Action planned{t < static_cast<int>(walk.size()) ? walk[static_cast<std::size_t>(t)] : 0};
    const auto out = Grid::step(task, state, known ? Grid::best_action(task, state) : planned, nothing);
    known = known || out.reward == 1;
    sum += out.reward;
  }
  return sum;
}

}  // namespace

GridWalk find_grid_walk() {
  GridWalk walk;
  walk.found = search({0, 0}, 0, walk);
  for (int g = 0; g < goal_count; ++g) {
    bool known = false;
    walk.first_episode += play_episode(Grid::task(g), walk.first, known) / goal_count;
    walk.later_episodes += play_episode(Grid::task(g), walk.second, known) / goal_count;
    const Grid::State place = Grid::goal_of(Grid::task(g));
    walk.later_bound += (walk_steps + 1 - (place.x + place.y) - 0.1 * (place.x + place.y - 1)) / goal_count;
  }
  for (int tau = 2; tau <= walk_steps; ++tau) walk.first_bound += (walk_steps + 1 - tau - 0.1 * (tau - 1)) / goal_count;
  walk.first_bound += -0.1 * walk_steps * (goal_count - (walk_steps - 1)) / goal_count;
  return walk;
}

double random_grid_return() {
  // The probability of each cell after every step; a goal's reward is 1 there and −0.1 elsewhere.
  std::array<double, Grid::side * Grid::side> probability{};
  probability[0] = 1;
  double sum = 0;
  for (int t = 0; t < walk_steps; ++t) {
    std::array<double, Grid::side * Grid::side> next{};
    for (int cell = 0; cell < Grid::side * Grid::side; ++cell)
      for (int move = 0; move < move_count; ++move) {
        const Grid::State place = moved({cell % Grid::side, cell / Grid::side}, move);
        next[static_cast<std::size_t>(place.y * Grid::side + place.x)] +=
            probability[static_cast<std::size_t>(cell)] / move_count;
      }
    probability = next;
    for (int g = 0; g < goal_count; ++g) {
      const Grid::State goal = Grid::goal_of(Grid::task(g));
      sum += (1.1 * probability[static_cast<std::size_t>(goal.y * Grid::side + goal.x)] - 0.1) / goal_count;
    }
  }
  return sum;
}

}  // namespace innerloop::meta
