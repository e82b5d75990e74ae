#include "rl/sac_trainer.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/philox.h"
#include "kernels/require.h"

namespace innerloop::rl {
namespace {

// Networks that fit the environment.
SacConfig fitted(SacConfig config, int observations) {
  SacSpec& spec = config.spec;
  const OffPolicyConfig& data = config.data;
  spec.actor = {.inputs = observations, .hidden = data.hidden, .outputs = 2 * spec.action_size,
                .activation = data.activation};
  spec.critic = {.inputs = observations + spec.action_size, .hidden = data.hidden, .outputs = 1,
                 .activation = data.activation};
  spec.gamma = data.gamma;
  return config;
}

// The number of a (1, 1, 1) tensor, without the checks of item(): this runs in every update.
double number_of(const Tensor& t) {
  if (t.device() != Device::cpu) return t.item();
  return t.dtype() == Dtype::f32 ? *static_cast<const float*>(t.data()) : *static_cast<const double*>(t.data());
}

ParamValues one_number(const char* name, double x, Dtype dtype) {
  ParamValues list;
  list.add(name, Tensor::scalar(x, dtype));
  return list;
}

}  // namespace

Sac::Sac(const SacConfig& config, int observations, std::uint64_t seed)
    : actor(init_actor(fitted(config, observations).spec, seed, config.data.dtype)),
      critics(init_critics(fitted(config, observations).spec, seed, config.data.dtype)),
      targets(followed(critics, config.spec)),
      log_alpha(one_number("log_alpha", std::log(config.temperature), config.data.dtype)),
      config_(fitted(config, observations)),
      seed_(seed),
      actor_moments_(nn::adam_start(actor)),
      critic_moments_(nn::adam_start(critics)),
      temperature_moments_(nn::adam_start(log_alpha)),
      noise_({1, config.data.batch, config.spec.action_size}, config.data.dtype),
      noise_next_(noise_) {}

double Sac::alpha() const { return std::exp(log_alpha[0].item()); }

// Normal numbers; a place gives 8192 of them.
void Sac::draw(Tensor& noise, const Place& place) const {
  const auto fill = [&]<class T>(T* to) {
    for (std::size_t first = 0; first < noise.size(); first += 8192) {
      Place here = place;
      here.trajectory = static_cast<std::uint32_t>(first / 8192);
      Philox random(seed_, here);
      const std::size_t last = std::min(noise.size(), first + 8192);
      for (std::size_t k = first; k < last; ++k) to[k] = static_cast<T>(random.normal());
    }
  };
  void* numbers = noise.mutable_data();
  noise.dtype() == Dtype::f32 ? fill(static_cast<float*>(numbers)) : fill(static_cast<double*>(numbers));
}

const Tensor& Sac::act(const Tensor& observations, const Place& place) {
  const Shape shape{1, observations.shape().rows, config_.spec.action_size};
  if (act_noise_.shape() != shape) act_noise_ = Tensor(shape, config_.data.dtype);
  draw(act_noise_, place);
  action_ = functions_.act(config_.spec, {actor, observations, act_noise_})[0][0].to(Device::cpu);
  return action_;
}

Tensor Sac::mode(const Tensor& observations) const {
  return act(actor, observations, Tensor({1, observations.shape().rows, config_.spec.action_size}, config_.data.dtype));
}

Tensor Sac::act(const ParamValues& whose, const Tensor& observations, const Tensor& noise) const {
  return functions_.act(config_.spec, {whose, observations, noise})[0][0].to(Device::cpu);
}

// A NaN gradient would stay in the moments for ever.
void Sac::check(const std::vector<Tensors>& gradient, const char* whose, std::uint32_t update) const {
  const Tensors& info = gradient.back();
  for (std::size_t k = 0; k < info.count(); ++k)
    if (!std::isfinite(number_of(info[k]))) [[unlikely]]
      throw NonFiniteError("sac, update " + std::to_string(update) + ": " + info.name(k) + " of the " + whose +
                           " is not finite. Try smaller learning rates.");
}

void Sac::step_critics(const std::vector<Tensors>& gradient) {
  nn::adam_step(critics, gradient[0], critic_moments_, {.learning_rate = config_.critic_rate});
  critic_loss_ = number_of(gradient[1][0]);
  target_ = number_of(gradient[1][1]);
}

void Sac::step_actor(const std::vector<Tensors>& gradient) {
  nn::adam_step(actor, gradient[0], actor_moments_, {.learning_rate = config_.actor_rate});
  if (config_.spec.temperature_loss != TemperatureLoss::fixed)
    nn::adam_step(log_alpha, gradient[1], temperature_moments_, {.learning_rate = config_.temperature_rate});
  entropy_ = number_of(gradient[2][0]);
}

// region: update
// One update. [SAC eq. polyak]  θ̄ ← (1 − τ)θ̄ + τθ
void Sac::update(const BatchValues& batch, std::uint32_t number) {
  const SacSpec& spec = config_.spec;
  const auto actor_gradient = [&] {
    std::vector<Tensors> gradient = functions_.actor_gradient(spec, {actor, critics, log_alpha[0], batch, noise_});
    check(gradient, "actor", number);
    return gradient;
  };

  // Noise of the actions at s' and at s.
  draw(noise_next_, {.purpose = Purpose::minibatch, .inner_step = 1, .iteration = number});
  draw(noise_, {.purpose = Purpose::minibatch, .inner_step = 2, .iteration = number});

  // The critics' step (and the value network's), towards targets made by the followers.
  const std::vector<Tensors> critic_gradient =
      functions_.critic_gradient(spec, {actor, critics, targets, log_alpha[0], batch, noise_next_, noise_});
  check(critic_gradient, "critics", number);

  // The actor's and the temperature's, judged by the critics as they were or as they have become.
  if (config_.simultaneous) {
    const std::vector<Tensors> gradient = actor_gradient();
    step_critics(critic_gradient);
    step_actor(gradient);
  } else {
    step_critics(critic_gradient);
    for (int k = 0; number % config_.policy_delay == 0 && k < config_.policy_delay; ++k) {
      if (k > 0)
        draw(noise_,
             {.purpose = Purpose::minibatch, .inner_step = static_cast<std::uint32_t>(2 + k), .iteration = number});
      step_actor(actor_gradient());
    }
  }

  // The followers take a small step: parameters of both lists stand in the same order.
  follow(targets, spec.value_network ? followed(critics, spec) : critics, config_.data.tau);
}
// endregion

void Sac::save(Tensors& checkpoint) const {
  save_params(actor, "actor", checkpoint);
  save_params(critics, "critics", checkpoint);
  save_params(targets, "targets", checkpoint);
  checkpoint.add("log_alpha", log_alpha[0]);
  nn::save_adam(actor_moments_, checkpoint, "adam_actor");
  nn::save_adam(critic_moments_, checkpoint, "adam_critics");
  nn::save_adam(temperature_moments_, checkpoint, "adam_temperature");
  checkpoint.add("last", Tensor::from({1, 1, 3}, std::array{entropy_, critic_loss_, target_}));
}

void Sac::load(const Tensors& checkpoint) {
  actor = load_params(actor, "actor", checkpoint);
  critics = load_params(critics, "critics", checkpoint);
  targets = load_params(targets, "targets", checkpoint);
  log_alpha[0] = checkpoint["log_alpha"];
  actor_moments_ = nn::load_adam(actor, checkpoint, "adam_actor");
  critic_moments_ = nn::load_adam(critics, checkpoint, "adam_critics");
  temperature_moments_ = nn::load_adam(log_alpha, checkpoint, "adam_temperature");
  const std::vector<double> last = checkpoint["last"].to_vector();
  entropy_ = last.at(0), critic_loss_ = last.at(1), target_ = last.at(2);
}

namespace {

class SacTrainer : public Trainer {
 public:
  SacTrainer(const SacConfig& config, std::uint64_t seed)
      : source_(config.data, seed),
        sac_(config, source_.sizes.observations, seed),
        seen_({1, 1, source_.sizes.observations}, config.data.dtype),
        action_(static_cast<std::size_t>(source_.sizes.actions)) {}

