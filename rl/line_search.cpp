#include "rl/line_search.h"

#include <cmath>

namespace innerloop::rl {

LineSearchResult line_search(const ParamValues& theta_old, const Tensors& step, double objective_old,
                             const std::function<TrialPoint(const ParamValues&)>& evaluate,
                             const LineSearchConfig& config) {
  LineSearchResult result{.theta = theta_old, .point = {.objective = objective_old}};
  double fraction = 1;
  while (result.trials < config.trials) {
    const ParamValues theta = theta_old + fraction * step;
    const TrialPoint point = evaluate(theta);
    ++result.trials;

    // Both conditions, written so that NaN fails them.
    const bool improves = point.objective > objective_old && std::isfinite(point.objective);
    const bool stays_close = point.kl <= config.max_kl && std::isfinite(point.kl);
    if (improves && stays_close) {
      result.theta = theta;
      result.accepted = true;
      result.fraction = fraction;
      result.point = point;
      break;
    }
    fraction *= config.backtrack;
  }
  return result;
}

}  // namespace innerloop::rl
