// Matrix products with a side of at most four numbers: the first and last layers of small networks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/simd.h"

namespace innerloop::kernels {

inline constexpr int thin = 4;

// C has N ≤ 4 columns: dot products along k, several rows of A at once. C's element (i, j) is c[i·row + j·col].
// b holds op(B)'s columns one after the other, each `stride` long and filled with zeros up to a multiple of the width.
template <class T, int N>
void multiply_columns(int m, int k, const T* a, std::ptrdiff_t lda, const T* b, std::ptrdiff_t stride, T* c,
                      std::ptrdiff_t row, std::ptrdiff_t col, bool accumulate, const T* bias) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  constexpr int rows = std::max(1, std::max(S::width, 8) / N);
  constexpr int groups = (rows * N + S::width - 1) / S::width;

  for (int i = 0; i < m; i += rows) {
    // The last block repeats its last row, and leaves the repetitions unstored.
    const T* a_row[rows];
    for (int r = 0; r < rows; ++r) a_row[r] = a + std::min(i + r, m - 1) * lda;

    // One vector of partial sums for each (row, column).
    Vec sum[groups * S::width];
    for (Vec& s : sum) s = S::zero();
    int p = 0;
    for (; p + S::width <= k; p += S::width)
      for (int r = 0; r < rows; ++r) {
        const Vec x = S::load(a_row[r] + p);
        for (int j = 0; j < N; ++j) sum[r * N + j] = S::multiply_add(x, S::load(b + j * stride + p), sum[r * N + j]);
      }
    if (p < k) {
      const typename S::Mask rest = S::first(k - p);
      for (int r = 0; r < rows; ++r) {
        const Vec x = S::load(a_row[r] + p, rest);
        for (int j = 0; j < N; ++j) sum[r * N + j] = S::multiply_add(x, S::load(b + j * stride + p), sum[r * N + j]);
      }
    }

    // Sum the lanes, a vector of results at a time.
    alignas(vector_bytes) T total[groups * S::width];
    for (int g = 0; g < groups; ++g) {
      sum_lanes<T>(sum + g * S::width);
      S::store(total + g * S::width, sum[g * S::width]);
    }
    for (int r = 0; r < std::min(rows, m - i); ++r)
      for (int j = 0; j < N; ++j) {
        T& out = c[(i + r) * row + j * col];
        const T value = accumulate ? out + total[r * N + j] : total[r * N + j];
        out = bias ? value + bias[j] : value;
      }
  }
}

// k ≤ 4: the K rows of a panel of B (V vectors, from `panel`) stay in registers while the m rows of A and C pass by.
// The same operations as in multiply_tile, so the same bits. op(A)'s element (i, p) is a[i·a_row + p·a_col].
template <class T, int K, int V>
void multiply_short(int m, std::ptrdiff_t a_row, std::ptrdiff_t a_col, const Tile<T>& tile) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  Vec b_rows[K][V];
  for_each_vector<K, V>([&](auto p, auto v) __attribute__((always_inline)) {
    b_rows[p][v] = S::load(tile.b + p * tile.ldb + v * S::width);
  });
  const T* a = tile.a;
  T* c = tile.c;
  for (int i = 0; i < m; ++i, a += a_row, c += tile.ldc) {
    Vec sum[1][V];
    for (int v = 0; v < V; ++v) sum[0][v] = S::zero();
    for (int p = 0; p < K; ++p) {
      const Vec a_number = S::broadcast(a[p * a_col]);
      for (int v = 0; v < V; ++v) sum[0][v] = S::multiply_add(a_number, b_rows[p][v], sum[0][v]);
    }
    store_tile<T, 1, V>(tile, sum, c);
  }
}

// The kernels for 1 … 4 columns; for k = 1 … 4 and panels of 1 … tile_vectors vectors.
template <class T>
using ColumnsKernel = decltype(&multiply_columns<T, 1>);
template <class T>
using ShortKernel = decltype(&multiply_short<T, 1, 1>);

template <class T>
ColumnsKernel<T> find_columns_kernel(int columns) {
  static constexpr ColumnsKernel<T> kernels[] = {multiply_columns<T, 1>, multiply_columns<T, 2>, multiply_columns<T, 3>,
                                                 multiply_columns<T, 4>};
  return kernels[columns - 1];
}

template <class T, int... I>
ShortKernel<T> find_short_kernel(int k, int vectors, std::integer_sequence<int, I...>) {
  static constexpr ShortKernel<T> kernels[] = {multiply_short<T, I % thin + 1, I / thin + 1>...};
  return kernels[(vectors - 1) * thin + k - 1];
}
template <class T>
ShortKernel<T> find_short_kernel(int k, int vectors) {
  return find_short_kernel<T>(k, vectors, std::make_integer_sequence<int, thin * tile_vectors>{});
}

}  // namespace innerloop::kernels
