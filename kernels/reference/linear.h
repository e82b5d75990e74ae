// Reference kernels, linear in every input: products, sums, broadcasts, and numbers moved from place to place.
#pragma once

#include "kernels/ops.h"
#include "kernels/reference/scalar.h"

namespace innerloop::kernels::reference {

// Element (r, c) of a row-major matrix.
template <class T>
T& at(const Matrix& matrix, int r, int c) {
  const std::size_t row = static_cast<std::size_t>(r), col = static_cast<std::size_t>(c);
  return matrix.as<T>()[row * static_cast<std::size_t>(matrix.cols) + col];
}

// y[r, c] = f(r, c)
template <class T, class F>
void fill(const Matrix& y, F f) {
  for (int r = 0; r < y.rows; ++r)
    for (int c = 0; c < y.cols; ++c) at<T>(y, r, c) = f(r, c);
}

// y[r, c] = Σ_k op(A)[r, k] · op(B)[k, c]
template <class T>
void matmul(const Call& call) {
  const Matrix &a = call.in[0], &b = call.in[1];
  const bool transpose_a = call.attr.i == 1, transpose_b = call.attr.j == 1;
  const int inner = transpose_a ? a.rows : a.cols;
  fill<T>(call.out, [&](int r, int c) {
    T sum(0);
    for (int k = 0; k < inner; ++k)
      sum += (transpose_a ? at<T>(a, k, r) : at<T>(a, r, k)) * (transpose_b ? at<T>(b, c, k) : at<T>(b, k, c));
    return sum;
  });
}

template <class T>
void transpose(const Call& call) {
  fill<T>(call.out, [&](int r, int c) { return at<T>(call.in[0], c, r); });
}

template <class T>
void add_row(const Call& call) {
  fill<T>(call.out, [&](int r, int c) { return at<T>(call.in[0], r, c) + at<T>(call.in[1], 0, c); });
}

template <class T>
void sum_rows(const Call& call) {
  fill<T>(call.out, [&](int, int c) {
    T sum(0);
    for (int r = 0; r < call.in[0].rows; ++r) sum += at<T>(call.in[0], r, c);
    return sum;
  });
}

template <class T>
void broadcast_rows(const Call& call) {
  fill<T>(call.out, [&](int, int c) { return at<T>(call.in[0], 0, c); });
}

template <class T>
void sum_cols(const Call& call) {
  fill<T>(call.out, [&](int r, int) {
    T sum(0);
    for (int c = 0; c < call.in[0].cols; ++c) sum += at<T>(call.in[0], r, c);
    return sum;
  });
}

template <class T>
void broadcast_cols(const Call& call) {
  fill<T>(call.out, [&](int r, int) { return at<T>(call.in[0], r, 0); });
}

template <class T>
void sum_all(const Call& call) {
  T sum(0);
  for (std::size_t n = 0; n < call.in[0].size(); ++n) sum += call.in[0].as<T>()[n];
  call.out.as<T>()[0] = sum;
}

template <class T>
void broadcast_all(const Call& call) {
  fill<T>(call.out, [&](int, int) { return at<T>(call.in[0], 0, 0); });
}

// y[n] = Σ_t a[t, n], in task order. in[0] holds the blocks of all tasks, one after the other.
template <class T>
void sum_tasks(const Call& call) {
  const std::size_t block = call.out.size();
  for (std::size_t n = 0; n < block; ++n) {
    T sum(0);
    for (int t = 0; t < call.tasks; ++t) sum += call.in[0].as<T>()[static_cast<std::size_t>(t) * block + n];
    call.out.as<T>()[n] = sum;
  }
}

template <class T>
void slice_rows(const Call& call) {
  fill<T>(call.out, [&](int r, int c) { return at<T>(call.in[0], call.attr.i + r, c); });
}

template <class T>
void slice_cols(const Call& call) {
  fill<T>(call.out, [&](int r, int c) { return at<T>(call.in[0], r, call.attr.i + c); });
}

template <class T>
void pad_rows(const Call& call) {
  fill<T>(call.out, [&](int r, int c) {
    const int source = r - call.attr.i;
    return source >= 0 && source < call.in[0].rows ? at<T>(call.in[0], source, c) : T(0);
  });
}

template <class T>
void pad_cols(const Call& call) {
  fill<T>(call.out, [&](int r, int c) {
    const int source = c - call.attr.i;
    return source >= 0 && source < call.in[0].cols ? at<T>(call.in[0], r, source) : T(0);
  });
}

template <class T>
void shift_rows(const Call& call) {
  pad_rows<T>(call);  // the same formula; here the output has the rows of the input
}

template <class T>
void concat_rows(const Call& call) {
  for (int k = 0, first = 0; k < call.arity; first += call.in[k].rows, ++k)
    for (int r = 0; r < call.in[k].rows; ++r)
      for (int c = 0; c < call.in[k].cols; ++c) at<T>(call.out, first + r, c) = at<T>(call.in[k], r, c);
}

template <class T>
void concat_cols(const Call& call) {
  for (int k = 0, first = 0; k < call.arity; first += call.in[k].cols, ++k)
    for (int r = 0; r < call.in[k].rows; ++r)
      for (int c = 0; c < call.in[k].cols; ++c) at<T>(call.out, r, first + c) = at<T>(call.in[k], r, c);
}

// y[k, s·C + c] = a[k·stride + s, c]
template <class T>
void windows(const Call& call) {
  const int stride = call.attr.j, channels = call.in[0].cols;
  fill<T>(call.out, [&](int k, int n) { return at<T>(call.in[0], k * stride + n / channels, n % channels); });
}

// y[k·stride + s, c] += a[k, s·C + c], in the order of k
template <class T>
void overlap_add(const Call& call) {
  const Matrix& a = call.in[0];
  const int stride = call.attr.j, channels = call.out.cols;
  fill<T>(call.out, [](int, int) { return T(0); });
  for (int k = 0; k < a.rows; ++k)
    for (int n = 0; n < a.cols; ++n) at<T>(call.out, k * stride + n / channels, n % channels) += at<T>(a, k, n);
}

// y[r] = table[index[r]]
template <class T>
void gather_rows(const Call& call) {
  const Matrix &table = call.in[0], &index = call.in[1];
  fill<T>(call.out, [&](int r, int c) { return at<T>(table, checked_index(at<T>(index, r, 0), table.rows, r), c); });
}

// y[index[r]] += v[r], in row order
template <class T>
void scatter_rows(const Call& call) {
  const Matrix &values = call.in[0], &index = call.in[1];
  fill<T>(call.out, [](int, int) { return T(0); });
  for (int r = 0; r < values.rows; ++r)
    for (int c = 0; c < values.cols; ++c)
      at<T>(call.out, checked_index(at<T>(index, r, 0), call.out.rows, r), c) += at<T>(values, r, c);
}

// y[r] = z[r, index[r]]
template <class T>
void pick_cols(const Call& call) {
  const Matrix &z = call.in[0], &index = call.in[1];
  fill<T>(call.out, [&](int r, int) { return at<T>(z, r, checked_index(at<T>(index, r, 0), z.cols, r)); });
}

// y[r, index[r]] = v[r], else 0
template <class T>
void place_cols(const Call& call) {
  const Matrix &values = call.in[0], &index = call.in[1];
  fill<T>(call.out, [](int, int) { return T(0); });
  for (int r = 0; r < values.rows; ++r)
    at<T>(call.out, r, checked_index(at<T>(index, r, 0), call.out.cols, r)) = at<T>(values, r, 0);
}

}  // namespace innerloop::kernels::reference
