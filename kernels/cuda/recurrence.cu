// The linear recurrence: a thread per sequence and column goes through time.
#include "kernels/cuda/families.h"
#include "kernels/cuda/grid.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// y_t = x_t + a_t·y_{t−j}
template <class T>
SIMT_KERNEL void recur(View<T> y, View<const T> x, View<const T> a, int steps, bool forward, int tasks) {
  const int width = y.size() / steps, stride = static_cast<int>(gridDim.x * blockDim.x);
  for (int t = static_cast<int>(blockIdx.y); t < tasks; t += static_cast<int>(gridDim.y))
    for (int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); n < width; n += stride) {
      T before = 0;
      for (int s = 0; s < steps; ++s) {
        const int at = (forward ? s : steps - 1 - s) * width + n;
        before = s == 0 ? x.task(t)[at] : x.task(t)[at] + a.task(t)[at] * before;
        y.task(t)[at] = before;
      }
    }
}

template <class T>
void linear_recurrence(const DeviceCall& call) {
  const View<T> y = view<T>(call.out);
  const unsigned width = static_cast<unsigned>(y.size() / call.attr.i);
  const unsigned blocks = std::min((width + threads_per_block - 1) / threads_per_block, most_blocks);
  simt::launch({.grid = {blocks, grid_tasks(call.tasks)}, .block = threads_per_block, .stream = call.stream}, recur<T>,
               y, view<const T>(call.in[0]), view<const T>(call.in[1]), call.attr.i, call.attr.j > 0, call.tasks);
}

}  // namespace

std::span<const DeviceKernelRow> recurrence_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::linear_recurrence, linear_recurrence<float>, linear_recurrence<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
