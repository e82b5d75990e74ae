#include "rl/experience/protocol.h"

#include <algorithm>
#include <string>
#include <utility>

namespace innerloop::rl {
namespace {

// Where the random numbers of a test come from.
RolloutPlace exploration_place(const AdaptRequest& request, int k, int first_episode) {
  return {.seed = request.seed,
          .inner_step = static_cast<std::uint32_t>(k),
          .first_trajectory = static_cast<std::uint32_t>(first_episode),
          .test = true};
}
RolloutPlace evaluation_place(const AdaptRequest& request) {
  return {.seed = request.seed, .iteration = 1, .test = true};
}

// Does the episode end within the radius of its task's goal?
bool ends_at_goal(const Trajectories& evaluated, int task, int n, const AdaptRequest& request) {
  double squares = 0;
  for (int k = 0; k < 2; ++k) {
    const double d = evaluated.last_observations.at(task, n, k) - request.tasks.at(0, task, k);
    squares += d * d;
  }
  return squares <= request.goal_radius * request.goal_radius;
}

// One point of the curve: a column of the report, and the pictures.
void write_point(AdaptReport& report, const AdaptRequest& request, int k, const Trajectories& evaluated) {
  for (int task = 0; task < evaluated.tasks; ++task) {
    report.returns.set(0, task, k, evaluated.mean_return(task));
    if (request.goal_radius > 0) {
      int reached = 0;
      for (int n = 0; n < evaluated.per_task; ++n)
        reached += ends_at_goal(evaluated, task, n, request);
      report.reached.set(0, task, k, static_cast<double>(reached) / evaluated.per_task);
    }
    for (int n = 0; n < std::min(request.paths, evaluated.per_task); ++n)
      report.paths.push_back({task, k, evaluated.path(task, n), evaluated.steps_of(evaluated.actions, task, n),
                              evaluated.steps_of(evaluated.rewards, task, n)});
  }
}

// Environment steps after point k are those before it and those explored now.
void count_steps(AdaptReport& report, int k, const Trajectories& explored) {
  for (int task = 0; task < explored.tasks; ++task)
    for (int n = 0; n < explored.per_task; ++n)
      report.env_steps.set(0, task, k + 1, report.env_steps.at(0, task, k + 1) +
                                               explored.lengths[static_cast<std::size_t>(explored.lane(task, n))]);
}

}  // namespace

std::vector<envs::Task> tasks_of(const AdaptRequest& request) {
  const Shape shape = request.tasks.shape();
  std::vector<envs::Task> tasks(static_cast<std::size_t>(shape.rows));
  for (int task = 0; task < shape.rows; ++task)
    for (int c = 0; c < shape.cols; ++c) tasks[static_cast<std::size_t>(task)].push_back(request.tasks.at(0, task, c));
  return tasks;
}

// region: protocol
AdaptReport AdaptationProtocol::run(const AdaptiveLearner& learner) const {
  const std::vector<envs::Task> tasks = tasks_of(request);
  require(!tasks.empty(), "adaptation protocol: there is no task to adapt to");
  require(request.steps >= 0 && request.trajectories >= 1,
          "adaptation protocol: steps must be at least 0 and trajectories at least 1");
  const int B = static_cast<int>(tasks.size()), K = request.steps, N = request.trajectories;
  const int evaluated = request.evaluation_trajectories > 0 ? request.evaluation_trajectories : N;
  const bool fresh = request.evaluation != Evaluation::exploration, mean = learner.explores_with_mean;
  AdaptReport report{.returns = Tensor({1, B, K + 1}), .paths = {}, .env_steps = Tensor({1, B, K + 1})};
  if (request.goal_radius > 0) report.reached = Tensor({1, B, K + 1});
  report.one_trial = learner.update_time == UpdateTime::after_episode && N == 1 && !fresh;

  Tensors knowledge = learner.start(B);
  for (int k = 0; k <= K; ++k) {
    // Evaluate what is known so far, on episodes that no update will ever see.
    if (fresh)
      write_point(report, request, k,
                  learner.act(knowledge, tasks, evaluated, evaluation_place(request),
                              request.evaluation == Evaluation::deterministic));
    if (k == K && fresh) break;
    if (k < K)
      for (int task = 0; task < B; ++task) report.env_steps.set(0, task, k + 1, report.env_steps.at(0, task, k));

    // Explore, and update by it: by all episodes at once, or one by one.
    if (learner.update_time == UpdateTime::after_batch) {
      const Trajectories explored = learner.act(knowledge, tasks, N, exploration_place(request, k, 0), mean);
      if (!fresh) write_point(report, request, k, explored);
      if (k == K) break;
      count_steps(report, k, explored);
      knowledge = learner.update(knowledge, explored, k);
    } else {
      for (int n = 0; n < N; ++n) {
        const Trajectories explored = learner.act(knowledge, tasks, 1, exploration_place(request, k, n), mean);
        if (!fresh && n == 0) write_point(report, request, k, explored);
        if (k == K) break;
        count_steps(report, k, explored);
        knowledge = learner.update(knowledge, explored, k);
      }
    }
  }
  return report;
}
// endregion

}  // namespace innerloop::rl
