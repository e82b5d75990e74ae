// How the fused network kernels (mlp.cu) will run a call.
#pragma once

#include <span>

#include "kernels/cuda/call.h"

namespace innerloop::kernels {

struct MlpPlan {
  int log_groups = 0;  // a tile has 4·2^log_groups rows
  bool resident = false;       // the weights lie in shared memory
  bool resident_sums = false;  // and so do the sums of the gradients
  int slices = 1;              // blocks that share a task's rows
  std::size_t shared_bytes = 0;
  std::size_t workspace_bytes = 0;  // DeviceCall::workspace that mlp_bwd and mlp_hvp can use; without it, one slice
};

// Whether a network of these widths (inputs, hidden layers, outputs) should be one operation on this device: weights
// and their tangents fit into shared memory, with a tile of 16 rows, so that no pass reads weights again and again.
// Beyond, layers one by one are faster: products as large as these keep the device busy by themselves.
bool mlp_fits(Device device, std::span<const int> widths, Dtype dtype);

// The plan of a device that this build has kernels for; Error for another one.
MlpPlan plan_mlp(Device device, Op op, Dtype dtype, const DeviceCall& call);

namespace cuda {
MlpPlan plan_mlp(Op op, Dtype dtype, const DeviceCall& call);
}
namespace simt_host {
MlpPlan plan_mlp(Op op, Dtype dtype, const DeviceCall& call);
}

}  // namespace innerloop::kernels
