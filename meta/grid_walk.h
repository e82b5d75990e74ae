// How the hidden goal of GridNavi is best looked for: a walk, and why no other earns more.
//
// In the first episode a walk pays for every cell by when it gets there: a goal found at step τ of 15 earns 16 − τ from
// then on, and −0.1 for each of the τ − 1 steps before. Nothing but the walk matters before the goal is found. No goal
// is nearer than two steps, and a step reaches one new cell at most, so no walk finds goals earlier than one each at
// steps 2, 3, …, 15. That bounds the first episode: (105 − 10.5 − 7·1.5)/21 = 4.0. A later one is bounded by the
// oracle's return. A walk that reaches both bounds at once is optimal, whatever the number of episodes.
#pragma once

#include <array>
#include <vector>

namespace innerloop::meta {

struct GridWalk {
  bool found = false;
  std::vector<int> first;   // 15 moves (envs/grid_navi.h) of the first episode, until the goal is met
  std::vector<int> second;  // moves of the second, if the goal was not met in the first: it passes all that is left
  double first_episode = 0, later_episodes = 0;  // mean return over the 21 goals, stepped in the environment
  double first_bound = 0, later_bound = 0;
};

// Depth-first search for the first walk that reaches the bounds; then all of it is stepped for every goal.
GridWalk find_grid_walk();

// What a uniformly random policy earns in an episode, exactly, on average over the goals.
double random_grid_return();

}  // namespace innerloop::meta
