// The fused layer act(x·W + b).
#include <algorithm>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/table.h"
#include "kernels/threads.h"

namespace innerloop::kernels::cpu {
namespace {

// The product itself puts in the bias and ReLU. For another activation a block of rows at a time is activated while it
// lies in the first-level cache; in the second-level one where W is so large that every block copies it.
template <class T>
void dense(const Call& call) {
  const Matrix &x = call.in[0], &weights = call.in[1], &y = call.out;
  const auto activation = static_cast<Activation>(call.attr.i);
  const bool by_product = activation == Activation::identity || activation == Activation::relu;
  const std::size_t row_bytes = count(y.cols) * sizeof(T), weight_bytes = row_bytes * count(x.cols);
  const int fit = static_cast<int>((weight_bytes <= 16 * 1024 ? 16 * 1024 : 128 * 1024) / row_bytes);
  const int block_rows = by_product ? y.rows : std::max(48, fit / 48 * 48);
  const auto layer = [&](int block, int) {
    const int r = block * block_rows, rows = std::min(block_rows, y.rows - r);
    gemm_bias(rows, y.cols, x.cols, row<T>(x, r), x.cols, weights.as<T>(), y.cols, call.in[2].as<T>(),
              activation == Activation::relu, row<T>(y, r), y.cols);
    if (!by_product) activate(activation, row<T>(y, r), count(rows) * count(y.cols));
  };
  const int blocks = (y.rows + block_rows - 1) / block_rows;
  if (!by_product && 1.0 * y.rows * y.cols * x.cols >= worth_threads) return parallel_for(blocks, layer);
  for (int block = 0; block < blocks; ++block) layer(block, 0);
}

}  // namespace

std::span<const KernelRow> dense_rows() {
  static constexpr KernelRow rows[] = {{Op::dense, dense<float>, dense<double>}};
  return rows;
}

}  // namespace innerloop::kernels::cpu
