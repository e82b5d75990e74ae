#include "nn/temporal_conv.h"

#include <string>
#include <vector>

#include "autodiff/ops.h"

namespace innerloop::nn {

// Windows one below the other are rows of x, gathered; a window's rows side by side are the same numbers in another
// shape. So the derivatives of every order are those of a lookup and of a product.
Var temporal_conv(At x, At weights, At bias, int kernel, int stride) {
  const Shape shape = x.var.shape();
  require(kernel >= 1 && stride >= 1, "temporal_conv: the kernel's length and the stride must be at least 1", x.where);
  require(shape.rows >= kernel, [&] {
    return "temporal_conv: " + std::to_string(shape.rows) + " steps are fewer than one window of " +
           std::to_string(kernel) + " (nothing is padded)";
  }, x.where);
  const int windows = (shape.rows - kernel) / stride + 1;
  std::vector<double> rows;
  for (int k = 0; k < windows; ++k)
    for (int r = 0; r < kernel; ++r) rows.push_back(k * stride + r);
  const Tensor index = Tensor::from({1, windows * kernel, 1}, rows, x.var.graph->dtype());
  const Var gathered = gather_rows(x, x.var.graph->constant(index, x.where));  // (tasks, windows·kernel, C)
  return dense({reshape({gathered, x.where}, windows, kernel * shape.cols), x.where}, weights, bias,
               Activation::identity);
}

Var leaky_relu(At a, double slope) {
  require(slope > 0 && slope < 1, "leaky_relu: the slope must lie between 0 and 1", a.where);
  return maximum(a, At{a * slope, a.where});
}

}  // namespace innerloop::nn