  // region: train
  // One iteration: `steps` steps of the environment.
  Metrics iterate() override {
    for (int step = 0; step < source_.config.steps; ++step) {
      // Act: at random at first, then as the policy does.
      const std::vector<double>& action = source_.explores() ? random_action() : policy_action();
      Transition transition = source_.stream.step(in_env_units(action));

      // Remember what happened, with the action as the learner knows it.
      transition.action = action;
      source_.buffer.add(transition);

      // Learn from what is remembered.
      for (int k = 0; source_.learns() && k < source_.config.updates; ++k) {
        source_.sample();
        sac_.update(source_.batch, source_.draws - 1);
      }
    }
    ++iteration_;
    return metrics();
  }
  // endregion

  int iteration() const override { return iteration_; }
  int iterations() const override { return source_.config.iterations; }
  Tensors state() const override {
    Tensors state;
    sac_.save(state);
    source_.save(state);
    return state;
  }
  void restore(const Tensors& state, int iteration) override {
    sac_.load(state);
    source_.load(state);
    iteration_ = iteration;
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return adapt_policy(source_.config.env, request, sac_.actor,
                        [this](const Tensors& latent, const Tensor& observations, std::span<const Philox> random) {
                          return act(latent, observations, random);
                        });
  }

 private:
  Place place() const {
    return {.purpose = Purpose::action, .iteration = static_cast<std::uint32_t>(source_.stream.steps())};
  }
  const std::vector<double>& random_action() {
    Philox random(source_.seed, place());
    for (double& a : action_) a = random.uniform(-1, 1);
    return action_;
  }
  const std::vector<double>& policy_action() {
    const auto copy = [](const auto& from, auto* to) {
      for (const auto x : from) *to++ = static_cast<std::remove_reference_t<decltype(*to)>>(x);
    };
    void* numbers = seen_.mutable_data();
    if (seen_.dtype() == Dtype::f32) {
      copy(source_.stream.observation(), static_cast<float*>(numbers));
      copy(sac_.act(seen_, place()).values<float>(), action_.data());
    } else {
      copy(source_.stream.observation(), static_cast<double*>(numbers));
      copy(sac_.act(seen_, place()).values<double>(), action_.data());
    }
    return action_;
  }

