#include "nn/temporal_conv.h"

#include "autodiff/ops.h"

namespace innerloop::nn {

Var temporal_conv(At x, At weights, At bias, int kernel, int stride) {
  return dense({windows(x, kernel, stride), x.where}, weights, bias, Activation::identity);
}

Var leaky_relu(At a, double slope) {
  require(slope > 0 && slope < 1, "leaky_relu: the slope must lie between 0 and 1", a.where);
  return maximum(a, At{a * slope, a.where});
}

}  // namespace innerloop::nn
