#include "rl/off_policy.h"

#include <algorithm>

#include "autodiff/ops.h"
#include "kernels/require.h"
#include "rl/rollout_source.h"

namespace innerloop::rl {
namespace {

constexpr Option options[] = {
    {.name = "env",
     .type = OptionType::text,
     .value = "pendulum-v1",
     .help = "environment; `innerloop list envs` shows all"},
    {.name = "iterations",
     .type = OptionType::integer,
     .value = "20",
     .low = 1,
     .high = 1e7,
     .help = "iterations to do"},
    {.name = "steps",
     .type = OptionType::integer,
     .value = "1000",
     .low = 1,
     .high = 1e7,
     .help = "of the environment, per iteration"},
    {.name = "hidden",
     .type = OptionType::integers,
     .value = "[256, 256]",
     .low = 1,
     .high = 4096,
     .help = "widths of the hidden layers"},
    {.name = "activation",
     .type = OptionType::choice,
     .value = "relu",
     .choices = "relu tanh sigmoid",
     .help = "of the hidden layers"},
    {.name = "batch",
     .type = OptionType::integer,
     .value = "256",
     .low = 1,
     .high = 8192,
     .help = "transitions drawn for an update"},
    {.name = "capacity",
     .type = OptionType::integer,
     .value = "1000000",
     .low = 1,
     .high = 1e8,
     .help = "of the replay buffer, in transitions"},
    {.name = "learning_starts",
     .type = OptionType::integer,
     .value = "1000",
     .low = 1,
     .high = 1e8,
     .help = "steps with random actions before the first update"},
    {.name = "updates",
     .type = OptionType::integer,
     .value = "1",
     .low = 1,
     .high = 10000,
     .help = "each time that updates are due"},
    {.name = "update_every",
     .type = OptionType::integer,
     .value = "1",
     .low = 1,
     .high = 10000,
     .help = "steps from one time to the next"},
    {.name = "gamma", .type = OptionType::real, .value = "0.99", .low = 0, .high = 1, .help = "discount γ"},
    {.name = "tau",
     .type = OptionType::real,
     .value = "0.005",
     .low = 0,
     .high = 1,
     .help = "share of the way that targets move at a time"},
    {.name = "evaluation_episodes",
     .type = OptionType::integer,
     .value = "10",
     .low = 1,
     .high = 10000,
     .help = "of the policy without its noise, after each iteration"},
    {.name = "dtype",
     .type = OptionType::choice,
     .value = "f32",
     .choices = "f32 f64",
     .help = "numbers in single or double precision"},
};

}  // namespace

std::vector<Option> with_off_policy_options(std::span<const Option> own,
                                            std::initializer_list<OtherDefault> defaults) {
  std::vector<Option> all(std::begin(options), std::end(options));
  for (const OtherDefault& other : defaults) {
    const auto same = [&](const Option& option) { return std::string_view(option.name) == other.name; };
    std::ranges::find_if(all, same)->value = other.value;
  }
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

OffPolicyConfig off_policy_config(const OptionValues& values) {
  return {.env = values.text("env"),
          .iterations = values.integer("iterations"),
          .steps = values.integer("steps"),
          .hidden = values.integers("hidden"),
          .activation = activation_named(values.text("activation")),
          .batch = values.integer("batch"),
          .capacity = values.integer("capacity"),
          .learning_starts = values.integer("learning_starts"),
          .updates = values.integer("updates"),
          .update_every = values.integer("update_every"),
          .gamma = values.real("gamma"),
          .tau = values.real("tau"),
          .evaluation_episodes = values.integer("evaluation_episodes"),
          .dtype = values.text("dtype") == "f64" ? Dtype::f64 : Dtype::f32};
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

void OffPolicySource::save(Tensors& checkpoint) const {
  stream.save(checkpoint);
  buffer.save(checkpoint);
  checkpoint.add("draws", Tensor::scalar(draws));
}

void OffPolicySource::load(const Tensors& checkpoint) {
  stream.load(checkpoint);
  buffer.load(checkpoint);
  draws = static_cast<std::uint32_t>(checkpoint["draws"].item());
}

void save_params(const ParamValues& theta, std::string_view prefix, Tensors& checkpoint) {
  for (std::size_t k = 0; k < theta.count(); ++k)
    checkpoint.add(std::string(prefix) + "/" + theta.name(k), theta[k]);
}

ParamValues load_params(const ParamValues& like, std::string_view prefix, const Tensors& checkpoint) {
  ParamValues theta;
  for (std::size_t k = 0; k < like.count(); ++k) {
    const std::string name = std::string(prefix) + "/" + like.name(k);
    const Tensor& value = checkpoint[name];
    require(value.shape() == like[k].shape() && value.dtype() == like[k].dtype(),
            "checkpoint: " + name + " is " + to_string(value.shape()) + " " + name_of(value.dtype()) +
                ", this run needs " + to_string(like[k].shape()) + " " + name_of(like[k].dtype()) +
                "; use the options of the run that wrote it");
    theta.add(like.name(k), value);
  }
  return theta;
}

Var sum_of_all(const Vars& list) {
  Var sum = sum_all(list[0]);
  for (std::size_t k = 1; k < list.count(); ++k) sum = sum + sum_all(list[k]);
  return sum;
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
