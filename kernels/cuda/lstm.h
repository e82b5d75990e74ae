// How the fused LSTM kernels (lstm.cu) will run a call.
#pragma once

#include "kernels/cuda/call.h"

namespace innerloop::kernels {

struct LstmPlan {
  bool resident = false;     // U, or the block's part of it, lies in shared memory
  bool cooperative = false;  // the cells are split over blocks that wait for each other at every step
  int rows = 0, cells = 0;   // of a block
  int tile_rows = 0;         // rows that a block takes through a step at once
  int row_slices = 0, cell_slices = 0;
  std::size_t shared_bytes = 0;
};

namespace cuda {
LstmPlan plan_lstm(Op op, Dtype dtype, const DeviceCall& call);
}
namespace simt_host {
LstmPlan plan_lstm(Op op, Dtype dtype, const DeviceCall& call);
}

}  // namespace innerloop::kernels
