// One step in a trust region: what TRPO does with its policy, and MAML with what its policies adapt from.
//
// Along x ≈ A⁻¹g, where A is the curvature of the mean KL, the step s with ½sᵀAs = δ raises the objective most, to
// first order; a line search then takes the largest fraction of it that truly improves it within δ.
#pragma once

#include <string_view>

#include "rl/conjugate_gradient.h"
#include "rl/line_search.h"

namespace innerloop::rl {

struct TrustRegionConfig {
  double delta = 0.01;          // mean KL of a step (TRPO: 0.01)
  int cg_iterations = 10;       // (TRPO: 10)
  double cg_damping = 1e-5;     // A + damping·1: dead units make A singular (rllab 1e-5; baselines, Spinning Up 0.1)
  double backtrack = 0.8;       // (rllab 0.8, 15 trials)
  int backtracks = 15;
  double curvature_floor = 0;   // added to xᵀAx before the step is scaled (rllab and MAML's code: 1e-8)
  enum class BadCurvature : std::uint8_t {
    stay,   // xᵀAx ≤ 0 or not finite: no step
    error,  // xᵀAx < 0 or not finite: an Error
  } bad_curvature = BadCurvature::stay;
};

struct TrustRegionStep {
  LineSearchResult search;
  ConjugateGradientResult cg;
  Tensors full_step;  // s, with ½sᵀ(A + damping)s = δ
  double objective_before = 0;
  double gradient_norm = 0;
};

// The step s = √(2δ/(xᵀAx + floor))·x. What is done where xᵀAx is not a positive number: config.bad_curvature. `who`
// begins the message of an error: "maml, iteration 3".
Tensors trust_region_step(const Tensors& x, double xAx, const TrustRegionConfig& config, std::string_view who = "");

// g: the gradient of the objective at theta, whose value is objective_before. iterate: one conjugate-gradient iteration
// with A = curvature + damping·1 (the caller's Function knows the damping). evaluate: objective and KL at a candidate.
TrustRegionStep trust_region_update(const ParamValues& theta, const Tensors& g, double objective_before,
                                    const CgIterate& iterate,
                                    const std::function<TrialPoint(const ParamValues&)>& evaluate,
                                    const TrustRegionConfig& config, std::string_view who = "");

}  // namespace innerloop::rl