  // (−1, 1) to the environment's range; unsquashed actions are its own.
  double in_env_units(double a) const {
    const EnvSizes& env = source_.sizes;
    return sac_.config().spec.squash ? env.low + 0.5 * (a + 1) * (env.high - env.low) : a;
  }
  std::span<const double> in_env_units(const std::vector<double>& action) {
    env_action_.clear();
    for (const double a : action) env_action_.push_back(in_env_units(a));
    return env_action_;
  }
  // The mode of every row; with random numbers, a draw.
  Tensor act(const ParamValues& actor, const Tensor& observations, std::span<const Philox> random) const {
    const Dtype dtype = source_.config.dtype;
    Tensor noise({1, observations.shape().rows, source_.sizes.actions}, dtype);
    for (std::size_t row = 0; row < random.size(); ++row) {
      Philox numbers = random[row];
      for (int k = 0; k < source_.sizes.actions; ++k) noise.set(0, static_cast<int>(row), k, numbers.normal());
    }
    Tensor actions = sac_.act(actor, observations.to(dtype), noise).to(Dtype::f64);
    for (double& a : actions.mutable_values<double>()) a = in_env_units(a);
    return actions;
  }
  Metrics metrics() {
    Metrics metrics = stream_metrics(source_);
    metrics.push_back({"evaluation", mean_evaluation(source_, [this](const Tensor& observations) {
                         return act(sac_.actor, observations, {});
                       })});
    metrics.push_back({"critic_loss", sac_.critic_loss()});
    metrics.push_back({"target", sac_.target_mean()});
    metrics.push_back({"entropy", sac_.entropy()});
    metrics.push_back({"alpha", sac_.alpha()});
    return metrics;
  }

