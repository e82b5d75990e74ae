// Sums over rows, over everything and over tasks. One fixed order of additions each, and no atomics: the same bits for
// every order in which threads run. Numbers are added in f64, so that the error for f32 does not grow with their count.
#include "kernels/cuda/grid.h"
#include "kernels/cuda/families.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// A block has `width` threads side by side, one per column, and blockDim.y of them one above the other.
//
//   column:      0 1 2 3            thread (x, y) adds rows y, y + Y, y + 2Y, … of column x;
//   thread row 0 · · · ·            then halves are added: row y takes in row y + Y/2, y + Y/4, …, until row 0 has
//   thread row 1 · · · ·            the sum of the column
//
// 128 threads, and 1024 for long columns: a thread adds a number in about 0.1 µs, however fast the rest of the GPU is.
constexpr unsigned block_threads = 128, long_block_threads = 1024, widest = 32;
constexpr int long_column = 4096;

template <class T>
SIMT_KERNEL void add_rows(View<T> y, View<const T> a, int tasks) {
  SIMT_SHARED(double, partial, [long_block_threads]);
  const int col = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const unsigned me = threadIdx.y * blockDim.x + threadIdx.x;
  for (int t = static_cast<int>(blockIdx.y); t < tasks; t += static_cast<int>(gridDim.y)) {
    // Each thread adds its own rows.
    double sum = 0;
    if (col < a.cols)
      for (int r = static_cast<int>(threadIdx.y); r < a.rows; r += static_cast<int>(blockDim.y))
        sum += static_cast<double>(a.task(t)[static_cast<std::size_t>(r) * a.cols + col]);
    partial[me] = sum;
    __syncthreads();

    // Halves are added until one row of threads is left; the threads beyond have nothing more to do.
    for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
      if (threadIdx.y < half) partial[me] += partial[me + half * blockDim.x];
      __syncthreads();
    }
    // No barrier before the next task: from here on a thread reads and writes its own partial sum alone.
    if (threadIdx.y == 0 && col < a.cols) y.task(t)[col] = static_cast<T>(partial[me]);
  }
}

// The smallest power of two from `wanted` on, at most `most`.
unsigned power_of_two(int wanted, unsigned most) {
  unsigned p = 1;
  while (p < most && static_cast<int>(p) < wanted) p *= 2;
  return p;
}

template <class T>
void add_rows_of(View<T> y, View<const T> a, const DeviceCall& call) {
  const unsigned threads = a.rows < long_column ? block_threads : long_block_threads;
  const unsigned width = power_of_two(a.cols, widest), height = power_of_two(a.rows / 4, threads / width);
  const unsigned blocks = (static_cast<unsigned>(a.cols) + width - 1) / width;
  simt::launch({.grid = {blocks, grid_tasks(call.tasks)}, .block = {width, height}, .stream = call.stream},
               add_rows<T>, y, a, call.tasks);
}

template <class T>
void sum_rows(const DeviceCall& call) {
  add_rows_of(view<T>(call.out), view<const T>(call.in[0]), call);
}

// All numbers as one column.
template <class T>
void sum_all(const DeviceCall& call) {
  View<const T> a = view<const T>(call.in[0]);
  a.rows = a.size();
  a.cols = 1;
  add_rows_of(view<T>(call.out), a, call);
}

// y[n] = Σ_t a[t, n], in task order.
template <class T>
struct SumTasks {
  View<const T> a;
  int tasks;
  constexpr T operator()(int, int n) const {
    T sum = a.task(0)[n];
    for (int t = 1; t < tasks; ++t) sum += a.task(t)[n];
    return sum;
  }
};

template <class T>
void sum_tasks(const DeviceCall& call) {
  for_elements(view<T>(call.out), 1, call.stream, SumTasks<T>{view<const T>(call.in[0]), call.tasks});
}

}  // namespace

std::span<const DeviceKernelRow> sum_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::sum_rows, sum_rows<float>, sum_rows<double>},
      {Op::sum_all, sum_all<float>, sum_all<double>},
      {Op::sum_tasks, sum_tasks<float>, sum_tasks<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
