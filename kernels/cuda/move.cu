// Broadcasts, and numbers moved from place to place: each element of the result finds out where it comes from.
#include <limits>

#include "kernels/cuda/grid.h"
#include "kernels/cuda/families.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// Row number `value` of a table of `count` rows, or −1 where it is none: outside, or not whole. (NaN fails both
// comparisons.)
template <class T>
constexpr int row_number(T value, int count) {
  if (!(value >= T(0) && value < static_cast<T>(count))) return -1;
  const int row = static_cast<int>(value);
  return static_cast<T>(row) == value ? row : -1;
}

// What a kernel, which cannot throw, puts where an index is outside its table.
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

// y[r, c] of task t, for a move that has no index.
template <Op op, class T>
constexpr T moved(const View<const T>& a, const T* x, int i, int r, int c) {
  if constexpr (op == Op::transpose) return x[c * a.cols + r];
  else if constexpr (op == Op::broadcast_rows) return x[c];
  else if constexpr (op == Op::broadcast_cols) return x[r];
  else if constexpr (op == Op::broadcast_all) return x[0];
  else if constexpr (op == Op::slice_rows) return x[(r + i) * a.cols + c];
  else if constexpr (op == Op::slice_cols) return x[r * a.cols + i + c];
  else if constexpr (op == Op::pad_cols) return c >= i && c - i < a.cols ? x[r * a.cols + c - i] : T(0);
  else {
    static_assert(op == Op::pad_rows || op == Op::shift_rows);
    return r >= i && r - i < a.rows ? x[(r - i) * a.cols + c] : T(0);
  }
}

template <Op op, class T>
struct Move {
  View<const T> a;
  int i, cols;
  constexpr T operator()(int t, int n) const { return moved<op>(a, a.task(t), i, n / cols, n % cols); }
};

template <Op op, class T>
void move(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               Move<op, T>{view<const T>(call.in[0]), call.attr.i, call.out.cols});
}

// The same numbers again: reshape, stop_gradient, broadcast_tasks.
template <class T>
struct Copy {
  View<const T> a;
  constexpr T operator()(int t, int n) const { return a.task(t)[n]; }
};

template <class T>
void copy(const DeviceCall& call) {
  if (call.out.data == call.in[0].data && call.out.stride == call.in[0].stride) return;
  for_elements(view<T>(call.out), call.tasks, call.stream, Copy<T>{view<const T>(call.in[0])});
}

// y[r, c] = a[r, c] + b[c]
template <class T>
struct AddRow {
  View<const T> a, b;
  constexpr T operator()(int t, int n) const { return a.task(t)[n] + b.task(t)[n % b.cols]; }
};

template <class T>
void add_row(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               AddRow<T>{view<const T>(call.in[0]), view<const T>(call.in[1])});
}

// The input as a block of a larger matrix of y.cols columns: rows below the first one, or columns right of it.
template <class T>
SIMT_KERNEL void place_block(View<T> y, View<const T> a, int first_row, int first_col, int tasks) {
  const int step = static_cast<int>(gridDim.x * blockDim.x);
  for (int t = static_cast<int>(blockIdx.y); t < tasks; t += static_cast<int>(gridDim.y))
    for (int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); n < a.size(); n += step)
      y.task(t)[(first_row + n / a.cols) * y.cols + first_col + n % a.cols] = a.task(t)[n];
}

// One launch per input.
template <class T, bool rows>
void concat(const DeviceCall& call) {
  const View<T> y = view<T>(call.out);
  int first = 0;
  for (int k = 0; k < call.arity; ++k) {
    const View<const T> a = view<const T>(call.in[k]);
    const unsigned blocks = (static_cast<unsigned>(a.size()) + threads_per_block - 1) / threads_per_block;
    simt::launch({.grid = {std::min(blocks, most_blocks), grid_tasks(call.tasks)}, .block = threads_per_block,
                  .stream = call.stream},
                 place_block<T>, y, a, rows ? first : 0, rows ? 0 : first, call.tasks);
    first += rows ? a.rows : a.cols;
  }
}

// Row k of y is rows k·stride … of a, side by side: numbers that lie one after the other already.
template <class T>
struct Windows {
  View<const T> a;
  int stride, cols;
  constexpr T operator()(int t, int n) const { return a.task(t)[n / cols * stride * a.cols + n % cols]; }
};

// y[k·stride + s] += block s of a[k]: each element adds up the windows that reach it, in order; so no two threads add
// to one place, and the bits are the CPU's.
template <class T>
struct OverlapAdd {
  View<const T> a;
  int kernel, stride, channels;
  constexpr T operator()(int t, int n) const {
    const int r = n / channels, c = n % channels;
    const int first = r < kernel ? 0 : (r - kernel) / stride + 1, last = r / stride < a.rows ? r / stride : a.rows - 1;
    T sum = 0;
    for (int k = first; k <= last; ++k) sum += a.task(t)[k * a.cols + (r - k * stride) * channels + c];
    return sum;
  }
};

