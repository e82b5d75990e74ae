#include "kernels/cuda/device.h"

#include "kernels/cuda/device_tables.h"
#include "kernels/require.h"

namespace innerloop::kernels {

std::string why_unavailable(Device device) {
  if (device == Device::cpu) return "device cpu has no table of device functions; it calls kernels/ops.h directly";
  if (device == Device::simt) return "";
#ifdef INNERLOOP_HAS_CUDA
  return why_cuda_is_unavailable();
#else
  return "device cuda: this build has no CUDA code, since no nvcc was found when it was configured. Install the CUDA "
         "Toolkit and build again with CUDA=ON, or use device simt, which emulates the same kernels on the CPU";
#endif
}

const DeviceApi& device_api(Device device) {
  const std::string reason = why_unavailable(device);
  require(reason.empty(), reason);
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda_device_api;
#endif
  return simt_device_api;
}

}  // namespace innerloop::kernels
