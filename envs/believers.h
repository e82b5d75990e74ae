// What somebody earns who acts as well as possible for a task that he believes in: the references for learners with a
// belief about a hidden goal.
//
//   believes in                        is
//   the task itself                    the oracle: nothing earns more
//   one task, whatever the real one    the blind hedge: the best without any information, if the task is the best one
//   another task's goal                a perfect learner that was told the wrong task
//   a draw from the prior              the ideal blind prior: what ideal z ~ N(0, 1) would earn before any adaptation
//   a draw from the exact posterior    Thompson sampling: what PEARL approximates
#pragma once

#include <cstdint>
#include <vector>

#include "envs/driver.h"

namespace innerloop::envs {

// Undiscounted return per task, averaged over `episodes` test starts, of the environment's best policy for believed[i]
// in an episode of tasks[i]. Error if the environment has no best policy, or if a state shows which task it is.
std::vector<double> returns_believing(const EnvRow& env, const std::vector<Task>& tasks,
                                      const std::vector<Task>& believed, std::uint64_t seed, int episodes);

// A task drawn from the prior whose states look like those of `task`: another goal; for the pusher, where the blocks
// lie is seen, so they stay, and another one is to be pushed; of promp-walls-v1 the gaps stay, as if they were seen.
// draw: which of the draws.
Task imagined_task(const EnvRow& env, const Task& task, std::uint64_t seed, std::uint32_t draw);
// What somebody earns on average who believes in such a draw: over the tasks, and so many draws for each.
double blind_prior(const EnvRow& env, const std::vector<Task>& tasks, int draws, std::uint64_t seed);

// The best single goal of a point robot to walk to, of the points of a grid on [−1, 1]² of this spacing, and what it
// earns on average over the tasks.
struct Hedge { Task goal; double mean_return = 0; };
Hedge blind_hedge(const EnvRow& env, const std::vector<Task>& tasks, double spacing, std::uint64_t seed, int episodes);

// Exact Thompson sampling on semicircle-sparse-v1 in the protocol of PEARL: the expected return of each trajectory. In
// the first `prior` ones the robot walks to a goal drawn from the prior, in each later one to a goal drawn from the
// posterior given all it has seen: goals that would have paid on one of its ways are excluded, and once it was paid it
// knows the goal. Goals are the midpoints of `goals` equal arcs; `repeats` runs for each of them.
std::vector<double> thompson_sampling(int trajectories, int prior, int goals, int repeats, std::uint64_t seed);

// The most that a trajectory on semicircle-sparse-v1 can earn on average if it must not depend on the goal, by dynamic
// programming on a lattice of spacing 0.01 over positions: a bound for what is done with z from the prior.
double semicircle_prior_bound(int goals);

}  // namespace innerloop::envs
