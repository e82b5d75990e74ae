// The meta-gradient estimators on a problem that can be written out: how far off is each, and how much does it vary?
//
// Two states, two actions, three steps (two-state-v1): 64 trajectories. With N of them explored, the estimators' means
// and spreads over all that might have been explored are sums; the outer gradient is exact. Compared with ∇J_E, the
// gradient of what adapting on N trajectories earns (meta/e_maml.h).
#pragma once

#include <array>
#include <string>
#include <vector>

namespace innerloop::meta {

inline constexpr double estimator_table_alpha = 0.5;

// One estimator with N inner trajectories.
struct EstimatorRow {
  std::string estimator;
  std::array<double, 4> mean{};  // expected meta-gradient
  double bias = 0;               // ‖mean − ∇J_E‖/‖∇J_E‖
  double bias_error = 0;         // its standard error; 0 if enumerated
  double cosine = 0;             // of mean and ∇J_E
  double spread = 0;             // √E‖g − mean‖²/‖∇J_E‖ of one estimate (one task)
};
struct EstimatorTable {
  int trajectories = 0;  // N; 0: infinitely many
  int samples = 0;       // drawn; 0: enumerated
  std::vector<EstimatorRow> rows;
};

// N up to 3 by enumeration, larger N from `samples` draws; 0 with the exact inner gradient and Hessian, where the truth
// is the gradient of J(θ + α∇J(θ)) and nothing varies. reward_shift is added to every reward.
EstimatorTable estimator_table(int trajectories, int samples = 20000, double reward_shift = 0);
// Tables for N = 1, 2, 3, 5, 10, 20 and ∞, and the shifts −1, 0, 1, 5 for N = ∞, as text.
std::string estimator_report();

}  // namespace innerloop::meta
