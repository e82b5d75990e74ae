#include "rl/trust_region.h"

#include <cmath>
#include <string>

#include "kernels/require.h"

namespace innerloop::rl {

// region: step
// s = √(2δ/(xᵀAx))·x with x ≈ A⁻¹g: then ½sᵀAs = δ
Tensors trust_region_step(const Tensors& x, double xAx, const TrustRegionConfig& config, std::string_view who) {
  if (config.bad_curvature == TrustRegionConfig::BadCurvature::stay) {
    if (!(xAx > 0) || !std::isfinite(xAx)) return 0.0 * x;
  } else {
    if (!std::isfinite(xAx))
      throw NonFiniteError(std::string(who) +
                           ": the curvature along the search direction is not finite. Try a smaller alpha.");
    require(xAx >= 0, [&] { return std::string(who) + ": the curvature is negative along the search direction"; });
  }
  return std::sqrt(2 * config.delta / (xAx + config.curvature_floor)) * x;
}
// endregion

// region: update
TrustRegionStep trust_region_update(const ParamValues& theta, const Tensors& g, double objective_before,
                                    const CgIterate& iterate,
                                    const std::function<TrialPoint(const ParamValues&)>& evaluate,
                                    const TrustRegionConfig& config, std::string_view who) {
  TrustRegionStep step;
  step.objective_before = objective_before;
  step.gradient_norm = norm(g);

  // x ≈ (A + damping·1)⁻¹ g.
  step.cg = conjugate_gradient(iterate, g, config.cg_iterations);

  // The step whose KL is δ to second order; then the largest fraction of it that truly improves within δ.
  step.full_step = trust_region_step(step.cg.x, curvature_along(iterate, step.cg.x), config, who);
  step.search = line_search(theta, step.full_step, objective_before, evaluate,
                            {.max_kl = config.delta, .backtrack = config.backtrack, .trials = config.backtracks});
  return step;
}
// endregion

}  // namespace innerloop::rl
