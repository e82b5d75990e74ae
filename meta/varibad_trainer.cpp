#include "meta/varibad_trainer.h"

#include <algorithm>
#include <cmath>

#include "envs/table.h"
#include "meta/check_cases.h"
#include "rl/experience/on_policy.h"

namespace innerloop::meta {
namespace {

// Where the encoder's random numbers are from, all of Purpose::minibatch: PPO has the inner steps below 1000.
constexpr std::uint32_t kFirstDraw = 1000, kFirstNoise = 2000;

rl::TrialConfig trial_of(const VaribadConfig& config) {
  rl::TrialConfig trial;
  trial.env = &envs::find_env(config.env);
  trial.episodes = config.episodes > 0 ? config.episodes : trial.env->spec.trial_episodes;
  return trial;
}

nn::ActorCriticSpec policy_of(const VaribadConfig& config, const Beliefs& beliefs) {
  const envs::EnvRow& env = envs::find_env(config.env);
  nn::ActorCriticSpec spec;
  spec.observations = env.spec.obs_size + beliefs.size();
  spec.policy = rl::policy_for(env, config.hidden, config.activation, config.log_sigma_init);
  spec.policy.net.inputs = spec.features();
  spec.value_hidden = config.hidden;
  return spec;
}

}  // namespace

// ---- Trials kept for the encoder

TrialBuffer::TrialBuffer(int capacity, int steps, int inputs, Cells cells, Dtype dtype)
    : steps_(steps), inputs_(inputs), cells_(cells), rows_({1, capacity, width()}, dtype) {}

void TrialBuffer::add(const rl::Trials& trials, const std::vector<int>& labels) {
  const int O = trials.next_observations.shape().cols, C = cells_.count;
  for (int trial = 0; trial < trials.count(); ++trial) {
    const int slice = trial / trials.lanes, lane = trial % trials.lanes;
    std::vector<double> row(static_cast<std::size_t>(width()));
    double* counts = row.data() + steps_ * (inputs_ + 1);
    for (int t = 0; t < trials.steps; ++t) {
      const int at = t * trials.lanes + lane;
      if (trials.mask.at(slice, at, 0) == 0) break;
      for (int k = 0; k < inputs_; ++k)
        row[static_cast<std::size_t>(t * inputs_ + k)] = trials.inputs.at(slice, at, k);
      row[static_cast<std::size_t>(steps_ * inputs_ + t)] = 1;
      if (C == 0) continue;
      std::vector<double> led_to;
      for (int k = 0; k < O; ++k) led_to.push_back(trials.next_observations.at(slice, at, k));
      counts[cells_.of(led_to) + (trials.rewards.at(slice, at, 0) > 0 ? 0 : C)] += 1;
    }
    row.back() = labels[static_cast<std::size_t>(trial)];
    for (int k = 0; k < width(); ++k) rows_.set(0, next_, k, row[static_cast<std::size_t>(k)]);
    next_ = (next_ + 1) % rows_.shape().rows;
    size_ = std::min(size_ + 1, rows_.shape().rows);
  }
}

BatchValues TrialBuffer::sample(int trials, std::uint64_t seed, const Place& place) const {
  Philox random(seed, place);
  const Dtype dtype = rows_.dtype();
  const int H = steps_, N = trials, C = cells_.count;
  Tensor inputs({1, H * N, inputs_}, dtype), reset({1, H * N, 1}, dtype), mask = reset, label = reset;
  Tensor paid({1, N, C}, dtype), unpaid = paid;
  for (int n = 0; n < N; ++n) {
    const int row = static_cast<int>(random.below(static_cast<std::uint32_t>(size_)));
    for (int t = 0; t < H; ++t) {
      for (int k = 0; k < inputs_; ++k) inputs.set(0, t * N + n, k, rows_.at(0, row, t * inputs_ + k));
      mask.set(0, t * N + n, 0, rows_.at(0, row, H * inputs_ + t));
      label.set(0, t * N + n, 0, rows_.at(0, row, width() - 1));
    }
    reset.set(0, n, 0, 1);
    for (int cell = 0; cell < C; ++cell) {
      paid.set(0, n, cell, rows_.at(0, row, H * (inputs_ + 1) + cell));
      unpaid.set(0, n, cell, rows_.at(0, row, H * (inputs_ + 1) + C + cell));
    }
  }
  BatchValues batch;
  batch.add("inputs", inputs);
  batch.add("reset", reset);
  batch.add("mask", mask);
  if (C > 0) batch.add("paid", paid), batch.add("unpaid", unpaid);
  else batch.add("label", label);
  return batch;
}

void TrialBuffer::visit(rl::Checkpoint& c) {
  c("rows", rows_);
  c.numbers("place", size_, next_);
}

// ---- Training

VaribadTrainer::VaribadTrainer(const VaribadConfig& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      trial_(trial_of(config)),
      beliefs_(config.belief, trial_, config.dtype),
      exact_({.kind = BeliefKind::exact}, trial_, config.dtype),
      policy_spec_(policy_of(config, beliefs_)),
      agent_(trial_, policy_spec_, config.dtype, belief_memory(beliefs_, policy_spec_, trial_.env->spec.obs_size)),
      policy_({.agent = policy_spec_}, config.ppo, config.descent, config.iterations,
              nn::init_actor_critic(policy_spec_, seed, config.dtype), seed),
      encoder_(beliefs_.init(seed)),
      encoder_moments_(nn::adam_start(encoder_)),
      buffer_(config.belief.kind == BeliefKind::exact ? 1 : config.buffer, trial_.steps(),
              rl::trial_input_size(trial_),
              config.belief.kind == BeliefKind::variational ? beliefs_.cells() : Cells{}, config.dtype) {
  if (config.ppo.minibatches > config.tasks * trial_.episodes)
    throw rl::UsageError("varibad: " + std::to_string(config.ppo.minibatches) + " minibatches of " +
                         std::to_string(config.tasks) + " trials; take more tasks or fewer minibatches");
}

ParamValues VaribadTrainer::theta() const {
  ParamValues all = encoder_;
  for (std::size_t k = 0; k < policy().count(); ++k) all.add(policy().name(k), policy()[k]);
  return all;
}

// region: train
rl::Metrics VaribadTrainer::iterate() {
  // New tasks; in each a trial with today's policy, which sees the state and today's belief.
  std::vector<envs::Task> tasks;
  const auto i = static_cast<std::uint32_t>(iteration_);
  for (std::uint32_t task = 0; task < static_cast<std::uint32_t>(config_.tasks); ++task)
    tasks.push_back(envs::sample_task(*trial_.env, seed_, Purpose::task, i, task));
  const rl::Trials trials = agent_.play(theta(), tasks, 1, {.seed = seed_, .iteration = i});

  // PPO on what the policy saw. Beliefs are data here: nothing of this reaches the encoder.
  BatchValues batch = rl::trial_batch(trials, config_.gamma, config_.lambda, config_.standardise);
  batch["observations"] = beside_belief(trials.observations, beliefs_.of_trials(encoder_, trials));
  const double left = 1 - static_cast<double>(iteration_) / config_.iterations;
  if (config_.anneal_entropy)
    batch.add("entropy_weight", Tensor::full({1, 1, 1}, left * config_.descent.entropy_weight, config_.dtype));
  const rl::Metrics learned = policy_.update(batch, 1, iteration_);

  // The encoder learns from trials of this and of earlier iterations: to tell all rewards of a trial, or its task.
  rl::Metrics encoded;
  if (config_.belief.kind != BeliefKind::exact) {
    std::vector<int> labels;
    for (const envs::Task& task : tasks)
      labels.push_back(config_.belief.kind == BeliefKind::labels ? beliefs_.exact().index_of(task) : 0);
    buffer_.add(trials, labels);
    encoded = train_encoder();
  }

  ++iteration_;
  rl::Metrics metrics{{"return", trials.mean_return()},
                      {"first_episode", trials.mean_return(0)},
                      {"last_episode", trials.mean_return(trials.episodes - 1)},
                      {"steps", static_cast<double>(trials.total_steps())}};
  metrics.insert(metrics.end(), learned.begin(), learned.end());
  metrics.insert(metrics.end(), encoded.begin(), encoded.end());
  return metrics;
}

rl::Metrics VaribadTrainer::train_encoder() {
  const bool variational = config_.belief.kind == BeliefKind::variational;
  const int H = trial_.steps(), N = config_.encoder_batch;
  rl::Metrics mean;
  for (int k = 0; k < config_.encoder_updates; ++k) {
    const auto place = [&](std::uint32_t first) {
      return Place{.purpose = Purpose::minibatch,
                   .inner_step = first + static_cast<std::uint32_t>(k),
                   .iteration = static_cast<std::uint32_t>(iteration_)};
    };
    BatchValues batch = buffer_.sample(N, seed_, place(kFirstDraw));
    batch.add("memory", Tensor({1, N, config_.belief.memory}, config_.dtype));
    Tensor noise({1, H * N, config_.belief.latent_size}, config_.dtype);
    if (variational) fill_normal(noise, seed_, place(kFirstNoise));
    const std::vector<Tensors> out =
        variational ? beliefs_.functions().gradient(beliefs_.varibad_spec(H), {encoder_, batch, noise})
                    : beliefs_.functions().label_gradient(beliefs_.label_spec(H), {encoder_, batch});
    if (!out[0].all_finite())
      throw NonFiniteError("varibad, iteration " + std::to_string(iteration_) +
                           ": the encoder's gradient is not finite; a smaller encoder_rate may help");
    const double left = config_.anneal_encoder ? 1 - static_cast<double>(iteration_) / config_.iterations : 1;
    nn::adam_step(encoder_, out[0], encoder_moments_, {.learning_rate = left * config_.encoder_rate});
    if (k == 0) {
      for (std::size_t part = 0; part < out[1].count(); ++part) mean.push_back({out[1].name(part), 0});
      if (variational) mean.push_back({"exact_reconstruction", 0});
    }
    for (std::size_t part = 0; part < out[1].count(); ++part)
      mean[part].value += out[1][part].item() / config_.encoder_updates;
    if (variational) mean.back().value += exact_reconstruction(batch) / config_.encoder_updates;
  }
  return mean;
}
// endregion

double VaribadTrainer::exact_reconstruction(const BatchValues& batch) const {
  const Shape shown = batch["paid"].shape();
  const int H = trial_.steps(), N = shown.rows, K = exact_.size(), X = batch["inputs"].shape().cols;
  const std::vector<double> inputs = batch["inputs"].to_vector(), reset = batch["reset"].to_vector(),
                            mask = batch["mask"].to_vector(), paid_in = batch["paid"].to_vector(),
                            unpaid_in = batch["unpaid"].to_vector();
  double sum = 0;
  Tensors state = exact_.start(1, N);
  for (int t = 0; t < H; ++t) {
    const auto rows = [&](const std::vector<double>& of, int cols) {
      const auto first = of.begin() + t * N * cols;
      return Tensor::from({1, N, cols}, std::vector<double>(first, first + N * cols), config_.dtype);
    };
    const Beliefs::Step now = exact_.step({}, rows(inputs, X), rows(reset, 1), state);
    state = now.state;
    const std::vector<double> beliefs = now.belief.to_vector();
    for (int n = 0; n < N; ++n) {
      if (mask[static_cast<std::size_t>(t * N + n)] == 0) continue;
      const double* belief = &beliefs[static_cast<std::size_t>(n * now.belief.shape().cols)];
      double all = 0;  // the belief is shown relative to its largest number
      for (int k = 0; k < K; ++k) all += belief[k];
      for (int k = 0; k < K; ++k) {
        const int cell = exact_.cells().of_task[static_cast<std::size_t>(k)];
        const auto at = static_cast<std::size_t>(n * shown.cols + cell);
        const double p = belief[k] / all, paid = paid_in[at], unpaid = unpaid_in[at];
        if (paid > 0) sum += paid * std::log(p);
        if (unpaid > 0) sum += unpaid * std::log1p(-p);
      }
    }
  }
  return sum / N;
}

void VaribadTrainer::visit(rl::Checkpoint& c) {
  c("", policy_);
  if (config_.belief.kind == BeliefKind::exact) return;
  c("", encoder_);
  c("adam_encoder", encoder_moments_);
  c("buffer", buffer_);
}

rl::AdaptReport VaribadTrainer::adapt(const rl::AdaptRequest& request) const {
  return rl::AdaptationProtocol{request}.run(agent_.learner(theta()));
}

rl::AdaptDefaults VaribadTrainer::adapt_defaults() const {
  return {.steps = trial_.episodes - 1,
          .trajectories = 1,
          .exploration = "it explores by drawing actions; the points are the episodes of one trial"};
}

namespace {

const rl::Options<BeliefConfig>& belief_options() {
  using Config = BeliefConfig;
  static const auto options =
      rl::Options<Config>()
          .add("belief", &Config::kind,
               "what the policy is told of its task: a belief learned by reconstruction, one learned from the numbers "
               "of the tasks of training, or the exact posterior", "variational")
          .add("shown", &Config::shown,
               "what the policy sees of a variational belief: its mean and log σ, or the rewards decoded from its mean",
               "latent")
          .add("memory", &Config::memory, {1, 4096}, "width of the encoder's GRU", "64 (code, GridNavi)")
          .add("latent_size", &Config::latent_size, {1, 1000}, "numbers of m", "5 (code)")
          .add("decoder_hidden", &Config::decoder_hidden, {1, 4096}, "widths of the decoder's hidden layers, of relu",
               "32, 32 (code, GridNavi)")
          .add("kl_weight", &Config::kl_weight, {0, 1e6}, "β before the KL between one belief and the next",
               "0.01 (code, GridNavi)");
  return options;
}

const rl::Options<VaribadConfig> options =
    rl::Options<VaribadConfig>()
        .add("env", &VaribadConfig::env, "environment; `innerloop list envs` shows all")
        .add("iterations", &VaribadConfig::iterations, {1, 1e7}, "iterations to do")
        .add("tasks", &VaribadConfig::tasks, {1, 65535}, "trials of an iteration, each in a new task", "16 (code)")
        .add("episodes", &VaribadConfig::episodes, {0, 100000},
             "of a trial; 0: as many as the environment says", "4 (code, GridNavi)")
        .include(&VaribadConfig::belief, belief_options())
        .add("encoder_rate", &VaribadConfig::encoder_rate, {0, 1000}, "step size of the encoder's and decoder's Adam",
             "1e-3 (code)")
        .add("anneal_encoder", &VaribadConfig::anneal_encoder,
             "let that step size fall linearly to 0 at the last iteration", "false (code)")
        .add("buffer", &VaribadConfig::buffer, {1, 1e6}, "trials kept for the encoder", "100000 (code, GridNavi)")
        .add("encoder_batch", &VaribadConfig::encoder_batch, {1, 10000}, "trials of an update of the encoder",
             "25 (code, GridNavi)")
        .add("encoder_updates", &VaribadConfig::encoder_updates, {0, 1000}, "of the encoder, per iteration",
             "3 (code, GridNavi)")
        .add("hidden", &VaribadConfig::hidden, {1, 4096}, "widths of the hidden layers of policy and value, each",
             "32 (code, GridNavi)")
        .add("activation", &VaribadConfig::activation, "of these layers", "tanh (code)")
        .add("log_sigma_init", &VaribadConfig::log_sigma_init, {-10, 5}, "log σ of a Gaussian policy at the start")
        .add("gamma", &VaribadConfig::gamma, {0, 1}, "discount γ, over the trial", "0.95 (code, GridNavi)")
        .add("lambda", &VaribadConfig::lambda, {0, 1}, "λ of the advantage estimate GAE(λ), over the trial",
             "0.95 (code, GridNavi)")
        .add("standardise", &VaribadConfig::standardise, "advantages of an iteration with mean 0 and deviation 1",
             "true (code)")
        .include(&VaribadConfig::descent, rl::descent_options())
        .add("anneal_entropy", &VaribadConfig::anneal_entropy,
             "let the entropy's weight fall linearly to 0 at the last iteration", "false (code)")
        .include(&VaribadConfig::ppo, rl::ppo_learner_options())
        .add("dtype", &VaribadConfig::dtype, "numbers in single or double precision");

constexpr rl::Preset presets[] = {
    {"varibad", "the belief by reconstruction, on GridNavi: the defaults", ""},
    {"rewards", "the same belief, shown to the policy as the rewards that it foretells", "shown = rewards"},
    {"labels", "the belief from the numbers of the tasks of training", "belief = labels"},
    {"exact", "the exact posterior: what is left to learn is control", "belief = exact"},
    {"semicircle-exact", "the exact posterior over 60 goals on the sparse half circle, three episodes",
     "env = semicircle-sparse-v1\nbelief = exact\nepisodes = 3\nlog_sigma_init = -1.5\nentropy_weight = 0\n"
     "iterations = 8000"},
};

constexpr char small[] =
    "episodes = 2\ntasks = 3\nmemory = 6\nhidden = [8]\ndecoder_hidden = [8]\nbuffer = 8\nencoder_batch = 4";
constexpr rl::SmokeRun smoke[] = {{"reconstruction", small}, {"exact", small, "exact"}, {"labels", small, "labels"}};

std::unique_ptr<rl::Trainer> make(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<VaribadTrainer>(options.read(values), seed);
}

}  // namespace

const rl::AlgorithmRow varibad = {
    .name = "varibad",
    .title = "VariBAD: a belief learned by reconstruction, and a policy that sees it",
    .paper = "Zintgraf et al. 2020, arXiv 1910.08348v2",
    .summary = "a recurrent belief about the task, trained to tell its rewards; PPO on state and belief",
    .source = "meta/varibad.cpp",
    .options = options,
    .presets = presets,
    .make = make,
    .checks = varibad_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta
