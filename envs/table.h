// The table of environments: one explicit list.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "envs/driver.h"

namespace innerloop::envs {

// Every environment there is, in the order of the chapter.
std::span<const EnvRow> all_envs();

// The row of that name. Throws Error, with the nearest name, if there is none.
const EnvRow& find_env(std::string_view name);

// Draws task number `task` of an iteration: random numbers at Place{purpose, 0, iteration, task}, so that no task
// depends on another. purpose is Purpose::task in training and Purpose::test_task in testing; anything else throws.
Task sample_task(const EnvRow& env, std::uint64_t seed, Purpose purpose, std::uint32_t iteration, std::uint32_t task);

// The tasks that reference returns are over: the authors' test goals (40 for point navigation, 20 for PEARL's point
// robots), every task where they can be listed, else 40 tasks drawn with seed 1.
std::vector<Task> reference_tasks(const EnvRow& env);

}  // namespace innerloop::envs
