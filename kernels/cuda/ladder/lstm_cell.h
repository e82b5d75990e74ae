// The cell of the LSTM, as the first steps of its ladder compute it.
#pragma once

#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/ladder/networks.h"

namespace innerloop::kernels::SIMT_BACKEND {

// The operands of lstm_sequence; sizes as in kernels/reference/lstm.h.
struct LstmOperands {
  View<float> packed;  // (6·T·N, H): blocks i, f, g, o, c, h
  View<const float> z, u, h0, c0, reset;
  int steps, tasks;
};

inline LstmOperands lstm_operands(const DeviceCall& call) {
  const auto in = [&](int k) { return view<const float>(call.in[k]); };
  return {view<float>(call.out), in(0), in(1), in(2), in(3), in(4), call.attr.i, call.tasks};
}

// Cell k of row n at step s, with h before the step given by h(l): gates, cell, output.
template <class State>
SIMT_DEVICE void lstm_cell(const LstmOperands& p, int task, int s, int n, int k, State h) {
  const int batch = p.h0.rows, cells = p.h0.cols, rows = p.steps * batch, r = s * batch + n;
  const float *u = p.u.task(task), *z = p.z.task(task) + static_cast<std::size_t>(r) * 4 * cells;
  float* packed = p.packed.task(task);
  float pre[4];
  for (int gate = 0; gate < 4; ++gate) pre[gate] = z[gate * cells + k];
  for (int l = 0; l < cells; ++l)
    for (int gate = 0; gate < 4; ++gate)
      pre[gate] = vecmath::mul_add(h(l), u[static_cast<std::size_t>(l) * 4 * cells + gate * cells + k], pre[gate]);

  const auto at = [&](int block, int row) { return (static_cast<std::size_t>(block) * rows + row) * cells + k; };
  const float c_before = p.reset.task(task)[r] != 0 ? 0.0f
                         : s == 0                   ? p.c0.task(task)[n * cells + k]
                                                    : packed[at(4, r - batch)];
  const float i = vecmath::sigmoid(pre[0]), f = vecmath::sigmoid(pre[1]), g = vecmath::tanh(pre[2]);
  const float o = vecmath::sigmoid(pre[3]), c = f * c_before + i * g;
  const float blocks[] = {i, f, g, o, c, o * vecmath::tanh(c)};
  for (int b = 0; b < 6; ++b) packed[at(b, r)] = blocks[b];
}

}  // namespace innerloop::kernels::SIMT_BACKEND
