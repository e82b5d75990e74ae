// The innermost part of the matrix product: one tile of C, kept in registers while k runs.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "kernels/cpu/simd.h"

namespace innerloop::kernels {

// A tile has V vectors of columns and up to tile_rows(V) rows. Its V·rows sums, one row of B (V vectors) and one number
// of A fill the registers: 24 + 4 + 1 of 32, or 12 + 2 + 1 of 16. At least 8 sums hide the latency of multiply-add, so
// matrices of one or two rows get wider tiles.
inline constexpr int tile_vectors = vector_registers == 32 ? 4 : 2;
inline constexpr int wide_tile_vectors = 2 * tile_vectors;
inline constexpr int tile_rows(int vectors) { return vectors > tile_vectors ? 2 : vectors == tile_vectors ? 6 : 8; }

// Calls f(r, v) for all r < R, v < V, written out: the indices are compile-time constants, so that an array of vectors
// indexed by them stays in registers.
template <int R, int V, class F>
[[gnu::always_inline]] inline void for_each_vector(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I / V>{}, std::integral_constant<int, I % V>{}), ...);
  }(std::make_integer_sequence<int, R * V>{});
}

// What a tile works on. op(A) is (rows, k), B is (k, V·width), C is (rows, V·width), of which only the first `last_columns`
// columns of the last vector exist.
template <class T>
struct Tile {
  int k = 0;
  const T* a = nullptr;
  std::ptrdiff_t lda = 0;
  const T* b = nullptr;  // without cheap masks, full vectors are read
  std::ptrdiff_t ldb = 0;
  T* c = nullptr;
  std::ptrdiff_t ldc = 0;
  int last_columns = 0;     // 1 … width
  bool accumulate = false;  // C += instead of C =
  const T* bias = nullptr;  // added to every row, if there is one
};

// The end of a tile: C = sums (+ C) (+ bias), without a branch for each vector in the usual cases.
template <class T, int R, int V>
[[gnu::always_inline]] inline void store_tile(const Tile<T>& tile, const typename Simd<T>::Vec (&sum)[R][V], T* c) {
  using S = Simd<T>;
  const std::ptrdiff_t ldc = tile.ldc;
  const T* bias = tile.bias;
  const bool accumulate = tile.accumulate, whole = tile.last_columns == S::width;
  if (whole && !bias && !accumulate) {
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      S::store(c + r * ldc + v * S::width, sum[r][v]);
    });
  } else if (whole && !bias) {
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      T* to = c + r * ldc + v * S::width;
      S::store(to, S::load(to) + sum[r][v]);
    });
  } else {
    const typename S::Mask all = S::first(S::width), last = S::first(tile.last_columns);
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      T* to = c + r * ldc + v * S::width;
      const typename S::Mask mask = v == V - 1 ? last : all;
      typename S::Vec value = sum[r][v];
      if (accumulate) value = S::load(to, mask) + value;
      if (bias) value = value + S::load(bias + v * S::width, mask);
      S::store(to, value, mask);
    });
  }
}

// One tile of R rows and V vectors: for every p, sum[r][v] += op(A)[r][p] · B[p][v].
template <class T, int R, int V, bool TransposeA>
void multiply_tile(const Tile<T>& tile) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  Vec sum[R][V];
  for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) { sum[r][v] = S::zero(); });

  const T* a = tile.a;
  const T* b = tile.b;
  const std::ptrdiff_t lda = tile.lda, ldb = tile.ldb;
  const typename S::Mask last = S::first(tile.last_columns);
  for (int p = 0; p < tile.k; ++p) {
    Vec b_row[V];
    for (int v = 0; v < V - 1; ++v) b_row[v] = S::load(b + v * S::width);
    b_row[V - 1] = masks_are_cheap ? S::load(b + (V - 1) * S::width, last) : S::load(b + (V - 1) * S::width);
    for (int r = 0; r < R; ++r) {
      const Vec a_number = S::broadcast(TransposeA ? a[r] : a[r * lda]);
      for (int v = 0; v < V; ++v) sum[r][v] = S::multiply_add(a_number, b_row[v], sum[r][v]);
    }
    a += TransposeA ? lda : 1;
    b += ldb;
  }
  store_tile<T, R, V>(tile, sum, tile.c);
}

// The tile of a given height, width and orientation of A.
template <class T>
using TileKernel = void (*)(const Tile<T>&);

template <class T, int V, bool TransposeA, int... R>
constexpr std::array<TileKernel<T>, 8> tile_kernels_of_width(std::integer_sequence<int, R...>) {
  return {multiply_tile<T, R + 1, V, TransposeA>...};
}

template <class T, bool TransposeA, int... V>
constexpr std::array<std::array<TileKernel<T>, 8>, wide_tile_vectors> tile_kernels(std::integer_sequence<int, V...>) {
  return {tile_kernels_of_width<T, V + 1, TransposeA>(std::make_integer_sequence<int, tile_rows(V + 1)>{})...};
}

template <class T>
TileKernel<T> find_tile_kernel(int rows, int vectors, bool transpose_a) {
  static constexpr auto plain = tile_kernels<T, false>(std::make_integer_sequence<int, wide_tile_vectors>{});
  static constexpr auto transposed = tile_kernels<T, true>(std::make_integer_sequence<int, wide_tile_vectors>{});
  return (transpose_a ? transposed : plain)[vectors - 1][rows - 1];
}

}  // namespace innerloop::kernels
