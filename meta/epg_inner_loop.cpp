#include "meta/epg_inner_loop.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "envs/table.h"
#include "meta/inner_loop.h"
#include "rl/descent.h"
#include "rl/experience/agent.h"
#include "rl/experience/on_policy.h"
#include "rl/experience/returns.h"

namespace innerloop::meta {
namespace {

constexpr std::uint32_t at_test = 0xFFFFFFFF;  // the iteration at which adapt draws

// A seed of its own for the policy of a lifetime.
std::uint64_t policy_seed(std::uint64_t seed, std::uint32_t iteration, std::uint32_t task) {
  Philox random(seed, {.purpose = Purpose::init, .inner_step = 1, .iteration = iteration, .task = task});
  const std::uint64_t high = random.bits();
  return high << 32 | random.bits();
}

EpgProgram program_for(const EpgInnerConfig& config) {
  const envs::EnvRow& env = envs::find_env(config.env);
  EpgProgram spec;
  spec.policy = rl::policy_for(env, config.hidden, config.activation, std::log(config.sigma));
  spec.memory = config.memory;
  spec.clip = config.clip;
  LossSpec& loss = spec.loss;
  require(config.loss_channels.size() == 2, "epg: loss_channels are two numbers, one for each convolution");
  loss.channels1 = config.loss_channels[0], loss.channels2 = config.loss_channels[1];
  loss.context = config.loss_context, loss.hidden = config.loss_hidden;
  loss.features = loss_features(spec.policy, input_columns(env.spec, config.bonus).all(), config.memory);
  require(config.buffer >= loss.shortest_buffer(), [&] {
    return "epg: a buffer of " + std::to_string(config.buffer) + " steps is shorter than one window of the two " +
           "convolutions, " + std::to_string(loss.shortest_buffer());
  });
  return spec;
}

}  // namespace

InputColumns input_columns(const envs::Spec& spec, bool bonus) {
  const bool discrete = spec.action_kind == envs::ActionKind::discrete;
  return {spec.obs_size, discrete ? spec.action_count : spec.action_size, discrete, bonus};
}

LearnerSettings LearnerSettings::moved(std::span<const double> phi) const {
  require(phi.size() == 4, "epg: four numbers move a learner's settings");
  const auto odds = [](double p, double by) { return p <= 0 || p >= 1 ? p : 1 / (1 + (1 - p) / p * std::exp(-by)); };
  return {learning_rate * std::exp(phi[0]), sigma * std::exp(phi[1]), odds(gamma, phi[2]), odds(lambda, phi[3])};
}

LearnerSettings EpgInnerLoop::settings() const {
  return {config_.inner_learning_rate, config_.sigma, config_.advantage.gamma, config_.advantage.lambda};
}

EpgInnerLoop::EpgInnerLoop(const EpgInnerConfig& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      env_(&envs::find_env(config_.env)),
      spec_(program_for(config_)),
      rollout_(*env_, spec_.policy),
      test_rollout_(config_.test_env.empty() ? *env_ : same_interface(*env_, envs::find_env(config_.test_env)),
                    spec_.policy) {}

EpgState EpgInnerLoop::start(std::uint32_t iteration, int tasks, const LearnerSettings& settings) const {
  EpgState state;
  state.settings = settings;
  std::vector<ParamValues> policies;
  const std::string last = "policy/W" + std::to_string(spec_.policy.net.layers());
  for (int task = 0; task < tasks; ++task) {
    const std::uint64_t own = policy_seed(seed_, iteration, static_cast<std::uint32_t>(task));
    ParamValues theta = nn::init_policy(spec_.policy, own, config_.dtype);
    std::vector<double> weights = theta[last].to_vector();
    for (double& w : weights) w *= config_.output_scale;
    theta[last].assign(weights);
    if (theta.contains("policy/log_sigma"))
      theta["policy/log_sigma"] =
          Tensor::full(theta["policy/log_sigma"].shape(), std::log(settings.sigma), config_.dtype);
    if (config_.memory > 0) theta.add("memory", Tensor({1, 1, config_.memory}, config_.dtype));
    policies.push_back(std::move(theta));
  }
  state.theta = side_by_side(policies);
  state.adam = nn::adam_start(state.theta);
  const envs::Spec& spec = env_->spec;
  state.buffer.add("observations", Tensor({tasks, config_.buffer, spec.obs_size}));
  state.buffer.add("actions", Tensor({tasks, config_.buffer, spec.action_size}));
  for (const char* name : {"rewards", "ends", "mask", "advantages", "old_log_prob"})
    state.buffer.add(name, Tensor({tasks, config_.buffer, 1}));
  const InputColumns columns = input_columns(spec, config_.bonus);
  state.normalisers.assign(static_cast<std::size_t>(tasks), rl::Normaliser(columns.normalised()));
  return state;
}

Minibatch minibatch_of(const std::vector<std::vector<int>>& order, int part, int parts, int buffer, Dtype dtype) {
  std::size_t most = 0;
  for (const std::vector<int>& own : order) most = std::max(most, own.size());
  const int B = static_cast<int>(order.size()), rows = (static_cast<int>(most) + parts - 1) / parts;
  Tensor index({B, rows, 1}), weights({B, rows, 1});
  for (int task = 0; task < B; ++task) {
    const std::vector<int>& own = order[static_cast<std::size_t>(task)];
    const int count = static_cast<int>(own.size()), first = count * part / parts, last = count * (part + 1) / parts;
    for (int k = 0; k < rows; ++k) {
      const bool there = first + k < last;
      index.set(task, k, 0, there ? buffer - count + own[static_cast<std::size_t>(first + k)] : buffer - 1);
      weights.set(task, k, 0, there ? 1.0 / (last - first) : 0);
    }
  }
  return {index.to(dtype), weights.to(dtype)};
}

// region: learn
void EpgInnerLoop::learn(EpgState& state, const ParamValues& phi, const rl::Trajectories& explored, double alpha,
                         std::uint32_t iteration, int update) const {
  EpgProgram spec = spec_;
  spec.learned = alpha < 1;
  spec.ppo = alpha > 0;
  remember(state, explored, spec.ppo);
  const BatchValues buffer = loss_batch(state, spec);

  // Passes over the new steps, in minibatches; the context is computed anew for each of them.
  const int B = explored.tasks, N = config_.buffer;
  std::vector<int> fresh(static_cast<std::size_t>(B));
  for (int task = 0; task < B; ++task)
    fresh[static_cast<std::size_t>(task)] = std::min(N, steps_of_task(explored, task));
  const int most = *std::ranges::max_element(fresh);
  const int parts = (most + config_.minibatch - 1) / config_.minibatch;
  for (int pass = 0; pass < config_.passes; ++pass) {
    std::vector<std::vector<int>> order;
    for (int task = 0; task < B; ++task)
      order.push_back(rl::permutation(fresh[static_cast<std::size_t>(task)], seed_,
                                      {.purpose = Purpose::minibatch,
                                       .inner_step = static_cast<std::uint32_t>(update),
                                       .iteration = iteration,
                                       .task = static_cast<std::uint32_t>(task),
                                       .trajectory = static_cast<std::uint32_t>(pass)}));
    for (int part = 0; part < parts; ++part) {
      const Minibatch batch = minibatch_of(order, part, parts, N, config_.dtype);
      const ParamValues gradient = functions_.gradient(spec, {phi, state.theta, buffer, batch.index, batch.weights,
                                                                 Tensor::scalar(alpha, config_.dtype)})[0];
      nn::adam_step(state.theta, gradient.to(Device::cpu), state.adam, {.learning_rate = state.settings.learning_rate});
    }
  }
  if (!state.theta.all_finite())
    throw NonFiniteError("epg: a policy is not finite after update " + std::to_string(update) +
                         ". Try a smaller inner_learning_rate.");
}
// endregion

double EpgInnerLoop::Lifetime::mean() const {
  return std::accumulate(returns.begin(), returns.end(), 0.0) / static_cast<double>(returns.size());
}

// region: live
EpgInnerLoop::Lifetime EpgInnerLoop::live(const ParamValues& phi, const std::vector<envs::Task>& tasks, double alpha,
                                          int evaluation_episodes, std::uint32_t iteration,
                                          const LearnerSettings& settings) const {
  Lifetime lifetime;
  EpgState state = start(iteration, static_cast<int>(tasks.size()), settings);
  const auto place = [&](int update) {
    return rl::RolloutPlace{.seed = seed_, .iteration = iteration, .inner_step = static_cast<std::uint32_t>(update)};
  };
  for (int u = 0; u < config_.updates; ++u) {
    // M steps with the present policies, then down the loss.
    const rl::Trajectories explored = rollout_.collect(state.theta, tasks, config_.episodes, place(u));
    lifetime.returns.push_back(explored.mean_return());
    learn(state, phi, explored, alpha, iteration, u);
  }
  lifetime.last = rollout_.collect(state.theta, tasks, evaluation_episodes, place(config_.updates)).mean_return();
  return lifetime;
}
// endregion

rl::AdaptiveLearner EpgInnerLoop::learner(const ParamValues& phi, double alpha,
                                          const LearnerSettings& settings) const {
  rl::AdaptiveLearner learner;
  learner.start = [this, settings](int tasks) { return start(at_test, tasks, settings).packed(); };
  learner.act = [this](const Tensors& latent, const std::vector<envs::Task>& tasks, int episodes,
                       const rl::RolloutPlace& place, bool deterministic) {
    return test_rollout_.collect(tensors_below(latent, "theta/"), tasks, episodes, place, deterministic);
  };
  learner.update = [this, phi, alpha](const Tensors& latent, const rl::Trajectories& explored, int k) -> Tensors {
    EpgState state = EpgState::unpacked(latent);
    learn(state, phi, explored, alpha, at_test, k);
    return state.packed();
  };
  return learner;
}

const rl::Options<EpgInnerConfig>& epg_inner_options() {
  using Config = EpgInnerConfig;
  static const auto options =
      rl::Options<Config>()
          .add("env", &Config::env, "environment: innerloop list envs")
          .add("test_env", &Config::test_env, "environment of adapt, with the same tasks; empty: env")
          .add("updates", &Config::updates, {1, 1e6}, "U, updates of a policy in a lifetime", "128 (official code)")
          .add("episodes", &Config::episodes, {1, 65535}, "between two updates: M is so many times the horizon",
               "M = 64 steps (official code)")
          .add("buffer", &Config::buffer, {1, 1e6}, "N, the latest steps, which the loss sees", "512 (official code)")
          .add("minibatch", &Config::minibatch, {1, 1e6}, "rows of a minibatch", "32 (official code)")
          .add("passes", &Config::passes, {1, 1000}, "over the new steps of an update", "1 (official code)")
          .add("inner_learning_rate", &Config::inner_learning_rate, {0, 1000}, "of Adam, down the learned loss",
               "1e-3 (official code)")
          .add("hidden", &Config::hidden, {1, 100000}, "widths of the policy's hidden layers", "64, 64 (official code)")
          .add("activation", &Config::activation, "of the hidden layers", "tanh (official code)")
          .add("sigma", &Config::sigma, {1e-6, 1000}, "initial standard deviation of the policy")
          .add("output_scale", &Config::output_scale, {0, 1000}, "the policy's last layer begins so much smaller",
               "0.01 (official code)")
          .add("memory", &Config::memory, {0, 100000}, "numbers beside the policy that the loss may write to; 0: none",
               "32, off (official code)")
          .add("bonus", &Config::bonus, "a column of ones, as the count bonus of the official code turns out to be")
          .add("loss_channels", &Config::loss_channels, {1, 100000}, "widths of the two convolutions",
               "16, 32 (official code)")
          .add("loss_context", &Config::loss_context, {1, 100000}, "width of the context", "32 (official code)")
          .add("loss_hidden", &Config::loss_hidden, {1, 100000}, "width of the head's hidden layer",
               "16 (official code)")
          .add("reward_input", &Config::reward_input, "what the loss is shown as the reward; the others are controls")
          .add("clip", &Config::clip, {0, 10}, "ε of PPO's loss", "0.2 (official code)")
          .include(&Config::advantage, rl::advantage_options())
          .edit("gamma", {.help = "discount of PPO's advantages", .paper = "0.99 (official code)"})
          .edit("lambda", {.help = "λ of PPO's advantages", .paper = "0.95 (official code)"})
          .edit("baseline", {.words = "none mean linear", .help = "guess of the return that is subtracted, for PPO",
                             .paper = "a value network (official code)"})
          .edit("baseline_fit", {.words = "same-batch", .help = "the batch that the baseline is fitted on"})
          .add("dtype", &Config::dtype, "of parameters and data");
  return options;
}

}  // namespace innerloop::meta
