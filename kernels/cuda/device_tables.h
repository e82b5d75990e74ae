// The two tables behind device_api().
#pragma once

#include "kernels/cuda/device.h"

namespace innerloop::kernels {

extern const DeviceApi simt_device_api;
extern const DeviceApi cuda_device_api;      // exists in builds with nvcc only, as the next function
std::string why_cuda_is_unavailable();

}  // namespace innerloop::kernels
