#include "rl/batch.h"

#include <vector>

#include "rl/returns.h"

namespace innerloop::rl {

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

BatchValues make_batch(const Trajectories& trajectories, const AdvantageConfig& config, Tensor* baseline_weights) {
  // G, then V = b(s), then A.
  const Tensor returns = discounted_returns(trajectories, config.gamma);
  Tensor weights_of_baseline;
  Tensor& state = baseline_weights ? *baseline_weights : weights_of_baseline;
  const Tensor values = baseline_values(config.baseline, config.fit, trajectories, returns, state, config.pooled);
  return make_batch(trajectories, config, gae(trajectories, values, config.gamma, config.lambda));
}

BatchValues make_batch(const Trajectories& trajectories, const AdvantageConfig& config, Tensor advantages) {
  if (config.standardise) advantages = standardised(advantages, trajectories.mask, config.pooled);

  BatchValues batch;
  batch.add("observations", trajectories.observations);
  batch.add("actions", trajectories.actions);
  batch.add("advantages", std::move(advantages));
  batch.add("mask", trajectories.mask);
  batch.add("start", trajectories.start);
  batch.add("weights", row_weights(trajectories, config.weighting, config.pooled));
  return batch;
}

}  // namespace innerloop::rl
