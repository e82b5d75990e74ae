// Returns and advantages, on values. All are (B, rows, 1) like the trajectories' rewards, 0 on padding, computed in
// f64.
#pragma once

#include "rl/experience/trajectory.h"

namespace innerloop::rl {

// G_t = r_t + γ G_{t+1}, where nothing follows the last step of a trajectory (the time limit counts as an end), or
// where `end_values` (B, rows, 1) holds at each last row the value of the state after it: bootstrapping.
Tensor discounted_returns(const Trajectories& trajectories, double gamma, const Tensor& end_values = {});

// Generalised advantage estimation, GAE(λ): Schulman et al. 2016, arXiv 1506.02438v6, eq. 16.
//   δ_t = r_t + γ V(s_{t+1}) − V(s_t),   A_t = δ_t + γλ A_{t+1}
// values: V(s_t) of every row; end_values as above. λ = 0 gives δ, λ = 1 gives G − V.
Tensor gae(const Trajectories& trajectories, const Tensor& values, double gamma, double lambda,
           const Tensor& end_values = {});

// (x − mean) / (standard deviation + epsilon) over the rows with mask 1: of each task apart, or of all tasks together
// (pooled), for data of one task cut into slices. The deviation is that of the population (divided by the count).
Tensor standardised(const Tensor& x, const Tensor& mask, bool pooled = false, double epsilon = 1e-8);

}  // namespace innerloop::rl
