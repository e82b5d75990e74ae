#include "envs/table.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "envs/list.h"
#include "envs/maml_goals.h"
#include "envs/oyster_goals.h"
#include "kernels/nearest.h"
#include "kernels/require.h"

namespace innerloop::envs {

std::span<const EnvRow> all_envs() {
  static const std::vector<EnvRow> rows = [] {
    std::vector<EnvRow> all = rows_of(NavigationEnvs{});
    for (const auto& part : {control_rows, trial_rows, further_rows})
      std::ranges::copy(part(), std::back_inserter(all));
    return all;
  }();
  return rows;
}

const EnvRow& find_env(std::string_view name) {
  std::vector<std::string> names;
  for (const EnvRow& row : all_envs()) {
    if (row.spec.name == name) return row;
    names.emplace_back(row.spec.name);
  }
  throw Error("there is no environment '" + std::string(name) + "'" + did_you_mean(name, names));
}

Task sample_task(const EnvRow& env, std::uint64_t seed, Purpose purpose, std::uint32_t iteration, std::uint32_t task) {
  require(purpose == Purpose::task || purpose == Purpose::test_task,
          "sample_task: purpose must be Purpose::task or Purpose::test_task");
  Philox random(seed, {.purpose = purpose, .iteration = iteration, .task = task});
  Task numbers(static_cast<std::size_t>(env.spec.task_size));
  env.sample_task(random, numbers.data());
  return numbers;
}

std::vector<Task> reference_tasks(const EnvRow& env) {
  if (env.spec.name.starts_with("point-nav")) return maml_test_goals();
  if (const std::vector<Task> goals = oyster_goals_of(env); !goals.empty())
    return {goals.begin() + oyster_training_goals, goals.end()};

  std::vector<Task> tasks;
  const std::uint32_t count = env.task_count > 0 ? static_cast<std::uint32_t>(env.task_count) : 40;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (env.task_count == 0) {
      tasks.push_back(sample_task(env, 1, Purpose::test_task, 0, i));
    } else {
      Task numbers(static_cast<std::size_t>(env.spec.task_size));
      env.task(static_cast<int>(i), numbers.data());
      tasks.push_back(numbers);
    }
  }
  return tasks;
}

}  // namespace innerloop::envs
