// Products, broadcasts, and numbers moved from place to place.
#include <algorithm>

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/table.h"
#include "kernels/reference/scalar.h"

namespace innerloop::kernels::cpu {
namespace {

using reference::checked_index;

template <class T>
void matmul(const Call& call) {
  const Matrix &a = call.in[0], &b = call.in[1];
  const bool transpose_a = call.attr.i == 1, transpose_b = call.attr.j == 1;
  const int inner = transpose_a ? a.rows : a.cols;
  gemm(call.out.rows, call.out.cols, inner, a.as<T>(), a.cols, transpose_a, b.as<T>(), b.cols, transpose_b,
       call.out.as<T>(), call.out.cols, call.attr.x == 1);
}

// In tiles of 16 × 16, so that both sides use whole cache lines.
template <class T>
void transpose(const Call& call) {
  constexpr int tile = 16;
  const Matrix& a = call.in[0];
  for (int r0 = 0; r0 < a.rows; r0 += tile)
    for (int c0 = 0; c0 < a.cols; c0 += tile)
      for (int c = c0; c < std::min(c0 + tile, a.cols); ++c)
        for (int r = r0; r < std::min(r0 + tile, a.rows); ++r) row<T>(call.out, c)[r] = row<T>(a, r)[c];
}

// body(first row, number of rows, `a_row` repeated as often). Short rows are thus worked on many at a time.
template <class T, class Body>
void with_repeated_row(const T* a_row, int rows, int cols, Body body) {
  constexpr int capacity = 512;
  T repeated[capacity];
  const int block_rows = std::min(rows, capacity / cols);
  if (block_rows < 2) {
    for (int r = 0; r < rows; ++r) body(r, 1, a_row);
    return;
  }
  repeat(a_row, count(cols), count(block_rows), repeated);
  for (int r = 0; r < rows; r += block_rows) body(r, std::min(block_rows, rows - r), &repeated[0]);
}

template <class T>
void add_row(const Call& call) {
  const int cols = call.out.cols;
  with_repeated_row(call.in[1].as<T>(), call.out.rows, cols, [&](int r, int rows, const T* b) {
    const T* a = row<T>(call.in[0], r);
    T* y = row<T>(call.out, r);
    each(count(rows) * count(cols), [=](std::size_t n) { y[n] = a[n] + b[n]; });
  });
}

template <class T>
void broadcast_rows(const Call& call) {
  const int cols = call.out.cols;
  with_repeated_row(call.in[0].as<T>(), call.out.rows, cols,
                    [&](int r, int rows, const T* a) { copy(a, row<T>(call.out, r), count(rows) * count(cols)); });
}

template <class T>
void broadcast_cols(const Call& call) {
  with_length(call.out.cols, [&call](auto cols) {
    const T* a = call.in[0].as<T>();
    T* y = call.out.as<T>();
    for (int r = 0; r < call.out.rows; ++r, y += cols) fill(y, count(cols), a[r]);
  });
}

template <class T>
void broadcast_all(const Call& call) {
  fill(call.out.as<T>(), call.out.size(), *call.in[0].as<T>());
}

// The same numbers again: reshape, stop_gradient, broadcast_tasks.
template <class T>
void copy_all(const Call& call) {
  if (call.out.data != call.in[0].data) copy(call.in[0].as<T>(), call.out.as<T>(), call.out.size());
}

template <class T>
void slice_rows(const Call& call) {
  copy(row<T>(call.in[0], call.attr.i), call.out.as<T>(), call.out.size());
}

// `width` columns of each row, from column from_col of one matrix to column to_col of another.
template <class T>
void copy_cols(const Matrix& from, int from_col, const Matrix& to, int to_col, int width) {
  with_length(width, [&](auto cols) {
    const T* x = from.as<T>() + from_col;
    T* y = to.as<T>() + to_col;
    for (int r = 0; r < from.rows; ++r, x += from.cols, y += to.cols) copy(x, y, count(cols));
  });
}

template <class T>
void slice_cols(const Call& call) {
  copy_cols<T>(call.in[0], call.attr.i, call.out, 0, call.out.cols);
}

// Row r of the output is row r − i of the input where there is one, else zero: pad_rows and shift_rows.
template <class T>
void place_rows(const Call& call) {
  const Matrix& a = call.in[0];
  const int total = call.out.rows, cols = call.out.cols;
  const int first = std::clamp(call.attr.i, 0, total), end = std::clamp(call.attr.i + a.rows, 0, total);
  fill(call.out.as<T>(), count(first) * count(cols), T(0));
  if (end > first) copy(row<T>(a, first - call.attr.i), row<T>(call.out, first), count(end - first) * count(cols));
  fill(row<T>(call.out, end), count(total - end) * count(cols), T(0));
}

template <class T>
void pad_cols(const Call& call) {
  const Matrix& a = call.in[0];
  fill(call.out.as<T>(), call.out.size(), T(0));
  copy_cols<T>(a, 0, call.out, call.attr.i, a.cols);
}

template <class T>
void concat_rows(const Call& call) {
  T* y = call.out.as<T>();
  for (int k = 0; k < call.arity; y += call.in[k].size(), ++k) copy(call.in[k].as<T>(), y, call.in[k].size());
}

template <class T>
void concat_cols(const Call& call) {
  for (int k = 0, first = 0; k < call.arity; first += call.in[k].cols, ++k)
    copy_cols<T>(call.in[k], 0, call.out, first, call.in[k].cols);
}

// The rows of a window lie one after the other already.
template <class T>
void windows(const Call& call) {
  for (int k = 0; k < call.out.rows; ++k)
    copy(row<T>(call.in[0], k * call.attr.j), row<T>(call.out, k), count(call.out.cols));
}

template <class T>
void overlap_add(const Call& call) {
  const Matrix& a = call.in[0];
  fill(call.out.as<T>(), call.out.size(), T(0));
  for (int k = 0; k < a.rows; ++k) {
    const T* window = row<T>(a, k);
    T* y = row<T>(call.out, k * call.attr.j);
    each(count(a.cols), [=](std::size_t n) { y[n] += window[n]; });
  }
}

template <class T>
void gather_rows(const Call& call) {
  const Matrix& table = call.in[0];
  with_length(table.cols, [&](auto cols) {
    for (int r = 0; r < call.out.rows; ++r)
      copy(row<T>(table, checked_index(call.in[1].as<T>()[r], table.rows, r)), row<T>(call.out, r), count(cols));
  });
}

template <class T>
void scatter_rows(const Call& call) {
  fill(call.out.as<T>(), call.out.size(), T(0));
  for (int r = 0; r < call.in[0].rows; ++r) {
    const T* v = row<T>(call.in[0], r);
    T* y = row<T>(call.out, checked_index(call.in[1].as<T>()[r], call.out.rows, r));
    each(count(call.out.cols), [=](std::size_t c) { y[c] += v[c]; });
  }
}

template <class T>
void pick_cols(const Call& call) {
  const Matrix& z = call.in[0];
  for (int r = 0; r < z.rows; ++r) call.out.as<T>()[r] = row<T>(z, r)[checked_index(call.in[1].as<T>()[r], z.cols, r)];
}

template <class T>
void place_cols(const Call& call) {
  fill(call.out.as<T>(), call.out.size(), T(0));
  for (int r = 0; r < call.out.rows; ++r)
    row<T>(call.out, r)[checked_index(call.in[1].as<T>()[r], call.out.cols, r)] = call.in[0].as<T>()[r];
}

}  // namespace

std::span<const KernelRow> linear_rows() {
  static constexpr KernelRow rows[] = {
      {Op::matmul, matmul<float>, matmul<double>},
      {Op::transpose, transpose<float>, transpose<double>},
      {Op::add_row, add_row<float>, add_row<double>},
      {Op::broadcast_rows, broadcast_rows<float>, broadcast_rows<double>},
      {Op::broadcast_cols, broadcast_cols<float>, broadcast_cols<double>},
      {Op::broadcast_all, broadcast_all<float>, broadcast_all<double>},
      {Op::broadcast_tasks, copy_all<float>, copy_all<double>},
      {Op::reshape, copy_all<float>, copy_all<double>},
      {Op::slice_rows, slice_rows<float>, slice_rows<double>},
      {Op::pad_rows, place_rows<float>, place_rows<double>},
      {Op::slice_cols, slice_cols<float>, slice_cols<double>},
      {Op::pad_cols, pad_cols<float>, pad_cols<double>},
      {Op::concat_rows, concat_rows<float>, concat_rows<double>},
      {Op::concat_cols, concat_cols<float>, concat_cols<double>},
      {Op::shift_rows, place_rows<float>, place_rows<double>},
      {Op::windows, windows<float>, windows<double>},
      {Op::overlap_add, overlap_add<float>, overlap_add<double>},
      {Op::gather_rows, gather_rows<float>, gather_rows<double>},
      {Op::scatter_rows, scatter_rows<float>, scatter_rows<double>},
      {Op::pick_cols, pick_cols<float>, pick_cols<double>},
      {Op::place_cols, place_cols<float>, place_cols<double>},
      {Op::stop_gradient, copy_all<float>, copy_all<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu
