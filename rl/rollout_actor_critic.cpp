#include "rl/rollout_actor_critic.h"

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
          .add("learning_rate", &Config::learning_rate, {0, 1000}, "step size of Adam")
          .add("anneal", &Config::anneal, "let the learning rate fall linearly to 0 at the last iteration")
          .add("value_weight", &Config::value_weight, {0, 1000}, "c_v, the weight of the value's loss")
          .add("entropy_weight", &Config::entropy_weight, {0, 1000}, "c_e, the weight of the entropy bonus")
          .add("max_gradient_norm", &Config::max_gradient_norm, {0, 1e9},
               "longer gradients are cut to this length; 0: never")
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

namespace {

template <class T>
Tensor choose_rows(const Tensor& from, int time_steps, std::span<const int> sequences) {
  const Shape s = from.shape();
  const int per_step = s.rows / time_steps, count = static_cast<int>(sequences.size());
  Tensor to({s.tasks, time_steps * count, s.cols}, from.dtype());
  const T* source = from.values<T>().data();
  T* out = to.mutable_values<T>().data();
  for (int slice = 0; slice < s.tasks; ++slice)
    for (int t = 0; t < time_steps; ++t)
      for (int n : sequences) {
        const T* row = source + (static_cast<std::ptrdiff_t>(slice) * s.rows + t * per_step + n) * s.cols;
        out = std::copy(row, row + s.cols, out);
      }
  return to;
}

}  // namespace

BatchValues choose_sequences(const BatchValues& batch, int time_steps, std::span<const int> sequences) {
  BatchValues chosen;
  for (std::size_t k = 0; k < batch.count(); ++k) {
    const std::string& name = batch.name(k);
    const int steps = name.starts_with("state/") ? 1 : time_steps;
    Tensor part = batch[k].dtype() == Dtype::f32 ? choose_rows<float>(batch[k], steps, sequences)
                                                 : choose_rows<double>(batch[k], steps, sequences);
    if (name == "weights") part = Tensor::full(part.shape(), 1.0 / static_cast<double>(part.size()), part.dtype());
    chosen.add(name, std::move(part));
  }
  return chosen;
}

// Fisher and Yates: from the back, each place takes one of those not yet placed.
std::vector<int> permutation(int count, std::uint64_t seed, const Place& place) {
  std::vector<int> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  Place at = place;
  for (int k = count - 1; k > 0; --k) {
    at.time_step = static_cast<std::uint32_t>(k);  // a place holds few draws
    std::swap(order[static_cast<std::size_t>(k)],
              order[Philox(seed, at).below(static_cast<std::uint32_t>(k) + 1)]);
  }
  return order;
}

double descend(DescentState& state, ParamValues gradient, const ActorCriticConfig& config, int iteration,
               const char* algorithm) {
  const double size = norm(gradient);
  if (!std::isfinite(size))
    throw NonFiniteError(std::string(algorithm) + ", iteration " + std::to_string(iteration) +
                         ": the gradient is not finite; a smaller learning_rate may help");
  if (config.max_gradient_norm > 0 && size > config.max_gradient_norm)
    gradient = (config.max_gradient_norm / size) * gradient;
  const double left = 1 - static_cast<double>(iteration) / config.iterations;
  const double rate = config.learning_rate * (config.anneal ? left : 1);
  nn::AdamResult next = nn::adam(state.theta, gradient, state.adam, {.learning_rate = rate, .epsilon = 1e-5});
  state.theta = std::move(next.theta);
  state.adam = std::move(next.state);
  return size;
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

void DescentState::visit(Checkpoint& c) {
  c("", theta);
  c("adam", adam);
}

}  // namespace innerloop::rl
