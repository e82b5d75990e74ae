// Where the numbers of one time step lie in the packed results of the LSTM. Internal to kernels/cpu.
#pragma once

#include "kernels/cpu/loops.h"

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
};

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
