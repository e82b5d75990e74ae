// Reference kernels, general: recurrences, softmax and its relatives, and the fused layer.
#pragma once

#include <limits>
#include <numbers>

#include "kernels/reference/linear.h"

namespace innerloop::kernels::reference {

// i time steps of N = rows/i rows.  j = +1: y_t = x_t + a_t·y_{t−1};  j = −1: y_t = x_t + a_t·y_{t+1}.
template <class T>
void linear_recurrence(const Call& call) {
  const Matrix &x = call.in[0], &a = call.in[1];
  const int rows = x.rows, width = rows / call.attr.i, back = call.attr.j > 0 ? width : -width;
  for (int n = 0; n < rows; ++n) {
    const int r = call.attr.j > 0 ? n : rows - 1 - n, before = r - back;
    for (int c = 0; c < x.cols; ++c) {
      at<T>(call.out, r, c) = at<T>(x, r, c);
      if (before >= 0 && before < rows) at<T>(call.out, r, c) += at<T>(a, r, c) * at<T>(call.out, before, c);
    }
  }
}

// The largest real part of a row, which keeps exp in range; 0 where that is infinite or the row is all NaN.
template <class T>
T row_shift(const Matrix& z, int r) {
  Real<T> largest = -std::numeric_limits<Real<T>>::infinity();
  for (int c = 0; c < z.cols; ++c) largest = real_part(at<T>(z, r, c)) > largest ? real_part(at<T>(z, r, c)) : largest;
  return std::isfinite(largest) ? T(largest) : T(0);
}

// Σ_c exp(z[r, c] − shift)
template <class T>
T sum_of_exp(const Matrix& z, int r, T shift) {
  T sum(0);
  for (int c = 0; c < z.cols; ++c) sum += std::exp(at<T>(z, r, c) - shift);
  return sum;
}

// y[r] = log Σ_c exp z[r, c] = m + log Σ_c exp(z[r, c] − m),  m = max_c z[r, c]
template <class T>
void logsumexp(const Call& call) {
  fill<T>(call.out, [&](int r, int) {
    const T shift = row_shift<T>(call.in[0], r);
    return shift + std::log(sum_of_exp<T>(call.in[0], r, shift));
  });
}

// y[r, c] = exp(z[r, c] − m) / Σ_c exp(z[r, c] − m)
template <class T>
void softmax(const Call& call) {
  for (int r = 0; r < call.out.rows; ++r) {
    const T shift = row_shift<T>(call.in[0], r), sum = sum_of_exp<T>(call.in[0], r, shift);
    for (int c = 0; c < call.out.cols; ++c) at<T>(call.out, r, c) = std::exp(at<T>(call.in[0], r, c) - shift) / sum;
  }
}

template <class T>
T activate(Activation activation, T x) {
  switch (activation) {
    case Activation::identity: return x;
    case Activation::tanh: return scalar::tanh(x);
    case Activation::relu: return scalar::relu(x);
    case Activation::sigmoid: return scalar::sigmoid(x);
  }
  return x;
}

// y = act(x·W + b)
template <class T>
void dense(const Call& call) {
  const Matrix &x = call.in[0], &weights = call.in[1], &bias = call.in[2];
  fill<T>(call.out, [&](int r, int c) {
    T sum = at<T>(bias, 0, c);
    for (int k = 0; k < x.cols; ++k) sum += at<T>(x, r, k) * at<T>(weights, k, c);
    return activate(static_cast<Activation>(call.attr.i), sum);
  });
}

// y[r] = Σ_c −½((a − μ)/σ)² − log σ − ½ log 2π
template <class T>
void gaussian_log_prob(const Call& call) {
  const Matrix &mean = call.in[0], &log_sigma = call.in[1], &action = call.in[2];
  const T half_log_two_pi(std::log(2 * std::numbers::pi_v<Real<T>>) / 2);
  fill<T>(call.out, [&](int r, int) {
    T sum(0);
    for (int c = 0; c < mean.cols; ++c) {
      const T u = (at<T>(action, r, c) - at<T>(mean, r, c)) * std::exp(-at<T>(log_sigma, 0, c));
      sum += -(u * u) / T(2) - at<T>(log_sigma, 0, c) - half_log_two_pi;
    }
    return sum;
  });
}

}  // namespace innerloop::kernels::reference
