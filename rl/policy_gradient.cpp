#include "rl/policy_gradient.h"

#include <cmath>
#include <memory>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/optimizer.h"
#include "rl/check_cases.h"
#include "rl/experience/batch.h"
#include "rl/experience/padding.h"

namespace innerloop::rl {

// region: surrogate
// [PG eq. surrogate]  L(θ) = Σ_t w_t log π_θ(a_t|s_t)·Â_t
Var policy_gradient_surrogate(const Params& theta, const nn::PolicySpec& policy, const Batch& batch) {
  const Batch data = without_padding(batch, batch["weights"]);
  const Var log_pi = nn::log_prob(theta, policy, data["observations"], data["actions"]);    // (B, rows, 1)
  return sum_all(mul3(batch["weights"], on_real_rows(log_pi, batch["weights"]), data["advantages"]));  // (B, 1, 1)
}

// [PG eq. gradient]  ĝ = ∇L(θ) = Σ_t w_t ∇log π_θ(a_t|s_t)·Â_t
PolicyGradientFunction::PolicyGradientFunction()
    : Function<nn::PolicySpec>("policy_gradient/gradient",
                               [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
                                 const Params theta = in.next("theta");
                                 const Batch batch = in.next("batch");
                                 return {grad(policy_gradient_surrogate(theta, policy, batch), theta)};
                               }) {}
// endregion

namespace {

// One copy of theta per task: (1, ·, ·) → (tasks, ·, ·).
ParamValues repeated(const ParamValues& theta, int tasks) {
  ParamValues copies;
  for (std::size_t k = 0; k < theta.count(); ++k) {
    const std::vector<double> one = theta[k].to_vector();
    std::vector<double> all;
    for (int task = 0; task < tasks; ++task) all.insert(all.end(), one.begin(), one.end());
    copies.add(theta.name(k),
               Tensor::from({tasks, theta[k].shape().rows, theta[k].shape().cols}, all, theta[k].dtype()));
  }
  return copies;
}

}  // namespace

AdaptiveLearner policy_gradient_learner(const OnPolicySource& source, const ParamValues& theta) {
  AdaptiveLearner learner;
  learner.start = [theta](int tasks) { return repeated(theta, tasks); };
  learner.act = [&source](const ParamValues& theta_i, const std::vector<envs::Task>& tasks, int episodes,
                          const RolloutPlace& place, bool deterministic) {
    return source.rollout().collect(theta_i, tasks, episodes, place, deterministic);
  };
  // A value network knows the tasks of training; on a new one the linear baseline takes its place.
  AdvantageConfig advantage = source.config().advantage;
  if (advantage.baseline == BaselineKind::network) advantage.baseline = BaselineKind::linear;
  const auto gradient = std::make_shared<const PolicyGradientFunction>();
  learner.update = [&source, gradient, advantage](const ParamValues& theta_i, const Trajectories& explored,
                                                  int) -> Tensors {
    const BatchValues batch = make_batch(explored, advantage);
    return theta_i + source.config().adapt_rate * (*gradient)(source.policy(), {theta_i, batch})[0];
  };
  return learner;
}

AdaptReport adapt_by_policy_gradient(const OnPolicySource& source, const ParamValues& theta,
                                     const AdaptRequest& request) {
  return AdaptationProtocol{request}.run(policy_gradient_learner(source, theta));
}

namespace {

enum class Optimizer { adam, sgd };
constexpr auto words_of(Optimizer) {
  return std::to_array<Word<Optimizer>>({{"adam", Optimizer::adam}, {"sgd", Optimizer::sgd}});
}

struct PolicyGradientConfig {
  OnPolicyConfig data;
  double learning_rate = 0.01;
  Optimizer optimizer = Optimizer::adam;
};

class PolicyGradientTrainer : public Trainer {
 public:
  PolicyGradientTrainer(const PolicyGradientConfig& config, std::uint64_t seed)
      : config_(config),
        source_(config.data, seed),
        theta_(nn::init_policy(source_.policy(), seed, config.data.dtype)),
        adam_(nn::adam_start(theta_)) {}

  // region: train
  // One iteration of the algorithm.
  Metrics iterate() override {
    // Collect trajectories of the current policy; estimate returns, baseline and advantages.
    const Experience experience = source_.collect(theta_, iteration_);

    // The gradient of the expected return.
    const ParamValues g = gradient_(source_.policy(), {theta_, experience.batch})[0];
    const double size = norm(g);
    if (!std::isfinite(size))
      throw NonFiniteError("policy_gradient, iteration " + std::to_string(iteration_) +
                           ": the gradient is not finite; a smaller learning_rate may help");

    // A step uphill. (Optimisers go downhill: the sign turns it.)
    if (config_.optimizer == Optimizer::adam)
      nn::adam_step(theta_, g, adam_, {.learning_rate = config_.learning_rate}, -1);
    else
      theta_ = nn::sgd(theta_, -1.0 * g, config_.learning_rate);

    ++iteration_;
    Metrics metrics = experience_metrics(experience);
    metrics.push_back({"gradient_norm", size});
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.data.iterations; }
  void visit(Checkpoint& c) override {
    c("", theta_);
    c("", source_);
    if (config_.optimizer == Optimizer::adam) c("adam", adam_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return adapt_by_policy_gradient(source_, theta_, request);
  }

 private:
  PolicyGradientConfig config_;
  OnPolicySource source_;
  ParamValues theta_;
  nn::AdamState adam_;
  PolicyGradientFunction gradient_;
};

const Options<PolicyGradientConfig> options =
    Options<PolicyGradientConfig>()
        .include(&PolicyGradientConfig::data, on_policy_options())
        .add("learning_rate", &PolicyGradientConfig::learning_rate, {0, 1000}, "step size")
        .add("optimizer", &PolicyGradientConfig::optimizer, "how the gradient becomes a step");

constexpr SmokeRun smoke[] = {
    {"linear", "tasks = 3\ntrajectories = 2\nhidden = [8]"},
    {"one task, baseline of the batch before",
     "tasks = 1\ntrajectories = 4\nhidden = [8]\nbaseline_fit = previous-batch"},
    {"sgd", "env = cartpole-v1\ntasks = 2\ntrajectories = 2\nhidden = [8]\nbaseline = mean\noptimizer = sgd"},
    {"network", "env = pendulum-v1\ntasks = 2\ntrajectories = 2\nhidden = [8]\nbaseline = network"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<PolicyGradientTrainer>(options.read(values), seed);
}

}  // namespace

const AlgorithmRow policy_gradient = {
    .name = "policy_gradient",
    .title = "Policy gradient (REINFORCE)",
    .paper = "Williams 1992; Schulman et al. 2016, arXiv 1506.02438v6",
    .summary = "follow the gradient of the expected return, estimated from the policy's own trajectories",
    .source = "rl/policy_gradient.cpp",
    .options = options,
    .presets = {},
    .make = make,
    .checks = policy_gradient_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl
