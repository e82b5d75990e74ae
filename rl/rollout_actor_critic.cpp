#include "rl/rollout_actor_critic.h"

#include <cmath>
#include <numeric>

#include "envs/table.h"
#include "rl/returns.h"
#include "rl/rollout_source.h"

namespace innerloop::rl {
namespace {

constexpr Option agent_options[] = {
    {.name = "env",
     .type = OptionType::text,
     .value = "cartpole-v1",
     .help = "environment; `innerloop list envs` shows all"},
    {.name = "iterations", .type = OptionType::integer, .value = "100", .low = 1, .high = 1e7, .help = "updates to do"},
    {.name = "tasks",
     .type = OptionType::integer,
     .value = "1",
     .low = 1,
     .high = 10000,
     .help = "groups of environments, for threads to share; each environment draws a new task for every episode"},
    {.name = "trajectories",
     .type = OptionType::integer,
     .value = "8",
     .low = 1,
     .high = 60000,
     .help = "environments of a group, side by side"},
    {.name = "steps",
     .type = OptionType::integer,
     .value = "128",
     .low = 1,
     .high = 1e6,
     .help = "of every environment between two updates"},
    {.name = "core",
     .type = OptionType::choice,
     .value = "none",
     .choices = "none lstm gru",
     .help = "memory between the observations and the networks"},
    {.name = "core_size", .type = OptionType::integer, .value = "64", .low = 1, .high = 4096, .help = "its width"},
    {.name = "hidden",
     .type = OptionType::integers,
     .value = "[64, 64]",
     .low = 1,
     .high = 4096,
     .help = "widths of the hidden layers, of policy and value each"},
    {.name = "activation",
     .type = OptionType::choice,
     .value = "tanh",
     .choices = "relu tanh sigmoid",
     .help = "of the hidden layers"},
    {.name = "log_sigma_init",
     .type = OptionType::real,
     .value = "0",
     .low = -10,
     .high = 5,
     .help = "log σ of a Gaussian policy at the start"},
    {.name = "gamma", .type = OptionType::real, .value = "0.99", .low = 0, .high = 1, .help = "discount γ"},
    {.name = "lambda",
     .type = OptionType::real,
     .value = "0.95",
     .low = 0,
     .high = 1,
     .help = "λ of the advantage estimate GAE(λ)"},
    {.name = "standardise",
     .type = OptionType::boolean,
     .value = "true",
     .help = "advantages of an update with mean 0 and deviation 1"},
    {.name = "reward_scale",
     .type = OptionType::real,
     .value = "1",
     .low = 1e-6,
     .high = 1e6,
     .help = "rewards are multiplied by it before anything is learned from them"},
    {.name = "normalise_observations",
     .type = OptionType::boolean,
     .value = "false",
     .help = "by the mean and deviation of everything seen so far"},
    {.name = "learning_rate",
     .type = OptionType::real,
     .value = "3e-4",
     .low = 0,
     .high = 1000,
     .help = "step size of Adam"},
    {.name = "anneal",
     .type = OptionType::boolean,
     .value = "false",
     .help = "let the learning rate fall linearly to 0 at the last iteration"},
    {.name = "value_weight",
     .type = OptionType::real,
     .value = "0.5",
     .low = 0,
     .high = 1000,
     .help = "c_v, the weight of the value's loss"},
    {.name = "entropy_weight",
     .type = OptionType::real,
     .value = "0",
     .low = 0,
     .high = 1000,
     .help = "c_e, the weight of the entropy bonus"},
    {.name = "max_gradient_norm",
     .type = OptionType::real,
     .value = "0.5",
     .low = 0,
     .high = 1e9,
     .help = "longer gradients are cut to this length; 0: never"},
    {.name = "dtype",
     .type = OptionType::choice,
     .value = "f32",
     .choices = "f32 f64",
     .help = "numbers in single or double precision"},
};

}  // namespace

std::vector<Option> with_actor_critic_options(std::span<const Option> own,
                                              std::initializer_list<std::pair<const char*, const char*>> defaults) {
  std::vector<Option> all(std::begin(agent_options), std::end(agent_options));
  for (const auto& [name, value] : defaults)
    for (Option& option : all)
      if (std::string_view(option.name) == name) option.value = value;
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

ActorCriticConfig actor_critic_config(const OptionValues& values) {
  using Core = nn::ActorCriticSpec::Core;
  const std::string& core = values.text("core");
  ActorCriticConfig config;
  config.env = values.text("env");
  config.core = core == "lstm" ? Core::lstm : core == "gru" ? Core::gru : Core::none;
  config.core_size = values.integer("core_size");
  config.hidden = values.integers("hidden");
  config.activation = activation_named(values.text("activation"));
  config.log_sigma_init = values.real("log_sigma_init");
  config.tasks = values.integer("tasks");
  config.trajectories = values.integer("trajectories");
  config.steps = values.integer("steps");
  config.iterations = values.integer("iterations");
  config.gamma = values.real("gamma");
  config.lambda = values.real("lambda");
  config.standardise = values.boolean("standardise");
  config.reward_scale = values.real("reward_scale");
  config.normalise_observations = values.boolean("normalise_observations");
  config.learning_rate = values.real("learning_rate");
  config.anneal = values.boolean("anneal");
  config.value_weight = values.real("value_weight");
  config.entropy_weight = values.real("entropy_weight");
  config.max_gradient_norm = values.real("max_gradient_norm");
  config.dtype = values.text("dtype") == "f64" ? Dtype::f64 : Dtype::f32;
  return config;
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

void EpisodeMetrics::save(Tensors& checkpoint) const {
  checkpoint.add("metrics", Tensor::from({1, 1, 3}, std::vector<double>{return_, length_, episodes_}));
}

void EpisodeMetrics::restore(const Tensors& checkpoint) {
  const Tensor& saved = checkpoint["metrics"];
  return_ = saved.at(0, 0, 0), length_ = saved.at(0, 0, 1), episodes_ = saved.at(0, 0, 2);
}

Tensors save_learner(const DescentState& state, const SegmentSource& source, const EpisodeMetrics& metrics) {
  Tensors checkpoint = state.theta;
  nn::save_adam(state.adam, checkpoint);
  source.save(checkpoint);
  metrics.save(checkpoint);
  return checkpoint;
}

void restore_learner(const Tensors& checkpoint, DescentState& state, SegmentSource& source, EpisodeMetrics& metrics) {
  ParamValues theta;
  for (std::size_t k = 0; k < state.theta.count(); ++k) {
    const Tensor &value = checkpoint[state.theta.name(k)], &like = state.theta[k];
    require(value.shape() == like.shape() && value.dtype() == like.dtype(),
            "checkpoint: " + state.theta.name(k) + " is " + to_string(value.shape()) + " " + name_of(value.dtype()) +
                ", this run needs " + to_string(like.shape()) + " " + name_of(like.dtype()) +
                "; use the options of the run that wrote it");
    theta.add(state.theta.name(k), value);
  }
  state.adam = nn::load_adam(theta, checkpoint);
  state.theta = std::move(theta);
  source.restore(checkpoint);
  metrics.restore(checkpoint);
}

}  // namespace innerloop::rl
