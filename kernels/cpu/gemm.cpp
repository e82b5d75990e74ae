// The matrix product: which tiles, in which order, and where B is copied first.
//
//   for each block of rows of C            (so that C's part stays in the L2 cache)
//     for each panel of columns            (up to four vectors)
//       for each block of k                (so that the panel of B stays in the L1 cache)
//         for each tile of rows            (registers)
//
// A is never copied: a tile reads single numbers of it, by rows or by columns. A panel of B is copied when it is
// transposed, or a part of wider rows and used often enough, unless the caller has packed it. Products with a side of
// at most four have their own ways.
#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <cstddef>

#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/simd.h"
#include "kernels/threads.h"

namespace innerloop::kernels {
namespace {

// Rows of a panel of B: 32 KiB or less, in the L1 cache.  Rows of C and A between two copies of a panel.
constexpr int block_k = vector_registers == 32 ? 128 : 256;
constexpr int block_rows = 384;
// Bytes of a B that fills half of the L1 cache.
constexpr int small_b = 16 * 1024;

// The scratch for copies of B, sized for the widest panel.
constexpr int panel_bytes = block_k * wide_tile_vectors * vector_bytes;

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
  const T* bias = nullptr;
  bool relu = false;
  const T* panels = nullptr;  // B as pack leaves it
};

constexpr int divide_up(int x, int y) { return (x + y - 1) / y; }

// Cuts [0, total) into `parts` pieces that differ by at most one: where piece `index` begins.
constexpr int cut(int total, int parts, int index) {
  return static_cast<int>(static_cast<long long>(total) * index / parts);
}

// Copies op(B)[p0 … p0+rows, j0 … j0+columns] to `panel`, whose rows have `stride` numbers (a multiple of the width),
// and fills with zeros at the right.
template <class T>
void copy_panel(const Product<T>& x, int p0, int rows, int j0, int columns, T* panel, int stride) {
  using S = Simd<T>;
  constexpr int width = S::width;
  if (!x.transpose_b) {
    const typename S::Mask last = S::first(columns - (stride - width));
    // Rows of wider ones are no stream that a processor would follow by itself: some are fetched ahead.
    constexpr int line = 64 / static_cast<int>(sizeof(T)), ahead = 6;
    for (int p = 0; p < rows; ++p) {
      const T* from = x.b + (p0 + p) * x.ldb + j0;
      T* to = panel + static_cast<std::ptrdiff_t>(p) * stride;
      if (p + ahead < rows)
        for (int j = 0; j < columns; j += line) __builtin_prefetch(from + ahead * x.ldb + j);
      for (int j = 0; j < stride - width; j += width) S::store(to + j, S::load(from + j));
      S::store(to + stride - width, S::load(from + stride - width, last));
    }
    return;
  }

  // Transposed: square blocks of width × width turn in registers; lanes and rows that do not exist are zeros.
  for (int j = 0; j < stride; j += width)
    for (int p = 0; p < rows; p += width) {
      const T* from = x.b + (j0 + j) * x.ldb + p0 + p;
      T* to = panel + static_cast<std::ptrdiff_t>(p) * stride + j;
      const int deep = std::min(width, rows - p);
      typename S::Vec block[width];
      if (deep == width && j + width <= columns) {
        for (int i = 0; i < width; ++i) block[i] = S::load(from + i * x.ldb);
      } else {
        const typename S::Mask depth = S::first(deep);
        for (int i = 0; i < width; ++i) block[i] = j + i < columns ? S::load(from + i * x.ldb, depth) : S::zero();
      }
      transpose_lanes<T>(block);
      for (int i = 0; i < deep; ++i, to += stride) S::store(to, block[i]);
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
  tile.relu = last && x.relu;

  // Use B as it lies if its rows are dense or all of it stays in the L1 cache, or read too seldom for a copy to pay.
  const bool usable = !x.transpose_b && (masks_are_cheap || tile.last_columns == width);
  const bool small = x.ldb * depth <= small_b / static_cast<int>(sizeof(T));
  if (x.panels) {
    tile.ldb = vectors * width;
    tile.b = x.panels + static_cast<std::ptrdiff_t>(x.k) * j0 + p0 * tile.ldb;
  } else if (usable && (rows < 24 || x.ldb == columns || small)) {
    tile.b = x.b + p0 * x.ldb + j0;
    tile.ldb = x.ldb;
  } else {
    T* panel = panel_scratch<T>();
    copy_panel(x, p0, depth, j0, columns, panel, vectors * width);
    tile.b = panel;
    tile.ldb = vectors * width;
  }

  // Cut the rows into tiles of nearly equal height: some of one row more, then the others.
  const int tiles = divide_up(rows, tile_rows(vectors)), height = rows / tiles, higher = rows % tiles;
  const std::ptrdiff_t a_row = x.transpose_a ? 1 : x.lda;
  tile.a = x.transpose_a ? x.a + p0 * x.lda + i0 : x.a + i0 * x.lda + p0;
  tile.c = x.c + i0 * x.ldc + j0;
  const auto pass_over = [&](int count, int tile_height) {
    if (count == 0) return;
    const TileKernel<T> multiply_tile = find_tile_kernel<T>(tile_height, vectors, x.transpose_a);
    for (int t = 0; t < count; ++t, tile.a += tile_height * a_row, tile.c += tile_height * x.ldc) multiply_tile(tile);
  };
  pass_over(higher, height + 1);
  pass_over(tiles - higher, height);
}

// Calls f(j0, columns) for every panel of a B of n columns: panels of nearly equal width, at most `most` vectors.
template <class T, class F>
void for_each_panel(int n, int most, F f) {
  constexpr int width = Simd<T>::width;
  const int vectors = divide_up(n, width), panels = divide_up(vectors, most);
  for (int j = 0; j < panels; ++j) {
    const int j0 = width * cut(vectors, panels, j);
    f(j0, std::min(width * cut(vectors, panels, j + 1), n) - j0);
  }
}

// The general product. Matrices of one or two rows get wider panels, and B as it is. How k is cut depends on k alone:
// the same numbers are added in the same order whatever the panels and the rows.
template <class T>
void multiply_large(Product<T> x) {
  const bool wide = x.m <= tile_rows(wide_tile_vectors);
  if (wide) x.panels = nullptr;
  const int k_blocks = std::max(1, divide_up(x.k, block_k));
  const int row_blocks = divide_up(x.m, block_rows);
  for (int i = 0; i < row_blocks; ++i) {
    const int i0 = cut(x.m, row_blocks, i), rows = cut(x.m, row_blocks, i + 1) - i0;
    for_each_panel<T>(x.n, wide ? wide_tile_vectors : tile_vectors, [&](int j0, int columns) {
      for (int p = 0; p < k_blocks; ++p) {
        const int p0 = cut(x.k, k_blocks, p), depth = cut(x.k, k_blocks, p + 1) - p0;
        multiply_block(x, i0, rows, j0, columns, p0, depth, p == 0, p == k_blocks - 1);
      }
    });
  }
}

// A product that threads share: they take slices of C's columns, or of its rows if those are many more. No number of C
// is added up in another order than by one thread.
template <class T>
void multiply_shared(const Product<T>& x, int threads) {
  const bool by_rows = x.m > 2 * x.n;
  const int length = by_rows ? x.m : x.n, unit = by_rows ? 8 * tile_rows(tile_vectors) : tile_vectors * Simd<T>::width;
  const int units = divide_up(length, unit), slices = std::min(units, 4 * threads);
  parallel_for(slices, [&](int s, int) {
    const int from = unit * cut(units, slices, s), to = std::min(unit * cut(units, slices, s + 1), length);
    Product<T> slice = x;
    slice.panels = nullptr;  // a slice cuts its columns into other panels
    if (by_rows) {
      slice.m = to - from;
      slice.a += x.transpose_a ? from : from * x.lda;
      slice.c += from * x.ldc;
    } else {
      slice.n = to - from;
      slice.b += x.transpose_b ? from * x.ldb : from;
      slice.c += from;
      if (x.bias) slice.bias += from;
    }
    multiply_large(slice);
  });
}

// k ≤ 4: copy a panel of op(B), then pass over the rows of A and C.
template <class T>
void multiply_short(const Product<T>& x) {
  constexpr int width = Simd<T>::width;
  for_each_panel<T>(x.n, tile_vectors, [&](int j0, int columns) {
    const int panel_vectors = divide_up(columns, width);
    T* panel = panel_scratch<T>();
    copy_panel(x, 0, x.k, j0, columns, panel, panel_vectors * width);

    Tile<T> tile;
    tile.a = x.a;
    tile.b = panel;
    tile.ldb = panel_vectors * width;
    tile.c = x.c + j0;
    tile.ldc = x.ldc;
    tile.last_columns = columns - (panel_vectors - 1) * width;
    tile.accumulate = x.accumulate;
    tile.bias = x.bias ? x.bias + j0 : nullptr;
    tile.relu = x.relu;
    find_short_kernel<T>(x.k, panel_vectors)(x.m, x.transpose_a ? 1 : x.lda, x.transpose_a ? x.lda : 1, tile);
  });
}

// A·op(B) with at most 4 columns: copy them so that each is dense, then take dot products along k.
// C's element (i, j) is c[i·c_row + j·c_col].
template <class T>
void multiply_columns(const Product<T>& x, std::ptrdiff_t c_row, std::ptrdiff_t c_col) {
  constexpr int width = Simd<T>::width;
  constexpr int longest = panel_bytes / static_cast<int>(sizeof(T)) / thin;
  const int k_blocks = divide_up(x.k, longest - width);
  for (int block = 0; block < k_blocks; ++block) {
    const int p0 = cut(x.k, k_blocks, block), depth = cut(x.k, k_blocks, block + 1) - p0;
    const int stride = divide_up(depth, width) * width;
    T* columns = panel_scratch<T>();
    const std::ptrdiff_t b_row = x.transpose_b ? 1 : x.ldb, b_col = x.transpose_b ? x.ldb : 1;
    for (int j = 0; j < x.n; ++j) {
      const T* from = x.b + p0 * b_row + j * b_col;
      for (int p = 0; p < depth; ++p) columns[j * stride + p] = from[p * b_row];
      for (int p = depth; p < stride; ++p) columns[j * stride + p] = 0;
    }
    find_columns_kernel<T>(x.n)(x.m, depth, x.a + p0, x.lda, columns, stride, x.c, c_row, c_col,
                                block > 0 || x.accumulate, block == k_blocks - 1 ? x.bias : nullptr);
  }
  if (x.relu)
    for (int i = 0; i < x.m; ++i)
      for (int j = 0; j < x.n; ++j) {
        T& number = x.c[i * c_row + j * c_col];
        number = number <= 0 ? T(0) : number;
      }
}

// Aᵀ·op(B) with at most 4 columns: the rows of A as it is stored take B's place in Cᵀ = op(B)ᵀ·A, and Cᵀ goes through
// scratch, a part of its columns at a time.
template <class T>
void multiply_transposed(const Product<T>& x) {
  constexpr int part = 256;
  T c[thin * part];
  for (int i0 = 0; i0 < x.m; i0 += part) {
    const int rows = std::min(part, x.m - i0);
    multiply_large(Product<T>{x.n, rows, x.k, x.b, x.ldb, !x.transpose_b, x.a + i0, x.lda, false, c, part, false});
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < x.n; ++j) {
        T& out = x.c[(i0 + i) * x.ldc + j];
        out = x.accumulate ? out + c[j * part + i] : c[j * part + i];
      }
  }
}

// Chooses the way by the shape. For A·B the choice must not look at m: see the promise about rows in the header.
template <class T>
void multiply(const Product<T>& x) {
  if (x.k >= 1 && x.k <= thin)
    multiply_short(x);
  else if (x.k > thin && x.n <= thin && !x.transpose_a)
    multiply_columns(x, x.ldc, 1);
  else if (x.k > thin && x.n <= thin)
    multiply_transposed(x);
  else if (x.k > thin && x.m <= thin && x.transpose_b && !x.bias)
    multiply_columns(Product<T>{x.n, x.m, x.k, x.b, x.ldb, false, x.a, x.lda, !x.transpose_a, x.c, x.ldc, x.accumulate},
                     1, x.ldc);
  else if (const int threads = 1.0 * x.m * x.n * x.k < worth_threads ? 1 : threads_here(); threads > 1)
    multiply_shared(x, threads);
  else
    multiply_large(x);
}

}  // namespace

