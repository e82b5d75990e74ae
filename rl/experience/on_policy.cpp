#include "rl/experience/on_policy.h"

#include <algorithm>
#include <array>

#include "envs/table.h"
#include "rl/experience/agent.h"

namespace innerloop::rl {
namespace {

// Slices for one task: the largest divisor of the number of trajectories up to 8.
int slice_count(const OnPolicyConfig& config) {
  if (config.tasks > 1) return 1;
  int slices = std::min(8, config.trajectories);
  while (config.trajectories % slices != 0) --slices;
  return slices;
}

}  // namespace

const Options<OnPolicyConfig>& on_policy_options() {
  using Config = OnPolicyConfig;
  static const auto options =
      Options<Config>()
          .add("env", &Config::env, "environment; `innerloop list envs` shows all")
          .add("iterations", &Config::iterations, {1, 1e7}, "iterations to do")
          .add("tasks", &Config::tasks, {1, 10000}, "tasks of an iteration; one policy for all")
          .add("redraw", &Config::redraw, "tasks are drawn anew for each iteration; false: those of the first are kept")
          .add("trajectories", &Config::trajectories, {1, 60000}, "trajectories per task")
          .add("hidden", &Config::hidden, {1, 4096}, "widths of the hidden layers")
          .add("activation", &Config::activation, "of the hidden layers")
          .add("log_sigma_init", &Config::log_sigma_init, {-10, 5}, "log σ of a Gaussian policy at the start")
          .include(&Config::advantage, advantage_options())
          .add("adapt_rate", &Config::adapt_rate, {0, 100}, "step size when `adapt` fits the policy to a new task")
          .add("dtype", &Config::dtype, "numbers in single or double precision");
  return options;
}

OnPolicySource::OnPolicySource(const OnPolicyConfig& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      rollout_(envs::find_env(config.env),
               policy_for(envs::find_env(config.env), config.hidden, config.activation, config.log_sigma_init)) {
  if (config.advantage.baseline != BaselineKind::network) return;
  nn::MlpSpec net = rollout_.policy().net;
  net.outputs = 1;
  value_network_.emplace(ValueNetworkConfig{.net = net,
                                           .gamma = config.advantage.gamma,
                                           .lambda = config.advantage.lambda},
                        seed, config.dtype);
}

Experience OnPolicySource::collect(const ParamValues& theta, int iteration) {
  // Tasks of this iteration; a single one as several slices.
  const auto i = static_cast<std::uint32_t>(iteration);
  const int slices = slice_count(config_);
  std::vector<envs::Task> tasks;
  for (int task = 0; task < config_.tasks; ++task)
    tasks.insert(tasks.end(), static_cast<std::size_t>(slices),
                 envs::sample_task(rollout_.env(), seed_, Purpose::task, config_.redraw ? i : 0,
                                   static_cast<std::uint32_t>(task)));

  Experience experience;
  experience.trajectories =
      rollout_.collect(theta, tasks, config_.trajectories / slices, {.seed = seed_, .iteration = i});
  const bool pooled = slices > 1;
  experience.batch =
      value_network_ ? make_batch(experience.trajectories, config_.advantage,
                                  value_network_->advantages_then_fit(experience.trajectories), pooled)
                     : make_batch(experience.trajectories, config_.advantage, &baseline_weights_, pooled);
  if (!pooled) {
    // From weights per task to weights over all tasks.
    Tensors weights;
    weights.add("weights", experience.batch["weights"]);
    experience.batch["weights"] = ((1.0 / config_.tasks) * weights)[0];
  }
  return experience;
}

Metrics experience_metrics(const Experience& experience) {
  const Trajectories& all = experience.trajectories;
  return {{"return", all.mean_return()},
          {"length", static_cast<double>(all.steps()) / static_cast<double>(all.lengths.size())}};
}

void OnPolicySource::visit(Checkpoint& c) {
  const BaselineKind kind = config_.advantage.baseline;
  if (value_network_) return c("", *value_network_);
  if (kind == BaselineKind::none) return;
  const int tasks = config_.tasks * slice_count(config_);
  c.from_first_iteration("baseline/weights", baseline_weights_,
                         baseline_weights_shape(kind, tasks, rollout_.env().spec.obs_size), Dtype::f64);
}

}  // namespace innerloop::rl
