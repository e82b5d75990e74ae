#include "rl/experience/off_policy.h"

namespace innerloop::rl {

const Options<OffPolicyConfig>& off_policy_options() {
  using Config = OffPolicyConfig;
  static const auto options =
      Options<Config>()
          .add("env", &Config::env, "environment; `innerloop list envs` shows all")
          .add("iterations", &Config::iterations, {1, 1e7}, "iterations to do")
          .add("steps", &Config::steps, {1, 1e7}, "of the environment, per iteration")
          .add("hidden", &Config::hidden, {1, 4096}, "widths of the hidden layers")
          .add("activation", &Config::activation, "of the hidden layers")
          .add("batch", &Config::batch, {1, 8192}, "transitions drawn for an update")
          .add("capacity", &Config::capacity, {1, 1e8}, "of the replay buffer, in transitions")
          .add("learning_starts", &Config::learning_starts, {1, 1e8},
               "steps with random actions before the first update")
          .add("updates", &Config::updates, {1, 10000}, "each time that updates are due")
          .add("update_every", &Config::update_every, {1, 10000}, "steps from one time to the next")
          .add("gamma", &Config::gamma, {0, 1}, "discount γ")
          .add("tau", &Config::tau, {0, 1}, "share of the way that targets move at a time")
          .add("evaluation_episodes", &Config::evaluation_episodes, {1, 10000},
               "of the policy without its noise, after each iteration")
          .add("dtype", &Config::dtype, "numbers in single or double precision");
  return options;
}

OffPolicySource::OffPolicySource(const OffPolicyConfig& c, std::uint64_t s)
    : config(c),
      seed(s),
      sizes(env_sizes(c.env)),
      stream(c.env, s),
      buffer(sizes.observations, sizes.discrete ? 1 : sizes.actions, c.capacity, c.dtype),
      batch(buffer.make_batch(c.batch)) {}

bool OffPolicySource::learns() const {
  return stream.steps() >= config.learning_starts && stream.steps() % config.update_every == 0;
}

void OffPolicySource::visit(Checkpoint& c) {
  c("", stream);
  c("", buffer);
  c.numbers("draws", draws);
}

Metrics stream_metrics(OffPolicySource& source) {
  const Stream::Episodes episodes = source.stream.take_episodes();
  return {{"steps", static_cast<double>(source.stream.steps())},
          {"return", episodes.mean_return},
          {"length", episodes.mean_length}};
}

double mean_evaluation(const OffPolicySource& source, const ActFunction& act) {
  const Tensor returns =
      evaluate(source.config.env, {source.stream.task()}, source.config.evaluation_episodes, source.seed, act);
  double mean = 0;
  for (const double x : returns.to_vector()) mean += x / source.config.evaluation_episodes;
  return mean;
}

}  // namespace innerloop::rl
