#include "meta/rl2.h"

#include <algorithm>
#include <string>
#include <variant>

#include "envs/table.h"

namespace innerloop::meta {
namespace {

using Core = nn::ActorCriticSpec::Core;

// Which algorithm trains the weights.
enum class OuterLoop : std::uint8_t { a2c, ppo };
constexpr auto words_of(OuterLoop) {
  return std::to_array<Word<OuterLoop>>({{"a2c", OuterLoop::a2c}, {"ppo", OuterLoop::ppo}});
}
enum class Memory : std::uint8_t { lstm, gru };
constexpr auto words_of(Memory) {
  return std::to_array<Word<Memory>>({{"lstm", Memory::lstm}, {"gru", Memory::gru}});
}

// What a policy is shown of a trial, and when it forgets.
struct InputConfig {
  bool action_input = true;
  rl::RewardInput reward_input = rl::RewardInput::scalar;
  std::vector<double> reward_levels{};
  bool flag_input = true;
  bool time_input = false;
  bool forget = false;
};

struct Rl2Config {
  std::string env = "rl2-bandit-k5-n10-v1";
  int iterations = 6000;
  int tasks = 64;
  int slices = 1;
  int episodes = 0;
  InputConfig inputs;
  OuterLoop outer = OuterLoop::a2c;
  Memory core = Memory::lstm;
  int core_size = 48;
  double recurrent_scale = 1;
  std::vector<int> hidden{};
  Activation activation = Activation::tanh;
  int window = 0;
  double gamma = 0.95, lambda = 0.95;
  bool standardise = false;
  rl::DescentConfig descent = {
      .learning_rate = 5e-3, .anneal = true, .value_weight = 0.05, .entropy_weight = 0.02, .max_gradient_norm = 1};
  bool anneal_entropy = true;
  rl::PpoLearnerConfig ppo = {.clip = 0.1, .epochs = 5, .minibatches = 4};
  Dtype dtype = Dtype::f32;
};

rl::TrialConfig trial_of(const Rl2Config& config) {
  rl::TrialConfig trial;
  trial.env = &envs::find_env(config.env);
  trial.episodes = config.episodes > 0 ? config.episodes : trial.env->spec.trial_episodes;
  trial.action_input = config.inputs.action_input;
  trial.reward_input = config.inputs.reward_input;
  trial.reward_levels = config.inputs.reward_levels;
  trial.flag_input = config.inputs.flag_input;
  trial.time_input = config.inputs.time_input;
  trial.forget = config.inputs.forget;
  if (trial.reward_input == rl::RewardInput::one_hot && trial.reward_levels.empty())
    throw rl::UsageError("reward_input = one-hot needs reward_levels, the rewards that " + config.env + " pays");
  std::vector<double> levels = trial.reward_levels;
  std::ranges::sort(levels);
  if (std::ranges::adjacent_find(levels) != levels.end())
    throw rl::UsageError("reward_levels holds a reward twice; name each once");
  return trial;
}

nn::ActorCriticSpec agent_of(const Rl2Config& config) {
  const rl::TrialConfig trial = trial_of(config);
  nn::ActorCriticSpec agent;
  agent.core = config.core == Memory::lstm ? Core::lstm : Core::gru;
  agent.observations = rl::trial_input_size(trial);
  agent.core_size = config.core_size;
  agent.policy = rl::policy_for(*trial.env, config.hidden, config.activation);
  agent.policy.net.inputs = agent.features();
  agent.value_hidden = config.hidden;
  return agent;
}

// The usual start, but for the recurrent weights: orthogonal times recurrent_scale.
ParamValues initial_theta(const Rl2Config& config, std::uint64_t seed) {
  ParamValues theta = nn::init_actor_critic(agent_of(config), seed, config.dtype);
  std::vector<double> u = theta["core/U"].to_vector();
  for (double& x : u) x *= config.recurrent_scale;
  theta["core/U"] = Tensor::from(theta["core/U"].shape(), u, config.dtype);
  return theta;
}

using Learner = std::variant<rl::A2cLearner, rl::PpoLearner>;
Learner learner_of(const Rl2Config& config, std::uint64_t seed) {
  const rl::AgentLossSpec loss{.agent = agent_of(config), .window = config.window};
  if (config.outer == OuterLoop::a2c)
    return rl::A2cLearner(loss, config.descent, config.iterations, initial_theta(config, seed));
  return rl::PpoLearner(loss, config.ppo, config.descent, config.iterations, initial_theta(config, seed), seed);
}

class Rl2Trainer final : public rl::Trainer {
 public:
  Rl2Trainer(const Rl2Config& config, std::uint64_t seed)
      : config_(config), seed_(seed), agent_(trial_of(config), agent_of(config), config.dtype),
        learner_(learner_of(config, seed)) {
    if (config.tasks % config.slices != 0)
      throw rl::UsageError("rl2: tasks = " + std::to_string(config.tasks) + " cannot be cut into slices = " +
                           std::to_string(config.slices) + " equal parts");
    if (config.outer == OuterLoop::ppo && config.ppo.minibatches > config.tasks / config.slices)
      throw rl::UsageError("rl2: minibatches = " + std::to_string(config.ppo.minibatches) + " of " +
                           std::to_string(config.tasks / config.slices) + " trials of a slice (tasks = " +
                           std::to_string(config.tasks) + ", slices = " + std::to_string(config.slices) +
                           "); minibatches are of whole trials, so take more tasks, fewer slices or fewer minibatches");
    rl::require_countable(agent_.trial(), config.tasks);
  }

