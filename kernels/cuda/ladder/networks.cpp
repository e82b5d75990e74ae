#include "kernels/cuda/ladder/networks.h"

#include <algorithm>

#include "kernels/cuda/ladder/network_steps.h"
#include "kernels/cuda/table.h"
#include "kernels/mlp_operands.h"

namespace innerloop::kernels {
namespace {

NetworkStep fused(Device device, Op op) { return {"fused", find_device_kernel(device, Dtype::f32, op)}; }

}  // namespace

std::span<const NetworkStep> mlp_ladder(Device device) {
  static const NetworkStep emulated[] = {
      {"naive", simt_host::mlp_naive}, {"tiled", simt_host::mlp_tiled}, fused(Device::simt, Op::mlp)};
  if (device == Device::simt) return emulated;
#ifdef INNERLOOP_HAS_CUDA
  static const NetworkStep real[] = {
      {"naive", cuda::mlp_naive}, {"tiled", cuda::mlp_tiled}, fused(Device::cuda, Op::mlp)};
  if (device == Device::cuda) return real;
#endif
  return {};
}

std::span<const NetworkStep> mlp_backward_ladder(Device device) {
  static const NetworkStep emulated[] = {{"naive", simt_host::mlp_backward_naive}, fused(Device::simt, Op::mlp_bwd)};
  if (device == Device::simt) return emulated;
#ifdef INNERLOOP_HAS_CUDA
  static const NetworkStep real[] = {{"naive", cuda::mlp_backward_naive}, fused(Device::cuda, Op::mlp_bwd)};
  if (device == Device::cuda) return real;
#endif
  return {};
}

std::span<const NetworkStep> lstm_ladder(Device device) {
  static const NetworkStep emulated[] = {{"naive", simt_host::lstm_naive},
                                         {"one launch", simt_host::lstm_one_launch},
                                         fused(Device::simt, Op::lstm_sequence)};
  if (device == Device::simt) return emulated;
#ifdef INNERLOOP_HAS_CUDA
  static const NetworkStep real[] = {
      {"naive", cuda::lstm_naive}, {"one launch", cuda::lstm_one_launch}, fused(Device::cuda, Op::lstm_sequence)};
  if (device == Device::cuda) return real;
#endif
  return {};
}

std::span<const NetworkStep> lstm_backward_ladder(Device device) {
  static const NetworkStep emulated[] = {{"naive", simt_host::lstm_backward_naive},
                                         fused(Device::simt, Op::lstm_sequence_bwd)};
  if (device == Device::simt) return emulated;
#ifdef INNERLOOP_HAS_CUDA
  static const NetworkStep real[] = {{"naive", cuda::lstm_backward_naive}, fused(Device::cuda, Op::lstm_sequence_bwd)};
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

// Every hidden layer, for all tasks.
std::size_t mlp_backward_ladder_workspace(const DeviceCall& call) {
  const MlpOperands at = mlp_operands(Op::mlp_bwd, call.arity, call.attr);
  std::size_t units = 0;
  for (int l = 0; l + 1 < at.layers; ++l) units += static_cast<std::size_t>(call.in[at.bias(l)].cols);
  return sizeof(float) * units * static_cast<std::size_t>(call.in[0].rows) * static_cast<std::size_t>(call.tasks);
}

}  // namespace innerloop::kernels
