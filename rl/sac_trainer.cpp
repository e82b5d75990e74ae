#include "rl/sac_trainer.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "rl/check_cases.h"

namespace innerloop::rl {

SacSpec sac_spec(const SacConfig& config, const EnvSizes& env) {
  if (env.discrete) throw UsageError("sac: " + config.data.env + " has discrete actions; sac needs continuous ones");
  SacSpec spec;
  spec.actor = {.inputs = env.observations, .hidden = config.data.hidden, .outputs = 2 * env.actions,
                .activation = config.data.activation};
  spec.critic = {.inputs = env.observations + env.actions, .hidden = config.data.hidden, .outputs = 1,
                 .activation = config.data.activation};
  spec.action_size = env.actions;
  spec.value_network = config.value_network;
  spec.squash = config.squash;
  spec.log_sigma = config.log_sigma;
  spec.log_prob = config.log_prob;
  if (config.squash && config.entropy_units == EntropyUnits::environment)
    spec.log_action_scale = env.actions * std::log(0.5 * (env.high - env.low));
  spec.actor_value = config.actor_value;
  spec.temperature_loss = config.temperature_loss;
  spec.critic_factor = config.critic_factor;
  spec.gamma = config.data.gamma;
  spec.reward_scale = config.reward_scale;
  spec.target_entropy = env.actions * config.entropy_per_action;
  return spec;
}

Sac::Sac(const SacConfig& config, const EnvSizes& env, std::uint64_t seed)
    : config_(config), spec_(sac_spec(config, env)), seed_(seed) {
  const Dtype dtype = config.data.dtype;
  actor = init_actor(spec_, seed, dtype);
  critics = init_critics(spec_, seed, dtype);
  targets = targeted(critics, spec_);
  log_alpha.add("log_alpha", Tensor::scalar(std::log(config.temperature), dtype));
  actor_moments_ = nn::adam_start(actor);
  critic_moments_ = nn::adam_start(critics);
  temperature_moments_ = nn::adam_start(log_alpha);
  noise_ = noise_next_ = Tensor({1, config.data.batch, spec_.action_size}, dtype);
}

double Sac::alpha() const { return std::exp(log_alpha[0].item()); }

const Tensor& Sac::act(const Tensor& observations, const Place& place) {
  const Shape shape{1, observations.shape().rows, spec_.action_size};
  if (act_noise_.shape() != shape) act_noise_ = Tensor(shape, config_.data.dtype);
  fill_normal(act_noise_, seed_, place);
  action_ = functions_.act(spec_, {actor, observations, act_noise_})[0][0].to(Device::cpu);
  return action_;
}

Tensor Sac::act(const ParamValues& whose, const Tensor& observations, const Tensor& noise) const {
  return functions_.act(spec_, {whose, observations, noise})[0][0].to(Device::cpu);
}

// A NaN gradient would stay in the moments for ever.
void Sac::check(const std::vector<Tensors>& gradient, const char* whose, std::uint32_t update) const {
  const Tensors& info = gradient.back();
  for (std::size_t k = 0; k < info.count(); ++k)
    if (!std::isfinite(info[k].item())) [[unlikely]]
      throw NonFiniteError("sac, update " + std::to_string(update) + ": " + info.name(k) + " of the " + whose +
                           " is not finite. Try smaller learning rates.");
}

void Sac::step_critics(const std::vector<Tensors>& gradient) {
  nn::adam_step(critics, gradient[0], critic_moments_, {.learning_rate = config_.critic_rate});
  critic_loss_ = gradient[1][0].item();
  target_ = gradient[1][1].item();
}

void Sac::step_actor(const std::vector<Tensors>& gradient) {
  nn::adam_step(actor, gradient[0], actor_moments_, {.learning_rate = config_.actor_rate});
  if (spec_.temperature_loss != TemperatureLoss::fixed)
    nn::adam_step(log_alpha, gradient[1], temperature_moments_, {.learning_rate = config_.temperature_rate});
  entropy_ = gradient[2][0].item();
}

// region: update
// One update. [SAC eq. polyak]  θ̄ ← (1 − τ)θ̄ + τθ
void Sac::update(const BatchValues& batch, std::uint32_t number) {
  const auto actor_gradient = [&] {
    std::vector<Tensors> gradient = functions_.actor_gradient(spec_, {actor, critics, log_alpha[0], batch, noise_});
    check(gradient, "actor", number);
    return gradient;
  };

  // Noise of the actions at s' and at s.
  fill_normal(noise_next_, seed_, {.purpose = Purpose::minibatch, .inner_step = 1, .iteration = number});
  fill_normal(noise_, seed_, {.purpose = Purpose::minibatch, .inner_step = 2, .iteration = number});

  // The critics' step (and the value network's), towards targets made by the target networks.
  const std::vector<Tensors> critic_gradient =
      functions_.critic_gradient(spec_, {actor, critics, targets, log_alpha[0], batch, noise_next_, noise_});
  check(critic_gradient, "critics", number);

  // The actor's and the temperature's, evaluated by the critics as they were or as they have become.
  if (config_.simultaneous) {
    const std::vector<Tensors> gradient = actor_gradient();
    step_critics(critic_gradient);
    step_actor(gradient);
  } else {
    step_critics(critic_gradient);
    for (int k = 0; number % config_.policy_delay == 0 && k < config_.policy_delay; ++k) {
      if (k > 0)
        fill_normal(noise_, seed_,
             {.purpose = Purpose::minibatch, .inner_step = static_cast<std::uint32_t>(2 + k), .iteration = number});
      step_actor(actor_gradient());
    }
  }

  // The Polyak update of the targets: parameters of both lists stand in the same order.
  nn::polyak_update(targets, spec_.value_network ? targeted(critics, spec_) : critics, config_.data.tau);
}
// endregion

void Sac::visit(Checkpoint& c) {
  c("actor", actor);
  c("critics", critics);
  c("targets", targets);
  c("", log_alpha);
  c("adam_actor", actor_moments_);
  c("adam_critics", critic_moments_);
  c("adam_temperature", temperature_moments_);
  c.numbers("last", entropy_, critic_loss_, target_);
}

namespace {

class SacTrainer : public Trainer {
 public:
  SacTrainer(const SacConfig& config, std::uint64_t seed)
      : source_(config.data, seed),
        sac_(config, source_.sizes, seed),
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

