#include "meta/maml_trainer.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/ranks.h"
#include "meta/check_cases.h"

namespace innerloop::meta {

MamlTrainer::MamlTrainer(const MamlConfig& config, std::uint64_t seed)
    : config_(config),
      loop_(config.inner, seed),
      theta_(loop_.initial_parameters()),
      outer_(config.outer, theta_),
      part_gradient_("maml/part_gradient", [](Inputs& in, const PartSpec& part) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch supports = in.next("supports");
        const Var alpha = in.next_var("alpha");
        const Params theta_prime = adapt_all(theta, supports, alpha, part.spec);
        const Var objectives = outer_objectives(theta_prime, in.next("query"), part.spec);
        return {grad(sum_tasks(objectives) * (1.0 / part.of_tasks), theta)};
      }) {}

// region: ranks
// The same with the tasks shared out to ranks (kernels/ranks.h): each rank adapts to its own and differentiates through
// each of them alone; the gradients of all are gathered, and added in the tasks' order, as one process adds them.
rl::Metrics MamlTrainer::iterate_on_ranks() {
  require(config_.outer.outer == OuterOptimiser::adam,
          "maml on several ranks needs outer = adam: conjugate gradients would wait for the others at every product");
  const std::vector<envs::Task> tasks = loop_.sample_tasks(iteration_);
  const int B = config_.inner.tasks;
  const Share own = share_of(B);
  const PartSpec part{spec(), B};

  // A row of each task: its gradient, its trajectories' returns before and after, its steps.
  const std::size_t D = theta_.number_count(), N = static_cast<std::size_t>(config_.inner.trajectories);
  const std::size_t width = D + 2 * N + 1;
  std::vector<double> rows(static_cast<std::size_t>(B) * width);
  for (int task = own.first; task < own.last; ++task) {
    const MetaData data = loop_.collect(theta_, {tasks[static_cast<std::size_t>(task)]}, iteration_,
                                        SupportPolicies::forgotten, task);
    const std::vector<double> gradient =
        part_gradient_(part, {theta_, data.supports, data.alpha, data.query})[0].flat();
    double* row = rows.data() + static_cast<std::size_t>(task) * width;
    row = std::ranges::copy(gradient, row).out;
    row = std::ranges::copy(data.first_returns, row).out;
    row = std::ranges::copy(data.last_returns, row).out;
    *row = static_cast<double>(data.steps);
  }
  gather(rows, B);

  // In the order of the tasks.
  MetaData all;
  Tensors gradient;
  for (std::size_t task = 0; task < static_cast<std::size_t>(B); ++task) {
    const std::span<const double> row = std::span(rows).subspan(task * width, width);
    const Tensors one = theta_.with_flat(row.first(D));
    gradient = task == 0 ? one : gradient + one;
    const auto before = row.subspan(D, N), after = row.subspan(D + N, N);
    all.first_returns.insert(all.first_returns.end(), before.begin(), before.end());
    all.last_returns.insert(all.last_returns.end(), after.begin(), after.end());
    all.steps += static_cast<long>(row.back());
  }
  const auto mean = [](const std::vector<double>& returns) {
    return std::accumulate(returns.begin(), returns.end(), 0.0) / static_cast<double>(returns.size());
  };
  all.mean_returns = {mean(all.first_returns), mean(all.last_returns)};
  all.length = static_cast<double>(all.steps) / static_cast<double>(all.last_returns.size());
  rl::Metrics metrics = data_metrics(all);
  const OuterProblem problem{.gradient = gradient, .objective = 0, .cg_iterate = {}, .evaluate = {}};
  theta_ = outer_(theta_, problem, "maml, iteration " + std::to_string(iteration_), metrics);
  ++iteration_;
  return metrics;
}
// endregion

// region: train
// One iteration of the algorithm (Finn 2017, algorithm 3).
rl::Metrics MamlTrainer::iterate() {
  if (rank_count() > 1) return iterate_on_ranks();

  // Adapt to each task of a batch, and collect data with the adapted policies.
  const MetaData data = loop_.collect(theta_, loop_.sample_tasks(iteration_), iteration_);
  rl::Metrics metrics = data_metrics(data);

  // The gradient of what the adapted policies earn, through the adaptation.
  const MamlFunctions& maml = loop_.functions();
  const std::vector<Tensors> results =
      maml.meta_gradient(spec(), {theta_, data.supports, data.alpha, data.query});

  // Move θ: along x = (JᵀFJ + damping·1)⁻¹g within the trust region, or by Adam. In all iterations of conjugate
  // gradients everything but the state stays the same, and is computed once.
  const Tensor damping = Tensor::scalar(config_.outer.cg_damping, config_.inner.dtype);
  OuterProblem problem{.gradient = results[0], .objective = results[1]["objective"].item(),
                       .cg_iterate = {}, .evaluate = {}};
  problem.cg_iterate = [&](const Tensors& state) {
    return maml.cg_iteration(spec(), {fixed(theta_), fixed(data.supports), fixed(data.alpha), fixed(data.query),
                                         fixed(damping), state})[0];
  };
  problem.evaluate = [&](const ParamValues& theta) -> rl::TrialPoint {
    const Tensors values = maml.outer(spec(), {theta, data.supports, data.alpha, data.query})[0];
    return {.objective = values["objective"].item(), .kl = values["kl"].item()};
  };
  theta_ = outer_(theta_, problem, "maml, iteration " + std::to_string(iteration_), metrics);
  ++iteration_;
  return metrics;
}
// endregion

