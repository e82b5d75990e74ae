// How the plain kernels spread their work: a thread per element, in strides of the whole grid, tasks along y.
#pragma once

#include <algorithm>

#include "kernels/cuda/call.h"
#include "kernels/cuda/simt/simt.h"
#include "kernels/require.h"

namespace innerloop::kernels::SIMT_BACKEND {

// A matrix as a kernel sees it. Sizes fit into 31 bits: 64-bit divisions cost a GPU ten times as much.
template <class T>
struct View {
  T* data;
  int rows, cols;
  std::size_t stride;  // elements between tasks; 0: shared by all

  constexpr T* task(int t) const { return data + static_cast<std::size_t>(t) * stride; }
  constexpr int size() const { return rows * cols; }
};

template <class T>
View<T> view(const DeviceMatrix& m) {
  require(m.size() < (std::size_t{1} << 31),
          "a device kernel takes at most 2³¹ − 1 numbers a task; use smaller batches");
  return {static_cast<T*>(m.data), m.rows, m.cols, m.stride};
}

constexpr unsigned threads_per_block = 128;
constexpr unsigned most_blocks = 132 * 16;  // enough to fill the largest GPU of today; more would only queue
constexpr unsigned most_tasks_of_grid = 65535;

// Tasks in the grid: a kernel walks over those beyond the limit.
inline unsigned grid_tasks(int tasks) { return std::min(static_cast<unsigned>(tasks), most_tasks_of_grid); }

// y[t, n] = f(t, n) for every task t and element n.
template <class T, class F>
SIMT_KERNEL void fill_elements(View<T> y, int tasks, F f) {
  const int step = static_cast<int>(gridDim.x * blockDim.x);
  for (int t = static_cast<int>(blockIdx.y); t < tasks; t += static_cast<int>(gridDim.y))
    for (int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); n < y.size(); n += step)
      y.task(t)[n] = f(t, n);
}

template <class T, class F>
void for_elements(View<T> y, int tasks, void* stream, F f) {
  const unsigned wanted = (static_cast<unsigned>(y.size()) + threads_per_block - 1) / threads_per_block;
  simt::launch({.grid = {std::min(wanted, most_blocks), grid_tasks(tasks)}, .block = threads_per_block,
                .stream = stream},
               fill_elements<T, F>, y, tasks, f);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
