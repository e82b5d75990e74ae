#include "rl/experience/batch.h"

#include <vector>

#include "rl/experience/returns.h"

namespace innerloop::rl {

const Options<AdvantageConfig>& advantage_options() {
  using Config = AdvantageConfig;
  static const auto options =
      Options<Config>()
          .add("gamma", &Config::gamma, {0, 1}, "discount γ")
          .add("lambda", &Config::lambda, {0, 1}, "λ of the advantage estimate GAE(λ)")
          .add("baseline", &Config::baseline,
               "guess of the return that is subtracted; network: also bootstraps at time limits")
          .add("baseline_fit", &Config::fit,
               "fitted on the batch whose advantages it is for, or on the one before")
          .add("standardise", &Config::standardise, "advantages of each task with mean 0 and deviation 1")
          .add("weighting", &Config::weighting, "how steps are averaged");
  return options;
}

Tensor row_weights(const Trajectories& trajectories, Weighting weighting, bool pooled) {
  const int B = trajectories.tasks, N = trajectories.per_task;
  std::vector<double> weights(trajectories.mask.size());
  for (int task = 0; task < B; ++task) {
    const double steps = pooled ? static_cast<double>(trajectories.steps()) : trajectories.first_row(task, N);
    const double count = pooled ? B * N : N;
    std::size_t row = static_cast<std::size_t>(task) * static_cast<std::size_t>(trajectories.rows());
    for (int n = 0; n < N; ++n) {
      const int T = trajectories.lengths[static_cast<std::size_t>(trajectories.lane(task, n))];
      const double weight = weighting == Weighting::flat_mean        ? 1 / steps
                            : weighting == Weighting::trajectory_sum ? 1 / count
                                                                     : 1 / (count * T);
      for (int t = 0; t < T; ++t) weights[row++] = weight;
    }
  }
  return Tensor::from(trajectories.mask.shape(), weights, trajectories.mask.dtype());
}

BatchValues make_batch(const Trajectories& trajectories, const AdvantageConfig& config, Tensor* baseline_weights,
                       bool pooled) {
  // G, then V = b(s), then A.
  const Tensor returns = discounted_returns(trajectories, config.gamma);
  Tensor weights_of_baseline;
  Tensor& state = baseline_weights ? *baseline_weights : weights_of_baseline;
  const Tensor values = baseline_values(config.baseline, config.fit, trajectories, returns, state, pooled);
  return make_batch(trajectories, config, gae(trajectories, values, config.gamma, config.lambda), pooled);
}

BatchValues make_batch(const Trajectories& trajectories, const AdvantageConfig& config, Tensor advantages,
                       bool pooled) {
  if (config.standardise) advantages = standardised(advantages, trajectories.mask, pooled);

  BatchValues batch;
  batch.add("observations", trajectories.observations);
  batch.add("actions", trajectories.actions);
  batch.add("advantages", std::move(advantages));
  batch.add("mask", trajectories.mask);
  batch.add("start", trajectories.start);
  batch.add("weights", row_weights(trajectories, config.weighting, pooled));
  return batch;
}

}  // namespace innerloop::rl
