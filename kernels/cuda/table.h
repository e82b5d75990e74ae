// From (device, dtype, operation) to a kernel that works on all tasks at once.
#pragma once

#include <span>

#include "kernels/cuda/call.h"

namespace innerloop::kernels {

// device: Device::cuda or Device::simt. Null for leaves, for Device::cpu, for Device::cuda where innerloop was
// built without nvcc, and for Device::simt where the emulator was left out.
DeviceKernel find_device_kernel(Device device, Dtype dtype, Op op);

// The bytes of DeviceCall::workspace that the kernel of `op` can use for this call (only sizes, tasks and attr count).
// It is right without them, and slower. Not during a capture: the library that a product goes to may have to be opened.
std::size_t device_workspace(Device device, Dtype dtype, Op op, const DeviceCall& call);

}  // namespace innerloop::kernels
