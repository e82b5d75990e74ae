// First step of the LSTM's ladder: a launch per time step, a thread per cell.
//
// The launch is what makes a step wait for the one before. State and U are read from global memory at every step, and a
// step of few cells costs as much as a launch.
#include "kernels/cuda/ladder/lstm_cell.h"
#include "kernels/cuda/ladder/network_steps.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

SIMT_KERNEL void time_step(LstmOperands p, int s) {
  const int cells = p.h0.cols, batch = p.h0.rows, rows = p.steps * batch, task = static_cast<int>(blockIdx.y);
  const int index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (index >= batch * cells) return;
  const int n = index / cells, k = index % cells, r = s * batch + n;
  const bool cleared = p.reset.task(task)[r] != 0;
  const float* h = s == 0 ? p.h0.task(task) + n * cells
                          : p.packed.task(task) + (static_cast<std::size_t>(5) * rows + r - batch) * cells;
  lstm_cell(p, task, s, n, k, [&](int l) { return cleared ? 0.0f : h[l]; });
}

}  // namespace

void lstm_naive(const DeviceCall& call) {
  const LstmOperands p = lstm_operands(call);
  const unsigned blocks = (static_cast<unsigned>(p.h0.size()) + threads_per_block - 1) / threads_per_block;
  for (int s = 0; s < p.steps; ++s)
    simt::launch({.grid = dim3(blocks, static_cast<unsigned>(p.tasks)), .block = threads_per_block,
                  .stream = call.stream},
                 time_step, p, s);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
