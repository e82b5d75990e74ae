#include "rl/rollout_actor_critic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "envs/table.h"
#include "rl/returns.h"
#include "rl/rollout_source.h"

namespace innerloop::rl {

const Options<ActorCriticConfig>& actor_critic_options() {
  using Config = ActorCriticConfig;
  static const auto options =
      Options<Config>()
          .add("env", &Config::env, "environment; `innerloop list envs` shows all")
          .add("iterations", &Config::iterations, {1, 1e7}, "updates to do")
          .add("tasks", &Config::tasks, {1, 10000},
               "groups of environments, for threads to share; each environment draws a new task for every episode")
          .add("trajectories", &Config::trajectories, {1, 60000}, "environments of a group, side by side")
          .add("steps", &Config::steps, {1, 1e6}, "of every environment between two updates")
          .add("core", &Config::core, "memory between the observations and the networks")
          .add("core_size", &Config::core_size, {1, 4096}, "its width")
          .add("hidden", &Config::hidden, {1, 4096}, "widths of the hidden layers, of policy and value each")
          .add("activation", &Config::activation, "of the hidden layers")
          .add("log_sigma_init", &Config::log_sigma_init, {-10, 5}, "log σ of a Gaussian policy at the start")
          .add("gamma", &Config::gamma, {0, 1}, "discount γ")
          .add("lambda", &Config::lambda, {0, 1}, "λ of the advantage estimate GAE(λ)")
          .add("standardise", &Config::standardise, "advantages of an update with mean 0 and deviation 1")
          .add("reward_scale", &Config::reward_scale, {1e-6, 1e6},
               "rewards are multiplied by it before anything is learned from them")
          .add("normalise_observations", &Config::normalise_observations,
               "by the mean and deviation of everything seen so far")
          .include(&Config::descent, descent_options())
          .add("dtype", &Config::dtype, "numbers in single or double precision");
  return options;
}

nn::ActorCriticSpec agent_for(const ActorCriticConfig& config) {
  const envs::EnvRow& env = envs::find_env(config.env);
  nn::ActorCriticSpec agent;
  agent.core = config.core;
  agent.observations = env.spec.obs_size;
  agent.core_size = config.core == nn::ActorCriticSpec::Core::none ? 0 : config.core_size;
  agent.policy = policy_for(env, config.hidden, config.activation, config.log_sigma_init);
  agent.policy.net.inputs = agent.features();
  agent.value_hidden = config.hidden;
  return agent;
}

SegmentConfig segment_config(const ActorCriticConfig& config) {
  return {.env = &envs::find_env(config.env),
          .agent = agent_for(config),
          .slices = config.tasks,
          .lanes = config.trajectories,
          .steps = config.steps,
          .reward_scale = config.reward_scale,
          .normalise_observations = config.normalise_observations,
          .dtype = config.dtype};
}

BatchValues segment_batch(const Segments& segments, const ActorCriticConfig& config) {
  const Shape column = segments.rewards.shape();
  Tensor advantages = segment_advantages(segments, config.gamma, config.lambda);
  Tensors parts, values;
  parts.add("returns", advantages);
  values.add("returns", segments.values);
  const Tensor returns = (parts + values)[0];
  if (config.standardise) advantages = standardised(advantages, Tensor::full(column, 1), true);

  BatchValues batch;
  batch.add("observations", segments.observations);
  batch.add("actions", segments.actions);
  batch.add("advantages", std::move(advantages));
  batch.add("returns", returns);
  batch.add("weights", Tensor::full(column, 1.0 / static_cast<double>(column.size()), segments.rewards.dtype()));
  batch.add("reset", segments.reset);
  for (std::size_t k = 0; k < segments.start.count(); ++k)
    batch.add("state/" + segments.start.name(k), segments.start[k]);
  return batch;
}

void EpisodeMetrics::update(const Segments& segments) {
  episodes_ = static_cast<double>(segments.returns.size());
  if (episodes_ == 0) return;
  return_ = std::accumulate(segments.returns.begin(), segments.returns.end(), 0.0) / episodes_;
  length_ = std::accumulate(segments.lengths.begin(), segments.lengths.end(), 0.0) / episodes_;
}

Metrics EpisodeMetrics::metrics() const {
  return {{"return", return_}, {"length", length_}, {"episodes", episodes_}};
}

void EpisodeMetrics::visit(Checkpoint& c) { c.numbers("metrics", return_, length_, episodes_); }

}  // namespace innerloop::rl