  // region: train
  // One iteration of the algorithm.
  rl::Metrics iterate() override {
    // New tasks; in each a trial with the current policy, whose memory runs on from episode to episode.
    std::vector<envs::Task> tasks;
    const auto i = static_cast<std::uint32_t>(iteration_);
    for (std::uint32_t task = 0; task < static_cast<std::uint32_t>(config_.tasks); ++task)
      tasks.push_back(envs::sample_task(*agent_.trial().env, seed_, Purpose::task, i, task));
    const rl::Trials trials = agent_.play(theta(), tasks, config_.slices, {.seed = seed_, .iteration = i});

    // Advantages over whole trials, memories that are clear at their start, and what exploring is worth today.
    BatchValues batch = rl::trial_batch(trials, config_.gamma, config_.lambda, config_.standardise);
    const Tensors clear = nn::start_state(agent_.spec(), trials.slices, trials.lanes, config_.dtype);
    for (std::size_t k = 0; k < clear.count(); ++k) batch.add("state/" + clear.name(k), clear[k]);
    const double left = 1 - static_cast<double>(iteration_) / config_.iterations;
    if (config_.anneal_entropy)
      batch.add("entropy_weight", Tensor::full({1, 1, 1}, left * config_.descent.entropy_weight, config_.dtype));

    // The outer loop's step, back through all of a trial's episodes.
    const rl::Metrics learned =
        std::visit([&](auto& learner) { return learner.update(batch, trials.steps, iteration_); }, learner_);

    ++iteration_;
    rl::Metrics metrics{{"return", trials.mean_return()},
                        {"first_episode", trials.mean_return(0)},
                        {"last_episode", trials.mean_return(trials.episodes - 1)},
                        {"steps", static_cast<double>(trials.total_steps())}};
    metrics.insert(metrics.end(), learned.begin(), learned.end());
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override {
    std::visit([&](auto& learner) { learner.visit(c); }, learner_);
  }
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override {
    return rl::AdaptationProtocol{request}.run(agent_.learner(theta()));
  }
  // The curve's points are the episodes of a trial.
  rl::AdaptDefaults adapt_defaults() const override {
    return {.steps = agent_.trial().episodes - 1,
            .trajectories = 1,
            .exploration = "it explores by drawing actions; the points are the episodes of one trial"};
  }

 private:
  const ParamValues& theta() const {
    return std::visit([](const auto& learner) -> const ParamValues& { return learner.theta(); }, learner_);
  }

  Rl2Config config_;
  std::uint64_t seed_;
  RecurrentAgent agent_;
  Learner learner_;
};

const rl::Options<InputConfig>& input_options() {
  using Config = InputConfig;
  static const auto options =
      rl::Options<Config>()
          .add("action_input", &Config::action_input, "show the policy its last action", "true (section 2.2)")
          .add("reward_input", &Config::reward_input, "show the policy its last reward: not, as it is, or by its level",
               "scalar (section 2.2)")
          .add("reward_levels", &Config::reward_levels, {-1e9, 1e9}, "the rewards there are, for one-hot")
          .add("flag_input", &Config::flag_input, "show the policy whether an episode has just ended",
               "true (section 2.2)")
          .add("time_input", &Config::time_input, "show the policy the time in the trial, as a fraction of its length")
          .add("forget", &Config::forget, "clear memory at every episode, not only at every trial",
               "false (section 2.2)");
  return options;
}

const rl::Options<Rl2Config> options =
    rl::Options<Rl2Config>()
        .add("env", &Rl2Config::env, "environment; `innerloop list envs` shows all")
        .add("iterations", &Rl2Config::iterations, {1, 1e7}, "updates to do")
        .add("tasks", &Rl2Config::tasks, {1, 65535}, "trials of an update, each in a new task")
        .add("slices", &Rl2Config::slices, {1, 1024},
             "equal parts of them, for threads to share; where one fits into a cache, its gradient is faster on one "
             "thread too. With outer = ppo a minibatch takes the same trials of every part")
        .add("episodes", &Rl2Config::episodes, {0, 100000}, "n, of a trial; 0: as many as the environment says",
             "10, 100, 500; 2 in the maze")
        .include(&Rl2Config::inputs, input_options())
        .add("outer", &Rl2Config::outer, "what trains the weights", "first-order TRPO; A2C in Wang et al.")
        .add("core", &Rl2Config::core, "kind of memory", "gru (section 2.3); lstm in Wang et al.")
        .add("core_size", &Rl2Config::core_size, {1, 4096}, "its width", "256; 48 in Wang et al.")
        .add("recurrent_scale", &Rl2Config::recurrent_scale, {0, 100}, "recurrent weights begin orthogonal, times this")
        .add("hidden", &Rl2Config::hidden, {1, 4096},
             "widths of hidden layers on top of the memory, of policy and value each")
        .add("activation", &Rl2Config::activation, "of these layers")
        .add("window", &Rl2Config::window, {0, 1e6}, "steps that gradients go back at most; 0: through the whole trial",
             "0")
        .add("gamma", &Rl2Config::gamma, {0, 1}, "discount γ, over the trial", "0.99 (code)")
        .add("lambda", &Rl2Config::lambda, {0, 1}, "λ of the advantage estimate GAE(λ), over the trial", "0.3 (code)")
        .add("standardise", &Rl2Config::standardise, "advantages of an update with mean 0 and deviation 1",
             "true (code)")
        .include(&Rl2Config::descent, rl::descent_options())
        .add("anneal_entropy", &Rl2Config::anneal_entropy,
             "let the entropy's weight fall linearly to 0 at the last iteration", "true for bandits in Wang et al.")
        .include(&Rl2Config::ppo, rl::ppo_learner_options())
        .add("dtype", &Rl2Config::dtype, "numbers in single or double precision");

constexpr rl::Preset presets[] = {
    {"bandit", "five arms, ten pulls: 6.6 of the 6.66 that are possible", "env = rl2-bandit-k5-n10-v1"},
    // A pull of one arm says as much of the other: there is nothing to explore for, and gamma = 0 loses nothing.
    {"wang-medium", "two dependent arms, .25 and .75",
     "env = wang-medium-v1\niterations = 2500\ngamma = 0\nentropy_weight = 0.01\nrecurrent_scale = 0.3"},
    {"wang-hard", "two dependent arms, .4 and .6",
     "env = wang-hard-v1\niterations = 2500\ngamma = 0\nlearning_rate = 2e-3\nentropy_weight = 0.01\n"
     "recurrent_scale = 0.3"},
    {"wang-independent", "two independent arms",
     "env = wang-independent-v1\niterations = 3500\ngamma = 0.9\nlearning_rate = 2e-3\nentropy_weight = 0.05\n"
     "recurrent_scale = 0.3"},
    {"informative", "eleven arms, one of which tells where to pull; rewards shown by their level",
     "env = wang-informative-v1\niterations = 12000\ntasks = 32\ngamma = 0.98\nlambda = 1\nlearning_rate = 3e-3\n"
     "entropy_weight = 1\nreward_input = one-hot\n"
     "reward_levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 5]"},
    {"informative-scalar", "the same with rewards shown as they are: it does not find the arm that tells",
     "env = wang-informative-v1\niterations = 12000\ntasks = 32\ngamma = 0.98\nlambda = 1\nlearning_rate = 3e-3\n"
     "entropy_weight = 1"},
    {"two-step", "the two-step task of 2016",
     "env = two-step-v1\niterations = 2400\ntasks = 32\ngamma = 0.9\nlambda = 0.7\nlearning_rate = 4e-3\n"
     "entropy_weight = 0.05"},
    {"two-step-flip", "the two-step task of 2018, whose good state changes",
     "env = two-step-flip-v1\niterations = 1600\ntasks = 32\ngamma = 0.9\nlambda = 0.7\nlearning_rate = 4e-3\n"
     "entropy_weight = 0.05"},
    {"harlow", "two new objects, ten choices", "env = harlow-v1\niterations = 4000"},
    {"grid-navi", "a hidden goal on a grid, four episodes",
     "env = grid-navi-v1\niterations = 3000\ncore_size = 64\nlearning_rate = 3e-3\nentropy_weight = 0.05"},
    {"maze", "a small maze, two episodes", "env = maze-5x5-v1\niterations = 2500\nentropy_weight = 0.05"},
    {"paper-bandit", "the size and the settings of the authors' code: 250 000 steps an iteration; hours",
     "env = rl2-bandit-k5-n10-v1\niterations = 1000\ntasks = 25000\nouter = ppo\nminibatches = 195\nepochs = 5\n"
     "clip = 0.1\ncore = gru\ncore_size = 256\ngamma = 0.99\nlambda = 0.3\nstandardise = true\n"
     "learning_rate = 1e-3\nanneal = false\nentropy_weight = 0\nvalue_weight = 0.5\nmax_gradient_norm = 0"},
    {"paper-mdp", "the same for random processes of ten episodes",
     "env = rl2-mdp-v1\nepisodes = 10\niterations = 1000\ntasks = 2500\nouter = ppo\nminibatches = 20\n"
     "epochs = 5\nclip = 0.1\ncore = gru\ncore_size = 256\ngamma = 0.99\nlambda = 0.3\nstandardise = true\n"
     "learning_rate = 1e-3\nanneal = false\nentropy_weight = 0\nvalue_weight = 0.5\nmax_gradient_norm = 0"},
};

constexpr rl::SmokeRun smoke[] = {
    {"lstm", "episodes = 2\ntasks = 4\nslices = 2\ncore_size = 4\nminibatches = 2"},
    {"gru, ppo, through four steps",
     "env = two-state-v1\nepisodes = 2\ntasks = 4\ncore = gru\ncore_size = 4\nouter = ppo\nminibatches = 2\n"
     "window = 4"},
};

std::unique_ptr<rl::Trainer> make(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<Rl2Trainer>(options.read(values), seed);
}

}  // namespace

const rl::AlgorithmRow rl2 = {
    .name = "rl2",
    .title = "RL²: learning to reinforcement learn",
    .paper = "Duan et al. 2016, arXiv 1611.02779v2; Wang et al. 2016, arXiv 1611.05763v3",
    .summary = "a recurrent policy whose memory of a task is what it has learned there",
    .source = "meta/rl2.cpp",
    .options = options,
    .presets = presets,
    .make = make,
    .checks = rl2_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta
