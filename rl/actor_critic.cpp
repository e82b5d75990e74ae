#include "rl/actor_critic.h"

#include <algorithm>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "rl/actor_critic_config.h"
#include "rl/check_cases.h"

namespace innerloop::rl {

namespace {

// [BPTT eq. truncated]  h_t = f_θ(sg[h_{t−1}], x_t) for t = W, 2W, …: within a window h_t is a function of θ through
// h_{t−1}, from one window to the next it is a number.
nn::ActorCriticOutput run_in_windows(const Params& theta, const AgentLossSpec& spec, const Batch& batch,
                                     Vars state) {
  const int T = spec.time_steps, N = batch["observations"].shape().rows / T;
  std::vector<Var> values;
  std::vector<std::vector<Var>> parts;  // of the distribution, by window
  nn::ActorCriticOutput out;
  for (int first = 0; first < T; first += spec.window) {
    const int steps = std::min(spec.window, T - first);
    Vars start;
    for (std::size_t k = 0; k < state.count(); ++k)
      start.add(state.name(k), first == 0 ? state[k] : stop_gradient(state[k]));
    out = nn::actor_critic(theta, spec.agent, slice_rows(batch["observations"], first * N, steps * N), start,
                           slice_rows(batch["reset"], first * N, steps * N), steps);
    state = out.state;
    values.push_back(out.value);
    parts.resize(out.policy.count());
    for (std::size_t k = 0; k < parts.size(); ++k) parts[k].push_back(out.policy[k]);
  }

  // One row per step again; what is the same at every step, a Gaussian's log σ, is that of any window.
  nn::DistributionVars policy;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const bool by_row = out.policy.name(k) != "log_sigma";
    policy.add(out.policy.name(k), by_row ? concat_rows(parts[k]) : parts[k].back());
  }
  out.policy = policy;
  out.value = concat_rows(values);
  return out;
}

}  // namespace

nn::ActorCriticOutput run_agent(const Params& theta, const AgentLossSpec& spec, const Batch& batch) {
  Vars state;
  for (const char* part : {"h", "c"})
    if (const std::string name = std::string("state/") + part; batch.contains(name)) state.add(part, batch[name]);
  if (spec.window > 0 && spec.window < spec.time_steps) return run_in_windows(theta, spec, batch, state);
  return nn::actor_critic(theta, spec.agent, batch["observations"], state, batch["reset"], spec.time_steps);
}

// region: equations
// [A2C eq. critic]  L_V(θ) = ½ Σ_t w_t (V_θ(s_t) − R_t)²
Var value_loss(const nn::ActorCriticOutput& agent, const Batch& batch) {
  return 0.5 * sum_tasks(sum_all(batch["weights"] * square(agent.value - batch["returns"])));
}

// [A2C eq. entropy]  H(θ) = Σ_t w_t H(π_θ(·|s_t))
Var mean_entropy(const AgentLossSpec& spec, const nn::ActorCriticOutput& agent, const Batch& batch) {
  Var entropy = nn::entropy(spec.agent.policy, agent.policy);
  if (entropy.shape().rows == 1) entropy = broadcast_rows(entropy, batch["weights"].shape().rows);
  return sum_tasks(sum_all(batch["weights"] * entropy));
}

Var entropy_bonus(const AgentLossSpec& spec, const Batch& batch, Var entropy) {
  return batch.contains("entropy_weight") ? batch["entropy_weight"] * entropy : spec.entropy_weight * entropy;
}

// [A2C eq. actor]  L_π(θ) = −Σ_t w_t log π_θ(a_t|s_t)·Â_t
// [A2C eq. loss]   L = L_π + c_v L_V − c_e H
AgentLoss a2c_loss(const Params& theta, const AgentLossSpec& spec, const Batch& batch) {
  const nn::ActorCriticOutput agent = run_agent(theta, spec, batch);
  const Var log_pi = nn::log_prob(spec.agent.policy, agent.policy, batch["actions"]);  // (B, T·N, 1)
  const Var actor = -sum_tasks(sum_all(mul3(batch["weights"], log_pi, batch["advantages"])));
  const Var critic = value_loss(agent, batch), entropy = mean_entropy(spec, agent, batch);
  AgentLoss loss;
  loss.total = actor + spec.value_weight * critic - entropy_bonus(spec, batch, entropy);
  loss.parts.add("policy_loss", actor);
  loss.parts.add("value_loss", critic);
  loss.parts.add("entropy", entropy);
  return loss;
}
// endregion

