// What the steps of the recurrent cells have in common: places of results, columns of gates, and products with the
// weights of the state before. Internal to kernels/cpu.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/loops.h"

namespace innerloop::kernels::cpu {

// Each gate's columns of z (N, G·H) go to a matrix (N, H) of its own: row by row, since z comes from far away in
// memory.
template <class T>
inline void split_gates(const T* z, int batch, int cells, std::span<T* const> gates) {
  for (int n = 0; n < batch; ++n)
    for (T* gate : gates) {
      T* to = gate + count(n) * count(cells);
      each(count(cells), [=](std::size_t k) { to[k] = z[k]; });
      z += cells;
    }
}

// Rows of H that a gate's weights take when they are packed.
template <class T>
inline int packed_rows(int cells) {
  return static_cast<int>(packed_size<T>(cells, 1));
}

// Sizes, and where the numbers of one time step lie in the packed blocks of results.
struct Layout {
  int steps, batch, cells;

  int rows() const { return steps * batch; }
  std::size_t step_size() const { return count(batch) * count(cells); }
  template <class T>
  T* at(const Matrix& packed, int block, int t) const {
    return row<T>(packed, block * rows() + t * batch);
  }
  // The last rows of a block, as many as a gate's weights take (all, if it has fewer): written in the last steps.
  template <class T>
  T* end_of(const Matrix& packed, int block) const {
    return row<T>(packed, (block + 1) * rows() - std::min(rows(), packed_rows<T>(cells)));
  }
};

// The weights U (H, G·H), cut into blocks of whole gates, or these transposed, as factors of one product at every step.
// Each waits, packed for the products, where results of the steps that are done last will go; these steps do without.
template <class T>
class StepWeights {
 public:
  struct Block {
    int gates;
    T* place;  // packed_rows for each gate, among the gate's steps·batch rows of results, where the last steps write
  };

  StepWeights(const Matrix& u, bool transposed, int steps, int batch, std::initializer_list<Block> blocks)
      : ldu_(u.cols), transposed_(transposed), steps_left_((steps * batch - packed_rows<T>(u.rows)) / batch) {
    // After k steps k·batch rows of a gate are written; as long as that leaves packed_rows of them, U is still there.
    if (steps_left_ <= 1) steps_left_ = 0;  // a single step would not repay it
    const T* columns = u.as<T>();
    auto factor = factors_.begin();
    for (const Block& block : blocks) {
      const int width = block.gates * u.rows;
      *factor = {transposed ? u.rows : width, transposed ? width : u.rows, columns, block.place};
      if (steps_left_ > 0) pack(factor->n, factor->k, columns, ldu_, transposed, block.place);
      ++factor, columns += width;
    }
  }

  // y = a·U_block, or y += a·U_block; of the transposes, a·U_blockᵀ. Rows of a are lda numbers apart, those of y dense.
  void multiply(int block, int batch, const T* a, int lda, T* y, bool accumulate) const {
    const auto& [n, k, u, panels] = factors_[count(block)];
    gemm(batch, n, k, a, lda, false, u, ldu_, transposed_, y, n, accumulate, steps_left_ > 0 ? panels : nullptr);
  }
  // To be called when a step is over.
  void next_step() { --steps_left_; }

 private:
  struct Factor {
    int n, k;
    const T *u, *panels;
  };
  int ldu_;
  bool transposed_;
  int steps_left_;
  std::array<Factor, 4> factors_{};
};

}  // namespace innerloop::kernels::cpu
