// Sums and the linear recurrence. Every sum has one fixed order of additions (kernels/cpu/sums.h).
#include <algorithm>

#include "kernels/cpu/loops.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/table.h"

namespace innerloop::kernels::cpu {
namespace {

// sums[c] += Σ_r x[r, c] over `rows` rows at distance `stride`, eight rows at a time in a tree.
template <class T>
void add_rows(const T* x, int rows, std::size_t stride, std::size_t cols, T* sums) {
  int r = 0;
  for (; r + 8 <= rows; r += 8, x += 8 * stride)
    each(cols, [=](std::size_t c) {
      const T* a = x + c;
      const T first = (a[0] + a[stride]) + (a[2 * stride] + a[3 * stride]);
      const T second = (a[4 * stride] + a[5 * stride]) + (a[6 * stride] + a[7 * stride]);
      sums[c] += first + second;
    });
  for (; r < rows; ++r, x += stride) each(cols, [=](std::size_t c) { sums[c] += x[c]; });
}

// y[c] = Σ_r a[r, c], vectorised across columns. Blocks of 64 rows are added in f64, so that the error for f32,
// (3 + 8 + 1)·ε·Σ|a|, does not grow with the number of rows.
template <class T>
void sum_rows(const Call& call) {
  const Matrix& a = call.in[0];
  T* y = call.out.as<T>();
  if (a.cols == 1) {
    *y = block_sum(a.as<T>(), a.size());
    return;
  }

  constexpr int chunk = 64, block = 64;
  for (int first = 0; first < a.cols; first += chunk) {
    const std::size_t cols = count(std::min(chunk, a.cols - first));
    double total[chunk] = {};
    for (int r = 0; r < a.rows; r += block) {
      T partial[chunk] = {};
      add_rows(row<T>(a, r) + first, std::min(block, a.rows - r), count(a.cols), cols, partial);
      for (std::size_t c = 0; c < cols; ++c) total[c] += static_cast<double>(partial[c]);
    }
    for (std::size_t c = 0; c < cols; ++c) y[count(first) + c] = static_cast<T>(total[c]);
  }
}

template <class T>
void sum_cols(const Call& call) {
  row_sums(call.in[0].as<T>(), call.in[0].rows, call.in[0].cols, call.out.as<T>());
}

template <class T>
void sum_all(const Call& call) {
  *call.out.as<T>() = block_sum(call.in[0].as<T>(), call.in[0].size());
}

// y = Σ_t a_t, in task order.
template <class T>
void sum_tasks(const Call& call) {
  const std::size_t size = call.out.size();
  T* y = call.out.as<T>();
  copy(call.in[0].as<T>(), y, size);
  for (int t = 1; t < call.tasks; ++t) {
    const T* a = call.in[0].as<T>() + count(t) * size;
    each(size, [=](std::size_t n) { y[n] += a[n]; });
  }
}

// Time step after time step (backwards for j = −1), all sequences and columns of a step at once.
template <class T>
void linear_recurrence(const Call& call) {
  const int steps = call.attr.i;
  const std::size_t width = call.out.size() / count(steps);
  const T *x = call.in[0].as<T>(), *a = call.in[1].as<T>();
  T* y = call.out.as<T>();
  const bool forward = call.attr.j > 0;
  copy(x + (forward ? 0 : count(steps - 1) * width), y + (forward ? 0 : count(steps - 1) * width), width);
  for (int s = 1; s < steps; ++s) {
    const std::size_t now = count(forward ? s : steps - 1 - s) * width, before = forward ? now - width : now + width;
    each(width, [=](std::size_t n) { y[now + n] = x[now + n] + a[now + n] * y[before + n]; });
  }
}

}  // namespace

std::span<const KernelRow> reduce_rows() {
  static constexpr KernelRow rows[] = {
      {Op::sum_rows, sum_rows<float>, sum_rows<double>},
      {Op::sum_cols, sum_cols<float>, sum_cols<double>},
      {Op::sum_all, sum_all<float>, sum_all<double>},
      {Op::sum_tasks, sum_tasks<float>, sum_tasks<double>},
      {Op::linear_recurrence, linear_recurrence<float>, linear_recurrence<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu
