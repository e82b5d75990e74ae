// The products of a network's layers on a tile of rows in shared memory. Internal to kernels/cuda/mlp.cu.
//
// A tile holds [unit][row], rows side by side, `stride` numbers from unit to unit; units are rounded up to a multiple
// of 4, and what is beyond is finite (zero, where it is multiplied). So each product works on patches of 4 × 4 results
// per thread, whose operands come as pieces of 16 bytes (Four<float>): 2 pieces for 16 multiply-adds.
//
//   values      Z[c][r]  = b[c] + Σ_k H[k][r]·W[k][c] pieces: 4 rows of H, 4 columns of W
//   cotangents  H̄[k][r]  = Σ_c W[k][c]·Z̄[c][r]        pieces: 4 columns of W, 4 rows of Z̄; four of each at a time
//   gradients   W̄[k][c] += Σ_r H[k][r]·Z̄[c][r]        pieces: 4 rows of H, 4 rows of Z̄; four of each at a time
#pragma once

#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/simt/simt.h"
#include "kernels/ops.h"

namespace innerloop::kernels::SIMT_BACKEND::mlp_tile {

constexpr int patch = 4;
constexpr int threads = 256;

SIMT_HOST_DEVICE constexpr int up_to_patch(int n) { return (n + patch - 1) / patch * patch; }

template <class T>
struct alignas(16) Four {
  T at[patch];
};
template <class T>
SIMT_DEVICE Four<T> load(const T* from) {
  return *reinterpret_cast<const Four<T>*>(from);
}
template <class T>
SIMT_DEVICE void store(T* to, const Four<T>& four) {
  *reinterpret_cast<Four<T>*>(to) = four;
}

template <class T>
using Patch = T[patch][patch];

// A matrix W (in, out): in shared memory, rows and columns rounded up with zeros; or wherever it came from.
template <class T, bool resident>
struct Weights {
  const T* data;
  int in, out;

  SIMT_DEVICE Four<T> columns(int k, int c) const {
    if constexpr (resident) {
      return load(data + k * up_to_patch(out) + c);
    } else {
      Four<T> w;
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j)
        w.at[j] = k < in && c + j < out ? data[static_cast<std::size_t>(k) * out + c + j] : T(0);
      return w;
    }
  }
};

// Rows of a tile come in groups of 4; groups are a power of two, so that a thread's patch is found by shifts.
struct Tile {
  int log_groups;
  SIMT_DEVICE int groups() const { return 1 << log_groups; }
  SIMT_DEVICE int rows() const { return patch << log_groups; }
  SIMT_DEVICE int stride() const { return rows() + patch; }
};

// f(first row, first unit) for the patches of this thread; threads of one warp share units, so that they read the same
// weights.
template <class F>
SIMT_DEVICE void for_patches(const Tile& tile, int units, F f) {
  const int count = tile.groups() * (up_to_patch(units) / patch);
  for (int p = static_cast<int>(threadIdx.x); p < count; p += threads)
    f((p & (tile.groups() - 1)) * patch, (p >> tile.log_groups) * patch);
}

// sum[i][j] += Σ_k H[k][r + i]·W[k][c + j]
template <class T, bool resident>
SIMT_DEVICE void add_values(Patch<T>& sum, const T* h, int stride, int r, const Weights<T, resident>& w, int c) {
  for (int k = 0; k < w.in; ++k) {
    const Four<T> a = load(h + k * stride + r), b = w.columns(k, c);
    SIMT_UNROLL
    for (int i = 0; i < patch; ++i) {
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j) sum[i][j] = vecmath::mul_add(a.at[i], b.at[j], sum[i][j]);
    }
  }
}

// sum[i][j] += Σ_c Z̄[c][r + i]·W[k + j][c]
template <class T, bool resident>
SIMT_DEVICE void add_cotangents(Patch<T>& sum, const T* z_bar, int stride, int r, const Weights<T, resident>& w,
                                int k) {
  for (int c = 0; c < w.out; c += patch) {
    Four<T> weights[patch];
    SIMT_UNROLL
    for (int j = 0; j < patch; ++j) weights[j] = w.columns(k + j, c);
    SIMT_UNROLL
    for (int m = 0; m < patch; ++m) {
      const Four<T> z = load(z_bar + (c + m) * stride + r);
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        SIMT_UNROLL
        for (int j = 0; j < patch; ++j) sum[i][j] = vecmath::mul_add(z.at[i], weights[j].at[m], sum[i][j]);
      }
    }
  }
}

