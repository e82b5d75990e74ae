// The fused layer act(x·W + b).
#include <algorithm>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/table.h"

namespace innerloop::kernels::cpu {
namespace {

// A block of rows at a time: what the product has written is activated while it lies in the first-level cache.
template <class T>
void dense(const Call& call) {
  constexpr int block_bytes = 16 * 1024;
  const Matrix &x = call.in[0], &weights = call.in[1], &y = call.out;
  const auto activation = static_cast<Activation>(call.attr.i);
  const int fit = block_bytes / static_cast<int>(sizeof(T)) / y.cols;
  const int block_rows = activation == Activation::identity ? y.rows : std::max(48, fit / 48 * 48);
  for (int r = 0; r < y.rows; r += block_rows) {
    const int rows = std::min(block_rows, y.rows - r);
    gemm_bias(rows, y.cols, x.cols, row<T>(x, r), x.cols, weights.as<T>(), y.cols, call.in[2].as<T>(), row<T>(y, r),
              y.cols);
    activate(activation, row<T>(y, r), count(rows) * count(y.cols));
  }
}

}  // namespace

std::span<const KernelRow> dense_rows() {
  static constexpr KernelRow rows[] = {{Op::dense, dense<float>, dense<double>}};
  return rows;
}

}  // namespace innerloop::kernels::cpu
