// Second step of the LSTM's ladder: one launch, in which a block takes one row of the batch through all time steps.
//
// Rows do not depend on each other, so no block waits for another: a barrier of the block takes the launch's place. The
// state lies in shared memory, but all of U is still read from global memory (its cache, at best) at every step, by
// every block. That is what the last step, kernels/cuda/lstm.cu, ends.
#include "kernels/cuda/ladder/lstm_cell.h"
#include "kernels/cuda/ladder/network_steps.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

SIMT_KERNEL void walk_in_time(LstmOperands p) {
  SIMT_DYN_SHARED(raw);
  simt::Carver carver{raw};
  const int cells = p.h0.cols, batch = p.h0.rows, rows = p.steps * batch;
  const int n = static_cast<int>(blockIdx.x), task = static_cast<int>(blockIdx.y);
  float* h = carver.take<float>(static_cast<std::size_t>(cells));
  for (int s = 0; s < p.steps; ++s) {
    const int r = s * batch + n;
    const bool cleared = p.reset.task(task)[r] != 0;
    const float* before = s == 0 ? p.h0.task(task) + n * cells
                                 : p.packed.task(task) + (static_cast<std::size_t>(5) * rows + r - batch) * cells;
    for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x))
      h[k] = cleared ? 0.0f : before[k];
    __syncthreads();
    for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x))
      lstm_cell(p, task, s, n, k, [&](int l) { return h[l]; });
    __syncthreads();  // all have read h
  }
}

}  // namespace

void lstm_one_launch(const DeviceCall& call) {
  const LstmOperands p = lstm_operands(call);
  simt::launch({.grid = dim3(static_cast<unsigned>(p.h0.rows), static_cast<unsigned>(p.tasks)),
                .block = threads_per_block,
                .shared_bytes = simt::carved<float>(static_cast<std::size_t>(p.h0.cols)),
                .stream = call.stream},
               walk_in_time, p);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
