#include "meta/reptile.h"

#include "autodiff/ops.h"
#include "meta/inner_loop.h"

namespace innerloop::meta {

// region: step
// [Reptile eq. direction]  mean_i (φ̃_i − φ)
Params reptile_direction(const Params& theta, const Params& theta_prime) {
  Params direction;
  for (std::size_t i = 0; i < theta.count(); ++i) {
    const int tasks = theta_prime[i].shape().tasks;
    direction.add(theta.name(i), sum_tasks(theta_prime[i]) * (1.0 / tasks) - theta[i]);
  }
  return direction;
}

// [Reptile eq. update]  φ ← φ + ε·mean_i (φ̃_i − φ)
Params reptile_step(const Params& theta, const Params& theta_prime, Var epsilon) {
  return theta + epsilon * reptile_direction(theta, theta_prime);
}
// endregion

ReptileFunctions::ReptileFunctions()
    : step("reptile/step", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Params theta_prime = in.next("theta_prime");
        return {reptile_step(theta, theta_prime, in.next_var("epsilon"))};
      }) {}

namespace {

struct ReptileConfig {
  InnerLoopConfig inner = {.inner_steps = 3, .alpha = 0.1, .test_alpha_factor = 1,
                           .estimator = InnerEstimator::first_order};
  double epsilon = 0.5;
  bool anneal = true;
};

class ReptileTrainer final : public rl::Trainer {
 public:
  ReptileTrainer(const ReptileConfig& config, std::uint64_t seed)
      : config_(config), loop_(config.inner, seed), theta_(loop_.initial_parameters()) {}

  // region: train
  // One iteration of the algorithm.
  rl::Metrics iterate() override {
    // Adapt to every task of a batch, K steps with fresh trajectories each. (Those of the adapted policy are for the
    // record only: Reptile does not need them.)
    const MetaData data = loop_.collect(theta_, loop_.sample_tasks(iteration_), iteration_);

    // Move towards where that arrived.
    const double left = 1 - static_cast<double>(iteration_) / config_.inner.iterations;
    const double epsilon = config_.anneal ? config_.epsilon * left : config_.epsilon;
    ParamValues moved =
        functions_.step({}, {theta_, data.theta_prime, Tensor::scalar(epsilon, config_.inner.dtype)})[0];
    if (!moved.all_finite())
      throw NonFiniteError("reptile, iteration " + std::to_string(iteration_) +
                           ": the adapted parameters are not finite. Try a smaller alpha.");
    rl::Metrics metrics = data_metrics(data);
    metrics.push_back({"step_norm", norm(moved - theta_)});
    theta_ = std::move(moved);
    ++iteration_;
    return metrics;
  }
  // endregion

  int iterations() const override { return config_.inner.iterations; }
  void visit(rl::Checkpoint& c) override { c("", theta_); }
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override { return loop_.adapt(theta_, request); }

 private:
  ReptileConfig config_;
  InnerLoop loop_;
  ParamValues theta_;
  ReptileFunctions functions_;
};

const rl::Options<ReptileConfig>& reptile_options() {
  using Config = ReptileConfig;
  static const auto options =
      rl::Options<Config>()
          .include(&Config::inner, inner_loop_options())
          .edit("estimator", {.words = "first-order", .help = "nothing is differentiated twice"})
          .edit("step_sizes", {.words = "fixed", .help = "alpha for all: no gradient reaches step sizes"})
          .edit("inner_steps",
                {.range = rl::OptionRange{1, 100}, .help = "K; with 1 this is training on all tasks at once"})
          .add("epsilon", &Config::epsilon, {0, 1}, "ε, fraction of the way to the mean of the adapted parameters",
               "0.1 to 1")
          .add("anneal", &Config::anneal, "ε falls to 0 in a straight line", "true");
  return options;
}

constexpr rl::Preset presets[] = {
    {"quick", "2-D navigation with a smaller network", "hidden = [64, 64]\niterations = 60"},
};

constexpr rl::SmokeRun smoke[] = {
    {"one step", "tasks = 3\ntrajectories = 2\nhidden = [8]"},
    {"three steps, epsilon stays", "tasks = 3\ntrajectories = 2\nhidden = [8]\ninner_steps = 3\nanneal = false"},
};

std::unique_ptr<rl::Trainer> make_reptile(const rl::OptionValues& values, std::uint64_t seed) {
  return std::make_unique<ReptileTrainer>(reptile_options().read(values), seed);
}

}  // namespace

const rl::AlgorithmRow reptile = {
    .name = "reptile",
    .title = "Reptile",
    .paper = "Nichol, Achiam, Schulman 2018, arXiv 1803.02999v3",
    .summary = "moves the initial parameters towards where adaptation to each task arrives",
    .source = "meta/reptile.cpp",
    .options = reptile_options(),
    .presets = presets,
    .make = make_reptile,
    .smoke = smoke,
};

}  // namespace innerloop::meta