void MamlTrainer::visit(rl::Checkpoint& c) {
  c("", theta_);
  c("", outer_);
}

const rl::Options<MamlConfig>& maml_options() {
  using Config = MamlConfig;
  static const auto options =
      rl::Options<Config>()
          .include(&Config::inner, inner_loop_options())
          .edit("env", {.paper = "2-D navigation (section 5.3)"})
          .edit("iterations", {.paper = "up to 500, best kept (appendix A.2)"})
          .edit("tasks", {.paper = "20 (appendix A.2)"})
          .edit("trajectories", {.paper = "20 (appendix A.2)"})
          .edit("inner_steps", {.paper = "1 (section 5.3)"})
          .edit("alpha", {.paper = "0.1 (appendix A.2); 0.5 in the authors' script"})
          .edit("test_alpha_factor", {.paper = "0.5 (appendix A.2)"})
          .edit("estimator", {.words = "first-order log-likelihood likelihood-ratio dice loaded-dice taypo-2",
                              .paper = "log-likelihood"})
          .edit("hidden", {.paper = "100, 100 (section 5.3)"})
          .edit("activation", {.paper = "relu (section 5.3)"})
          .edit("baseline", {.paper = "linear, fitted per task and iteration (appendix A.2)"})
          .edit("baseline_fit", {.paper = "same batch, in the authors' code"})
          .edit("weighting", {.paper = "flat mean, in the authors' code"})
          .include(&Config::outer, outer_options())
          .edit("outer", {.paper = "trpo (section 5.3)"})
          .edit("delta", {.paper = "0.01"})
          .edit("cg_iterations", {.paper = "10"});
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
    {"corner", "ProMP's four corners, three inner steps by likelihood ratios (LVC)",
     "env = promp-corner-v1\nestimator = likelihood-ratio\ninner_steps = 3\nalpha = 0.1\ntest_alpha_factor = 1\n"
     "sigma = 3\ntasks = 8\ntrajectories = 10\nhidden = [32, 32]\nactivation = tanh\niterations = 30"},
    {"wheeled", "the wheeled robot, dense in training and sparse at test: a baseline of MAESN",
     "env = wheeled-dense-v1\ntest_env = wheeled-sparse-v1\nalpha = 0.1\ntasks = 10\ntrajectories = 10\n"
     "hidden = [32, 32]\nactivation = tanh\niterations = 240"},
    {"pusher", "the same with the pusher",
     "env = pusher-dense-v1\ntest_env = pusher-sparse-v1\nalpha = 0.1\ntasks = 10\ntrajectories = 10\n"
     "hidden = [32, 32]\nactivation = tanh\niterations = 80"},
};

// MAML's own, and those of learned step sizes (Meta-SGD).
std::vector<CheckCase> checks() {
  std::vector<CheckCase> cases = maml_check_cases();
  for (CheckCase& instance : meta_sgd_check_cases()) cases.push_back(std::move(instance));
  return cases;
}

constexpr rl::SmokeRun smoke[] = {
    {"trpo", "tasks = 3\ntrajectories = 2\nhidden = [8]\ncg_damping = 0.1"},
    {"adam", "tasks = 3\ntrajectories = 2\nhidden = [8]\nouter = adam"},
    {"first order", "tasks = 3\ntrajectories = 2\nhidden = [8]\nestimator = first-order\ncg_damping = 0.1"},
    {"learned step sizes", "tasks = 3\ntrajectories = 2\nhidden = [8]\nstep_sizes = learned\nouter = adam"},
    {"DiCE, two steps",
     "tasks = 3\ntrajectories = 2\nhidden = [8]\nestimator = dice\ninner_steps = 2\nbaseline = mean\nouter = adam"},
    {"pretrained", "tasks = 3\ntrajectories = 2\nhidden = [8]\ninner_steps = 0\ncg_damping = 0.1"},
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
    .checks = checks,
    .smoke = smoke,
};

}  // namespace innerloop::meta
