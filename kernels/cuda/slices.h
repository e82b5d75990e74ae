// Long sums in slices: how products with a long inner dimension and sums over many rows fill a GPU.
//
// The gradient W̄ = xᵀ·Z̄ of a small layer is a few tiles of C, but a sum over every row of the data. With one block
// per tile most multiprocessors would have nothing to do. So the inner dimension is cut, a block takes a slice of it,
// and a second launch adds the slices' sums in a fixed order (add_rows.h).
//
//   A: m × inner   ┌────────┬────────┬──────┐        partial sums, one C per slice      C
//                  │slice 0 │slice 1 │  …   │   ──►  ▒▒  ▒▒  ▒▒  …                 ──►  ▒▒
//                  └────────┴────────┴──────┘
//
// All is decided by sizes and the number of tasks, for a GPU of 132 multiprocessors, whichever is there: so the order
// of adding is the same on every device.
#pragma once

#include <cstddef>

#include "kernels/cuda/cublas.h"

namespace innerloop::kernels {

struct ProductPlan {
  int tile = 64;        // a block computes tile × tile numbers of C
  int slices = 1;       // of the inner dimension
  int slice_inner = 0;  // products in each sum of a slice, fewer in the last one
  int blocks = 0;       // of all tasks
  std::size_t partial_numbers = 0;  // what slices write, in numbers of C's type; without this memory there is one slice
};
ProductPlan plan_product(ProductSize size, int tasks);

struct SumPlan {
  int width = 1, height = 1;  // threads of a block: columns side by side, rows one above the other
  int slices = 1;             // of the rows
  int slice_rows = 0;         // fewer in the last one
  int blocks = 0;
  std::size_t partial_numbers = 0;  // in f64
};
// A sum over the rows of a matrix per task, one for each column.
SumPlan plan_sum(int rows, int cols, int tasks);
// The same within these slices: their partial sums are added so.
SumPlan plan_slices_sum(int slices, int cols, int tasks);

// The plan of Op::sum_rows or Op::sum_all. For the latter all numbers are one column.
SumPlan plan_sum(Op op, const DeviceCall& call);

// The bytes of workspace that this call can use, if no library does it; 0 for other operations than these.
std::size_t slices_workspace(Op op, Dtype dtype, const DeviceCall& call);

}  // namespace innerloop::kernels
