// From trajectories to the batch of rows that a surrogate objective is a sum over.
#pragma once

#include "rl/experience/baseline.h"
#include "rl/experience/trajectory.h"
#include "rl/training/option_table.h"

namespace innerloop::rl {

// How rows are averaged. On a task of T = 100 steps the first is a hundred times smaller than the second: step sizes
// belong to a convention.
enum class Weighting {
  flat_mean,        // 1/Σ_n T_n: every step alike (rllab, MAML's code, ProMP)
  trajectory_sum,   // 1/N: sum over time, mean over trajectories: the policy gradient of the return itself
  trajectory_mean,  // 1/(N·T_n): mean over time, then over trajectories; steps of short trajectories weigh more
};
constexpr auto words_of(Weighting) {
  return std::to_array<Word<Weighting>>({{"flat-mean", Weighting::flat_mean},
                                         {"trajectory-sum", Weighting::trajectory_sum},
                                         {"trajectory-mean", Weighting::trajectory_mean}});
}

struct AdvantageConfig {
  double gamma = 0.99;
  double lambda = 1;
  BaselineKind baseline = BaselineKind::linear;
  BaselineFit fit = BaselineFit::same_batch;
  bool standardise = true;  // (A − mean)/(std + 1e-8) per task; the time limit counts as an end
  Weighting weighting = Weighting::flat_mean;
};
const Options<AdvantageConfig>& advantage_options();

// {"observations", "actions", "advantages", "mask", "start", "weights"}: Σ_rows weights·log π·advantages is the
// estimator. The weights are 0 on padding and, but for trajectory_sum, add up to 1 per task (over all tasks if pooled).
// baseline_weights: the baseline's state (baseline.h), needed to carry BaselineFit::previous_batch from batch to batch.
// pooled: all tasks are slices of one: one baseline, one standardisation, weights over all of them.
BatchValues make_batch(const Trajectories& trajectories, const AdvantageConfig& config,
                       Tensor* baseline_weights = nullptr, bool pooled = false);

// The same for advantages that were estimated elsewhere.
BatchValues make_batch(const Trajectories& trajectories, const AdvantageConfig& config, Tensor advantages,
                       bool pooled = false);

// How rows are averaged, (B, rows, 1).
Tensor row_weights(const Trajectories& trajectories, Weighting weighting, bool pooled = false);

}  // namespace innerloop::rl
