// Two ladders of recurrent and layered networks, f32, forward: three steps each, one file per step but the last, which
// is the kernel that the operator table uses.
//
//   mlp   naive: a launch per layer, a thread per number       tiled: the same, tiles in shared memory     fused
//   lstm  naive: a launch per time step, a thread per cell      one launch: a block per row walks in time   fused
#pragma once

#include <span>

#include "kernels/cuda/call.h"

namespace innerloop::kernels {

struct NetworkStep {
  const char* name;
  DeviceKernel run;  // of a call of Op::mlp, or of Op::lstm_sequence
};

// The steps, slowest first; empty for Device::cuda in builds without nvcc.
std::span<const NetworkStep> mlp_ladder(Device device);
std::span<const NetworkStep> lstm_ladder(Device device);

// Bytes of DeviceCall::workspace that the first two steps of mlp_ladder need: hidden layers pass through it.
std::size_t mlp_ladder_workspace(const DeviceCall& call);

}  // namespace innerloop::kernels
