#include "meta/e_maml.h"

#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/check_cases.h"
#include "meta/inner_loop.h"
#include "meta/outer_step.h"
#include "rl/experience/padding.h"

namespace innerloop::meta {
namespace {

// Σ log π_θ(a|s) of the trajectories in a batch, or its mean over their steps: one number per task, (B, 1, 1).
Var log_probability(const Params& theta_i, const Batch& support, const EMamlSpec& spec) {
  const Batch data = rl::without_padding(support, support["weights"]);
  Var log_pi = nn::log_prob(theta_i, spec.inner.policy, data["observations"], data["actions"]);
  log_pi = rl::on_real_rows(log_pi, support["weights"]);  // (B, rows, 1)
  return spec.credit == Credit::sum ? sum_all(log_pi) : sum_all(log_pi * support["weights"]);
}

}  // namespace

// region: credit
// [E-MAML eq. credit]  Σ_k Σ_n log π_{θ_i^(k)}(τ̄^(k),n)·(R_i − b), each policy as a function of θ
CreditedAdaptation adapt_with_credit(const Params& theta, const Batch& supports, Var alpha, Var scores,
                                     const EMamlSpec& spec) {
  Params theta_i = broadcast_tasks(theta, scores.shape().tasks);
  Var credit = 0.0 * scores;
  for (int k = 0; k < spec.inner.inner_steps; ++k) {
    const Batch support = batch_of_step(supports, k);
    if (spec.credit != Credit::none) credit = credit + log_probability(theta_i, support, spec) * scores;
    theta_i = adapt(theta_i, support, slice_rows(alpha, k, 1), spec.inner);
  }
  return {theta_i, credit};
}

// [E-MAML eq. objective]  J_E = E_{τ̄ ~ π_θ} E_{τ ~ π_θ'} R(τ), of which this has the gradient:
//                         ∇J_E = E[Jᵀ∇J(θ') + Σ_n ∇log π_θ(τ̄^n)·(R − b)]
Var e_maml_objectives(const Params& theta, const Batch& supports, Var alpha, const Batch& query,
                      const EMamlSpec& spec) {
  const CreditedAdaptation adapted = adapt_with_credit(theta, supports, alpha, query["scores"], spec);
  return outer_objectives(adapted.theta_prime, query, spec.inner) + spec.credit_weight * adapted.credit;
}
// endregion

Var e_maml_objective(const Params& theta, const Batch& supports, Var alpha, const Batch& query,
                     const EMamlSpec& spec) {
  const Var per_task = e_maml_objectives(theta, supports, alpha, query, spec);
  return sum_tasks(per_task) * (1.0 / per_task.shape().tasks);
}

// region: scores
std::vector<double> credit_scores(const std::vector<double>& returns, bool standardise) {
  const auto count = static_cast<double>(returns.size());
  if (returns.size() < 2) return returns;
  double mean = 0, variance = 0;
  for (double r : returns) mean += r / count;
  for (double r : returns) variance += (r - mean) * (r - mean) / count;

  // The mean of the others is (B·mean − R_i)/(B − 1), so R_i less it is (R_i − mean)·B/(B − 1).
  std::vector<double> scores;
  const double scale = count / (count - 1) / (standardise ? std::sqrt(variance) + 1e-8 : 1);
  for (double r : returns) scores.push_back((r - mean) * scale);
  return scores;
}
// endregion

EMamlFunctions::EMamlFunctions()
    : meta_gradient("e_maml/meta_gradient",
                    [](Inputs& in, const EMamlSpec& spec) -> std::vector<Vars> {
                      const Params theta = in.next("theta");
                      const Batch supports = in.next("supports");
                      const Var alpha = in.next_var("alpha");
                      const Batch query = in.next("query");
                      const Var objective = e_maml_objective(theta, supports, alpha, query, spec);
                      return {grad(objective, theta), Vars("objective", objective)};
                    }),
      outer("e_maml/outer", [](Inputs& in, const EMamlSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch supports = in.next("supports");
        const Var alpha = in.next_var("alpha");
        const Batch query = in.next("query");
        Vars values("objective", e_maml_objective(theta, supports, alpha, query, spec));
        values.add("kl", outer_kl(adapt_all(theta, supports, alpha, spec.inner), query, spec.inner));
        return {values};
      }) {}

namespace {

struct EMamlConfig {
  InnerLoopConfig inner = {.env = "promp-corner-v1",
                           .tasks = 40,
                           .inner_steps = 1,
                           .alpha = 0.1,
                           .test_alpha_factor = 1,
                           .hidden = {64, 64},
                           .activation = Activation::tanh};
  Credit credit = Credit::sum;
  double credit_weight = 1;
  OuterConfig outer;
};

class EMamlTrainer final : public rl::Trainer {
 public:
  EMamlTrainer(const EMamlConfig& config, std::uint64_t seed)
      : config_(config),
        loop_(config.inner, seed),
        spec_{.inner = loop_.spec(), .credit = config.credit, .credit_weight = config.credit_weight},
        theta_(loop_.initial_parameters()),
        outer_(config.outer, theta_) {}

