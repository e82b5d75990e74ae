#include "kernels/cuda/slices.h"

#include <algorithm>

namespace innerloop::kernels {
namespace {

// Threads that hide each other's waiting, on all of 132 multiprocessors: of a product, which keeps 16 sums in each, and
// of a sum, which only reads.
constexpr int product_threads = 132 * 512, sum_threads = 132 * 2048;
constexpr int least_inner = 128;  // of a slice: a shorter one saves less than the second launch costs
constexpr int inner_step = 16;    // gemm.cu loads so many columns of A at a time

// 128 threads, and 1024 for long columns: a thread adds a number in about 0.1 µs, however fast the rest of the GPU is.
constexpr int block_threads = 128, long_block_threads = 1024, widest = 32;
constexpr int long_column = 4096;
constexpr int least_reads = 16;  // numbers that a thread adds, before slices are worth a second launch

int divide_up(int a, int b) { return (a + b - 1) / b; }

// The smallest power of two from `wanted` on, at most `most`.
int power_of_two(int wanted, int most) {
  int p = 1;
  while (p < most && p < wanted) p *= 2;
  return p;
}

// Cuts `length` into `wanted` slices, as equal as multiples of `step` allow, but none shorter than `least`.
struct Cut {
  int slices, length;
};
Cut cut(int length, int wanted, int least, int step) {
  wanted = std::clamp(wanted, 1, std::max(1, length / least));
  const int slice = wanted == 1 ? length : divide_up(divide_up(length, wanted), step) * step;
  return {std::max(1, divide_up(length, std::max(1, slice))), slice};
}

int saturated(double blocks) { return static_cast<int>(std::min(blocks, 1e9)); }

SumPlan unsliced(int rows, int cols, int tasks) {
  const int threads = rows < long_column ? block_threads : long_block_threads;
  SumPlan plan{.width = power_of_two(cols, widest), .slice_rows = rows};
  plan.height = power_of_two(rows / 4, threads / plan.width);
  plan.blocks = saturated(static_cast<double>(divide_up(cols, plan.width)) * tasks);
  return plan;
}

}  // namespace

// Tiles of 64 where C is large enough to fill them, of 16 elsewhere, unless those would be too many.
ProductPlan plan_product(ProductSize size, int tasks) {
  ProductPlan plan{.tile = (size.rows > 32 && size.cols > 32) || size.rows > 1000000 ? 64 : 16};
  const double tiles =
      static_cast<double>(divide_up(size.rows, plan.tile)) * divide_up(size.cols, plan.tile) * tasks;
  const int blocks = product_threads / (plan.tile == 64 ? 256 : 64);
  const Cut inner = cut(size.inner, static_cast<int>(blocks / std::max(1.0, tiles)), least_inner, inner_step);
  plan.slices = inner.slices, plan.slice_inner = inner.length;
  plan.blocks = saturated(tiles * plan.slices);
  if (plan.slices > 1)
    plan.partial_numbers = static_cast<std::size_t>(plan.slices) * static_cast<std::size_t>(tasks) *
                           static_cast<std::size_t>(size.rows) * static_cast<std::size_t>(size.cols);
  return plan;
}

SumPlan plan_sum(int rows, int cols, int tasks) {
  SumPlan plan = unsliced(rows, cols, tasks);
  const int blocks = sum_threads / (plan.width * plan.height);
  const Cut cut_rows = cut(rows, blocks / std::max(1, plan.blocks), least_reads * plan.height, 1);
  plan.slices = cut_rows.slices, plan.slice_rows = cut_rows.length;
  plan.blocks = saturated(static_cast<double>(plan.blocks) * plan.slices);
  if (plan.slices > 1)
    plan.partial_numbers = static_cast<std::size_t>(plan.slices) * static_cast<std::size_t>(tasks) *
                           static_cast<std::size_t>(cols);
  return plan;
}

SumPlan plan_slices_sum(int slices, int cols, int tasks) { return unsliced(slices, cols, tasks); }

SumPlan plan_sum(Op op, const DeviceCall& call) {
  const DeviceMatrix& a = call.in[0];
  if (op == Op::sum_all) return plan_sum(saturated(static_cast<double>(a.size())), 1, call.tasks);
  return plan_sum(a.rows, a.cols, call.tasks);
}

std::size_t slices_workspace(Op op, Dtype dtype, const DeviceCall& call) {
  switch (op) {
    case Op::matmul:
    case Op::dense: return plan_product(product_size(op, call), call.tasks).partial_numbers * size_of(dtype);
    case Op::sum_rows:
    case Op::sum_all: return plan_sum(op, call).partial_numbers * sizeof(double);
    default: return 0;
  }
}

}  // namespace innerloop::kernels
