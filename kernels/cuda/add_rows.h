// Sums over rows in one fixed order: of a matrix, and of the partial sums of slices. Internal to kernels/cuda.
//
// Numbers are added in f64, so that the error for f32 does not grow with their count.
#pragma once

#include "kernels/cuda/grid.h"
#include "kernels/cuda/slices.h"

namespace innerloop::kernels::SIMT_BACKEND {

// A block has `width` threads side by side, one per column, and blockDim.y of them one above the other.
//
//   column:      0 1 2 3            thread (x, y) adds rows y, y + Y, y + 2Y, … of column x;
//   thread row 0 · · · ·            then halves are added: row y takes in row y + Y/2, y + Y/4, …, until row 0 has
//   thread row 1 · · · ·            the sum of the column
//
// Slice s of the rows is the work of the blocks with blockIdx.z = s. finish(t, s, column, sum) puts a sum in its place.
template <class T, class F>
SIMT_KERNEL void add_rows(View<const T> a, int tasks, int slice_rows, F finish) {
  SIMT_SHARED(double, partial, [1024]);
  const int col = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), slice = static_cast<int>(blockIdx.z);
  const unsigned me = threadIdx.y * blockDim.x + threadIdx.x;
  const int first = slice * slice_rows, left = a.rows - first, rows = left < slice_rows ? left : slice_rows;
  for (int t = static_cast<int>(blockIdx.y); t < tasks; t += static_cast<int>(gridDim.y)) {
    // Each thread adds its own rows.
    double sum = 0;
    if (col < a.cols)
      for (int r = static_cast<int>(threadIdx.y); r < rows; r += static_cast<int>(blockDim.y))
        sum += static_cast<double>(a.task(t)[static_cast<std::size_t>(first + r) * a.cols + col]);
    partial[me] = sum;
    __syncthreads();

    // Halves are added until one row of threads is left; the threads beyond have nothing more to do.
    for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
      if (threadIdx.y < half) partial[me] += partial[me + half * blockDim.x];
      __syncthreads();
    }
    // No barrier before the next task: from here on a thread reads and writes its own partial sum alone.
    if (threadIdx.y == 0 && col < a.cols) finish(t, slice, col, partial[me]);
  }
}

template <class T, class F>
void launch_add_rows(const SumPlan& plan, View<const T> a, int tasks, void* stream, F finish) {
  const unsigned columns = static_cast<unsigned>((a.cols + plan.width - 1) / plan.width);
  simt::launch({.grid = {columns, grid_tasks(tasks), static_cast<unsigned>(plan.slices)},
                .block = {static_cast<unsigned>(plan.width), static_cast<unsigned>(plan.height)},
                .stream = stream},
               add_rows<T, F>, a, tasks, plan.slice_rows, finish);
}

// The sums of slices: numbers [task][slice][column] become finish(t, 0, column, Σ_slices).
template <class T, class F>
void add_slices(const T* partial, int slices, int cols, int tasks, void* stream, F finish) {
  const std::size_t stride = static_cast<std::size_t>(slices) * static_cast<std::size_t>(cols);
  launch_add_rows(plan_slices_sum(slices, cols, tasks), View<const T>{partial, slices, cols, stride}, tasks, stream,
                  finish);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
