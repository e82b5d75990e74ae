#include "kernels/cuda/table.h"

#include "kernels/cuda/cublas.h"
#include "kernels/cuda/mlp.h"
#include "kernels/cuda/slices.h"
#include "kernels/require.h"

namespace innerloop::kernels {

// Defined in table.cu, once for each way in which it is compiled.
namespace cuda {
DeviceKernel kernel_of(Dtype dtype, Op op);
}
namespace simt_host {
DeviceKernel kernel_of(Dtype dtype, Op op);
}

DeviceKernel find_device_kernel([[maybe_unused]] Device device, [[maybe_unused]] Dtype dtype, Op op) {
  if (op >= Op::count_) return nullptr;
#ifndef INNERLOOP_WITHOUT_EMULATOR
  if (device == Device::simt) return simt_host::kernel_of(dtype, op);
#endif
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda::kernel_of(dtype, op);
#endif
  return nullptr;
}

std::size_t device_workspace(Device device, Dtype dtype, Op op, const DeviceCall& call) {
  if (const std::size_t bytes = gemm_workspace(device, op, call)) return bytes;
  if (const std::size_t bytes = slices_workspace(op, dtype, call)) return bytes;
  if ((op != Op::mlp_bwd && op != Op::mlp_hvp) || find_device_kernel(device, dtype, op) == nullptr) return 0;
  return plan_mlp(device, op, dtype, call).workspace_bytes;
}

MlpPlan plan_mlp(Device device, [[maybe_unused]] Op op, [[maybe_unused]] Dtype dtype,
                 [[maybe_unused]] const DeviceCall& call) {
#ifndef INNERLOOP_WITHOUT_EMULATOR
  if (device == Device::simt) return simt_host::plan_mlp(op, dtype, call);
#endif
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda::plan_mlp(op, dtype, call);
#endif
  throw Error(std::string("this build has no kernels for device ") + name_of(device));
}

}  // namespace innerloop::kernels