A2cFunction::A2cFunction()
    : Function<AgentLossSpec>("a2c/gradient", [](Inputs& in, const AgentLossSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const AgentLoss loss = a2c_loss(theta, spec, in.next("batch"));
        return {grad(loss.total, theta), loss.parts};
      }) {}

A2cLearner::A2cLearner(const AgentLossSpec& loss, const DescentConfig& config, int iterations, ParamValues theta)
    : loss_(loss), config_(config), iterations_(iterations) {
  loss_.value_weight = config.value_weight;
  loss_.entropy_weight = config.entropy_weight;
  state_.adam = nn::adam_start(theta);
  state_.theta = std::move(theta);
}

// region: update
// One step down the gradient of the loss, through the core's T steps where there is one.
Metrics A2cLearner::update(const BatchValues& batch, int time_steps, int iteration) {
  loss_.time_steps = time_steps;
  const std::vector<Tensors> out = gradient_(loss_, {state_.theta, batch});
  const double size = descend(state_, out[0], config_, iteration, iterations_, "a2c");
  Metrics metrics;
  for (std::size_t k = 0; k < out[1].count(); ++k) metrics.push_back({out[1].name(k), out[1][k].item()});
  metrics.push_back({"gradient_norm", size});
  return metrics;
}
// endregion

namespace {

class A2cTrainer : public Trainer {
 public:
  A2cTrainer(const ActorCriticConfig& config, std::uint64_t seed)
      : config_(config),
        source_(segment_config(config), seed),
        learner_({.agent = source_.config().agent}, config.descent, config.iterations,
                 nn::init_actor_critic(source_.config().agent, seed, config.dtype)) {}

  // region: train
  // One iteration of the algorithm.
  Metrics iterate() override {
    // Every environment takes T steps with the current policy.
    // Advantages and returns, bootstrapped where a lane is cut.
    const Segments segments = source_.collect(learner_.theta());
    const BatchValues batch = segment_batch(segments, config_.gamma, config_.lambda, config_.standardise);

    // One step down the gradient of the loss.
    const Metrics learned = learner_.update(batch, sequence_steps(source_.config()), iteration_);

    ++iteration_;
    episodes_.update(segments);
    Metrics metrics = episodes_.metrics();
    metrics.insert(metrics.end(), learned.begin(), learned.end());
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.iterations; }
  void visit(Checkpoint& c) override {
    c("", learner_);
    c("", source_);
    c("", episodes_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return source_.adapt(learner_.theta(), request);
  }

 private:
  ActorCriticConfig config_;
  SegmentSource source_;
  A2cLearner learner_;
  EpisodeMetrics episodes_;
};

// Departures from the paper: all environments step together, with Adam in place of a shared RMSProp; entropy_weight is
// 0, where the paper's Atari runs have β = 0.01; the critic's loss is ½(V − R)² times c_v, where the paper descends
// (R − V)².
struct A2cConfig {
  ActorCriticConfig shared = {
      .trajectories = 16, .steps = 8, .iterations = 2000, .lambda = 1, .descent = {.learning_rate = 7e-4}};
};
const Options<A2cConfig> options = Options<A2cConfig>().include(&A2cConfig::shared, actor_critic_options());

constexpr Preset presets[] = {
    {"cartpole", "CartPole to 400 and above", 
     "env = cartpole-v1\niterations = 1500\nsteps = 16\nlambda = 0.95\nlearning_rate = 3e-3\nanneal = true\n"
     "reward_scale = 0.1"},
};

constexpr SmokeRun smoke[] = {
    {"rows", "trajectories = 3\nsteps = 6\nhidden = [8]"},
    {"lstm", "env = pendulum-v1\ncore = lstm\ncore_size = 4\ntrajectories = 3\nsteps = 6\nhidden = [8]\n"
             "normalise_observations = true"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<A2cTrainer>(options.read(values).shared, seed);
}

}  // namespace

const AlgorithmRow a2c = {
    .name = "a2c",
    .title = "Advantage actor-critic (A2C)",
    .paper = "Mnih et al. 2016, arXiv 1602.01783v2",
    .summary = "policy gradient with a learned value as the baseline, from many environments side by side",
    .source = "rl/actor_critic.cpp",
    .options = options,
    .presets = presets,
    .make = make,
    .checks = a2c_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl
