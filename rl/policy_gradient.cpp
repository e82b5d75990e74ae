#include "rl/policy_gradient.h"

#include <cmath>
#include <string>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/optimizer.h"
#include "rl/padding.h"
#include "rl/rollout_source.h"

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

struct Config {
  OnPolicyConfig data;
  double learning_rate = 0.01;
  bool adam = true;
};

class PolicyGradientTrainer : public Trainer {
 public:
  PolicyGradientTrainer(const Config& config, std::uint64_t seed)
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
    if (config_.adam) {
      nn::AdamResult next = nn::adam(theta_, -1.0 * g, adam_, {.learning_rate = config_.learning_rate});
      theta_ = std::move(next.theta);
      adam_ = std::move(next.state);
    } else {
      theta_ = nn::sgd(theta_, -1.0 * g, config_.learning_rate);
    }

    ++iteration_;
    Metrics metrics = experience_metrics(experience);
    metrics.push_back({"gradient_norm", size});
    return metrics;
  }
  // endregion

  int iteration() const override { return iteration_; }
  int iterations() const override { return config_.data.iterations; }

  Tensors state() const override {
    Tensors state = save_policy(theta_, source_);
    if (config_.adam) nn::save_adam(adam_, state);
    return state;
  }
  void restore(const Tensors& state, int iteration) override {
    theta_ = load_policy(theta_, state, source_);
    if (config_.adam) adam_ = nn::load_adam(theta_, state);
    iteration_ = iteration;
  }

  AdaptReport adapt(const AdaptRequest& request) const override { return source_.adapt(theta_, request); }

 private:
  Config config_;
  OnPolicySource source_;
  ParamValues theta_;
  nn::AdamState adam_;
  int iteration_ = 0;
  PolicyGradientFunction gradient_;
};

constexpr Option own_options[] = {
    {.name = "learning_rate", .type = OptionType::real, .value = "0.01", .low = 0, .high = 1000, .help = "step size"},
    {.name = "optimizer",
     .type = OptionType::choice,
     .value = "adam",
     .choices = "adam sgd",
     .help = "how the gradient becomes a step"},
};
const std::vector<Option> all_options = with_on_policy_options(own_options);

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<PolicyGradientTrainer>(Config{.data = on_policy_config(values),
                                                        .learning_rate = values.real("learning_rate"),
                                                        .adam = values.text("optimizer") == "adam"},
                                                 seed);
}

}  // namespace

const AlgorithmRow policy_gradient = {
    .name = "policy_gradient",
    .title = "Policy gradient (REINFORCE)",
    .paper = "Williams 1992; Schulman et al. 2016, arXiv 1506.02438v6",
    .summary = "follow the gradient of the expected return, estimated from the policy's own trajectories",
    .source = "rl/policy_gradient.cpp",
    .options = all_options,
    .presets = {},
    .make = make,
};

}  // namespace innerloop::rl
