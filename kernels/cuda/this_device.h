// The device that a kernel file is being compiled for, and what plans ask of it. Internal to kernels/cuda.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {

#if defined(__CUDACC__)
constexpr Device backend_device = Device::cuda;
#else
constexpr Device backend_device = Device::simt;
#endif

inline DeviceProperties this_device() { return device_api(backend_device).properties(); }

}  // namespace innerloop::kernels::SIMT_BACKEND
