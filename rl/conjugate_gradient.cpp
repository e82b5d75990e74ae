#include "rl/conjugate_gradient.h"

#include <cmath>

namespace innerloop::rl {

ConjugateGradientResult conjugate_gradient(const std::function<Tensors(const Tensors&)>& product, const Tensors& b,
                                           int iterations, double residual_tolerance) {
  // x = 0: residual and first direction are both b.
  ConjugateGradientResult result{.x = 0.0 * b};
  Tensors r = b, p = b;
  double rr = dot(r, r);

  while (result.iterations < iterations && rr >= residual_tolerance) {
    // The step that minimises ½xᵀAx − bᵀx along p.
    const Tensors Ap = product(p);
    ++result.iterations;
    const double curvature = dot(p, Ap);
    if (!(curvature > 0) || !std::isfinite(curvature)) {
      result.stopped = true;
      break;
    }
    const double step = rr / curvature;
    result.x = result.x + step * p;
    r = r - step * Ap;

    // The next direction: the residual, made A-conjugate to all directions before.
    const double rr_next = dot(r, r);
    p = r + (rr_next / rr) * p;
    rr = rr_next;
  }
  result.residual = std::sqrt(rr);
  return result;
}

}  // namespace innerloop::rl
