// Where the numbers of one time step lie in the packed results of the LSTM. Internal to kernels/cpu.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cpu/recurrent.h"

namespace innerloop::kernels::cpu {

enum Block { block_i, block_f, block_g, block_o, block_c, block_h };

// U as the four gates' factors of h·U at every step, while `out`, in six blocks, is filled from the first step to the
// last.
template <class T>
inline StepWeights<T> forward_weights(const Layout& layout, const Matrix& u, const Matrix& out) {
  const auto gate = [&](Block block) { return typename StepWeights<T>::Block{1, layout.end_of<T>(out, block)}; };
  return {u, false, layout.steps, layout.batch, {gate(block_i), gate(block_f), gate(block_g), gate(block_o)}};
}

// y = x, but zero in the rows that are reset.
template <class T>
inline void copy_unless_reset(const T* x, const T* reset, int batch, int cells, T* y) {
  for (int n = 0; n < batch; ++n, x += cells, y += cells) {
    if (reset[n] != 0)
      fill(y, count(cells), T(0));
    else if (x != y)
      copy(x, y, count(cells));
  }
}

}  // namespace innerloop::kernels::cpu
