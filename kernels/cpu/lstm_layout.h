// Where the numbers of one time step lie in the packed results of the LSTM. Internal to kernels/cpu.
#pragma once

#include <algorithm>

#include "kernels/cpu/loops.h"
#include "kernels/cpu/recurrent.h"

namespace innerloop::kernels::cpu {

enum Block { block_i, block_f, block_g, block_o, block_c, block_h };

// Sizes, and where the numbers of one time step lie in the six packed blocks.
struct Layout {
  int steps, batch, cells;

  int rows() const { return steps * batch; }
  std::size_t step_size() const { return count(batch) * count(cells); }
  template <class T>
  T* at(const Matrix& packed, Block block, int t) const {
    return row<T>(packed, static_cast<int>(block) * rows() + t * batch);
  }
  // The last rows of a block, as many as a gate's weights take (all, if it has fewer): written in the last steps.
  template <class T>
  T* end_of(const Matrix& packed, Block block) const {
    return row<T>(packed, (static_cast<int>(block) + 1) * rows() - std::min(rows(), packed_rows<T>(cells)));
  }
};

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
