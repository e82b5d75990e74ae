#include "envs/reference.h"

#include <cmath>

#include "envs/vector_env.h"
#include "kernels/require.h"

namespace innerloop::envs {

namespace {

enum class Behaviour { still, random, best };

// Random actions, each at a place of its own: N(0, 1), or uniform over the choices.
void choose_at_random(const VectorEnv& envs, std::uint64_t seed, std::span<double> actions) {
  const Spec& spec = envs.env().spec;
  Place place{.purpose = Purpose::test_action, .time_step = static_cast<std::uint32_t>(envs.time_step())};
  std::size_t k = 0;
  for (place.task = 0; place.task < envs.tasks().size(); ++place.task)
    for (place.trajectory = 0; place.trajectory < static_cast<std::uint32_t>(envs.trajectories()); ++place.trajectory) {
      Philox random(seed, place);
      for (int i = 0; i < spec.action_size; ++i)
        actions[k++] = spec.action_kind == ActionKind::discrete
                           ? random.below(static_cast<std::uint32_t>(spec.action_count))
                           : random.normal();
    }
}

// Mean over tasks of the mean over episodes, with its standard error. Deviations are taken from the first number of
// each group, so that equal returns have spread exactly 0.
ReferenceReturn summarise(std::string policy, std::span<const double> returns, int tasks, int episodes) {
  ReferenceReturn row{.policy = std::move(policy)};
  double variance_of_mean = 0;
  for (int i = 0; i < tasks; ++i) {
    const auto own = returns.subspan(static_cast<std::size_t>(i * episodes), static_cast<std::size_t>(episodes));
    double shift = 0, squares = 0;
    for (double r : own) shift += (r - own[0]) / episodes;
    for (double r : own) squares += (r - own[0] - shift) * (r - own[0] - shift);
    row.task_means.push_back(own[0] + shift);
    variance_of_mean += squares / (episodes - 1) / episodes;
  }
  for (double mean : row.task_means) row.mean += mean / tasks;
  for (double mean : row.task_means) row.task_deviation += (mean - row.mean) * (mean - row.mean);
  row.task_deviation = tasks > 1 ? std::sqrt(row.task_deviation / (tasks - 1)) : 0;
  row.standard_error = std::sqrt(variance_of_mean) / tasks;
  return row;
}

// Plays `episodes` episodes of every task.
ReferenceReturn play(const EnvRow& env, const std::vector<Task>& tasks, std::uint64_t seed, int episodes,
                     std::string policy, Behaviour behaviour) {
  VectorEnv envs(env, tasks, episodes, seed);
  std::vector<double> actions(envs.finished().size() * static_cast<std::size_t>(env.spec.action_size));
  std::vector<double> returns(envs.finished().size());
  double steps = 0;

  envs.reset({.purpose = Purpose::test_reset});
  while (!envs.all_finished()) {
    if (behaviour == Behaviour::random) choose_at_random(envs, seed, actions);
    if (behaviour == Behaviour::still) envs.choose(env.still, actions);
    if (behaviour == Behaviour::best) envs.choose(env.best, actions);
    for (std::uint8_t finished : envs.finished()) steps += finished ? 0 : 1;
    envs.step(actions);
    for (std::size_t lane = 0; lane < returns.size(); ++lane) returns[lane] += envs.rewards()[lane];
  }

  ReferenceReturn row = summarise(std::move(policy), returns, static_cast<int>(tasks.size()), episodes);
  row.mean_length = steps / static_cast<double>(returns.size());
  return row;
}

}  // namespace

std::vector<ReferenceReturn> reference_returns(const EnvRow& env, const std::vector<Task>& tasks, std::uint64_t seed,
                                               int episodes) {
  require(episodes >= 2, "reference_returns: a standard error needs at least 2 episodes per task");
  const bool discrete = env.spec.action_kind == ActionKind::discrete;
  std::vector<ReferenceReturn> rows;
  if (env.still) rows.push_back(play(env, tasks, seed, episodes, "standing still", Behaviour::still));
  rows.push_back(play(env, tasks, seed, episodes, discrete ? "random (uniform)" : "random (σ = 1)", Behaviour::random));
  if (env.best) rows.push_back(play(env, tasks, seed, episodes, std::string(env.spec.best_policy), Behaviour::best));
  return rows;
}

}  // namespace innerloop::envs
