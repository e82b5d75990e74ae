// The share of a block in a sequence, and how it finds its numbers. Internal to kernels/cuda/lstm.cu.
#pragma once

#include "kernels/cuda/grid.h"

namespace innerloop::kernels::SIMT_BACKEND::lstm_share {

constexpr int patch = 4;  // rows of a thread's patch; the four gates of a cell are its columns
constexpr int threads = 256;
enum Block { block_i, block_f, block_g, block_o, block_c, block_h };

template <class T>
struct alignas(16) Four {
  T at[patch];
};
template <class T>
SIMT_DEVICE Four<T> load(const T* from) {
  return *reinterpret_cast<const Four<T>*>(from);
}

// Numbers in the tiles of a state of H cells: one tile, two where the state stays in the block, none where it is read
// from global memory.
SIMT_HOST_DEVICE std::size_t tile_numbers(bool resident, bool cooperative, int hidden, int tile_rows) {
  if (!resident) return 0;
  return static_cast<std::size_t>(cooperative ? 1 : 2) * static_cast<std::size_t>(hidden) *
         static_cast<std::size_t>(tile_rows + patch);
}

// The operands of all kernels here. Sizes: kernels/reference/lstm.h.
template <class T>
struct Sequence {
  View<T> out;
  View<const T> packed, gates, u, h0, c0, reset, bar;  // gates: Z, or D
  View<const T> c0_primal;                             // lstm_sequence_jvp: h0 and c0 are tangents
  int steps, batch, hidden;
  int rows, cells, tile_rows, cell_slices;  // of a block, see LstmPlan
};

// The share of a block, and how it finds its numbers.
template <class T, bool resident, bool cooperative>
struct Share {
  const Sequence<T>& p;
  int task, row0, row_end, cell0, cell_end;

  SIMT_DEVICE explicit Share(const Sequence<T>& sequence) : p(sequence) {
    const int slice = static_cast<int>(blockIdx.x);
    task = static_cast<int>(blockIdx.y);
    row0 = slice / p.cell_slices * p.rows;
    cell0 = slice % p.cell_slices * p.cells;
    row_end = row0 + p.rows < p.batch ? row0 + p.rows : p.batch;
    cell_end = cell0 + p.cells < p.hidden ? cell0 + p.cells : p.hidden;
  }
  SIMT_DEVICE int stride() const { return p.tile_rows + patch; }  // of a tile, from unit to unit
  SIMT_DEVICE std::size_t row(int t, int n) const { return static_cast<std::size_t>(t) * p.batch + n; }
  SIMT_DEVICE bool cleared(int t, int n) const { return p.reset.task(task)[row(t, n)] != T(0); }
  // Number of cell k at step t of row n in a block of six packed ones.
  SIMT_DEVICE std::size_t at(Block block, int t, int n, int k) const {
    return (static_cast<std::size_t>(block) * p.steps * p.batch + row(t, n)) * p.hidden + k;
  }

  // f(first row within the tile, cell) for this thread's patches; neighbours share a cell.
  template <class F>
  SIMT_DEVICE void for_patches(F f) const {
    const int groups = p.tile_rows / patch, count = groups * (cell_end - cell0);
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) f(i % groups * patch, cell0 + i / groups);
  }
  // Waits until the numbers of this step are where the next one looks for them.
  SIMT_DEVICE void step_barrier() const {
    if constexpr (cooperative) simt::grid_sync();
    else __syncthreads();
  }
};

}  // namespace innerloop::kernels::SIMT_BACKEND::lstm_share
