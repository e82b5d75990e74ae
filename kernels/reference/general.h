// Reference kernels, general: recurrences, softmax and its relatives, and the fused layers.
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

// A long short-term memory over T = attr.i steps of N rows and H cells (Hochreiter and Schmidhuber 1997; forget gate of
// Gers et al. 2000). reset clears h and c before the step. Gate columns of Z and U: i, f, g, o.
//   i, f, o = sigmoid,  g = tanh  of  Z_t + h_{t−1}·U;   c = f·c_{t−1} + i·g;   h = o·tanh c
// in: Z (T·N, 4H), U (H, 4H), h0 (N, H), c0 (N, H), reset (T·N, 1);  out (6·T·N, H): blocks i, f, g, o, c, h
template <class T>
void lstm_sequence(const Call& call) {
  const Matrix &z = call.in[0], &u = call.in[1], &h0 = call.in[2], &c0 = call.in[3], &reset = call.in[4];
  const int batch = h0.rows, cells = h0.cols, rows = call.attr.i * batch;
  for (int r = 0; r < rows; ++r) {
    const bool cleared = real_part(at<T>(reset, r, 0)) != 0, first = r < batch;
    const auto h_before = [&](int k) {
      return cleared ? T(0) : first ? at<T>(h0, r, k) : at<T>(call.out, 5 * rows + r - batch, k);
    };
    const auto c_before = [&](int k) {
      return cleared ? T(0) : first ? at<T>(c0, r, k) : at<T>(call.out, 4 * rows + r - batch, k);
    };
    for (int k = 0; k < cells; ++k) {
      const auto pre = [&](int gate) {
        T sum = at<T>(z, r, gate * cells + k);
        for (int l = 0; l < cells; ++l) sum += h_before(l) * at<T>(u, l, gate * cells + k);
        return sum;
      };
      const T i = scalar::sigmoid(pre(0)), f = scalar::sigmoid(pre(1)), g = scalar::tanh(pre(2));
      const T o = scalar::sigmoid(pre(3)), c = f * c_before(k) + i * g, h = o * scalar::tanh(c);
      const T blocks[] = {i, f, g, o, c, h};
      for (int b = 0; b < 6; ++b) at<T>(call.out, b * rows + r, k) = blocks[b];
    }
  }
}

// The cotangents of Z, h0 and c0, given those of all six blocks of lstm_sequence. (That of U is a product of these.)
//
// in: packed (6·T·N, H), U, h0, c0, reset, packed_bar (6·T·N, H)
//
// out (4·T·N + 2N, H): dZ, a dense (T·N, 4H) matrix read as rows of H, then dh0 (N, H), then dc0 (N, H)
template <class T>
void lstm_sequence_bwd(const Call& call) {
  const Matrix &packed = call.in[0], &u = call.in[1], &c0 = call.in[3], &reset = call.in[4], &bar = call.in[5];
  const int batch = c0.rows, cells = c0.cols, rows = call.attr.i * batch;
  const Matrix dz{call.out.data, rows, 4 * cells};
  const Matrix dh{&at<T>(call.out, 4 * rows, 0), batch, cells}, dc{&at<T>(call.out, 4 * rows + batch, 0), batch, cells};
  fill<T>(dh, [](int, int) { return T(0); });
  fill<T>(dc, [](int, int) { return T(0); });

  // Backwards in time; dh and dc carry what the later step sends to this one.
  for (int r = rows - 1; r >= 0; --r) {
    const bool cleared = real_part(at<T>(reset, r, 0)) != 0;
    const int n = r % batch;
    for (int k = 0; k < cells; ++k) {
      const T i = at<T>(packed, r, k), f = at<T>(packed, rows + r, k), g = at<T>(packed, 2 * rows + r, k);
      const T o = at<T>(packed, 3 * rows + r, k), tanh_c = scalar::tanh(at<T>(packed, 4 * rows + r, k));
      const T c_before = cleared ? T(0) : r < batch ? at<T>(c0, r, k) : at<T>(packed, 4 * rows + r - batch, k);

      const T h_bar = at<T>(bar, 5 * rows + r, k) + at<T>(dh, n, k);
      const T c_bar = at<T>(bar, 4 * rows + r, k) + at<T>(dc, n, k) + h_bar * o * (T(1) - tanh_c * tanh_c);
      const T i_bar = at<T>(bar, r, k) + c_bar * g, f_bar = at<T>(bar, rows + r, k) + c_bar * c_before;
      const T g_bar = at<T>(bar, 2 * rows + r, k) + c_bar * i, o_bar = at<T>(bar, 3 * rows + r, k) + h_bar * tanh_c;

      at<T>(dz, r, k) = i_bar * i * (T(1) - i);
      at<T>(dz, r, cells + k) = f_bar * f * (T(1) - f);
      at<T>(dz, r, 2 * cells + k) = g_bar * (T(1) - g * g);
      at<T>(dz, r, 3 * cells + k) = o_bar * o * (T(1) - o);
      at<T>(dc, n, k) = cleared ? T(0) : c_bar * f;
    }
    for (int k = 0; k < cells; ++k) {
      T sum(0);
      for (int l = 0; l < 4 * cells; ++l) sum += at<T>(dz, r, l) * at<T>(u, k, l);
      at<T>(dh, n, k) = cleared ? T(0) : sum;
    }
  }
}

}  // namespace innerloop::kernels::reference
