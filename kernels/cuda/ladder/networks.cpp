#include "kernels/cuda/ladder/networks.h"

#include <algorithm>

#include "kernels/cuda/ladder/network_steps.h"
#include "kernels/cuda/table.h"
#include "kernels/mlp_operands.h"

namespace innerloop::kernels {

std::span<const NetworkStep> mlp_ladder(Device device) {
  static const NetworkStep emulated[] = {{"naive", simt_host::mlp_naive},
                                         {"tiled", simt_host::mlp_tiled},
                                         {"fused", find_device_kernel(Device::simt, Dtype::f32, Op::mlp)}};
  if (device == Device::simt) return emulated;
#ifdef INNERLOOP_HAS_CUDA
  static const NetworkStep real[] = {{"naive", cuda::mlp_naive},
                                     {"tiled", cuda::mlp_tiled},
                                     {"fused", find_device_kernel(Device::cuda, Dtype::f32, Op::mlp)}};
  if (device == Device::cuda) return real;
#endif
  return {};
}

std::span<const NetworkStep> lstm_ladder(Device device) {
  static const NetworkStep emulated[] = {{"naive", simt_host::lstm_naive},
                                         {"one launch", simt_host::lstm_one_launch},
                                         {"fused", find_device_kernel(Device::simt, Dtype::f32, Op::lstm_sequence)}};
  if (device == Device::simt) return emulated;
#ifdef INNERLOOP_HAS_CUDA
  static const NetworkStep real[] = {{"naive", cuda::lstm_naive},
                                     {"one launch", cuda::lstm_one_launch},
                                     {"fused", find_device_kernel(Device::cuda, Dtype::f32, Op::lstm_sequence)}};
  if (device == Device::cuda) return real;
#endif
  return {};
}

// Two matrices as wide as the widest hidden layer, for all tasks.
std::size_t mlp_ladder_workspace(const DeviceCall& call) {
  const MlpOperands at = mlp_operands(Op::mlp, call.arity, call.attr);
  int widest = 0;
  for (int l = 0; l + 1 < at.layers; ++l) widest = std::max(widest, call.in[at.bias(l)].cols);
  return 2 * sizeof(float) * static_cast<std::size_t>(widest) * static_cast<std::size_t>(call.in[0].rows) *
         static_cast<std::size_t>(call.tasks);
}

}  // namespace innerloop::kernels
