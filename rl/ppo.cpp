#include "rl/ppo.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "rl/actor_critic_config.h"
#include "rl/check_cases.h"

namespace innerloop::rl {

// region: equations
// [PPO eq. 7]  L^CLIP(θ) = Σ_t w_t min(r_t(θ)·Â_t, clip(r_t(θ), 1 − ε, 1 + ε)·Â_t)
//              with r_t(θ) = π_θ(a_t|s_t)/π_old(a_t|s_t)
Var ppo_objective(Var log_prob, const Batch& batch, double clip_width) {
  const Var ratio = exp(log_prob - batch["old_log_prob"]);  // (B, T·N, 1)
  const Var clipped = clip(ratio, 1 - clip_width, 1 + clip_width);
  const Var least = minimum(ratio * batch["advantages"], clipped * batch["advantages"]);
  return sum_tasks(sum_all(batch["weights"] * least));
}

// [PPO eq. 9]  L = L^CLIP − c_1 L^VF + c_2 S, here with its sign turned, to be descended
AgentLoss ppo_loss(const Params& theta, const AgentLossSpec& spec, const Batch& batch) {
  const nn::ActorCriticOutput agent = run_agent(theta, spec, batch);
  const Var log_prob = nn::log_prob(spec.agent.policy, agent.policy, batch["actions"]);
  const Var objective = ppo_objective(log_prob, batch, spec.clip);
  const Var critic = value_loss(agent, batch), entropy = mean_entropy(spec, agent, batch);
  AgentLoss loss;
  loss.total = spec.value_weight * critic - objective - entropy_bonus(spec, batch, entropy);
  loss.parts.add("policy_loss", -objective);
  loss.parts.add("value_loss", critic);
  loss.parts.add("entropy", entropy);

  // How far the policy is from the one that collected the data: an estimate of the KL that is never negative.
  const Var log_ratio = log_prob - batch["old_log_prob"];
  loss.parts.add("kl", sum_tasks(sum_all(batch["weights"] * (expm1(log_ratio) - log_ratio))));
  const Var outside = 1.0 - inside(exp(log_ratio), 1 - spec.clip, 1 + spec.clip);
  loss.parts.add("clip_fraction", sum_tasks(sum_all(batch["weights"] * outside)));
  return loss;
}
// endregion

PpoFunctions::PpoFunctions()
    : old_log_prob("ppo/old_log_prob",
                   [](Inputs& in, const AgentLossSpec& spec) -> std::vector<Vars> {
                     const Params theta = in.next("theta");
                     const Batch batch = in.next("batch");
                     Vars out;
                     out.add("log_prob", nn::log_prob(spec.agent.policy, run_agent(theta, spec, batch).policy,
                                                      batch["actions"]));
                     return {out};
                   }),
      gradient("ppo/gradient", [](Inputs& in, const AgentLossSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const AgentLoss loss = ppo_loss(theta, spec, in.next("batch"));
        return {grad(loss.total, theta), loss.parts};
      }) {}

const Options<PpoLearnerConfig>& ppo_learner_options() {
  using Config = PpoLearnerConfig;
  static const auto options =
      Options<Config>()
          .add("clip", &Config::clip, {0, 10}, "ε: ratios outside 1 ± ε earn nothing more", "0.2 (table 1)")
          .add("epochs", &Config::epochs, {1, 1000}, "passes over the data of an iteration", "10 (table 3)")
          .add("minibatches", &Config::minibatches, {1, 100000},
               "gradient steps per pass; with a core, minibatches are of whole sequences")
          .add("target_kl", &Config::target_kl, {0, 1000},
               "stop the passes when the mean KL of one exceeds 1.5 times this; 0: never");
  return options;
}

namespace {

// What the minibatches of the last epoch reported, on average.
struct Averages {
  Metrics sums;
  int count = 0, epochs = 0;

