// How the fused network kernels (mlp.cu) will run a call.
#pragma once

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

namespace cuda {
MlpPlan plan_mlp(Op op, Dtype dtype, const DeviceCall& call);
}
namespace simt_host {
MlpPlan plan_mlp(Op op, Dtype dtype, const DeviceCall& call);
}

}  // namespace innerloop::kernels