  int iterations() const override { return source_.config.iterations; }
  void visit(Checkpoint& c) override {
    c("", sac_);
    c("", source_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return adapt_policy(source_.config.env, request, sac_.actor,
                        [this](const Tensors& knowledge, const Tensor& observations, std::span<const Philox> random) {
                          return act(knowledge, observations, random);
                        });
  }

 private:
  Place place() const {
    return {.purpose = Purpose::action, .iteration = source_.stream.counter()};
  }
  const std::vector<double>& random_action() {
    Philox random(source_.seed, place());
    for (double& a : action_) a = random.uniform(-1, 1);
    return action_;
  }
  const std::vector<double>& policy_action() {
    seen_.assign(source_.stream.observation());
    sac_.act(seen_, place()).copy_to(action_);
    return action_;
  }

  // (−1, 1) to the environment's range; unsquashed actions are its own.
  double in_env_units(double a) const {
    const EnvSizes& env = source_.sizes;
    return sac_.spec().squash ? env.low + 0.5 * (a + 1) * (env.high - env.low) : a;
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
};

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

constexpr const char* small =
    "env = point-nav-v1\nsteps = 12\nhidden = [8]\nbatch = 8\nlearning_starts = 8\nevaluation_episodes = 1";
constexpr SmokeRun smoke[] = {{"v2", small},
                              {"v1", small, "paper-v1"},
                              {"softlearning", small, "softlearning"},
                              {"cleanrl", small, "cleanrl"}};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<SacTrainer>(sac_options().read(values), seed);
}

}  // namespace

const Options<SacConfig>& sac_options() {
  using Config = SacConfig;
  static const auto options =
      Options<Config>()
          .include(&Config::data, off_policy_options())
          .add("actor_rate", &Config::actor_rate, {0, 1}, "Adam's step for the actor", "3e-4")
          .add("critic_rate", &Config::critic_rate, {0, 1}, "… for the critics", "3e-4")
          .add("temperature_rate", &Config::temperature_rate, {0, 1}, "… for log α", "3e-4")
          .add("temperature", &Config::temperature, {1e-6, 1000}, "α at the start")
          .add("temperature_loss", &Config::temperature_loss, "α is learned through log α or α, or stays",
               "alpha (2nd paper, eq. 18); fixed (1st)")
          .add("entropy_per_action", &Config::entropy_per_action, {-100, 10},
               "target entropy H̄ per action dimension, in nat; uniform is log 2 = 0.69", "-1")
          .add("entropy_units", &Config::entropy_units, "of the action in (−1, 1), or of the environment's action")
          .add("squash", &Config::squash, "a = tanh u; false: a = u, in the environment's units")
          .add("log_sigma", &Config::log_sigma, "how log σ is kept in bounds")
          .add("log_prob", &Config::log_prob, "log(1 − tanh² u) exactly, or with 10⁻⁶ added")
          .add("actor_value", &Config::actor_value, "of the two critics, in the actor's loss",
               "minimum; the authors' codes: first (2018), mean (softlearning)")
          .add("critic_factor", &Config::critic_factor, {0, 10}, "before each critic's loss", "0.5")
          .add("reward_scale", &Config::reward_scale, {1e-6, 1e6}, "κ before rewards", "5 to 100 (1st)")
          .add("value_network", &Config::value_network, "targets from a value network",
               "true (1st paper), false (2nd)")
          .add("simultaneous", &Config::simultaneous,
               "all gradients at the parameters before the update; else critics first")
          .add("policy_delay", &Config::policy_delay, {1, 1000}, "every d-th update the actor takes d steps");
  return options;
}

const AlgorithmRow sac = {
    .name = "sac",
    .title = "Soft actor-critic",
    .paper = "Haarnoja et al. 2018, arXiv 1801.01290v2 and 1812.05905v2",
    .summary = "off-policy; the policy earns its entropy beside its rewards",
    .source = "rl/sac.cpp",
    .options = sac_options(),
    .presets = presets,
    .make = make,
    .checks = sac_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl
