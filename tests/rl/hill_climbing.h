// The shortest algorithm that the program could run, for the page "How to add an algorithm" (rl/README.md): random
// search. Parameters near the best so far are tried, and kept if they earn more.
#pragma once

#include <limits>
#include <memory>

#include "rl/experience/on_policy.h"
#include "rl/policy_gradient.h"
#include "rl/training/trainer.h"

namespace hill_climbing {

using namespace innerloop;
using namespace innerloop::rl;

// region: config
struct HillClimbingConfig {
  OnPolicyConfig data = {.env = "cartpole-v1", .hidden = {}, .tasks = 1, .trajectories = 8, .advantage = {}};
  double step = 2;  // deviation of what is tried about the best
};

inline const Options<HillClimbingConfig> options =
    Options<HillClimbingConfig>()
        .include(&HillClimbingConfig::data, on_policy_options())
        .add("step", &HillClimbingConfig::step, {0, 100}, "deviation of what is tried about the best parameters");
// endregion

// region: trainer
class HillClimber : public Trainer {
 public:
  HillClimber(const HillClimbingConfig& config, std::uint64_t seed)
      : config_(config),
        seed_(seed),
        source_(config.data, seed),
        theta_(nn::init_policy(source_.policy(), seed, config.data.dtype)) {}

  Metrics iterate() override {
    // Parameters near the best so far.
    ParamValues noise = theta_;
    for (std::size_t k = 0; k < noise.count(); ++k)
      fill_normal(noise[k], seed_, {.purpose = Purpose::minibatch,
                                    .inner_step = static_cast<std::uint32_t>(k),
                                    .iteration = static_cast<std::uint32_t>(iteration_)});
    const ParamValues tried = theta_ + config_.step * noise;

    // Kept if they earn more.
    const Experience experience = source_.collect(tried, iteration_);
    if (const double earned = experience.trajectories.mean_return(); earned > best_) {
      theta_ = tried;
      best_ = earned;
    }
    ++iteration_;
    Metrics metrics = experience_metrics(experience);
    metrics.push_back({"best", best_});
    return metrics;
  }

  int iterations() const override { return config_.data.iterations; }
  void visit(Checkpoint& c) override {
    c("", theta_);
    c("", source_);
    c.numbers("best", best_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    return adapt_by_policy_gradient(source_, theta_, request);
  }

 private:
  HillClimbingConfig config_;
  std::uint64_t seed_;
  OnPolicySource source_;
  ParamValues theta_;
  double best_ = std::numeric_limits<double>::lowest();
};
// endregion

// region: row
inline std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<HillClimber>(options.read(values), seed);
}
inline constexpr SmokeRun smoke[] = {{"small", "trajectories = 2"}};

inline const AlgorithmRow row = {
    .name = "hill_climbing",
    .title = "Hill climbing",
    .paper = "random search",
    .summary = "parameters near the best are tried, and kept if they earn more",
    .source = "rl/hill_climbing.cpp",
    .options = options,
    .presets = {},
    .make = make,
    .smoke = smoke,
};
// endregion

}  // namespace hill_climbing
