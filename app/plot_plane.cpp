#include "app/plot_plane.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/adapt.h"
#include "app/options.h"
#include "app/run_folder.h"
#include "envs/math.h"
#include "envs/table.h"

namespace innerloop::app {

using rl::UsageError;

Plotted plot_exploration(const Context& context, const std::vector<std::string>& runs, int task, int steps,
                         const std::string& folder) {
  std::vector<Panel> panels;
  std::string env_name;
  for (const std::string& run : runs) {
    const Learner learner = load_learner(context, run, true);
    const envs::EnvRow& env = envs::find_env(learner.env);
    env_name = learner.env;
    if (env.spec.obs_size < 2) throw UsageError(env_name + " is not in a plane: it shows one number");
    const std::vector<envs::Task> tasks = envs::reference_tasks(env);
    const auto number = static_cast<std::size_t>(task);
    if (number >= tasks.size())
      throw UsageError(fmt::format("task {} of {}: there are the tasks 0 to {}", number, env_name, tasks.size() - 1));

    // The tasks before it go along, so that what is explored is what `adapt` explores.
    rl::AdaptRequest request;
    std::vector<double> numbers;
    for (std::size_t i = 0; i <= number; ++i) numbers.insert(numbers.end(), tasks[i].begin(), tasks[i].end());
    request.tasks = Tensor::from({1, task + 1, env.spec.task_size}, numbers);
    request.steps = steps;
    request.paths = request.trajectories;
    Panel panel{learner.label, {}, env.spec.task_size == 2, {}};
    if (panel.has_goal) panel.goal = {tasks[number][0], tasks[number][1]};
    for (const rl::Path& path : learner.trainer->adapt(request).paths) {
      if (path.task != task) continue;
      Panel::Line line{path.step == 0 ? "before" : fmt::format("after {} step{}", path.step, path.step == 1 ? "" : "s"),
                       {}};
      for (int t = 0; t < path.observations.shape().rows; ++t)
        line.points.push_back({path.observations.at(0, t, 0), path.observations.at(0, t, 1)});
      panel.lines.push_back(std::move(line));
    }
    panels.push_back(std::move(panel));
  }
  return plot_paths(folder, "exploration", fmt::format("{}, task {}", env_name, task), panels);
}

Plotted plot_latents(const Context& context, const std::string& run, const std::string& folder) {
  const RunFolder open = RunFolder::open(run);
  const RunSettings settings = resolve_settings(context, "", "", open.config(), {});
  const Learner learner = load_learner(context, run, true);
  const Tensors state = learner.trainer->state();
  if (!state.contains("latent/mean") || state["latent/mean"].shape().cols < 2)
    throw UsageError(run + " has no latents in a plane: --latents draws those of MAESN, with latent_size 2 or more");

  // Six directions, from 0 to 180 degrees; what lies below belongs to the nearest.
  constexpr int sectors = 6;
  Panel panel{"latent means of the training tasks", {}, false, {}};
  for (int s = 0; s < sectors; ++s)
    panel.lines.push_back({fmt::format("goal at {} to {}°", 180 / sectors * s, 180 / sectors * (s + 1)), {}, true});
  const Tensor& mean = state["latent/mean"];
  const auto seed = static_cast<std::uint64_t>(settings.values.integer("seed"));
  for (int i = 0; i < mean.shape().rows; ++i) {
    const envs::Task task = envs::sample_task(envs::find_env(learner.env), seed, Purpose::task, 0,
                                              static_cast<std::uint32_t>(i));
    const std::size_t n = task.size();  // the pusher's goal comes after the block's number
    const double x = n == 2 ? task[0] : task[1], y = n == 2 ? task[1] : task[2];
    const double share = std::atan2(y, x) / envs::pi<double>;
    const int sector = std::clamp(static_cast<int>(std::floor(sectors * share)), 0, sectors - 1);
    panel.lines[static_cast<std::size_t>(sector)].points.push_back({mean.at(0, i, 0), mean.at(0, i, 1)});
  }
  return plot_paths(folder, "latents", learner.label + " on " + learner.env, {panel});
}

}  // namespace innerloop::app
