// Backtracking line search under a KL constraint: the largest of a few shrinking steps that improves and stays close.
#pragma once

#include <functional>

#include "autodiff/tensor.h"

namespace innerloop::rl {

struct LineSearchConfig {
  double max_kl = 0.01;    // δ
  double backtrack = 0.8;  // each step is this times the one before
  int trials = 15;
};

// What a point is evaluated by.
struct TrialPoint {
  double objective = 0;  // to be increased
  double kl = 0;         // KL(π_old ‖ π) there
};

struct LineSearchResult {
  ParamValues theta;  // the accepted point, or theta_old with the same bits
  bool accepted = false;
  int trials = 0;       // points evaluated
  double fraction = 0;  // of the full step; 0 if nothing was accepted
  TrialPoint point;     // at theta; if nothing was accepted: the old objective and KL 0
};

// Tries θ = θ_old + backtrack^j·step for j = 0, 1, …: takes the first one with objective > objective_old and KL ≤
// max_kl. NaN or infinity in either counts as refusal. theta_old and step are never written to.
LineSearchResult line_search(const ParamValues& theta_old, const Tensors& step, double objective_old,
                             const std::function<TrialPoint(const ParamValues&)>& evaluate,
                             const LineSearchConfig& config = {});

}  // namespace innerloop::rl
