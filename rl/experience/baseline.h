// Baselines: a guess b(s_t) of the return, subtracted from it. It must not depend on a_t; then it changes no
// expectation, only the variance.
#pragma once

#include "kernels/words.h"
#include "rl/experience/trajectory.h"

namespace innerloop::rl {

enum class BaselineKind {
  none,     // 0
  mean,     // the mean return-to-go of the task's steps
  linear,   // a linear function of fixed features of (s, t)
  network,  // a value network (value_network.h), which is more than a baseline: it also values what a time limit cut
};
constexpr auto words_of(BaselineKind) {
  return std::to_array<Word<BaselineKind>>({{"none", BaselineKind::none},
                                            {"mean", BaselineKind::mean},
                                            {"linear", BaselineKind::linear},
                                            {"network", BaselineKind::network}});
}

// When it is fitted. This changes results, so it has a name.
enum class BaselineFit {
  same_batch,      // on the very batch whose advantages it is for (MAML's code, ProMP): in-sample, slightly small
                   // advantages
  previous_batch,  // on the batch before (rllab): one iteration stale; the first batch is predicted as 0
};
constexpr auto words_of(BaselineFit) {
  return std::to_array<Word<BaselineFit>>(
      {{"same-batch", BaselineFit::same_batch}, {"previous-batch", BaselineFit::previous_batch}});
}

// The linear feature baseline of Duan et al. 2016 (arXiv 1604.06778), as rllab and MAML's official code have it:
//   φ(s, t) = [s̃, s̃², t/100, (t/100)², (t/100)³, 1]  with s̃ = s clipped to ±10
//   (ΦᵀΦ + εI) w = ΦᵀG,  ε = 10⁻⁵, ten times more up to five times where that is not positive definite.
// Returns w, (B, 2·observation size + 4, 1) f64: one fit per task, or one for all of them repeated (pooled).
Tensor fit_linear_baseline(const Trajectories& trajectories, const Tensor& returns, bool pooled = false);
// φ·w on every row, 0 on padding: (B, rows, 1).
Tensor predict_linear_baseline(const Trajectories& trajectories, const Tensor& weights);

// b of every row, (B, rows, 1), for returns-to-go G. `weights` is the fitted state: the last batch's on entry (empty at
// first), this batch's on return; (B, features, 1) for linear, (B, 1, 1) for mean, untouched for none.
// A network is none of these: Error.
Tensor baseline_values(BaselineKind kind, BaselineFit fit, const Trajectories& trajectories, const Tensor& returns,
                       Tensor& weights, bool pooled = false);
// The shape of those weights for B tasks; empty for none and network.
Shape baseline_weights_shape(BaselineKind kind, int tasks, int observation_size);

}  // namespace innerloop::rl