// [GEMM eq. product]  C_ij = Σ_p op(A)_ip op(B)_pj,  or C_ij += the same
template <class T>
void gemm(int m, int n, int k, const T* a, int lda, bool transpose_a, const T* b, int ldb, bool transpose_b, T* c,
          int ldc, bool accumulate, const T* panels) {
  if (m <= 0 || n <= 0) return;
  multiply(Product<T>{m, n, k, a, lda, transpose_a, b, ldb, transpose_b, c, ldc, accumulate, nullptr, false, panels});
}

template <class T>
std::size_t packed_size(int n, int k) {
  return static_cast<std::size_t>(k) * static_cast<std::size_t>(divide_up(n, Simd<T>::width) * Simd<T>::width);
}

// One panel after the other, each with all of its k rows.
template <class T>
void pack(int n, int k, const T* b, int ldb, bool transpose_b, T* panels) {
  constexpr int width = Simd<T>::width;
  const Product<T> x{0, n, k, nullptr, 0, false, b, ldb, transpose_b, nullptr, 0, false};
  for_each_panel<T>(n, tile_vectors, [&](int j0, int columns) {
    copy_panel(x, 0, k, j0, columns, panels + static_cast<std::ptrdiff_t>(k) * j0, divide_up(columns, width) * width);
  });
}

template <class T>
void gemm_bias(int m, int n, int k, const T* a, int lda, const T* b, int ldb, const T* bias, bool relu, T* c,
               int ldc) {
  if (m <= 0 || n <= 0) return;
  multiply(Product<T>{m, n, k, a, lda, false, b, ldb, false, c, ldc, false, bias, relu});
}

template void gemm<float>(int, int, int, const float*, int, bool, const float*, int, bool, float*, int, bool,
                          const float*);
template void gemm<double>(int, int, int, const double*, int, bool, const double*, int, bool, double*, int, bool,
                           const double*);
template std::size_t packed_size<float>(int, int);
template std::size_t packed_size<double>(int, int);
template void pack<float>(int, int, const float*, int, bool, float*);
template void pack<double>(int, int, const double*, int, bool, double*);
template void gemm_bias<float>(int, int, int, const float*, int, const float*, int, const float*, bool, float*, int);
template void gemm_bias<double>(int, int, int, const double*, int, const double*, int, const double*, bool, double*,
                                int);

}  // namespace innerloop::kernels
