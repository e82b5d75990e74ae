#include "rl/actor_critic_config.h"

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

SegmentConfig segment_config(const ActorCriticConfig& c) {
  SegmentConfig s = segment_config(c.env, c.core, c.core_size, c.hidden, c.activation, c.log_sigma_init);
  s.slices = c.tasks, s.lanes = c.trajectories, s.steps = c.steps;
  s.reward_scale = c.reward_scale;
  s.normalise_observations = c.normalise_observations;
  s.dtype = c.dtype;
  return s;
}

}  // namespace innerloop::rl
