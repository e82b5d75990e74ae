#include "rl/experience/episodes.h"

#include <algorithm>

#include "envs/vector_env.h"

namespace innerloop::rl {
namespace {

std::size_t size(int n) { return static_cast<std::size_t>(n); }

}  // namespace

Trajectories play_episodes(const envs::EnvRow& row, const std::vector<envs::Task>& tasks, int episodes,
                           const RolloutPlace& place, Dtype dtype, const EpisodeActor& act,
                           const EpisodeRewards& earned) {
  const int lanes = static_cast<int>(tasks.size()) * episodes;
  envs::VectorEnv env(row, tasks, episodes, place.seed);
  env.reset({.purpose = place.test ? Purpose::test_reset : Purpose::reset,
             .inner_step = place.inner_step,
             .iteration = place.iteration,
             .task = place.first_task,
             .trajectory = place.first_trajectory});
  Place at{.purpose = place.test ? Purpose::test_action : Purpose::action,
           .inner_step = place.inner_step,
           .iteration = place.iteration};
  StepRecord record;
  record.lengths.resize(size(lanes));
  record.truncated.resize(size(lanes));
  while (!env.all_finished()) {
    // The random numbers of every lane's step, at the place of its own.
    at.time_step = static_cast<std::uint32_t>(env.time_step());
    std::vector<Philox> random;
    for (int lane = 0; lane < lanes; ++lane) {
      at.task = place.first_task + static_cast<std::uint32_t>(lane / episodes);
      at.trajectory = place.first_trajectory + static_cast<std::uint32_t>(lane % episodes);
      random.emplace_back(place.seed, at);
      record.lengths[size(lane)] += !env.finished()[size(lane)];
    }

    // Every lane sees, acts and earns.
    record.observations.emplace_back(env.observations().begin(), env.observations().end());
    record.actions.push_back(act(env.observations(), random));
    env.step(record.actions.back());
    record.rewards.emplace_back(env.rewards().begin(), env.rewards().end());
    if (earned) earned(env.rewards());
    for (int lane = 0; lane < lanes; ++lane)
      record.truncated[size(lane)] |= env.ends()[size(lane)] == envs::End::truncated;
  }
  const int B = static_cast<int>(tasks.size());
  return packed(record, B, episodes, row.spec.action_size, env.observations(), dtype);
}

Tensor rewards_in(const envs::EnvRow& other, const std::vector<envs::Task>& tasks, const Trajectories& played,
                  const RolloutPlace& place) {
  const int N = played.per_task, A = played.actions.shape().cols;
  int t = 0;
  const auto again = [&](std::span<const double>, std::span<const Philox> random) {
    std::vector<double> actions;
    for (int lane = 0; lane < static_cast<int>(random.size()); ++lane) {
      const int last = played.lengths[size(lane)] - 1, row = played.first_row(lane / N, lane % N) + std::min(t, last);
      for (int k = 0; k < A; ++k) actions.push_back(played.actions.at(lane / N, row, k));
    }
    ++t;
    return actions;
  };
  const Trajectories seen = play_episodes(other, tasks, N, place, played.observations.dtype(), again);
  require(seen.lengths == played.lengths && bitwise_equal(seen.observations, played.observations), [&] {
    return std::string(other.spec.name) + ": its states are not those of the environment that was played";
  });
  return seen.rewards;
}

void for_each_transition(const Trajectories& played, const std::function<void(int task, const Transition&)>& take) {
  const int O = played.observations.shape().cols, A = played.actions.shape().cols;
  std::vector<double> action(size(A));
  for (int task = 0; task < played.tasks; ++task)
    for (int n = 0; n < played.per_task; ++n) {
      const std::vector<double> path = played.path(task, n).to_vector();  // (T + 1, O)
      const int length = played.lengths[size(played.lane(task, n))];
      for (int t = 0; t < length; ++t) {
        const int row = played.first_row(task, n) + t;
        for (int k = 0; k < A; ++k) action[size(k)] = played.actions.at(task, row, k);
        const bool last = t + 1 == length;
        const auto at = [&](int step) { return std::span(path).subspan(size(step * O), size(O)); };
        take(task, {.observation = at(t),
                    .action = action,
                    .reward = played.rewards.at(task, row, 0),
                    .next_observation = at(t + 1),
                    .end = !last                                               ? End::running
                           : played.truncated[size(played.lane(task, n))] != 0 ? End::truncated
                                                                               : End::terminated});
      }
    }
}

AdaptReport adapt_unchanged(const AdaptRequest& request, const Tensors& knowledge, decltype(AdaptiveLearner::act) act) {
  AdaptiveLearner learner;
  learner.start = [&](int) { return knowledge; };
  learner.act = std::move(act);
  learner.update = [](const Tensors& before, const Trajectories&, int) { return before; };
  return AdaptationProtocol{request}.run(learner);
}

}  // namespace innerloop::rl