// sum[i][j] += Σ_r H[k + i][r]·Z̄[c + j·apart][r]. The columns of a patch lie apart, and those of neighbouring threads
// side by side: the units of Z̄ that they read lie in different banks.
template <class T>
SIMT_DEVICE void add_gradients(Patch<T>& sum, const T* h, int k, const T* z_bar, int c, int apart, const Tile& tile) {
  const int stride = tile.stride();
  for (int r = 0; r < tile.rows(); r += patch) {
    Four<T> a[patch];
    SIMT_UNROLL
    for (int i = 0; i < patch; ++i) a[i] = load(h + (k + i) * stride + r);
    SIMT_UNROLL
    for (int j = 0; j < patch; ++j) {
      const Four<T> b = load(z_bar + (c + j * apart) * stride + r);
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        SIMT_UNROLL
        for (int m = 0; m < patch; ++m) sum[i][j] = vecmath::mul_add(a[i].at[m], b.at[m], sum[i][j]);
      }
    }
  }
}

// Adds W̄ = h·z̄ᵀ + h2·z̄2ᵀ (the second product if h2 is given) to (in, out) numbers, the sums of bias's rows to the
// `out` numbers behind them; `first`: sets them. Each number is always added to by the same thread: no one waits.
template <class T>
SIMT_DEVICE void add_layer_gradients(T* to, bool first, int in, int out, const Tile& tile, const T* h, const T* z_bar,
                                     const T* h2, const T* z_bar2, const T* bias) {
  const int apart = up_to_patch(out) / patch, count = up_to_patch(in) / patch * apart;
  for (int p = static_cast<int>(threadIdx.x); p < count; p += threads) {
    const int k = p / apart * patch, c = p % apart;
    Patch<T> sum = {};
    add_gradients(sum, h, k, z_bar, c, apart, tile);
    if (h2) add_gradients(sum, h2, k, z_bar2, c, apart, tile);
    SIMT_UNROLL
    for (int i = 0; i < patch; ++i) {
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j)
        if (k + i < in && c + j * apart < out) {
          T& number = to[(k + i) * out + c + j * apart];
          number = first ? sum[i][j] : number + sum[i][j];
        }
    }
  }
  for (int c = static_cast<int>(threadIdx.x); c < out; c += threads) {
    T sum = 0;
    for (int r = 0; r < tile.rows(); ++r) sum += bias[c * tile.stride() + r];
    T& number = to[in * out + c];
    number = first ? sum : number + sum;
  }
}

template <class T>
SIMT_DEVICE T activate(Activation activation, T z) {
  switch (activation) {
    case Activation::identity: return z;
    case Activation::tanh: return vecmath::tanh(z);
    case Activation::relu: return z <= T(0) ? T(0) : z;
    case Activation::sigmoid: return vecmath::sigmoid(z);
  }
  return z;
}

// act'(z)·g from the output y = act(z).
template <class T>
SIMT_DEVICE T slope(Activation activation, T y, T g) {
  switch (activation) {
    case Activation::identity: return g;
    case Activation::tanh: return g * (T(1) - y * y);
    case Activation::relu: return y > T(0) ? g : T(0);
    case Activation::sigmoid: return g * (y * (T(1) - y));
  }
  return g;
}

// The tangent of slope() with respect to y.
template <class T>
SIMT_DEVICE T curvature(Activation activation, T y, T y_dot, T g) {
  switch (activation) {
    case Activation::tanh: return T(-2) * y * y_dot * g;
    case Activation::sigmoid: return (T(1) - T(2) * y) * y_dot * g;
    default: return T(0);
  }
}

}  // namespace innerloop::kernels::SIMT_BACKEND::mlp_tile
