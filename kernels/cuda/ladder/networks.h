// The ladders of layered and recurrent networks, f32: forward in three steps, backward in two. One file per step but
// the last, which is the kernel that the operator table uses.
//
//   mlp   naive: a launch per layer, a thread per number       tiled: the same, tiles in shared memory     fused
//         backward, naive: three launches per layer                                                       fused
//   lstm  naive: a launch per time step, a thread per cell      one launch: a block per row walks in time   fused
//         backward, naive: two launches per time step                                                     fused
#pragma once

#include <span>

#include "kernels/cuda/call.h"

namespace innerloop::kernels {

struct NetworkStep {
  const char* name;
  DeviceKernel run;  // of a call of the ladder's operation
};

// The steps, slowest first; empty for Device::cuda in builds without nvcc.
std::span<const NetworkStep> mlp_ladder(Device device);            // Op::mlp
std::span<const NetworkStep> mlp_backward_ladder(Device device);   // Op::mlp_bwd
std::span<const NetworkStep> lstm_ladder(Device device);           // Op::lstm_sequence
std::span<const NetworkStep> lstm_backward_ladder(Device device);  // Op::lstm_sequence_bwd

// Bytes of DeviceCall::workspace that the steps of mlp_ladder before the last need: hidden layers pass through it. And
// those of mlp_backward_ladder, which keeps all of them.
std::size_t mlp_ladder_workspace(const DeviceCall& call);
std::size_t mlp_backward_ladder_workspace(const DeviceCall& call);

}  // namespace innerloop::kernels
