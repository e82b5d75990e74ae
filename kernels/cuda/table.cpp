#include "kernels/cuda/table.h"

#include "kernels/cuda/cublas.h"
#include "kernels/cuda/mlp.h"
#include "kernels/cuda/slices.h"

namespace innerloop::kernels {

// Defined in table.cu, once for each way in which it is compiled.
namespace cuda {
DeviceKernel kernel_of(Dtype dtype, Op op);
}
namespace simt_host {
DeviceKernel kernel_of(Dtype dtype, Op op);
}

DeviceKernel find_device_kernel(Device device, Dtype dtype, Op op) {
  if (op >= Op::count_) return nullptr;
  if (device == Device::simt) return simt_host::kernel_of(dtype, op);
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda::kernel_of(dtype, op);
#endif
  return nullptr;
}

std::size_t device_workspace(Device device, Dtype dtype, Op op, const DeviceCall& call) {
  if (const std::size_t bytes = gemm_workspace(device, op, call)) return bytes;
  if (const std::size_t bytes = slices_workspace(op, dtype, call)) return bytes;
  if (op != Op::mlp_bwd && op != Op::mlp_hvp) return 0;
  if (device == Device::simt) return simt_host::plan_mlp(op, dtype, call).workspace_bytes;
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda::plan_mlp(op, dtype, call).workspace_bytes;
#endif
  return 0;
}

}  // namespace innerloop::kernels