  void add(const Tensors& parts, double gradient_norm) {
    if (sums.empty()) {
      for (std::size_t k = 0; k < parts.count(); ++k) sums.push_back({parts.name(k), 0});
      sums.push_back({"gradient_norm", 0});
    }
    for (std::size_t k = 0; k < parts.count(); ++k) sums[k].value += parts[k].item();
    sums.back().value += gradient_norm;
    ++count;
  }
  double mean(std::string_view name) const {
    for (const Metric& metric : sums)
      if (metric.name == name) return metric.value / count;
    return 0;
  }
  void append_to(Metrics& metrics) const {
    for (const Metric& metric : sums) metrics.push_back({metric.name, metric.value / count});
    metrics.push_back({"epochs", static_cast<double>(epochs)});
  }
};

// Minibatch number `part` of an order.
std::span<const int> share(const std::vector<int>& order, int part, int minibatches) {
  const std::size_t parts = static_cast<std::size_t>(minibatches), k = static_cast<std::size_t>(part);
  const std::size_t first = order.size() * k / parts, last = order.size() * (k + 1) / parts;
  return std::span(order).subspan(first, last - first);
}

}  // namespace

PpoLearner::PpoLearner(const AgentLossSpec& loss, const PpoLearnerConfig& config, const DescentConfig& descent,
                       int iterations, ParamValues theta, std::uint64_t seed)
    : loss_(loss), config_(config), descent_(descent), iterations_(iterations), seed_(seed) {
  loss_.value_weight = descent.value_weight;
  loss_.entropy_weight = descent.entropy_weight;
  loss_.clip = config.clip;
  state_.adam = nn::adam_start(theta);
  state_.theta = std::move(theta);
}

// region: update
Metrics PpoLearner::update(BatchValues batch, int time_steps, int iteration) {
  // What the policy that collected the data thinks of it, as data.
  loss_.time_steps = time_steps;
  batch.add("old_log_prob", functions_.old_log_prob(loss_, {state_.theta, batch})[0][0].to(Device::cpu));

  // Several epochs of minibatches: of rows, or with a core of whole sequences.
  const int sequences = batch["weights"].shape().rows / time_steps;
  Averages averages;
  for (int epoch = 0; epoch < config_.epochs; ++epoch) {
    const std::vector<int> order = permutation(sequences, seed_,
                                               {.purpose = Purpose::minibatch,
                                                .inner_step = static_cast<std::uint32_t>(epoch),
                                                .iteration = static_cast<std::uint32_t>(iteration)});
    Averages of_epoch;
    for (int part = 0; part < config_.minibatches; ++part) {
      const BatchValues minibatch = choose_sequences(batch, time_steps, share(order, part, config_.minibatches));
      const std::vector<Tensors> out = functions_.gradient(loss_, {state_.theta, minibatch});
      const double size = descend(state_, out[0], descent_, iteration, iterations_, "ppo");
      of_epoch.add(out[1], size);
    }
    averages = of_epoch;
    averages.epochs = epoch + 1;
    // Enough moved: the rest of the epochs would learn from data of another policy.
    if (config_.target_kl > 0 && of_epoch.mean("kl") > 1.5 * config_.target_kl) break;
  }
  Metrics metrics;
  averages.append_to(metrics);
  return metrics;
}
// endregion

namespace {

struct PpoConfig {
  ActorCriticConfig shared;
  PpoLearnerConfig learner;
};

class PpoTrainer : public Trainer {
 public:
  PpoTrainer(const PpoConfig& config, std::uint64_t seed)
      : config_(config),
        source_(segment_config(config.shared), seed),
        learner_({.agent = source_.config().agent}, config.learner, config.shared.descent, config.shared.iterations,
                 nn::init_actor_critic(source_.config().agent, seed, config.shared.dtype), seed) {
    const int sequences = source_.config().lanes * (config.shared.steps / sequence_steps(source_.config()));
    require(config.learner.minibatches <= sequences, [&] {
      return "ppo: " + std::to_string(config.learner.minibatches) + " minibatches of " + std::to_string(sequences) +
             " sequences; with a recurrent core a sequence is a whole environment, so take more trajectories or fewer "
             "minibatches";
    });
  }

  // region: train
  // One iteration of the algorithm.
  Metrics iterate() override {
    // Every environment takes T steps with the current policy.
    // Advantages and returns, bootstrapped where a lane is cut.
    const Segments segments = source_.collect(learner_.theta());
    const ActorCriticConfig& c = config_.shared;
    const BatchValues batch = segment_batch(segments, c.gamma, c.lambda, c.standardise);

    // Several epochs of minibatches of it.
    const Metrics learned = learner_.update(batch, sequence_steps(source_.config()), iteration_);

    ++iteration_;
    episodes_.update(segments);
    Metrics metrics = episodes_.metrics();
    metrics.insert(metrics.end(), learned.begin(), learned.end());
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.shared.iterations; }
  void visit(Checkpoint& c) override {
    c("", learner_);
    c("", source_);
    c("", episodes_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return source_.adapt(learner_.theta(), request);
  }

 private:
  PpoConfig config_;
  SegmentSource source_;
  PpoLearner learner_;
  EpisodeMetrics episodes_;
};

// Departures from the paper.
//   eq. 9     its L^VF is (V − R)², without a factor; ours is A2C's ½(V − R)², so c_1 = 0.5 here is 0.25 there. Without
//             a core no layer is shared, and c_1 only scales the critic's gradient, which Adam undoes but for the cut.
//   entropy   c_2 is 0, as in the paper's control tasks (table 3); its Atari runs have 0.01 (table 5).
//   beside    gradients are cut to max_gradient_norm and advantages standardised; the paper states neither.
const Options<PpoConfig> options = Options<PpoConfig>()
                                       .include(&PpoConfig::shared, actor_critic_options())
                                       .include(&PpoConfig::learner, ppo_learner_options());

constexpr Preset presets[] = {
    {"cartpole", "CartPole to 475 and above",
     "env = cartpole-v1\niterations = 100\ntrajectories = 8\nsteps = 128\nlearning_rate = 2e-3\nanneal = true\n"
     "epochs = 8"},
    {"pendulum", "Pendulum to −200 and above",
     "env = pendulum-v1\niterations = 150\ntrajectories = 16\nsteps = 200\ngamma = 0.95\nlearning_rate = 1e-3\n"
     "anneal = true\nreward_scale = 0.1\nminibatches = 16"},
};

constexpr SmokeRun smoke[] = {
    {"rows", "trajectories = 4\nsteps = 8\nhidden = [8]\nepochs = 2\nminibatches = 2\nanneal = true"},
    {"gru", "core = gru\ncore_size = 4\ntrajectories = 4\nsteps = 8\nhidden = [8]\nepochs = 2\nminibatches = 2\n"
            "target_kl = 0.01"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<PpoTrainer>(options.read(values), seed);
}

}  // namespace

const AlgorithmRow ppo = {
    .name = "ppo",
    .title = "Proximal policy optimisation (PPO)",
    .paper = "Schulman et al. 2017, arXiv 1707.06347v2",
    .summary = "several gradient steps on the same data, with a ratio clipped so that none goes too far",
    .source = "rl/ppo.cpp",
    .options = options,
    .presets = presets,
    .make = make,
    .checks = ppo_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl
