#include "meta/meta_gradient_trainer.h"

#include <cmath>
#include <numeric>

#include "envs/table.h"
#include "meta/check_cases.h"

namespace innerloop::meta {
namespace {

rl::ActorCriticConfig actor_critic_of(const MetaGradientConfig& config) {
  rl::ActorCriticConfig shared;
  shared.env = config.env;
  shared.hidden = config.hidden;
  shared.tasks = 1;
  shared.trajectories = config.trajectories;
  shared.steps = config.steps;
  shared.reward_scale = config.reward_scale;
  shared.dtype = config.dtype;
  return shared;
}

rl::SegmentConfig segments_of(const MetaGradientConfig& config) {
  rl::SegmentConfig segments = rl::segment_config(actor_critic_of(config));
  segments.transitions = true;
  return segments;
}

double mean_of(const std::vector<double>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

}  // namespace

MetaGradientLearnerConfig learner_config(const MetaGradientConfig& config) {
  const envs::EnvRow& env = envs::find_env(config.env);
  const bool control = config.agent == MetaAgent::a2c;
  require(control || env.spec.action_count == 1, [&] {
    return "meta_gradient: agent = td predicts what a process pays; in " + config.env + " there is something to decide";
  });
  const nn::ActorCriticSpec agent = segments_of(config).agent;
  MetaGradientLearnerConfig c;
  c.spec.control = control;
  c.spec.policy = agent.policy;
  c.spec.value = control ? agent.value()
                            : nn::MlpSpec{.inputs = env.spec.obs_size, .hidden = {}, .outputs = 1, .biases = false};
  c.spec.time_steps = control ? config.steps : env.spec.horizon;
  c.spec.updates = config.updates;
  c.spec.gamma = config.gamma, c.spec.lambda = config.lambda;
  c.spec.gamma_bar = config.gamma_bar, c.spec.lambda_bar = config.lambda_bar;
  c.spec.value_weight = config.value_weight, c.spec.entropy_weight = config.entropy_weight;
  c.spec.outer_critic = config.outer_critic;
  c.spec.embedding = config.embedding;
  c.spec.full_derivative = config.full_derivative;
  c.learn_gamma = config.learn == Learned::both || config.learn == Learned::gamma;
  c.learn_lambda = config.learn == Learned::both || config.learn == Learned::lambda;
  c.move_gamma = config.anneal_gamma;
  require(!(c.learn_gamma && c.move_gamma), "meta_gradient: γ is learned or annealed, not both (learn, anneal_gamma)");
  require(control || !config.outer_critic, "meta_gradient: an outer critic is for agent = a2c");
  c.by_state = config.by_state;
  c.learners = control ? 1 : config.trajectories;
  c.exact = config.mode == MetaGradientMode::exact;
  c.mu = config.mu;
  c.learning_rate = config.learning_rate;
  c.rmsprop = config.optimiser == InnerOptimiser::rmsprop;
  c.max_gradient_norm = config.max_gradient_norm;
  c.beta = config.beta;
  c.eta_after = config.eta_after;
  c.meta_optimiser = config.meta_optimiser;
  c.max_meta_gradient_norm = config.max_meta_gradient_norm;
  c.bilevel = config.bilevel;
  c.dtype = config.dtype;
  return c;
}

MetaGradientTrainer::MetaGradientTrainer(const MetaGradientConfig& config, std::uint64_t seed)
    : config_(config), seed_(seed), learner_(learner_config(config), seed), source_(segments_of(config), seed) {}

// region: train
rl::Metrics MetaGradientTrainer::iterate() {
  MetaGradientLearner::Report report;
  for (int m = 0; m < config_.meta_steps; ++m) {
    const int step = iteration_ * config_.meta_steps + m;
    const double done = static_cast<double>(step) / config_.meta_steps / config_.iterations;
    if (config_.anneal_gamma) learner_.set_gamma(config_.gamma + done * (config_.gamma_end - config_.gamma));

    // Learn, act on, be judged: the agent's own experience, one trajectory after the other.
    const auto collect = [&](const ParamValues& acting, int k) {
      if (predicts())
        return collect_process(*source_.config().env, config_.trajectories, seed_, step, k, config_.dtype);
      const rl::Segments segments = source_.collect(acting);
      episodes_.update(segments);
      return experience_of(segments);
    };
    report = learner_.iterate(collect, iteration_, config_.anneal_beta ? 1 - done : 1);
  }
  ++iteration_;

  rl::Metrics metrics;
  if (!predicts()) metrics = episodes_.metrics();
  const std::vector<double> gamma = learner_.parameter("gamma"), lambda = learner_.parameter("lambda");
  metrics.insert(metrics.end(), {{"gamma", mean_of(gamma)}, {"lambda", mean_of(lambda)},
                                 {"objective", report.objective}, {"gradient_norm", report.gradient_norm},
                                 {"meta_gradient_norm", report.meta_gradient_norm}});
  for (const auto& [name, numbers] : {std::pair{"gamma_", gamma}, {"lambda_", lambda}})
    for (std::size_t s = 1; s < numbers.size(); ++s)
      metrics.push_back({name + std::to_string(s), numbers[s]});
  return metrics;
}
// endregion

std::vector<std::pair<std::string, Shape>> MetaGradientTrainer::experience_shapes() const {
  const envs::Spec& spec = source_.config().env->spec;
  const int B = learner_.config().learners;
  const int rows = learner_.config().spec.time_steps * (predicts() ? 1 : config_.trajectories);
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const char* name : {"observations", "next_observations"}) shapes.push_back({name, {B, rows, spec.obs_size}});
  for (const char* name : {"rewards", "not_terminated", "continues", "weights"}) shapes.push_back({name, {B, rows, 1}});
  if (!predicts()) shapes.push_back({"actions", {B, rows, spec.action_size}});
  return shapes;
}

void MetaGradientTrainer::visit(rl::Checkpoint& c) {
  c("theta", learner_.theta);
  c("eta", learner_.eta);
  c("meta_adam", learner_.moments);
  c("squares", learner_.squares);
  c.numbers("updates", learner_.updates_done);
  c("z", learner_.z);
  // The experience that judged last.
  BatchValues pending;
  if (!config_.bilevel)
    for (const auto& [name, shape] : experience_shapes()) {
      Tensor part = learner_.pending.contains(name) ? learner_.pending[name] : Tensor();
      c.from_first_iteration("pending/" + name, part, shape, config_.dtype);
      if (!part.empty()) pending.add(name, part);
    }
  if (c.assigning()) learner_.pending = pending;
  if (!predicts()) {
    c("", source_);
    c("", episodes_);
  }
}

rl::AdaptReport MetaGradientTrainer::adapt(const rl::AdaptRequest& request) const {
  // In a process the policy has one action, whatever its parameters.
  return source_.adapt(predicts() ? nn::init_actor_critic(source_.config().agent, seed_, config_.dtype)
                                  : learner_.acting(), request);
}

// Departures from the paper: the agent of its Atari results is an actor-learner with V-trace, here it is a synchronous
// actor-critic; the trace's μ is 0 there.
const rl::Options<MetaGradientConfig>& meta_gradient_options() {
  using Config = MetaGradientConfig;
  static const auto options =
      rl::Options<Config>()
          .add("env", &Config::env, "environment; `innerloop list envs` shows all")
          .add("agent", &Config::agent, "td: learns the values of a process; a2c: an actor-critic")
          .add("iterations", &Config::iterations, {1, 1e7}, "rows of metrics.csv, each of `meta_steps` steps of η")
          .add("meta_steps", &Config::meta_steps, {1, 1e6},
               "steps of η in an iteration, each after `updates` of the agent")
          .add("trajectories", &Config::trajectories, {1, 60000},
               "a2c: environments side by side; td: learners side by side, which share η")
          .add("steps", &Config::steps, {1, 1e6}, "a2c: of every environment between two updates")
          .add("hidden", &Config::hidden, {1, 4096}, "a2c: widths of the hidden layers, of policy and value each")
          .add("learn", &Config::learn, "what η holds; none: γ and λ stay")
          .add("by_state", &Config::by_state, "a γ and a λ for every state, where observations are one-hot")
          .add("gamma", &Config::gamma, {0, 1}, "γ at the start, or for good")
          .add("lambda", &Config::lambda, {0, 1}, "λ at the start, or for good")
          .add("gamma_bar", &Config::gamma_bar, {0, 1}, "γ̄ of the judge", "0.995")
          .add("lambda_bar", &Config::lambda_bar, {0, 1}, "λ̄ of the judge", "1")
          .add("mode", &Config::mode, "trace: one update, or an accumulating trace; exact: all updates differentiated",
               "trace")
          .add("mu", &Config::mu, {0, 1}, "μ, what an update leaves of the trace", "0")
          .add("updates", &Config::updates, {1, 100}, "K: updates of the agent between two steps of η")
          .add("beta", &Config::beta, {0, 1e6}, "β, the step size of η", "0.001")
          .add("eta_after", &Config::eta_after, {0, 1e7},
               "iterations before η moves: until then the judge's values are learned")
          .add("anneal_beta", &Config::anneal_beta, "let β fall linearly to 0 at the last iteration")
          .add("meta_optimiser", &Config::meta_optimiser, "of η", "adam")
          .add("max_meta_gradient_norm", &Config::max_meta_gradient_norm, {0, 1e9},
               "longer meta-gradients are cut to this length; 0: never")
          .add("outer_critic", &Config::outer_critic,
               "a2c: a second value, learned from returns with η̄, judges in place of the first")
          .add("embedding", &Config::embedding, {0, 1024},
               "a2c: width of the embedding through which the networks see η; 0: none", "16")
          .add("full_derivative", &Config::full_derivative, "differentiate the judge's own target too")
          .add("bilevel", &Config::bilevel, "the agent goes back to its start after every step of η")
          .add("anneal_gamma", &Config::anneal_gamma, "by hand: γ goes linearly to gamma_end")
          .add("gamma_end", &Config::gamma_end, {0, 1}, "where to")
          .add("optimiser", &Config::optimiser, "of the agent; RMSProp's running mean is a constant to η", "rmsprop")
          .add("learning_rate", &Config::learning_rate, {0, 1000}, "α, the step size of the agent")
          .add("value_weight", &Config::value_weight, {0, 1000}, "c_v, the weight of the value's loss")
          .add("entropy_weight", &Config::entropy_weight, {0, 1000}, "c_e, the weight of the entropy bonus", "0.01")
          .add("max_gradient_norm", &Config::max_gradient_norm, {0, 1e9},
               "longer gradients of the agent are cut to this length; 0: never")
          .add("reward_scale", &Config::reward_scale, {1e-6, 1e6},
               "a2c: rewards are multiplied by it before anything is learned from them")
          .add("dtype", &Config::dtype, "numbers in single or double precision");
  return options;
}

namespace {

constexpr rl::Preset presets[] = {
    {"signal-noise", "γ by state where noise and signal alternate: 100 learners from v = 0, β decaying to 0",
     "env = signal-noise-v1\nagent = td\nlearn = gamma\nby_state = true\ngamma = 0.5\nlambda = 1\nmode = exact\n"
     "bilevel = true\noptimiser = sgd\nlearning_rate = 0.1\nmeta_optimiser = sgd\nbeta = 5\nanneal_beta = true\n"
     "max_meta_gradient_norm = 0\ntrajectories = 100\nmeta_steps = 100\niterations = 100\ndtype = f64"},
    {"signal-noise-online", "the same, but one learner whose values go on, as in the paper",
     "env = signal-noise-v1\nagent = td\nlearn = gamma\nby_state = true\ngamma = 0.5\nlambda = 1\n"
     "optimiser = sgd\nlearning_rate = 0.1\nmeta_optimiser = sgd\nbeta = 0.5\n"
     "max_meta_gradient_norm = 0\ntrajectories = 1\nmeta_steps = 1000\niterations = 300\ndtype = f64"},
    {"noise-undone", "λ by state where noise is paid and taken back: 100 learners from v = 0",
     "env = noise-undone-v1\nagent = td\nlearn = lambda\nby_state = true\ngamma = 1\nlambda = 0.5\nmode = exact\n"
     "bilevel = true\noptimiser = sgd\nlearning_rate = 0.1\nmeta_optimiser = sgd\nbeta = 40\nanneal_beta = true\n"
     "max_meta_gradient_norm = 0\ntrajectories = 100\nmeta_steps = 25\niterations = 100\ndtype = f64"},
    {"noise-undone-online", "the same, but one learner whose values go on, as in the paper",
     "env = noise-undone-v1\nagent = td\nlearn = lambda\nby_state = true\ngamma = 1\nlambda = 0.5\n"
     "optimiser = sgd\nlearning_rate = 0.1\nmeta_optimiser = sgd\nbeta = 0.5\n"
     "max_meta_gradient_norm = 0\ntrajectories = 1\nmeta_steps = 1000\niterations = 300\ndtype = f64"},
    {"chain", "γ while a delay is picked, from one that is too small for all but the shortest",
     "learn = gamma\ngamma = 0.97\nlambda = 1\nlambda_bar = 0.9\nouter_critic = true\neta_after = 60\nbeta = 0.1\n"
     "max_meta_gradient_norm = 1e-6\nlearning_rate = 0.005\nentropy_weight = 0.1\ntrajectories = 32\nhidden = [8]\n"
     "iterations = 800"},
    {"lure-grid", "γ between a near exit and coins, from one that hears all the coins",
     "env = lure-grid-v1\nlearn = gamma\ngamma = 1\nlambda = 0.8\ngamma_bar = 0.997\nlambda_bar = 0.8\n"
     "outer_critic = true\nbeta = 0.1\nanneal_beta = true\nmax_meta_gradient_norm = 1e-6\nlearning_rate = 0.005\n"
     "steps = 32\nhidden = [16]\niterations = 500"},
    {"noisy-cartpole", "γ and λ while a pole is balanced and coins are paid, from a γ that sees ten steps",
     "env = noisy-cartpole-v1\nlearn = both\ngamma = 0.9\nlambda = 0.8\ngamma_bar = 0.997\nlambda_bar = 1\n"
     "outer_critic = true\nbeta = 0.05\nanneal_beta = true\nmax_meta_gradient_norm = 1e-6\nlearning_rate = 0.003\n"
     "reward_scale = 0.01\nsteps = 32\nhidden = [16]\niterations = 2000"},
};

constexpr rl::SmokeRun smoke[] = {
    {"a2c", "steps = 150\nhidden = [8]"},
    {"td, all updates differentiated",
     "env = signal-noise-v1\nagent = td\nlearn = gamma\nby_state = true\nmode = exact\nbilevel = true\nupdates = 2\n"
     "trajectories = 3\nmeta_steps = 2"},
};

std::unique_ptr<rl::Trainer> make(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<MetaGradientTrainer>(meta_gradient_options().read(values), seed);
}

}  // namespace

const rl::AlgorithmRow meta_gradient = {
    .name = "meta_gradient",
    .title = "Meta-gradient learning of γ and λ",
    .paper = "Xu, van Hasselt, Silver 2018, arXiv 1805.09801",
    .summary = "learns the discount and the λ of its own return, by judging each update on what comes next",
    .source = "meta/meta_gradient.cpp",
    .options = meta_gradient_options(),
    .presets = presets,
    .make = make,
    .checks = meta_gradient_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta
