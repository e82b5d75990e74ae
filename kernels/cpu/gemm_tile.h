// The innermost parts of the matrix product: loops that keep their sums in registers, called block by block.
//
// They are many small variants of three functions and the bulk of the machine code, so gemm_tile.cpp holds them alone.
#pragma once

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

// What a tile works on. op(A) is (rows, k), B is (k, V·width), C is (rows, V·width), of which only the first
// `last_columns` columns of the last vector exist.
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
  bool relu = false;        // with bias: then 0 for what is 0 or less
};

// One tile of C while all of its k runs: for every p, sum += op(A)[:, p] · B[p, :].
template <class T>
using TileKernel = void (*)(const Tile<T>&);
template <class T>
TileKernel<T> find_tile_kernel(int rows, int vectors, bool transpose_a);

// The longest side that counts as thin. For such products there are two more kernels.
inline constexpr int thin = 4;

// A·B with 1 … 4 columns: dot products along k, several rows of A at once. C's element (i, j) is c[i·row + j·col].
// b holds the columns one after the other, each `stride` long and filled with zeros up to a multiple of the width.
template <class T>
using ColumnsKernel = void (*)(int m, int k, const T* a, std::ptrdiff_t lda, const T* b, std::ptrdiff_t stride, T* c,
                               std::ptrdiff_t row, std::ptrdiff_t col, bool accumulate, const T* bias);
template <class T>
ColumnsKernel<T> find_columns_kernel(int columns);

// k = 1 … 4: B's rows stay in registers while m rows of A and C pass by. The operations of the tile kernel, so the same
// bits. op(A)'s element (i, p) is a[i·a_row + p·a_col]; B's vectors are whole.
template <class T>
using ShortKernel = void (*)(int m, std::ptrdiff_t a_row, std::ptrdiff_t a_col, const Tile<T>& tile);
template <class T>
ShortKernel<T> find_short_kernel(int k, int vectors);

}  // namespace innerloop::kernels