  OffPolicySource source_;
  Sac sac_;
  Tensor seen_;                              // (1, 1, O)
  std::vector<double> action_, env_action_;  // (A)
  int iteration_ = 0;
};

constexpr Option own_options[] = {
    {.name = "actor_rate", .value = "3e-4", .low = 0, .high = 1, .help = "Adam's step for the actor", .paper = "3e-4"},
    {.name = "critic_rate", .value = "3e-4", .low = 0, .high = 1, .help = "… for the critics", .paper = "3e-4"},
    {.name = "temperature_rate", .value = "3e-4", .low = 0, .high = 1, .help = "… for log α", .paper = "3e-4"},
    {.name = "temperature", .value = "1", .low = 1e-6, .high = 1000, .help = "α at the start"},
    {.name = "temperature_loss",
     .type = OptionType::choice,
     .value = "log_alpha",
     .choices = "log_alpha alpha fixed",
     .help = "α is learned through log α or α, or stays",
     .paper = "alpha (2nd paper, eq. 18); fixed (1st)"},
    {.name = "entropy_per_action",
     .value = "-1",
     .low = -100,
     .high = 10,
     .help = "target entropy H̄ per action dimension, in nat; uniform is log 2 = 0.69",
     .paper = "-1"},
    {.name = "entropy_units",
     .type = OptionType::choice,
     .value = "action",
     .choices = "action environment",
     .help = "of the action in (−1, 1), or of the environment's action"},
    {.name = "squash",
     .type = OptionType::boolean,
     .value = "true",
     .help = "a = tanh u; false: a = u, in the environment's units"},
    {.name = "log_sigma",
     .type = OptionType::choice,
     .value = "clamp",
     .choices = "clamp tanh softplus",
     .help = "how log σ is kept in bounds"},
    {.name = "log_prob",
     .type = OptionType::choice,
     .value = "exact",
     .choices = "exact epsilon",
     .help = "log(1 − tanh² u) exactly, or with 10⁻⁶ added"},
    {.name = "actor_value",
     .type = OptionType::choice,
     .value = "minimum",
     .choices = "minimum mean first",
     .help = "of the two critics, in the actor's loss",
     .paper = "minimum; the authors' codes: first (2018), mean (softlearning)"},
    {.name = "critic_factor",
     .value = "0.5",
     .low = 0,
     .high = 10,
     .help = "before each critic's loss",
     .paper = "0.5"},
    {.name = "reward_scale",
     .value = "1",
     .low = 1e-6,
     .high = 1e6,
     .help = "κ before rewards",
     .paper = "5 to 100 (1st)"},
    {.name = "value_network",
     .type = OptionType::boolean,
     .value = "false",
     .help = "targets from a value network",
     .paper = "true (1st paper), false (2nd)"},
    {.name = "simultaneous",
     .type = OptionType::boolean,
     .value = "false",
     .help = "all gradients at the parameters before the update; else critics first"},
    {.name = "policy_delay",
     .type = OptionType::integer,
     .value = "1",
     .low = 1,
     .high = 1000,
     .help = "every d-th update the actor takes d steps"},
};
const std::vector<Option> all_options = with_off_policy_options(own_options);

// What stays ours under the names of other people's code:
//   all           networks, their initial sizes and the order of random numbers; no observation is normalised
//   softlearning  log π is exact there too; its target entropy and learning rates are the defaults here
//   cleanrl       its log π is log(c(1 − a²) + 10⁻⁶), ours log(1 − a² + 10⁻⁶) + log c: they differ where a is close to
//                 ±1; its critics see actions in the environment's units, ours in (−1, 1)
constexpr Preset presets[] = {
    {"quick", "two hidden layers of 64 and batches of 100: Pendulum in seconds",
     "hidden = [64, 64]\nbatch = 100\nactor_rate = 1e-3\ncritic_rate = 1e-3\ntemperature_rate = 1e-3\n"
     "learning_starts = 100"},
    {"paper-v1",
     "the first paper and its code: value network, fixed temperature, first critic in the actor's loss, 10⁻⁶ in log π",
     "value_network = true\ntemperature_loss = fixed\nactor_value = first\nsimultaneous = true\nreward_scale = 5\n"
     "log_prob = epsilon"},
    {"softlearning", "the second paper's code: mean of the critics in the actor's loss, softplus σ, loss in α",
     "actor_value = mean\nlog_sigma = softplus\ntemperature_loss = alpha"},
    {"sb3", "Stable-Baselines3: loss in log α, 10⁻⁶ in log π, updates after 100 steps",
     "log_prob = epsilon\nlearning_starts = 100"},
    {"cleanrl", "CleanRL: log σ through tanh, entropy in the environment's units, two actor steps every second update",
     "log_sigma = tanh\nlog_prob = epsilon\nentropy_units = environment\ntemperature_loss = alpha\ncritic_factor = 1\n"
     "critic_rate = 1e-3\ntemperature_rate = 1e-3\npolicy_delay = 2\nlearning_starts = 5000"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<SacTrainer>(sac_config(values), seed);
}

}  // namespace

SacConfig sac_config(const OptionValues& values) {
  SacConfig config{.data = off_policy_config(values), .spec = {}};
  const EnvSizes env = env_sizes(config.data.env);
  if (env.discrete) throw UsageError("sac: " + config.data.env + " has discrete actions; sac needs continuous ones");
  const std::string &loss = values.text("temperature_loss"), &log_sigma = values.text("log_sigma"),
                    &which = values.text("actor_value");
  SacSpec& spec = config.spec;
  spec.action_size = env.actions;
  spec.value_network = values.boolean("value_network");
  spec.squash = values.boolean("squash");
  spec.log_sigma = log_sigma == "clamp" ? LogSigma::clamp : log_sigma == "tanh" ? LogSigma::tanh : LogSigma::softplus;
  spec.log_prob = values.text("log_prob") == "exact" ? SquashLogProb::exact : SquashLogProb::epsilon;
  if (spec.squash && values.text("entropy_units") == "environment")
    spec.log_action_scale = env.actions * std::log(0.5 * (env.high - env.low));
  spec.actor_value = which == "minimum" ? ActorValue::minimum : which == "mean" ? ActorValue::mean : ActorValue::first;
  spec.temperature_loss = loss == "log_alpha" ? TemperatureLoss::log_alpha
                          : loss == "alpha"   ? TemperatureLoss::alpha
                                              : TemperatureLoss::fixed;
  spec.critic_factor = values.real("critic_factor");
  spec.reward_scale = values.real("reward_scale");
  spec.target_entropy = env.actions * values.real("entropy_per_action");
  config.actor_rate = values.real("actor_rate");
  config.critic_rate = values.real("critic_rate");
  config.temperature_rate = values.real("temperature_rate");
  config.temperature = values.real("temperature");
  config.simultaneous = values.boolean("simultaneous");
  config.policy_delay = values.integer("policy_delay");
  return config;
}

const AlgorithmRow sac = {
    .name = "sac",
    .title = "Soft actor-critic",
    .paper = "Haarnoja et al. 2018, arXiv 1801.01290v2 and 1812.05905v2",
    .summary = "off-policy; the policy earns its entropy beside its rewards",
    .source = "rl/sac.cpp",
    .options = all_options,
    .presets = presets,
    .make = make,
};

}  // namespace innerloop::rl
