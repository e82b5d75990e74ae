// Batched matrix products: C = op(A)·op(B) for every task, and dense layers, act(x·W + b).
//
// A block computes a square tile of C, each thread R × R numbers of it in registers. The tiles of A and B that are
// needed go through shared memory, `depth` columns of A and rows of B at a time: a number is read from memory once per
// tile instead of once per product.
//
//              B: depth × tile              thread (x, y) owns C[y + S·i, x + S·j], i, j < R:
//              ┌────────────┐               neighbouring threads write neighbouring numbers
//              └────────────┘
//   A: tile    ┌────────────┐
//    × depth ┌┐│            │
//            │││  C: tile²  │
//            └┘└────────────┘
//
// Where C has few tiles and its sums are long, a block takes a slice of the sums, and a second kernel adds the slices
// in order (slices.h). Large products go to a library instead where there is one (cublas.h), and a dense layer's bias
// and activation are then a kernel of their own.
#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/add_rows.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/this_device.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// op(A), read through a distance between rows and one between columns: a transpose only swaps the two.
template <class T>
struct Factor {
  const T* data;
  int row_step, col_step;
  std::size_t stride;

  constexpr T at(int t, int r, int c) const {
    return data[static_cast<std::size_t>(t) * stride + static_cast<std::size_t>(r) * row_step +
                static_cast<std::size_t>(c) * col_step];
  }
};

template <class T>
Factor<T> factor(const DeviceMatrix& m, bool transposed) {
  const View<const T> a = view<const T>(m);
  return {a.data, transposed ? 1 : a.cols, transposed ? a.cols : 1, a.stride};
}

template <class T>
constexpr T activate(Activation activation, T x) {
  switch (activation) {
    case Activation::identity: return x;
    case Activation::tanh: return vecmath::tanh(x);
    case Activation::relu: return x <= T(0) ? T(0) : x;
    case Activation::sigmoid: return vecmath::sigmoid(x);
  }
  return x;
}

// What becomes of a sum of products: a number of C.
template <class T>
struct Finish {
  View<T> c;
  bool accumulate;  // C += …
  const T* bias;    // (1, cols), added to every row; null: none
  std::size_t bias_stride;
  Activation activation;

  constexpr void put(int t, int n, int col, T sum) const {
    T& out = c.task(t)[n];
    if (bias != nullptr) out = activate(activation, sum + bias[static_cast<std::size_t>(t) * bias_stride + col]);
    else out = accumulate ? out + sum : sum;
  }
  // Of the sums of slices, where all of C is one row.
  constexpr void operator()(int t, int, int n, double sum) const { put(t, n, n % c.cols, static_cast<T>(sum)); }
};

template <class T>
struct Product {
  Finish<T> finish;
  Factor<T> a, b;
  int inner, tasks;
  int slices, slice_inner;  // of the sums; slice s of task t is task t·slices + s for `finish`
};

constexpr int depth = 16;

// Fills a tile of shared memory, to[k][n] = f(n, k), zero outside. Neighbouring threads take neighbours in memory:
// along n if `along_n`, else along k.
template <int threads, int tile, class T, class F>
SIMT_DEVICE void load_tile(T (&to)[depth][tile + 1], int me, bool along_n, int n_count, int k_count, F f) {
  SIMT_UNROLL
  for (int e = me; e < tile * depth; e += threads) {
    const int n = along_n ? e % tile : e / depth, k = along_n ? e / tile : e % depth;
    to[k][n] = n < n_count && k < k_count ? f(n, k) : T(0);
  }
}

// S × S threads, R × R numbers each.
template <class T, int S, int R>
SIMT_KERNEL void multiply(Product<T> p) {
  constexpr int tile = S * R;
  SIMT_SHARED(T, a_tile, [depth][tile + 1]);
  SIMT_SHARED(T, b_tile, [depth][tile + 1]);
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y), me = y * S + x;
  const int row0 = static_cast<int>(blockIdx.y) * tile, col0 = static_cast<int>(blockIdx.x) * tile;
  const View<T>& out = p.finish.c;
  const int rows = out.rows - row0, cols = out.cols - col0;  // left from this tile on

  for (int z = static_cast<int>(blockIdx.z); z < p.tasks * p.slices; z += static_cast<int>(gridDim.z)) {
    const int t = z / p.slices, first = z % p.slices * p.slice_inner;
    const int end = p.inner - first < p.slice_inner ? p.inner : first + p.slice_inner;
    T sum[R][R] = {};
    for (int k0 = first; k0 < end; k0 += depth) {
      // The two tiles of this step.
      load_tile<S * S, tile>(a_tile, me, p.a.row_step == 1, rows, end - k0,
                             [&](int r, int k) { return p.a.at(t, row0 + r, k0 + k); });
      load_tile<S * S, tile>(b_tile, me, p.b.col_step == 1, cols, end - k0,
                             [&](int c, int k) { return p.b.at(t, k0 + k, col0 + c); });
      __syncthreads();

      // Every thread takes R numbers of each and makes R² products.
      for (int k = 0; k < depth; ++k) {
        T a[R], b[R];
        SIMT_UNROLL
        for (int i = 0; i < R; ++i) a[i] = a_tile[k][y + S * i], b[i] = b_tile[k][x + S * i];
        SIMT_UNROLL
        for (int i = 0; i < R; ++i)
          SIMT_UNROLL
          for (int j = 0; j < R; ++j) sum[i][j] = vecmath::mul_add(a[i], b[j], sum[i][j]);
      }
      __syncthreads();  // nobody overwrites a tile that another still reads
    }

    SIMT_UNROLL
    for (int i = 0; i < R; ++i)
      SIMT_UNROLL
      for (int j = 0; j < R; ++j) {
        const int r = y + S * i, c = x + S * j;
        if (r < rows && c < cols) p.finish.put(z, (row0 + r) * out.cols + col0 + c, col0 + c, sum[i][j]);
      }
  }
}

