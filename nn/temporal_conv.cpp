#include "nn/temporal_conv.h"

#include <string>
#include <vector>

#include "autodiff/ops.h"

namespace innerloop::nn {

// Blocks of `stride` steps as rows; a window is a block and those behind it, as far as the kernel reaches, as one row.
Var temporal_conv(At x, At weights, At bias, int kernel, int stride) {
  const Shape shape = x.var.shape();
  require(kernel >= 1 && stride >= 1, "temporal_conv: the kernel's length and the stride must be at least 1", x.where);
  require(shape.rows >= kernel, [&] {
    return "temporal_conv: " + std::to_string(shape.rows) + " steps are fewer than one window of " +
           std::to_string(kernel) + " (nothing is padded)";
  }, x.where);
  const int windows = (shape.rows - kernel) / stride + 1, reach = (kernel + stride - 1) / stride;
  // Whole blocks: the last of them may hold zeros, which no kernel reaches.
  const int steps = (windows + reach - 1) * stride;
  Var rows = x.var;
  if (steps > shape.rows) rows = pad_rows({rows, x.where}, 0, steps);
  if (steps < shape.rows) rows = slice_rows({rows, x.where}, 0, steps);
  const Var blocks = reshape({rows, x.where}, windows + reach - 1, stride * shape.cols);
  std::vector<Var> parts;
  for (int k = 0; k < reach; ++k) parts.push_back(slice_rows({blocks, x.where}, k, windows));
  Var seen = concat_cols(parts, x.where);                                          // (tasks, windows, reach·stride·C)
  if (reach * stride > kernel) seen = slice_cols({seen, x.where}, 0, kernel * shape.cols);
  return dense({seen, x.where}, weights, bias, Activation::identity);
}

Var leaky_relu(At a, double slope) {
  require(slope > 0 && slope < 1, "leaky_relu: the slope must lie between 0 and 1", a.where);
  return maximum(a, At{a * slope, a.where});
}

}  // namespace innerloop::nn
