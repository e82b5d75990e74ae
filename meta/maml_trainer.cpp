#include "meta/maml_trainer.h"

#include <cmath>

#include "envs/table.h"
#include "rl/conjugate_gradient.h"
#include "rl/line_search.h"

namespace innerloop::meta {
namespace {

// Adds a batch to a list of batches under "k/…".
void add_batch(BatchValues& batches, int k, const BatchValues& batch) {
  for (std::size_t i = 0; i < batch.count(); ++i) batches.add(std::to_string(k) + "/" + batch.name(i), batch[i]);
}

}  // namespace

struct MamlTrainer::Data {
  BatchValues supports;              // "k/…": collected before inner step k
  Tensor alpha;                      // (1, K, 1)
  BatchValues query;                 // collected with the adapted policies
  std::vector<double> mean_returns;  // before step 0, 1, …, K
  double length = 0;                 // mean steps of a query trajectory
};

MamlTrainer::MamlTrainer(MamlConfig config, std::uint64_t seed)
    : config_(std::move(config)),
      seed_(seed),
      env_(&envs::find_env(config_.env)),
      rollout_(*env_, config_.program.policy),
      theta_(nn::init_policy(config_.program.policy, seed, config_.dtype)),
      adam_(nn::adam_start(theta_)) {}

// A step size per inner step of training, (1, max(K, 1), 1).
Tensor MamlTrainer::step_sizes() const {
  return Tensor::full({1, std::max(config_.program.inner_steps, 1), 1}, config_.alpha, config_.dtype);
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
    if (k == config_.program.inner_steps) {
      data.query = std::move(batch);
      data.length = static_cast<double>(trajectories.steps()) / (trajectories.tasks * trajectories.per_task);
      Tensors old = maml_.old_policy(config_.program, {theta_i, data.query})[0];
      for (std::size_t i = 0; i < old.count(); ++i) data.query.add(old.name(i), old[i]);
      return data;
    }
    theta_i =
        maml_.adapt_step(config_.program, {theta_i, batch, Tensor::scalar(data.alpha.at(0, k, 0), config_.dtype)})[0];
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
  std::vector<Tensors> results = maml_.meta_gradient(config_.program, {theta_, data.supports, data.alpha, data.query});
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
    return maml_.cg_iteration(config_.program, {fixed(theta_), fixed(data.supports), fixed(data.alpha),
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
    Tensors values = maml_.outer(config_.program, {theta, data.supports, data.alpha, data.query})[0];
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

Tensors MamlTrainer::state() const {
  Tensors state = theta_;
  if (config_.outer == OuterOptimiser::adam) nn::save_adam(adam_, state);
  return state;
}

void MamlTrainer::restore(const Tensors& state, int iteration) {
  ParamValues theta;
  for (std::size_t i = 0; i < theta_.count(); ++i) {
    const Tensor& saved = state[theta_.name(i)];
    require(saved.shape() == theta_[i].shape() && saved.dtype() == theta_[i].dtype(),
            "the checkpoint holds '" + theta_.name(i) + "' " + to_string(saved.shape()) + " " + name_of(saved.dtype()) +
                ", the settings need " + to_string(theta_[i].shape()) + " " + name_of(theta_[i].dtype()) +
                "; use the options of the run that wrote it");
    theta.add(theta_.name(i), saved);
  }
  if (config_.outer == OuterOptimiser::adam) adam_ = nn::load_adam(theta, state);
  theta_ = std::move(theta);
  iteration_ = iteration;
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
    return maml_.adapt_step(config_.program, {theta_i, rl::make_batch(explored, config_.advantage),
                                              Tensor::scalar(alpha, config_.dtype)})[0];
  };
  return learner;
}

rl::AdaptReport MamlTrainer::adapt(const rl::AdaptRequest& request) const {
  return rl::AdaptationProtocol{request}.run(learner());
}

namespace {

using rl::Option;
using rl::OptionType;

constexpr Option kOptions[] = {
    {.name = "env", .type = OptionType::text, .value = "point-nav-v1",
     .help = "environment: innerloop list envs", .paper = "2-D navigation (section 5.3)"},
    {.name = "iterations", .type = OptionType::integer, .value = "200", .low = 0, .high = 1e9,
     .help = "meta-updates", .paper = "up to 500, best kept (appendix A.2)"},
    {.name = "tasks", .type = OptionType::integer, .value = "20", .low = 1, .high = 65535,
     .help = "tasks per meta-update (meta-batch)", .paper = "20 (appendix A.2)"},
    {.name = "trajectories", .type = OptionType::integer, .value = "20", .low = 1, .high = 65535,
     .help = "trajectories per task and gradient", .paper = "20 (appendix A.2)"},
    {.name = "inner_steps", .type = OptionType::integer, .value = "1", .low = 0, .high = 100,
     .help = "K, gradient steps in training; 0 trains one policy on all tasks", .paper = "1 (section 5.3)"},
    {.name = "alpha", .type = OptionType::real, .value = "0.5", .low = 0, .high = 1000,
     .help = "step size of the inner gradient step", .paper = "0.1 (appendix A.2); 0.5 in the authors' script"},
    {.name = "test_alpha_factor", .type = OptionType::real, .value = "0.5", .low = 0, .high = 1000,
     .help = "at test, the steps after the first use alpha times this", .paper = "0.5 (appendix A.2)"},
    {.name = "estimator", .type = OptionType::choice, .value = "log-likelihood",
     .choices = "first-order log-likelihood likelihood-ratio dice",
     .help = "inner objective, whose second derivative the meta-gradient uses", .paper = "log-likelihood"},
    {.name = "hidden", .type = OptionType::integers, .value = "[100, 100]", .low = 1, .high = 100000,
     .help = "widths of the policy's hidden layers", .paper = "100, 100 (section 5.3)"},
    {.name = "activation", .type = OptionType::choice, .value = "relu", .choices = "relu tanh sigmoid",
     .help = "of the hidden layers", .paper = "relu (section 5.3)"},
    {.name = "sigma", .type = OptionType::real, .value = "1", .low = 1e-6, .high = 1000,
     .help = "initial standard deviation of the policy"},
    {.name = "gamma", .type = OptionType::real, .value = "0.99", .low = 0, .high = 1, .help = "discount"},
    {.name = "lambda", .type = OptionType::real, .value = "1", .low = 0, .high = 1,
     .help = "of generalised advantage estimation; 1 is Monte Carlo"},
    {.name = "baseline", .type = OptionType::choice, .value = "linear", .choices = "none mean linear",
     .help = "subtracted from returns", .paper = "linear, fitted per task and iteration (appendix A.2)"},
    {.name = "baseline_fit", .type = OptionType::choice, .value = "same-batch", .choices = "same-batch",
     .help = "the batch that the baseline is fitted on", .paper = "same batch, in the authors' code"},
    {.name = "standardise", .type = OptionType::boolean, .value = "true",
     .help = "advantages to mean 0 and deviation 1 per task"},
    {.name = "weighting", .type = OptionType::choice, .value = "flat-mean",
     .choices = "flat-mean trajectory-sum trajectory-mean",
     .help = "how time steps are averaged", .paper = "flat mean, in the authors' code"},
    {.name = "outer", .type = OptionType::choice, .value = "trpo", .choices = "trpo adam",
     .help = "optimiser of the meta-parameters", .paper = "trpo (section 5.3)"},
    {.name = "delta", .type = OptionType::real, .value = "0.01", .low = 1e-12, .high = 1000,
     .help = "trpo: bound on the mean KL of the adapted policies", .paper = "0.01"},
    {.name = "cg_iterations", .type = OptionType::integer, .value = "10", .low = 1, .high = 10000,
     .help = "trpo: conjugate-gradient iterations", .paper = "10"},
    {.name = "cg_damping", .type = OptionType::real, .value = "1e-5", .low = 0, .high = 1000,
     .help = "trpo: added to the curvature's diagonal"},
    {.name = "learning_rate", .type = OptionType::real, .value = "0.001", .low = 0, .high = 1000,
     .help = "adam: step size"},
    {.name = "dtype", .type = OptionType::choice, .value = "f32", .choices = "f32 f64",
     .help = "of parameters and data"},
};

constexpr rl::Preset kPresets[] = {
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

// The number of a word in an option's list of choices.
int choice(const rl::OptionValues& values, std::string_view name, std::initializer_list<std::string_view> words) {
  int index = 0;
  for (std::string_view word : words) {
    if (values.text(name) == word) return index;
    ++index;
  }
  throw Error("option " + std::string(name) + " has the unknown value " + values.text(name));
}

MamlConfig config_from(const rl::OptionValues& v) {
  MamlConfig c;
  c.env = v.text("env");
  const envs::Spec& spec = envs::find_env(c.env).spec;
  bool discrete = spec.action_kind == envs::ActionKind::discrete;
  nn::PolicySpec& policy = c.program.policy;
  policy.net = {.inputs = spec.obs_size,
                .hidden = v.integers("hidden"),
                .outputs = discrete ? spec.action_count : spec.action_size,
                .activation = static_cast<Activation>(1 + choice(v, "activation", {"tanh", "relu", "sigmoid"}))};
  policy.head = discrete ? nn::PolicySpec::Head::categorical : nn::PolicySpec::Head::gaussian;
  policy.log_sigma_init = std::log(v.real("sigma"));
  c.program.estimator = static_cast<InnerEstimator>(
      choice(v, "estimator", {"first-order", "log-likelihood", "likelihood-ratio", "dice"}));
  c.program.inner_steps = v.integer("inner_steps");
  c.alpha = v.real("alpha");
  c.test_alpha_factor = v.real("test_alpha_factor");
  c.tasks = v.integer("tasks");
  c.trajectories = v.integer("trajectories");
  c.iterations = v.integer("iterations");
  c.advantage.gamma = v.real("gamma");
  c.advantage.lambda = v.real("lambda");
  c.advantage.baseline = static_cast<rl::BaselineKind>(choice(v, "baseline", {"none", "mean", "linear"}));
  c.advantage.standardise = v.boolean("standardise");
  c.advantage.weighting =
      static_cast<rl::Weighting>(choice(v, "weighting", {"flat-mean", "trajectory-sum", "trajectory-mean"}));
  c.outer = static_cast<OuterOptimiser>(choice(v, "outer", {"trpo", "adam"}));
  c.delta = v.real("delta");
  c.cg_iterations = v.integer("cg_iterations");
  c.cg_damping = v.real("cg_damping");
  c.learning_rate = v.real("learning_rate");
  c.dtype = choice(v, "dtype", {"f32", "f64"}) == 0 ? Dtype::f32 : Dtype::f64;
  return c;
}

}  // namespace

const rl::AlgorithmRow maml_row{
    .name = "maml",
    .title = "Model-agnostic meta-learning",
    .paper = "Finn, Abbeel, Levine 2017, arXiv 1703.03400v3",
    .summary = "finds parameters from which one policy-gradient step on a new task already gives a good policy",
    .source = "meta/maml.cpp",
    .options = kOptions,
    .presets = kPresets,
    .make = [](const rl::OptionValues& values, std::uint64_t seed) -> std::unique_ptr<rl::Trainer> {
      return std::make_unique<MamlTrainer>(config_from(values), seed);
    },
};

}  // namespace innerloop::meta