template <class T, int S, int R>
void launch_tiles(const Product<T>& p, void* stream) {
  constexpr int tile = S * R;
  const auto tiles = [](int n) { return static_cast<unsigned>((n + tile - 1) / tile); };
  const View<T>& c = p.finish.c;
  require(tiles(c.rows) <= 65535, "a product on the device takes at most 4 million rows a task; use smaller batches");
  simt::launch({.grid = {tiles(c.cols), tiles(c.rows), grid_tasks(p.tasks * p.slices)}, .block = {S, S},
                .stream = stream},
               multiply<T, S, R>, p);
}

template <class T>
void launch_product(Product<T> p, const DeviceCall& call) {
  const Finish<T> finish = p.finish;
  const ProductPlan plan = plan_product({finish.c.rows, finish.c.cols, p.inner}, p.tasks);
  const bool sliced = plan.slices > 1 && call.workspace_bytes >= plan.partial_numbers * sizeof(T);
  T* const partial = static_cast<T*>(call.workspace);
  p.slices = sliced ? plan.slices : 1, p.slice_inner = sliced ? plan.slice_inner : p.inner;
  if (sliced) {
    const View<T> c{partial, finish.c.rows, finish.c.cols, static_cast<std::size_t>(finish.c.size())};
    p.finish = {.c = c, .accumulate = false, .bias = nullptr, .bias_stride = 0, .activation = Activation::identity};
  }
  if (plan.tile == 64) launch_tiles<T, 16, 4>(p, call.stream);
  else launch_tiles<T, 8, 2>(p, call.stream);
  if (sliced)
    add_slices(static_cast<const T*>(partial), plan.slices, finish.c.size(), p.tasks, call.stream, finish);
}

// y = act(y + b), in place: what a library's product lacks of a dense layer.
template <class T>
struct BiasAndActivation {
  View<T> y;
  View<const T> bias;
  Activation activation;

  constexpr T operator()(int t, int n) const { return activate(activation, y.task(t)[n] + bias.task(t)[n % y.cols]); }
};

template <class T>
constexpr Dtype dtype_of = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;

template <class T>
void matmul(const DeviceCall& call) {
  if (multiply_by_library(backend_device, dtype_of<T>, Op::matmul, call)) return;
  const bool transpose_a = call.attr.i == 1, transpose_b = call.attr.j == 1;
  const bool accumulate = call.attr.x == 1;
  launch_product<T>({.finish = {view<T>(call.out), accumulate, nullptr, 0, Activation::identity},
                     .a = factor<T>(call.in[0], transpose_a),
                     .b = factor<T>(call.in[1], transpose_b),
                     .inner = transpose_a ? call.in[0].rows : call.in[0].cols,
                     .tasks = call.tasks,
                     .slices = 1,
                     .slice_inner = 0},
                    call);
}

template <class T>
void dense(const DeviceCall& call) {
  const View<const T> bias = view<const T>(call.in[2]);
  const Activation activation = static_cast<Activation>(call.attr.i);
  if (multiply_by_library(backend_device, dtype_of<T>, Op::dense, call)) {
    const View<T> y = view<T>(call.out);
    return for_elements(y, call.tasks, call.stream, BiasAndActivation<T>{y, bias, activation});
  }
  launch_product<T>({.finish = {view<T>(call.out), false, bias.data, bias.stride, activation},
                     .a = factor<T>(call.in[0], false),
                     .b = factor<T>(call.in[1], false),
                     .inner = call.in[0].cols,
                     .tasks = call.tasks,
                     .slices = 1,
                     .slice_inner = 0},
                    call);
}

}  // namespace

std::span<const DeviceKernelRow> gemm_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::matmul, matmul<float>, matmul<double>},
      {Op::dense, dense<float>, dense<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
