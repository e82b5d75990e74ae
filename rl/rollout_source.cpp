#include "rl/rollout_source.h"

#include <algorithm>
#include <array>

#include "envs/table.h"
#include "rl/policy_gradient.h"

namespace innerloop::rl {
namespace {

constexpr Option episode_options[] = {
    {.name = "env",
     .type = OptionType::text,
     .value = "point-nav-v1",
     .help = "environment; `innerloop list envs` shows all"},
    {.name = "iterations",
     .type = OptionType::integer,
     .value = "100",
     .low = 1,
     .high = 1e7,
     .help = "iterations to do"},
    {.name = "tasks",
     .type = OptionType::integer,
     .value = "20",
     .low = 1,
     .high = 10000,
     .help = "tasks drawn for each iteration; one policy for all"},
    {.name = "trajectories",
     .type = OptionType::integer,
     .value = "20",
     .low = 1,
     .high = 60000,
     .help = "trajectories per task"},
    {.name = "hidden",
     .type = OptionType::integers,
     .value = "[100, 100]",
     .low = 1,
     .high = 4096,
     .help = "widths of the hidden layers"},
    {.name = "activation",
     .type = OptionType::choice,
     .value = "relu",
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
     .value = "1",
     .low = 0,
     .high = 1,
     .help = "λ of the advantage estimate GAE(λ)"},
    {.name = "baseline",
     .type = OptionType::choice,
     .value = "linear",
     .choices = "none mean linear network",
     .help = "guess of the return that is subtracted; network: also bootstraps at time limits"},
    {.name = "baseline_fit",
     .type = OptionType::choice,
     .value = "same-batch",
     .choices = "same-batch previous-batch",
     .help = "fitted on the batch whose advantages it is for, or on the one before"},
    {.name = "standardise",
     .type = OptionType::boolean,
     .value = "true",
     .help = "advantages of each task with mean 0 and deviation 1"},
    {.name = "weighting",
     .type = OptionType::choice,
     .value = "flat-mean",
     .choices = "flat-mean trajectory-sum trajectory-mean",
     .help = "how steps are averaged"},
    {.name = "adapt_rate",
     .type = OptionType::real,
     .value = "0.1",
     .low = 0,
     .high = 100,
     .help = "step size when `adapt` fits the policy to a new task"},
    {.name = "dtype",
     .type = OptionType::choice,
     .value = "f32",
     .choices = "f32 f64",
     .help = "numbers in single or double precision"},
};

// Slices for one task: the largest divisor of the number of trajectories up to 8.
int slice_count(const OnPolicyConfig& config) {
  if (config.tasks > 1) return 1;
  int slices = std::min(8, config.trajectories);
  while (config.trajectories % slices != 0) --slices;
  return slices;
}

// One copy of theta per task: (1, ·, ·) → (tasks, ·, ·).
ParamValues repeated(const ParamValues& theta, int tasks) {
  ParamValues copies;
  for (std::size_t k = 0; k < theta.count(); ++k) {
    const std::vector<double> one = theta[k].to_vector();
    std::vector<double> all;
    for (int task = 0; task < tasks; ++task) all.insert(all.end(), one.begin(), one.end());
    copies.add(theta.name(k),
               Tensor::from({tasks, theta[k].shape().rows, theta[k].shape().cols}, all, theta[k].dtype()));
  }
  return copies;
}

}  // namespace

std::span<const Option> on_policy_options() { return episode_options; }

std::vector<Option> with_on_policy_options(std::span<const Option> own) {
  std::vector<Option> all(std::begin(episode_options), std::end(episode_options));
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

Activation activation_named(const std::string& name) {
  if (name == "tanh") return Activation::tanh;
  if (name == "relu") return Activation::relu;
  if (name == "sigmoid") return Activation::sigmoid;
  throw Error("there is no activation '" + name + "'; there are relu, tanh, sigmoid");
}

OnPolicyConfig on_policy_config(const OptionValues& values) {
  const std::string &baseline = values.text("baseline"), &weighting = values.text("weighting");
  OnPolicyConfig config;
  config.env = values.text("env");
  config.hidden = values.integers("hidden");
  config.activation = activation_named(values.text("activation"));
  config.log_sigma_init = values.real("log_sigma_init");
  config.tasks = values.integer("tasks");
  config.trajectories = values.integer("trajectories");
  config.iterations = values.integer("iterations");
  config.adapt_rate = values.real("adapt_rate");
  config.value_network = baseline == "network";
  config.dtype = values.text("dtype") == "f64" ? Dtype::f64 : Dtype::f32;
  config.advantage = {
      .gamma = values.real("gamma"),
      .lambda = values.real("lambda"),
      .baseline = baseline == "none"   ? BaselineKind::none
                  : baseline == "mean" ? BaselineKind::mean
                                       : BaselineKind::linear,
      .fit = values.text("baseline_fit") == "same-batch" ? BaselineFit::same_batch : BaselineFit::previous_batch,
      .standardise = values.boolean("standardise"),
      .weighting = weighting == "flat-mean"        ? Weighting::flat_mean
                   : weighting == "trajectory-sum" ? Weighting::trajectory_sum
                                                   : Weighting::trajectory_mean,
  };
  return config;
}

nn::PolicySpec policy_for(const envs::EnvRow& env, std::vector<int> hidden, Activation activation,
                          double log_sigma_init) {
  const envs::Spec& spec = env.spec;
  const bool discrete = spec.action_kind == envs::ActionKind::discrete;
  nn::PolicySpec policy;
  policy.net = {.inputs = spec.obs_size,
                .hidden = std::move(hidden),
                .outputs = discrete ? spec.action_count : spec.action_size,
                .activation = activation};
  policy.head = discrete ? nn::PolicySpec::Head::categorical : nn::PolicySpec::Head::gaussian;
  policy.log_sigma_init = log_sigma_init;
  return policy;
}

OnPolicySource::OnPolicySource(const OnPolicyConfig& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      rollout_(envs::find_env(config.env),
               policy_for(envs::find_env(config.env), config.hidden, config.activation, config.log_sigma_init)) {
  if (!config.value_network) return;
  nn::MlpSpec net = rollout_.policy().net;
  net.outputs = 1;
  value_network.emplace(ValueNetworkConfig{.net = net,
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
                 envs::sample_task(rollout_.env(), seed_, Purpose::task, i, static_cast<std::uint32_t>(task)));

  Experience experience;
  experience.trajectories =
      rollout_.collect(theta, tasks, config_.trajectories / slices, {.seed = seed_, .iteration = i});
  AdvantageConfig advantage = config_.advantage;
  advantage.pooled = slices > 1;
  experience.batch = value_network ? make_batch(experience.trajectories, advantage,
                                                value_network->advantages_then_fit(experience.trajectories))
                                   : make_batch(experience.trajectories, advantage, &baseline_weights);
  if (!advantage.pooled) {
    // From weights per task to weights over all tasks.
    Tensors weights;
    weights.add("weights", experience.batch["weights"]);
    experience.batch["weights"] = ((1.0 / config_.tasks) * weights)[0];
  }
  return experience;
}

AdaptiveLearner OnPolicySource::learner(const ParamValues& theta) const {
  AdaptiveLearner learner;
  learner.start = [theta](int tasks) { return repeated(theta, tasks); };
  learner.act = [this](const ParamValues& theta_i, const std::vector<envs::Task>& tasks, int episodes,
                       const RolloutPlace& place, bool deterministic) {
    return rollout_.collect(theta_i, tasks, episodes, place, deterministic);
  };
  const auto gradient = std::make_shared<const PolicyGradientFunction>();
  learner.update = [this, gradient](const ParamValues& theta_i, const Trajectories& explored, int) -> Tensors {
    return theta_i + config_.adapt_rate * (*gradient)(policy(), {theta_i, make_batch(explored, config_.advantage)})[0];
  };
  return learner;
}

AdaptReport OnPolicySource::adapt(const ParamValues& theta, const AdaptRequest& request) const {
  return AdaptationProtocol{request}.run(learner(theta));
}

Metrics experience_metrics(const Experience& experience) {
  const Trajectories& all = experience.trajectories;
  return {{"return", all.mean_return()},
          {"length", static_cast<double>(all.steps()) / static_cast<double>(all.lengths.size())}};
}

Tensors save_policy(const ParamValues& theta, const OnPolicySource& source) {
  Tensors state = theta;
  if (source.value_network) source.value_network->save(state);
  if (!source.baseline_weights.empty()) state.add("baseline/weights", source.baseline_weights);
  return state;
}

ParamValues load_policy(const ParamValues& like, const Tensors& state, OnPolicySource& source) {
  ParamValues theta;
  for (std::size_t k = 0; k < like.count(); ++k) {
    const Tensor& value = state[like.name(k)];
    require(value.shape() == like[k].shape() && value.dtype() == like[k].dtype(),
            "checkpoint: " + like.name(k) + " is " + to_string(value.shape()) + " " + name_of(value.dtype()) +
                ", this run needs " + to_string(like[k].shape()) + " " + name_of(like[k].dtype()) +
                "; use the options of the run that wrote it");
    theta.add(like.name(k), value);
  }
  if (source.value_network) source.value_network->restore(state);
  source.baseline_weights = state.contains("baseline/weights") ? state["baseline/weights"] : Tensor();
  return theta;
}

}  // namespace innerloop::rl
