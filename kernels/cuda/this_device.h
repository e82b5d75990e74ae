// What the plans of fused kernels ask of the device they will run on. Internal to kernels/cuda.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {

inline const DeviceProperties& this_device() {
#if defined(__CUDACC__)
  constexpr Device device = Device::cuda;
#else
  constexpr Device device = Device::simt;
#endif
  static const DeviceProperties properties = device_api(device).properties();
  return properties;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
