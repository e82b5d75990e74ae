// Reference kernels: the long short-term memory over a whole sequence, backwards, its tangent and its curvature.
#pragma once

#include <vector>

#include "kernels/reference/linear.h"

namespace innerloop::kernels::reference {

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

// The tangent of all six blocks of lstm_sequence. The part of the pre-activations' tangent that is known beforehand is
// D = dZ + h⁻·dU, with the h⁻ of the packed results; so this is linear in (D, dh0, dc0), and the transpose of
// lstm_sequence_bwd.
//
// in: packed (6·T·N, H), U, c0, reset, D (T·N, 4H), dh0 (N, H), dc0 (N, H);  out (6·T·N, H): tangents of i, f, g, o, c,
// h
template <class T>
void lstm_sequence_jvp(const Call& call) {
  const Matrix &packed = call.in[0], &u = call.in[1], &c0 = call.in[2], &reset = call.in[3], &d = call.in[4];
  const Matrix &h0_dot = call.in[5], &c0_dot = call.in[6];
  const int batch = c0.rows, cells = c0.cols, rows = call.attr.i * batch;
  for (int r = 0; r < rows; ++r) {
    const bool cleared = real_part(at<T>(reset, r, 0)) != 0, first = r < batch;
    const auto before = [&](const Matrix& start, const Matrix& all, int block, int k) {
      return cleared ? T(0) : first ? at<T>(start, r, k) : at<T>(all, block * rows + r - batch, k);
    };
    for (int k = 0; k < cells; ++k) {
      const auto pre = [&](int gate) {
        T sum = at<T>(d, r, gate * cells + k);
        for (int l = 0; l < cells; ++l) sum += before(h0_dot, call.out, 5, l) * at<T>(u, l, gate * cells + k);
        return sum;
      };
      const T i = at<T>(packed, r, k), f = at<T>(packed, rows + r, k), g = at<T>(packed, 2 * rows + r, k);
      const T o = at<T>(packed, 3 * rows + r, k), tanh_c = scalar::tanh(at<T>(packed, 4 * rows + r, k));
      const T i_dot = pre(0) * i * (T(1) - i), f_dot = pre(1) * f * (T(1) - f), g_dot = pre(2) * (T(1) - g * g);
      const T o_dot = pre(3) * o * (T(1) - o);
      const T c_dot = f_dot * before(c0, packed, 4, k) + f * before(c0_dot, call.out, 4, k) + i_dot * g + i * g_dot;
      const T h_dot = o_dot * tanh_c + o * (T(1) - tanh_c * tanh_c) * c_dot;
      const T blocks[] = {i_dot, f_dot, g_dot, o_dot, c_dot, h_dot};
      for (int b = 0; b < 6; ++b) at<T>(call.out, b * rows + r, k) = blocks[b];
    }
  }
}

// How ⟨bar, tangent⟩ depends on the packed results and on c0, the bilinear form of lstm_sequence_jvp's direction with
// lstm_sequence_bwd's cotangent. With A the whole tangent of the pre-activations, and h_bar the whole cotangent of h,
// every step is a formula of its own; only the cotangent of c is carried, elementwise, from the later step.
//
// in: packed (6·T·N, H), c0 (N, H), reset, bar (6·T·N, H), h_bar (T·N, H), A (T·N, 4H), c_dot (T·N, H), dc0 (N, H)
//
// out (6·T·N + N, H): derivatives with respect to i, f, g, o, c, h (zero), then c0
template <class T>
void lstm_sequence_curvature(const Call& call) {
  const Matrix &packed = call.in[0], &c0 = call.in[1], &reset = call.in[2], &bar = call.in[3], &h_bar = call.in[4];
  const Matrix &a_dot = call.in[5], &c_dot = call.in[6], &c0_dot = call.in[7];
  const int batch = c0.rows, cells = c0.cols, rows = call.attr.i * batch;
  fill<T>(call.out, [](int, int) { return T(0); });
  std::vector<T> carried(c0.size(), T(0));  // what the later step sends to c
  for (int r = rows - 1; r >= 0; --r)
    for (int k = 0; k < cells; ++k) {
      const bool cleared = real_part(at<T>(reset, r, 0)) != 0, first = r < batch;
      const T i = at<T>(packed, r, k), f = at<T>(packed, rows + r, k), g = at<T>(packed, 2 * rows + r, k);
      const T o = at<T>(packed, 3 * rows + r, k), tanh_c = scalar::tanh(at<T>(packed, 4 * rows + r, k));
      const T slope = T(1) - tanh_c * tanh_c;
      const T c_before = cleared ? T(0) : first ? at<T>(c0, r, k) : at<T>(packed, 4 * rows + r - batch, k);
      const T c_dot_before = cleared ? T(0) : first ? at<T>(c0_dot, r, k) : at<T>(c_dot, r - batch, k);
      const T ai = at<T>(a_dot, r, k), af = at<T>(a_dot, r, cells + k), ag = at<T>(a_dot, r, 2 * cells + k);
      const T ao = at<T>(a_dot, r, 3 * cells + k), c1 = at<T>(c_dot, r, k), h = at<T>(h_bar, r, k);

      T& later = carried[static_cast<std::size_t>(r % batch) * static_cast<std::size_t>(cells) +
                         static_cast<std::size_t>(k)];
      const T c = at<T>(bar, 4 * rows + r, k) + later + h * o * slope;
      const T i_bar = at<T>(bar, r, k) + c * g, f_bar = at<T>(bar, rows + r, k) + c * c_before;
      const T g_bar = at<T>(bar, 2 * rows + r, k) + c * i, o_bar = at<T>(bar, 3 * rows + r, k) + h * tanh_c;
      at<T>(call.out, r, k) += ai * i_bar * (T(1) - T(2) * i) + ag * c * (T(1) - g * g);
      at<T>(call.out, rows + r, k) += af * f_bar * (T(1) - T(2) * f) + c_dot_before * c;
      at<T>(call.out, 2 * rows + r, k) += ai * c * i * (T(1) - i) - T(2) * ag * g_bar * g;
      at<T>(call.out, 3 * rows + r, k) += ao * o_bar * (T(1) - T(2) * o) + c1 * h * slope;
      at<T>(call.out, 4 * rows + r, k) += (ao * h * o * (T(1) - o) - T(2) * c1 * h * o * tanh_c) * slope;
      if (!cleared) at<T>(call.out, first ? 6 * rows + r : 4 * rows + r - batch, k) += af * c * f * (T(1) - f);
      later = cleared ? T(0) : c * f;
    }
}

}  // namespace innerloop::kernels::reference
