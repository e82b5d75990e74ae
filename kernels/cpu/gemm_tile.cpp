#include "kernels/cpu/gemm_tile.h"

#include <algorithm>
#include <array>
#include <utility>

namespace innerloop::kernels {
namespace {

// The end of a tile: C = sums (+ C) (+ bias), then ReLU, without a branch for each vector in the usual cases, and
// without masks for vectors that are whole: masked stores are slow on processors without AVX-512.
template <class T, int R, int V>
[[gnu::always_inline]] inline void store_tile(const Tile<T>& tile, const typename Simd<T>::Vec (&sum)[R][V], T* c) {
  using S = Simd<T>;
  const std::ptrdiff_t ldc = tile.ldc;
  const T* bias = tile.bias;
  const bool accumulate = tile.accumulate, relu = tile.relu, whole = tile.last_columns == S::width;
  if (whole && !bias && !accumulate) {
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      S::store(c + r * ldc + v * S::width, sum[r][v]);
    });
  } else if (whole && !bias) {
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      T* to = c + r * ldc + v * S::width;
      S::store(to, S::load(to) + sum[r][v]);
    });
  } else if (whole && !accumulate && relu) {
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      S::store(c + r * ldc + v * S::width, relu_lanes(sum[r][v] + S::load(bias + v * S::width)));
    });
  } else if (whole && !accumulate) {
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      S::store(c + r * ldc + v * S::width, sum[r][v] + S::load(bias + v * S::width));
    });
  } else {
    const typename S::Mask last = S::first(tile.last_columns);
    for_each_vector<R, V>([&](auto r, auto v) __attribute__((always_inline)) {
      T* to = c + r * ldc + v * S::width;
      typename S::Vec value = sum[r][v];
      if constexpr (v == V - 1) {
        if (accumulate) value = S::load(to, last) + value;
        if (bias) value = value + S::load(bias + v * S::width, last);
        if (relu) value = relu_lanes(value);
        S::store(to, value, last);
      } else {
        if (accumulate) value = S::load(to) + value;
        if (bias) value = value + S::load(bias + v * S::width);
        if (relu) value = relu_lanes(value);
        S::store(to, value);
      }
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

// How many rows of A the kernel for N columns works on at once, and how many vectors their sums fill.
template <class T, int N>
inline constexpr int column_rows = std::max(1, std::max(Simd<T>::width, 8) / N);
template <class T, int N>
inline constexpr int column_groups = (column_rows<T, N> * N + Simd<T>::width - 1) / Simd<T>::width;

// Where the results of multiply_columns go.
template <class T>
struct Columns {
  T* c;
  std::ptrdiff_t row, col;
  bool accumulate;
  const T* bias;
};

// Stores the results of `rows` rows from row i on, which lie in sum[0], sum[width], …, row by row.
template <class T, int N>
[[gnu::always_inline]] inline void store_columns(const Columns<T>& out, int i, int rows,
                                                 const typename Simd<T>::Vec* sum, const T* repeated_bias) {
  using S = Simd<T>;
  constexpr int groups = column_groups<T, N>;
  // A dense C takes whole vectors.
  if (out.row == N && out.col == 1) {
    for (int g = 0; g < groups; ++g) {
      const typename S::Mask mask = S::first(std::clamp(rows * N - g * S::width, 0, S::width));
      T* to = out.c + static_cast<std::ptrdiff_t>(i) * N + g * S::width;
      typename S::Vec value = sum[g * S::width];
      if (out.accumulate) value = S::load(to, mask) + value;
      if (out.bias) value = value + S::load(repeated_bias + g * S::width);
      S::store(to, value, mask);
    }
    return;
  }

  // Any other takes single numbers.
  alignas(vector_bytes) T total[groups * S::width];
  for (int g = 0; g < groups; ++g) S::store(total + g * S::width, sum[g * S::width]);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < N; ++j) {
      T& number = out.c[(i + r) * out.row + j * out.col];
      const T value = out.accumulate ? number + total[r * N + j] : total[r * N + j];
      number = out.bias ? value + out.bias[j] : value;
    }
}

// C has N ≤ 4 columns: dot products along k.
template <class T, int N>
void multiply_columns(int m, int k, const T* a, std::ptrdiff_t lda, const T* b, std::ptrdiff_t stride, T* c,
                      std::ptrdiff_t row, std::ptrdiff_t col, bool accumulate, const T* bias) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  constexpr int rows = column_rows<T, N>, groups = column_groups<T, N>;
  const Columns<T> out{c, row, col, accumulate, bias};
  T repeated_bias[groups * S::width] = {};
  if (bias)
    for (int r = 0; r < rows * N; ++r) repeated_bias[r] = bias[r % N];

  for (int i = 0; i < m; i += rows) {
    // The last block repeats its last row, and leaves the repetitions unstored.
    const T* a_row[rows];
    for (int r = 0; r < rows; ++r) a_row[r] = a + std::min(i + r, m - 1) * lda;

    // One vector of partial sums for each (row, column). Meanwhile the next block of A is fetched into the cache: these
    // products wait for memory more than for arithmetic (past A's end a prefetch does nothing).
    Vec sum[groups * S::width];
    for (Vec& s : sum) s = S::zero();
    int p = 0;
    for (; p + S::width <= k; p += S::width)
      for (int r = 0; r < rows; ++r) {
        const Vec x = S::load(a_row[r] + p);
        __builtin_prefetch(a_row[r] + p + rows * lda);
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
    for (int g = 0; g < groups; ++g) sum_lanes<T>(sum + g * S::width);
    store_columns<T, N>(out, i, std::min(rows, m - i), sum, repeated_bias);
  }
}

// k = K ≤ 4: the K rows of a panel of B stay in registers.
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

// All tiles of one width, by height; then all widths.
template <class T, int V, bool TransposeA, int... R>
constexpr std::array<TileKernel<T>, 8> tile_kernels_of_width(std::integer_sequence<int, R...>) {
  return {multiply_tile<T, R + 1, V, TransposeA>...};
}

template <class T, bool TransposeA, int... V>
constexpr std::array<std::array<TileKernel<T>, 8>, wide_tile_vectors> tile_kernels(std::integer_sequence<int, V...>) {
  return {tile_kernels_of_width<T, V + 1, TransposeA>(std::make_integer_sequence<int, tile_rows(V + 1)>{})...};
}

// For every number of vectors, k = 1 … 4.
template <class T, int... I>
constexpr std::array<ShortKernel<T>, sizeof...(I)> short_kernels(std::integer_sequence<int, I...>) {
  return {multiply_short<T, I % thin + 1, I / thin + 1>...};
}

}  // namespace

template <class T>
TileKernel<T> find_tile_kernel(int rows, int vectors, bool transpose_a) {
  static constexpr auto plain = tile_kernels<T, false>(std::make_integer_sequence<int, wide_tile_vectors>{});
  static constexpr auto transposed = tile_kernels<T, true>(std::make_integer_sequence<int, wide_tile_vectors>{});
  return (transpose_a ? transposed : plain)[vectors - 1][rows - 1];
}

template <class T>
ColumnsKernel<T> find_columns_kernel(int columns) {
  static constexpr ColumnsKernel<T> kernels[] = {multiply_columns<T, 1>, multiply_columns<T, 2>, multiply_columns<T, 3>,
                                                 multiply_columns<T, 4>};
  return kernels[columns - 1];
}

template <class T>
ShortKernel<T> find_short_kernel(int k, int vectors) {
  static constexpr auto kernels = short_kernels<T>(std::make_integer_sequence<int, thin * tile_vectors>{});
  return kernels[(vectors - 1) * thin + k - 1];
}

template TileKernel<float> find_tile_kernel<float>(int, int, bool);
template TileKernel<double> find_tile_kernel<double>(int, int, bool);
template ColumnsKernel<float> find_columns_kernel<float>(int);
template ColumnsKernel<double> find_columns_kernel<double>(int);
template ShortKernel<float> find_short_kernel<float>(int, int);
template ShortKernel<double> find_short_kernel<double>(int, int);

}  // namespace innerloop::kernels