  // region: train
  // One iteration of the algorithm.
  rl::Metrics iterate() override {
    // Explore every task of a batch, adapt to it, and act with the adapted policy.
    MetaData data = loop_.collect(theta_, loop_.sample_tasks(iteration_), iteration_);
    rl::Metrics metrics = data_metrics(data);

    // What each task's exploration is credited with, in the unit of the surrogate: per step if that averages steps.
    std::vector<double> returns = data.task_returns;
    const bool per_step = config_.inner.advantage.weighting != rl::Weighting::trajectory_sum;
    const bool standardise = config_.inner.advantage.standardise;
    if (per_step)
      for (double& r : returns) r /= data.length;
    std::vector<double> scores = credit_scores(returns, standardise);
    // Standardising has undone that: a score is of size 1, as an advantage is, where the surrogate has 1/T of each.
    if (per_step && standardise && config_.credit == Credit::sum)
      for (double& s : scores) s /= data.length;
    const int tasks = static_cast<int>(scores.size());
    data.query.add("scores", Tensor::from({tasks, 1, 1}, scores, config_.inner.dtype));

    // Move θ along ∇J_E.
    const std::vector<Tensors> results =
        functions_.meta_gradient(spec_, {theta_, data.supports, data.alpha, data.query});
    const Tensor damping = Tensor::scalar(config_.outer.cg_damping, config_.inner.dtype);
    OuterProblem problem{.gradient = results[0], .objective = results[1]["objective"].item(),
                         .cg_iterate = {}, .evaluate = {}};
    problem.cg_iterate = [&](const Tensors& state) {
      return loop_.functions().cg_iteration(spec_.inner, {fixed(theta_), fixed(data.supports), fixed(data.alpha),
                                                             fixed(data.query), fixed(damping), state})[0];
    };
    problem.evaluate = [&](const ParamValues& theta) -> rl::TrialPoint {
      const Tensors values = functions_.outer(spec_, {theta, data.supports, data.alpha, data.query})[0];
      return {.objective = values["objective"].item(), .kl = values["kl"].item()};
    };
    theta_ = outer_(theta_, problem, "e_maml, iteration " + std::to_string(iteration_), metrics);
    ++iteration_;
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.inner.iterations; }
  void visit(rl::Checkpoint& c) override {
    c("", theta_);
    c("", outer_);
  }
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override { return loop_.adapt(theta_, request); }

 private:
  EMamlConfig config_;
  InnerLoop loop_;
  EMamlSpec spec_;
  ParamValues theta_;
  OuterStep outer_;
  EMamlFunctions functions_;
};

const rl::Options<EMamlConfig>& e_maml_options() {
  using Config = EMamlConfig;
  static const auto options =
      rl::Options<Config>()
          .include(&Config::inner, inner_loop_options())
          .edit("estimator", {.words = "first-order log-likelihood likelihood-ratio dice loaded-dice taypo-2",
                              .paper = "log-likelihood: the others count part of the credit twice"})
          .add("credit", &Config::credit, "how explored trajectories are credited: their sum is the derivative of J_E",
               "sum (equation 8); mean in the authors' code")
          .add("credit_weight", &Config::credit_weight, {0, 1e6}, "λ, weight of the credit", "1")
          .include(&Config::outer, outer_options())
          .edit("outer", {.paper = "PPO; ProMP's comparison has trpo"});
  return options;
}

constexpr rl::Preset presets[] = {
    {"official", "the mean over steps, as in the authors' code", "credit = mean"},
    {"corner", "ProMP's four corners, three inner steps",
     "inner_steps = 3\nsigma = 3\ntasks = 8\ntrajectories = 10\nhidden = [32, 32]\niterations = 30"},
};

constexpr rl::SmokeRun smoke[] = {
    {"trpo", "tasks = 3\ntrajectories = 2\nhidden = [8]\ncg_damping = 0.1"},
    {"adam", "tasks = 3\ntrajectories = 2\nhidden = [8]\nouter = adam\nestimator = likelihood-ratio\ninner_steps = 2"},
};

std::unique_ptr<rl::Trainer> make_e_maml(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<EMamlTrainer>(e_maml_options().read(values), seed);
}

}  // namespace

const rl::AlgorithmRow e_maml = {
    .name = "e_maml",
    .title = "E-MAML",
    .paper = "Stadie et al. 2018, arXiv 1803.01118v2",
    .summary = "MAML that credits the exploration before an inner step with what the adapted policy earns",
    .source = "meta/e_maml.cpp",
    .options = e_maml_options(),
    .presets = presets,
    .make = make_e_maml,
    .checks = e_maml_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::meta
