// The families' rows, put where their operation's number says.
#include <array>

#include "kernels/cuda/families.h"

namespace innerloop::kernels::SIMT_BACKEND {

DeviceKernel kernel_of(Dtype dtype, Op op) {
  static const auto table = [] {
    std::array<DeviceKernelRow, static_cast<std::size_t>(Op::count_)> rows{};
    for (auto family : {elementwise_kernels(), move_kernels(), sum_kernels(), distribution_kernels(), gemm_kernels(),
                        recurrence_kernels(), lstm_kernels(), lstm_curvature_kernels(), gru_kernels(),
                        mlp_kernels()})
      for (const DeviceKernelRow& row : family) rows[static_cast<std::size_t>(row.op)] = row;
    return rows;
  }();
  const DeviceKernelRow& row = table[static_cast<std::size_t>(op)];
  return dtype == Dtype::f32 ? row.f32 : row.f64;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
