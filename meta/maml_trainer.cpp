#include "meta/maml_trainer.h"

#include <cmath>

#include "envs/table.h"
#include "rl/conjugate_gradient.h"
#include "rl/line_search.h"
#include "rl/rollout_source.h"

namespace innerloop::meta {
namespace {

// Adds a batch to a list of batches under "k/…".
void add_batch(BatchValues& batches, int k, const BatchValues& batch) {
  for (std::size_t i = 0; i < batch.count(); ++i) batches.add(std::to_string(k) + "/" + batch.name(i), batch[i]);
}

// What is traced: the policy that fits the environment, the estimator, K.
MamlProgram fitted(const MamlConfig& config) {
  return {.policy = rl::policy_for(envs::find_env(config.env), config.hidden, config.activation,
                                   std::log(config.sigma)),
          .estimator = config.estimator,
          .inner_steps = config.inner_steps};
}

}  // namespace

struct MamlTrainer::Data {
  BatchValues supports;              // "k/…": collected before inner step k
  Tensor alpha;                      // (1, K, 1)
  BatchValues query;                 // collected with the adapted policies
  std::vector<double> mean_returns;  // before step 0, 1, …, K
  double length = 0;                 // mean steps of a query trajectory
};

MamlTrainer::MamlTrainer(const MamlConfig& config, std::uint64_t seed)
    : config_(config),
      program_(fitted(config)),
      seed_(seed),
      env_(&envs::find_env(config_.env)),
      rollout_(*env_, program_.policy),
      theta_(nn::init_policy(program_.policy, seed, config_.dtype)),
      adam_(nn::adam_start(theta_)) {}

// A step size per inner step of training, (1, max(K, 1), 1).
Tensor MamlTrainer::step_sizes() const {
  return Tensor::full({1, std::max(program_.inner_steps, 1), 1}, config_.alpha, config_.dtype);
}

// Finn 2017, algorithm 3, lines 4 to 9.
MamlTrainer::Data MamlTrainer::collect(const std::vector<envs::Task>& tasks) {
  Data data;
  data.alpha = step_sizes();
  ParamValues theta_i = theta_;
  for (int k = 0;; ++k) {
    // Sample trajectories of every task with its own policy.
    rl::Trajectories trajectories = rollout_.collect(theta_i, tasks, config_.trajectories,
                                                     {.seed = seed_,
                                                      .iteration = static_cast<std::uint32_t>(iteration_),
                                                      .inner_step = static_cast<std::uint32_t>(k)});
    BatchValues batch = rl::make_batch(trajectories, config_.advantage);
    data.mean_returns.push_back(trajectories.mean_return());

    // The last batch judges the adapted policies; the others adapt them.
    if (k == program_.inner_steps) {
      data.query = std::move(batch);
      data.length = static_cast<double>(trajectories.steps()) / (trajectories.tasks * trajectories.per_task);
      Tensors old = maml_.old_policy(program_, {theta_i, data.query})[0];
      for (std::size_t i = 0; i < old.count(); ++i) data.query.add(old.name(i), old[i]);
      return data;
    }
    theta_i =
        maml_.adapt_step(program_, {theta_i, batch, Tensor::scalar(data.alpha.at(0, k, 0), config_.dtype)})[0];
    add_batch(data.supports, k, batch);
  }
}

rl::Metrics MamlTrainer::iterate() {
  // Sample a batch of tasks.
  std::vector<envs::Task> tasks;
  for (int i = 0; i < config_.tasks; ++i)
    tasks.push_back(envs::sample_task(*env_, seed_, Purpose::task, static_cast<std::uint32_t>(iteration_),
                                      static_cast<std::uint32_t>(i)));

  // Adapt to each of them, and collect data with the adapted policies.
  Data data = collect(tasks);

  // The gradient of what the adapted policies earn, through the adaptation.
  std::vector<Tensors> results = maml_.meta_gradient(program_, {theta_, data.supports, data.alpha, data.query});
  const Tensors& gradient = results[0];
  if (!gradient.all_finite())
    throw NonFiniteError("maml, iteration " + std::to_string(iteration_) +
                         ": the meta-gradient is not finite. Try a smaller alpha.");

  rl::Metrics metrics{{"return_before", data.mean_returns.front()}, {"return_after", data.mean_returns.back()},
                      {"length_after", data.length}, {"gradient_norm", norm(gradient)}};

  // Move θ.
  if (config_.outer == OuterOptimiser::trpo) outer_trpo(data, results[1]["objective"].item(), gradient, metrics);
  else outer_adam(gradient);
  ++iteration_;
  return metrics;
}

// Trust region on the adapted policies: maximise the surrogate subject to mean KL ≤ δ (Finn 2017, section 5.3: TRPO).
void MamlTrainer::outer_trpo(const Data& data, double objective, const Tensors& gradient, rl::Metrics& metrics) {
  // x = (JᵀFJ + damping·I)⁻¹ g; in all iterations but the state everything stays the same, and is computed once.
  const Tensor damping = Tensor::scalar(config_.cg_damping, config_.dtype);
  auto iterate = [&](const Tensors& state) {
    return maml_.cg_iteration(program_, {fixed(theta_), fixed(data.supports), fixed(data.alpha),
                                                fixed(data.query), fixed(damping), state})[0];
  };
  rl::ConjugateGradientResult cg = rl::conjugate_gradient(iterate, gradient, config_.cg_iterations);

  // The longest step along x that the quadratic model allows: ½ sᵀ(JᵀFJ)s = δ.
  double curvature = rl::curvature_along(iterate, cg.x);
  if (!std::isfinite(curvature))
    throw NonFiniteError("maml, iteration " + std::to_string(iteration_) +
                         ": the curvature along the search direction is not finite. Try a smaller alpha.");
  require(curvature >= 0, "maml: the curvature is negative along the search direction");
  Tensors step = std::sqrt(2 * config_.delta / (curvature + 1e-8)) * cg.x;

  // Shortened until the surrogate itself improves and the KL itself is within δ.
  auto evaluate = [&](const ParamValues& theta) -> rl::TrialPoint {
    Tensors values = maml_.outer(program_, {theta, data.supports, data.alpha, data.query})[0];
    return {.objective = values["objective"].item(), .kl = values["kl"].item()};
  };
  rl::LineSearchResult search = rl::line_search(theta_, step, objective, evaluate, {.max_kl = config_.delta});
  theta_ = std::move(search.theta);
  metrics.insert(metrics.end(), {{"kl", search.point.kl},
                                 {"improvement", search.point.objective - objective},
                                 {"step_fraction", search.fraction},
                                 {"cg_iterations", static_cast<double>(cg.iterations)},
                                 {"cg_residual", cg.residual}});
}

void MamlTrainer::outer_adam(const Tensors& gradient) {
  nn::AdamResult result = nn::adam(theta_, -1.0 * gradient, adam_, {.learning_rate = config_.learning_rate});
  theta_ = std::move(result.theta);
  adam_ = std::move(result.state);
}

void MamlTrainer::visit(rl::Checkpoint& c) {
  c("", theta_);
  if (config_.outer == OuterOptimiser::adam) c("adam", adam_);
}

rl::AdaptiveLearner MamlTrainer::learner() const {
  rl::AdaptiveLearner learner;
  learner.start = [this](int) { return theta_; };  // shared until the first step
  learner.act = [this](const ParamValues& theta_i, const std::vector<envs::Task>& tasks, int episodes,
                       const rl::RolloutPlace& place, bool deterministic) {
    return rollout_.collect(theta_i, tasks, episodes, place, deterministic);
  };
  learner.update = [this](const ParamValues& theta_i, const rl::Trajectories& explored, int k) -> Tensors {
    const double alpha = k == 0 ? config_.alpha : config_.alpha * config_.test_alpha_factor;
    return maml_.adapt_step(program_, {theta_i, rl::make_batch(explored, config_.advantage),
                                              Tensor::scalar(alpha, config_.dtype)})[0];
  };
  return learner;
}

rl::AdaptReport MamlTrainer::adapt(const rl::AdaptRequest& request) const {
  return rl::AdaptationProtocol{request}.run(learner());
}

const rl::Options<MamlConfig>& maml_options() {
  using Config = MamlConfig;
  static const auto options =
      rl::Options<Config>()
          .add("env", &Config::env, "environment: innerloop list envs", "2-D navigation (section 5.3)")
          .add("iterations", &Config::iterations, {0, 1e9}, "meta-updates",
               "up to 500, best kept (appendix A.2)")
          .add("tasks", &Config::tasks, {1, 65535}, "tasks per meta-update (meta-batch)", "20 (appendix A.2)")
          .add("trajectories", &Config::trajectories, {1, 65535}, "trajectories per task and gradient",
               "20 (appendix A.2)")
          .add("inner_steps", &Config::inner_steps, {0, 100},
               "K, gradient steps in training; 0 trains one policy on all tasks", "1 (section 5.3)")
          .add("alpha", &Config::alpha, {0, 1000}, "step size of the inner gradient step",
               "0.1 (appendix A.2); 0.5 in the authors' script")
          .add("test_alpha_factor", &Config::test_alpha_factor, {0, 1000},
               "at test, the steps after the first use alpha times this", "0.5 (appendix A.2)")
          .add("estimator", &Config::estimator, "inner objective, whose second derivative the meta-gradient uses",
               "log-likelihood")
          .add("hidden", &Config::hidden, {1, 100000}, "widths of the policy's hidden layers",
               "100, 100 (section 5.3)")
          .add("activation", &Config::activation, "of the hidden layers", "relu (section 5.3)")
          .add("sigma", &Config::sigma, {1e-6, 1000}, "initial standard deviation of the policy")
          .include(&Config::advantage, rl::advantage_options())
          .edit("baseline", {.words = "none mean linear", .help = "guess of the return that is subtracted",
                             .paper = "linear, fitted per task and iteration (appendix A.2)"})
          .edit("baseline_fit", {.words = "same-batch", .help = "the batch that the baseline is fitted on",
                                 .paper = "same batch, in the authors' code"})
          .edit("weighting", {.paper = "flat mean, in the authors' code"})
          .add("outer", &Config::outer, "optimiser of the meta-parameters", "trpo (section 5.3)")
          .add("delta", &Config::delta, {1e-12, 1000}, "trpo: bound on the mean KL of the adapted policies", "0.01")
          .add("cg_iterations", &Config::cg_iterations, {1, 10000}, "trpo: conjugate-gradient iterations", "10")
          .add("cg_damping", &Config::cg_damping, {0, 1000}, "trpo: added to the curvature's diagonal")
          .add("learning_rate", &Config::learning_rate, {0, 1000}, "adam: step size")
          .add("dtype", &Config::dtype, "of parameters and data");
  return options;
}

namespace {

constexpr rl::Preset presets[] = {
    {"official", "2-D navigation as in the authors' code (cbfinn/maml_rl): the defaults", ""},
    {"paper", "the step size of the paper's appendix in place of the code's",
     "alpha = 0.1\nenv = point-nav-squared-v1"},
    {"quick", "what `innerloop run` does: smaller network, fewer iterations, a minute",
     "hidden = [64, 64]\nalpha = 0.1\niterations = 60"},
    {"pretrained", "one policy trained on all tasks, K = 0: the paper's baseline", "inner_steps = 0"},
    {"quick-pretrained", "the same, of the size of quick",
     "hidden = [64, 64]\nalpha = 0.1\niterations = 60\ninner_steps = 0"},
    {"quick-oracle", "a policy that sees the goal, of the size of quick",
     "env = point-nav-oracle-v1\nhidden = [64, 64]\niterations = 100\ninner_steps = 0\nalpha = 0"},
};

std::unique_ptr<rl::Trainer> make(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<MamlTrainer>(maml_options().read(values), seed);
}

}  // namespace

const rl::AlgorithmRow maml = {
    .name = "maml",
    .title = "Model-agnostic meta-learning",
    .paper = "Finn, Abbeel, Levine 2017, arXiv 1703.03400v3",
    .summary = "finds parameters from which one policy-gradient step on a new task already gives a good policy",
    .source = "meta/maml.cpp",
    .options = maml_options(),
    .presets = presets,
    .make = make,
};

}  // namespace innerloop::meta
