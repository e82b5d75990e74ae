// First step of the LSTM's backward ladder: two launches per time step, a thread per cell.
//
// One launch takes a step's cotangents through the cell, the next one through Uᵀ to the step before. The launches are
// what makes a step wait for the one after it; all that passes between them lies in global memory. That is what the
// last step, kernels/cuda/lstm.cu, ends.
#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/ladder/network_steps.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// The operands of lstm_sequence_bwd; sizes as in kernels/reference/lstm.h. The last 2·N rows of the result, dh0 and
// dc0, hold what step t sends to the step before, all the way down.
struct LstmBackward {
  View<float> out;  // (4·T·N + 2·N, H)
  View<const float> packed, u, c0, reset, bar;
  int steps;

  SIMT_DEVICE int cells() const { return c0.cols; }
  SIMT_DEVICE int rows() const { return steps * c0.rows; }
  SIMT_DEVICE float* h_bar(int task) const { return out.task(task) + static_cast<std::size_t>(rows()) * 4 * cells(); }
  SIMT_DEVICE float* c_bar(int task) const { return h_bar(task) + c0.size(); }
  SIMT_DEVICE bool cleared(int task, int r) const { return reset.task(task)[r] != 0; }
};

SIMT_KERNEL void through_cells(LstmBackward p, int t) {
  const int cells = p.cells(), batch = p.c0.rows, task = static_cast<int>(blockIdx.y);
  const int index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (index >= batch * cells) return;
  const int n = index / cells, k = index % cells, r = t * batch + n;
  const float *packed = p.packed.task(task), *bar = p.bar.task(task);
  const auto of = [&](const float* six, int block, int row) {
    return six[(static_cast<std::size_t>(block) * p.rows() + row) * cells + k];
  };
  const bool last = t + 1 == p.steps, cleared = p.cleared(task, r);
  const float i = of(packed, 0, r), f = of(packed, 1, r), g = of(packed, 2, r), o = of(packed, 3, r);
  const float tanh_c = vecmath::tanh(of(packed, 4, r));
  const float c_before = cleared ? 0.0f : t == 0 ? p.c0.task(task)[index] : of(packed, 4, r - batch);
  const float h = of(bar, 5, r) + (last ? 0.0f : p.h_bar(task)[index]);
  const float c = of(bar, 4, r) + (last ? 0.0f : p.c_bar(task)[index]) + h * o * (1.0f - tanh_c * tanh_c);
  float* z_bar = p.out.task(task) + static_cast<std::size_t>(r) * 4 * cells + k;
  z_bar[0] = (of(bar, 0, r) + c * g) * i * (1.0f - i);
  z_bar[cells] = (of(bar, 1, r) + c * c_before) * f * (1.0f - f);
  z_bar[2 * cells] = (of(bar, 2, r) + c * i) * (1.0f - g * g);
  z_bar[3 * cells] = (of(bar, 3, r) + h * tanh_c) * o * (1.0f - o);
  p.c_bar(task)[index] = cleared ? 0.0f : c * f;
}

SIMT_KERNEL void through_u(LstmBackward p, int t) {
  const int cells = p.cells(), batch = p.c0.rows, task = static_cast<int>(blockIdx.y);
  const int index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (index >= batch * cells) return;
  const int n = index / cells, l = index % cells, r = t * batch + n;
  const float* z_bar = p.out.task(task) + static_cast<std::size_t>(r) * 4 * cells;
  const float* u = p.u.task(task) + static_cast<std::size_t>(l) * 4 * cells;
  float sum = 0;
  for (int j = 0; j < 4 * cells; ++j) sum = vecmath::mul_add(z_bar[j], u[j], sum);
  p.h_bar(task)[index] = p.cleared(task, r) ? 0.0f : sum;
}

}  // namespace

void lstm_backward_naive(const DeviceCall& call) {
  const auto in = [&](int k) { return view<const float>(call.in[k]); };
  const LstmBackward p{view<float>(call.out), in(0), in(1), in(3), in(4), in(5), call.attr.i};
  const unsigned blocks = (static_cast<unsigned>(p.c0.size()) + threads_per_block - 1) / threads_per_block;
  const simt::Launch shape{.grid = dim3(blocks, static_cast<unsigned>(call.tasks)),
                           .block = threads_per_block,
                           .stream = call.stream};
  for (int t = p.steps - 1; t >= 0; --t) {
    simt::launch(shape, through_cells, p, t);
    simt::launch(shape, through_u, p, t);
  }
}

}  // namespace innerloop::kernels::SIMT_BACKEND