// y[r] = table[index[r]]
template <class T>
struct GatherRows {
  View<const T> table, index;
  constexpr T operator()(int t, int n) const {
    const int r = row_number(index.task(t)[n / table.cols], table.rows);
    return r < 0 ? not_a_number<T> : table.task(t)[r * table.cols + n % table.cols];
  }
};

// y[index[r]] += v[r]: each element looks through all rows for its own, in order; so no two threads add to one place.
template <class T>
struct ScatterRows {
  View<const T> values, index;
  int rows;
  constexpr T operator()(int t, int n) const {
    const int row = n / values.cols, col = n % values.cols;
    const T *v = values.task(t), *to = index.task(t);
    T sum = 0;
    for (int r = 0; r < values.rows; ++r) {
      const int place = row_number(to[r], rows);
      if (place < 0) return not_a_number<T>;
      if (place == row) sum += v[r * values.cols + col];
    }
    return sum;
  }
};

// y[r] = z[r, index[r]]
template <class T>
struct PickCols {
  View<const T> z, index;
  constexpr T operator()(int t, int r) const {
    const int c = row_number(index.task(t)[r], z.cols);
    return c < 0 ? not_a_number<T> : z.task(t)[r * z.cols + c];
  }
};

// y[r, index[r]] = v[r], else 0
template <class T>
struct PlaceCols {
  View<const T> values, index;
  int cols;
  constexpr T operator()(int t, int n) const {
    const int r = n / cols, c = row_number(index.task(t)[r], cols);
    return c < 0 ? not_a_number<T> : c == n % cols ? values.task(t)[r] : T(0);
  }
};

template <class T>
void windows(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               Windows<T>{view<const T>(call.in[0]), call.attr.j, call.out.cols});
}
template <class T>
void overlap_add(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               OverlapAdd<T>{view<const T>(call.in[0]), call.attr.i, call.attr.j, call.out.cols});
}
template <class T>
void gather_rows(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               GatherRows<T>{view<const T>(call.in[0]), view<const T>(call.in[1])});
}
template <class T>
void scatter_rows(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               ScatterRows<T>{view<const T>(call.in[0]), view<const T>(call.in[1]), call.out.rows});
}
template <class T>
void pick_cols(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               PickCols<T>{view<const T>(call.in[0]), view<const T>(call.in[1])});
}
template <class T>
void place_cols(const DeviceCall& call) {
  for_elements(view<T>(call.out), call.tasks, call.stream,
               PlaceCols<T>{view<const T>(call.in[0]), view<const T>(call.in[1]), call.out.cols});
}

}  // namespace

std::span<const DeviceKernelRow> move_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::transpose, move<Op::transpose, float>, move<Op::transpose, double>},
      {Op::add_row, add_row<float>, add_row<double>},
      {Op::broadcast_rows, move<Op::broadcast_rows, float>, move<Op::broadcast_rows, double>},
      {Op::broadcast_cols, move<Op::broadcast_cols, float>, move<Op::broadcast_cols, double>},
      {Op::broadcast_all, move<Op::broadcast_all, float>, move<Op::broadcast_all, double>},
      {Op::broadcast_tasks, copy<float>, copy<double>},
      {Op::reshape, copy<float>, copy<double>},
      {Op::slice_rows, move<Op::slice_rows, float>, move<Op::slice_rows, double>},
      {Op::pad_rows, move<Op::pad_rows, float>, move<Op::pad_rows, double>},
      {Op::slice_cols, move<Op::slice_cols, float>, move<Op::slice_cols, double>},
      {Op::pad_cols, move<Op::pad_cols, float>, move<Op::pad_cols, double>},
      {Op::concat_rows, concat<float, true>, concat<double, true>},
      {Op::concat_cols, concat<float, false>, concat<double, false>},
      {Op::shift_rows, move<Op::shift_rows, float>, move<Op::shift_rows, double>},
      {Op::windows, windows<float>, windows<double>},
      {Op::overlap_add, overlap_add<float>, overlap_add<double>},
      {Op::gather_rows, gather_rows<float>, gather_rows<double>},
      {Op::scatter_rows, scatter_rows<float>, scatter_rows<double>},
      {Op::pick_cols, pick_cols<float>, pick_cols<double>},
      {Op::place_cols, place_cols<float>, place_cols<double>},
      {Op::stop_gradient, copy<float>, copy<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
