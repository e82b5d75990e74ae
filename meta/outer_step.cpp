#include "meta/outer_step.h"

#include <string>

#include "kernels/require.h"

namespace innerloop::meta {

// region: outer
ParamValues OuterStep::operator()(const ParamValues& theta, const OuterProblem& problem, std::string_view who,
                                  rl::Metrics& metrics) {
  const Tensors& gradient = problem.gradient;
  if (!gradient.all_finite())
    throw NonFiniteError(std::string(who) + ": the meta-gradient is not finite. Try a smaller alpha.");
  metrics.push_back({"gradient_norm", norm(gradient)});
  if (config_.outer == OuterOptimiser::adam) {
    ParamValues next = theta;
    nn::adam_step(next, gradient, moments_, {.learning_rate = config_.learning_rate}, -1);
    return next;
  }

  // Maximise the surrogate subject to mean KL ≤ δ between the adapted policies (Finn 2017, section 5.3: TRPO).
  const rl::TrustRegionConfig region{.delta = config_.delta,
                                     .cg_iterations = config_.cg_iterations,
                                     .cg_damping = config_.cg_damping,
                                     .curvature_floor = 1e-8,
                                     .bad_curvature = rl::TrustRegionConfig::BadCurvature::error};
  rl::TrustRegionStep step = rl::trust_region_update(theta, gradient, problem.objective, problem.cg_iterate,
                                                     problem.evaluate, region, who);
  metrics.insert(metrics.end(), {{"kl", step.search.point.kl},
                                 {"improvement", step.search.point.objective - problem.objective},
                                 {"step_fraction", step.search.fraction},
                                 {"cg_iterations", static_cast<double>(step.cg.iterations)},
                                 {"cg_residual", step.cg.residual}});
  return std::move(step.search.theta);
}
// endregion

const rl::Options<OuterConfig>& outer_options() {
  using Config = OuterConfig;
  static const auto options =
      rl::Options<Config>()
          .add("outer", &Config::outer, "optimiser of the meta-parameters")
          .add("delta", &Config::delta, {1e-12, 1000}, "trpo: bound on the mean KL of the adapted policies")
          .add("cg_iterations", &Config::cg_iterations, {1, 10000}, "trpo: conjugate-gradient iterations")
          .add("cg_damping", &Config::cg_damping, {0, 1000}, "trpo: added to the curvature's diagonal")
          .add("learning_rate", &Config::learning_rate, {0, 1000}, "adam: step size");
  return options;
}

}  // namespace innerloop::meta
