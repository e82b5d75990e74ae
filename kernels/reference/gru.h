// The definition of the gated recurrent unit over a sequence.
#pragma once

#include "kernels/ops.h"
#include "kernels/reference/scalar.h"

namespace innerloop::kernels::reference {

// A gated recurrent unit over T = attr.i steps of N rows and H cells (Cho et al. 2014, in the form of cuDNN, whose
// reset gate acts on the product h·U). reset clears h before the step. Gate columns of Z and U: r, z, n.
//   r, z = sigmoid(Z_t + h_{t−1}·U);   q = h_{t−1}·U_n;   n = tanh(Z_n + r·q);   h = (1 − z)·n + z·h_{t−1}
// in: Z (T·N, 3H), U (H, 3H), h0 (N, H), reset (T·N, 1);  out (5·T·N, H): blocks r, z, n, q, h
template <class T>
void gru_sequence(const Call& call) {
  const Matrix &z_in = call.in[0], &u = call.in[1], &h0 = call.in[2], &reset = call.in[3];
  const int batch = h0.rows, cells = h0.cols, rows = call.attr.i * batch;
  for (int row = 0; row < rows; ++row) {
    const bool cleared = real_part(at<T>(reset, row, 0)) != 0, first = row < batch;
    const auto h_before = [&](int k) {
      return cleared ? T(0) : first ? at<T>(h0, row, k) : at<T>(call.out, 4 * rows + row - batch, k);
    };
    for (int k = 0; k < cells; ++k) {
      const auto product = [&](int gate) {
        T sum(0);
        for (int l = 0; l < cells; ++l) sum += h_before(l) * at<T>(u, l, gate * cells + k);
        return sum;
      };
      const T r = scalar::sigmoid(at<T>(z_in, row, k) + product(0));
      const T z = scalar::sigmoid(at<T>(z_in, row, cells + k) + product(1));
      const T q = product(2), n = scalar::tanh(at<T>(z_in, row, 2 * cells + k) + r * q);
      const T h = (T(1) - z) * n + z * h_before(k);
      const T blocks[] = {r, z, n, q, h};
      for (int b = 0; b < 5; ++b) at<T>(call.out, b * rows + row, k) = blocks[b];
    }
  }
}

// The cotangents of Z, q and h0, given those of all five blocks of gru_sequence. (That of U is a product of these.)
//
// in: packed (5·T·N, H), U, h0, reset, packed_bar (5·T·N, H)
//
// out (4·T·N + N, H): dZ, a dense (T·N, 3H) matrix read as rows of H, then dq (T·N, H), then dh0 (N, H)
template <class T>
void gru_sequence_bwd(const Call& call) {
  const Matrix &packed = call.in[0], &u = call.in[1], &h0 = call.in[2], &reset = call.in[3], &bar = call.in[4];
  const int batch = h0.rows, cells = h0.cols, rows = call.attr.i * batch;
  const Matrix dz{call.out.data, rows, 3 * cells};
  const Matrix dq{&at<T>(call.out, 3 * rows, 0), rows, cells}, dh{&at<T>(call.out, 4 * rows, 0), batch, cells};
  fill<T>(dh, [](int, int) { return T(0); });

  // Backwards in time; dh carries what the later step sends to this one.
  for (int row = rows - 1; row >= 0; --row) {
    const bool cleared = real_part(at<T>(reset, row, 0)) != 0;
    const int m = row % batch;
    for (int k = 0; k < cells; ++k) {
      const T r = at<T>(packed, row, k), z = at<T>(packed, rows + row, k), n = at<T>(packed, 2 * rows + row, k);
      const T q = at<T>(packed, 3 * rows + row, k);
      const T h_before = cleared       ? T(0)
                         : row < batch ? at<T>(h0, row, k)
                                       : at<T>(packed, 4 * rows + row - batch, k);
      const T h_bar = at<T>(bar, 4 * rows + row, k) + at<T>(dh, m, k);
      const T n_pre = (at<T>(bar, 2 * rows + row, k) + h_bar * (T(1) - z)) * (T(1) - n * n);
      const T z_bar = at<T>(bar, rows + row, k) + h_bar * (h_before - n);
      const T r_bar = at<T>(bar, row, k) + n_pre * q;
      at<T>(dz, row, k) = r_bar * r * (T(1) - r);
      at<T>(dz, row, cells + k) = z_bar * z * (T(1) - z);
      at<T>(dz, row, 2 * cells + k) = n_pre;
      at<T>(dq, row, k) = at<T>(bar, 3 * rows + row, k) + n_pre * r;
      at<T>(dh, m, k) = h_bar * z;
    }
    for (int k = 0; k < cells; ++k) {
      T sum = at<T>(dh, m, k);
      for (int l = 0; l < 2 * cells; ++l) sum += at<T>(dz, row, l) * at<T>(u, k, l);
      for (int l = 0; l < cells; ++l) sum += at<T>(dq, row, l) * at<T>(u, k, 2 * cells + l);
      at<T>(dh, m, k) = cleared ? T(0) : sum;
    }
  }
}

}  // namespace innerloop::kernels::reference
