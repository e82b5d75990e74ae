// The matrix product: which tiles, in which order, and where B is copied first.
//
//   for each block of rows of C            (so that C's part stays in the L2 cache)
//     for each panel of columns            (up to four vectors)
//       for each block of k                (so that the panel of B stays in the L1 cache)
//         for each tile of rows            (registers)
//
// A is never copied: a tile reads single numbers of it, by rows or by columns. A panel of B is copied where its vectors
// are not whole or not dense: transposed, ragged at the right edge, or a part of wide rows.
#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <cstddef>

#include "kernels/cpu/gemm_thin.h"
#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/simd.h"

namespace innerloop::kernels {
namespace {

constexpr int panel_bytes = 32 * 1024;  // of B, in the L1 cache
constexpr int block_rows = 240;         // of C and A, between two copies of a panel
constexpr int max_block_k = 256;

template <class T>
struct Product {
  int m, n, k;
  const T* a;
  std::ptrdiff_t lda;
  bool transpose_a;
  const T* b;
  std::ptrdiff_t ldb;
  bool transpose_b;
  T* c;
  std::ptrdiff_t ldc;
  bool accumulate;
  const T* bias;
};

constexpr int divide_up(int x, int y) { return (x + y - 1) / y; }

// Cuts [0, total) into `parts` pieces that differ by at most one: where piece `index` begins.
constexpr int cut(int total, int parts, int index) {
  return static_cast<int>(static_cast<long long>(total) * index / parts);
}

// Copies op(B)[p0 … p0+rows, j0 … j0+columns] to `panel`, whose rows have `stride` numbers; fills with zeros at the right.
template <class T>
void copy_panel(const Product<T>& x, int p0, int rows, int j0, int columns, T* panel, int stride) {
  for (int p = 0; p < rows; ++p) {
    T* to = panel + static_cast<std::ptrdiff_t>(p) * stride;
    if (x.transpose_b) {
      const T* from = x.b + j0 * x.ldb + p0 + p;
      for (int j = 0; j < columns; ++j) to[j] = from[j * x.ldb];
    } else {
      const T* from = x.b + (p0 + p) * x.ldb + j0;
      for (int j = 0; j < columns; ++j) to[j] = from[j];
    }
    for (int j = columns; j < stride; ++j) to[j] = 0;
  }
}

// The scratch of a thread: one panel of B.
template <class T>
T* panel_scratch() {
  alignas(64) static thread_local T panel[panel_bytes / sizeof(T)];
  return panel;
}

// One block of rows of C, one panel of columns, one block of k.
template <class T>
void multiply_block(const Product<T>& x, int i0, int rows, int j0, int columns, int p0, int depth, bool first,
                    bool last) {
  constexpr int width = Simd<T>::width;
  const int vectors = divide_up(columns, width);

  Tile<T> tile;
  tile.k = depth;
  tile.lda = x.lda;
  tile.ldc = x.ldc;
  tile.last_columns = columns - (vectors - 1) * width;
  tile.accumulate = !first || x.accumulate;
  tile.bias = last && x.bias ? x.bias + j0 : nullptr;

  // Use B as it lies if its vectors are whole and its rows dense (or read too seldom for a copy to pay).
  const bool whole = !x.transpose_b && tile.last_columns == width;
  if (whole && (rows < 24 || x.ldb == columns)) {
    tile.b = x.b + p0 * x.ldb + j0;
    tile.ldb = x.ldb;
  } else {
    T* panel = panel_scratch<T>();
    copy_panel(x, p0, depth, j0, columns, panel, vectors * width);
    tile.b = panel;
    tile.ldb = vectors * width;
  }

  // Cut the rows into tiles of nearly equal height.
  const int tiles = divide_up(rows, tile_rows(vectors));
  for (int t = 0; t < tiles; ++t) {
    const int begin = i0 + cut(rows, tiles, t), end = i0 + cut(rows, tiles, t + 1);
    tile.a = x.transpose_a ? x.a + p0 * x.lda + begin : x.a + begin * x.lda + p0;
    tile.c = x.c + begin * x.ldc + j0;
    find_tile_kernel<T>(end - begin, vectors, x.transpose_a)(tile);
  }
}

template <class T>
void multiply(const Product<T>& x) {
  constexpr int width = Simd<T>::width;
  const int vectors = divide_up(x.n, width), panels = divide_up(vectors, max_tile_vectors);
  const int row_blocks = divide_up(x.m, block_rows);
  for (int i = 0; i < row_blocks; ++i) {
    const int i0 = cut(x.m, row_blocks, i), rows = cut(x.m, row_blocks, i + 1) - i0;
    for (int j = 0; j < panels; ++j) {
      const int j0 = width * cut(vectors, panels, j);
      const int columns = std::min(width * cut(vectors, panels, j + 1), x.n) - j0;
      const int row_bytes = divide_up(columns, width) * vector_bytes;
      const int k_blocks = divide_up(x.k, std::min(max_block_k, panel_bytes / row_bytes));
      for (int p = 0; p < k_blocks; ++p) {
        const int p0 = cut(x.k, k_blocks, p), depth = cut(x.k, k_blocks, p + 1) - p0;
        multiply_block(x, i0, rows, j0, columns, p0, depth, p == 0, p == k_blocks - 1);
      }
    }
  }
}

}  // namespace

template <class T>
void gemm(int m, int n, int k, const T* a, int lda, bool transpose_a, const T* b, int ldb, bool transpose_b, T* c,
          int ldc, bool accumulate) {
  multiply(Product<T>{m, n, k, a, lda, transpose_a, b, ldb, transpose_b, c, ldc, accumulate, nullptr});
}

template <class T>
void gemm_bias(int m, int n, int k, const T* a, int lda, const T* b, int ldb, const T* bias, T* c, int ldc) {
  multiply(Product<T>{m, n, k, a, lda, false, b, ldb, false, c, ldc, false, bias});
}

template void gemm<float>(int, int, int, const float*, int, bool, const float*, int, bool, float*, int, bool);
template void gemm<double>(int, int, int, const double*, int, bool, const double*, int, bool, double*, int, bool);
template void gemm_bias<float>(int, int, int, const float*, int, const float*, int, const float*, float*, int);
template void gemm_bias<double>(int, int, int, const double*, int, const double*, int, const double*, double*, int);

}  // namespace innerloop::kernels
