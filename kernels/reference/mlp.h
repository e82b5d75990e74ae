// Reference kernels: multilayer perceptrons, row by row. The operands: kernels/mlp_operands.h.
#pragma once

#include <vector>

#include "kernels/mlp_operands.h"
#include "kernels/reference/general.h"

namespace innerloop::kernels::reference {

template <class T>
using Layers = std::vector<std::vector<T>>;  // [layer][unit]; layer 0 is the input

// act'(z)·g from the output y = act(z).
template <class T>
T activation_slope(Activation activation, T y, T g) {
  switch (activation) {
    case Activation::identity: return g;
    case Activation::tanh: return g * (T(1) - y * y);
    case Activation::relu: return real_part(y) > 0 ? g : T(0);
    case Activation::sigmoid: return g * y * (T(1) - y);
  }
  return g;
}

// The tangent of activation_slope with respect to y.
template <class T>
T activation_curvature(Activation activation, T y, T y_dot, T g) {
  switch (activation) {
    case Activation::tanh: return T(-2) * y * y_dot * g;
    case Activation::sigmoid: return (T(1) - T(2) * y) * y_dot * g;
    default: return T(0);
  }
}

// One row's way through the network and back. `numbers(k)` below is operand k of the call.
template <class T>
struct MlpRow {
  const Call& call;
  MlpOperands place;
  int r;

  const Matrix& in(int k) const { return call.in[k]; }
  Activation activation(int layer) const {
    return layer == place.layers ? Activation::identity : static_cast<Activation>(call.attr.i);
  }
  std::vector<T> row_of(int k) const {
    std::vector<T> row;
    for (int c = 0; c < in(k).cols; ++c) row.push_back(at<T>(in(k), r, c));
    return row;
  }

  // h_l = act(h_{l−1}·W_l + b_l)
  Layers<T> values() const {
    Layers<T> h{row_of(0)};
    for (int l = 1; l <= place.layers; ++l) {
      const Matrix &w = in(place.weights(l - 1)), &b = in(place.bias(l - 1));
      h.emplace_back();
      for (int c = 0; c < w.cols; ++c) {
        T sum = at<T>(b, 0, c);
        for (int k = 0; k < w.rows; ++k) sum += h[l - 1][k] * at<T>(w, k, c);
        h[l].push_back(activate(activation(l), sum));
      }
    }
    return h;
  }

  // ḣ_l = act'(z_l)·(ḣ_{l−1}·W_l + h_{l−1}·Ẇ_l + ḃ_l)
  Layers<T> tangents(const Layers<T>& h) const {
    Layers<T> h_dot{place.with_x() ? row_of(place.x_dot) : std::vector<T>(h[0].size(), T(0))};
    for (int l = 1; l <= place.layers; ++l) {
      const Matrix &w = in(place.weights(l - 1)), &w_dot = in(place.weights_dot(l - 1));
      h_dot.emplace_back();
      for (int c = 0; c < w.cols; ++c) {
        T sum = at<T>(in(place.bias_dot(l - 1)), 0, c);
        for (int k = 0; k < w.rows; ++k) sum += h_dot[l - 1][k] * at<T>(w, k, c) + h[l - 1][k] * at<T>(w_dot, k, c);
        h_dot[l].push_back(activation_slope(activation(l), h[l][c], sum));
      }
    }
    return h_dot;
  }

  // z̄_L = ȳ;  h̄_{l−1} = z̄_l·W_lᵀ, z̄_{l−1} = act'(z_{l−1})·h̄_{l−1};  z̄_0 is x̄.
  // With ḣ given, the second result is the tangent of all this, the first one as before.
  struct Cotangents {
    Layers<T> z_bar, z_bar_dot;
  };
  Cotangents cotangents(const Layers<T>& h, const Layers<T>* h_dot) const {
    Cotangents result{Layers<T>(h.size()), Layers<T>(h.size())};
    auto& [z_bar, z_bar_dot] = result;
    z_bar.back() = row_of(place.y_bar);
    z_bar_dot.back() = place.y_bar_dot >= 0 ? row_of(place.y_bar_dot) : std::vector<T>(z_bar.back().size(), T(0));
    for (int l = place.layers; l >= 1; --l) {
      const Matrix& w = in(place.weights(l - 1));
      const Activation act = l == 1 ? Activation::identity : activation(l - 1);
      for (int k = 0; k < w.rows; ++k) {
        T h_bar(0), h_bar_dot(0);
        for (int c = 0; c < w.cols; ++c) {
          h_bar += z_bar[l][c] * at<T>(w, k, c);
          if (h_dot)
            h_bar_dot += z_bar_dot[l][c] * at<T>(w, k, c) + z_bar[l][c] * at<T>(in(place.weights_dot(l - 1)), k, c);
        }
        const T y = h[l - 1][k];
        z_bar[l - 1].push_back(activation_slope(act, y, h_bar));
        if (h_dot)
          z_bar_dot[l - 1].push_back(activation_slope(act, y, h_bar_dot) +
                                     activation_curvature(act, y, (*h_dot)[l - 1][k], h_bar));
      }
    }
    return result;
  }

  // Adds aᵀ·b to the blocks of W̄ and b to those of b̄, in the packed column.
  void add_products(const Layers<T>& a, const Layers<T>& b, bool biases) const {
    int next = 0;
    for (int l = 1; l <= place.layers; ++l) {
      for (std::size_t k = 0; k < a[l - 1].size(); ++k)
        for (std::size_t c = 0; c < b[l].size(); ++c) at<T>(call.out, next++, 0) += a[l - 1][k] * b[l][c];
      for (std::size_t c = 0; c < b[l].size(); ++c) at<T>(call.out, next++, 0) += biases ? b[l][c] : T(0);
    }
  }

  // Writes this row of a (rows, width) block that begins at row `begin` of the packed column.
  void put(int begin, const std::vector<T>& row) const {
    const int width = static_cast<int>(row.size());
    for (int c = 0; c < width; ++c) at<T>(call.out, begin + r * width + c, 0) = row[c];
  }
};

// Numbers in θ.
inline int mlp_parameters(const Call& call, const MlpOperands& place) {
  int count = 0;
  for (int k = 1; k <= place.theta_count(); ++k) count += call.in[k].rows * call.in[k].cols;
  return count;
}

template <class T, class F>
void mlp_rows(Op op, const Call& call, F f) {
  const MlpOperands place = mlp_operands(op, call.arity, call.attr);
  for (int r = 0; r < call.in[0].rows; ++r) f(MlpRow<T>{call, place, r});
}

template <class T>
void mlp(const Call& call) {
  mlp_rows<T>(Op::mlp, call, [&](const MlpRow<T>& row) {
    const std::vector<T> y = row.values().back();
    for (int c = 0; c < call.out.cols; ++c) at<T>(call.out, row.r, c) = y[c];
  });
}

template <class T>
void mlp_jvp(const Call& call) {
  mlp_rows<T>(Op::mlp_jvp, call, [&](const MlpRow<T>& row) {
    const std::vector<T> y_dot = row.tangents(row.values()).back();
    for (int c = 0; c < call.out.cols; ++c) at<T>(call.out, row.r, c) = y_dot[c];
  });
}

// W̄_l = Σ_rows h_{l−1}ᵀ·z̄_l,  b̄_l = Σ_rows z̄_l
template <class T>
void mlp_bwd(const Call& call) {
  fill<T>(call.out, [](int, int) { return T(0); });
  mlp_rows<T>(Op::mlp_bwd, call, [&](const MlpRow<T>& row) {
    const Layers<T> h = row.values(), z_bar = row.cotangents(h, nullptr).z_bar;
    row.add_products(h, z_bar, true);
    if (call.attr.j & mlp_with_x) row.put(mlp_parameters(call, row.place), z_bar[0]);
  });
}

// The tangents: Σ_rows ḣ_{l−1}ᵀ·z̄_l + h_{l−1}ᵀ·(z̄_l)˙, and Σ_rows (z̄_l)˙
template <class T>
void mlp_hvp(const Call& call) {
  fill<T>(call.out, [](int, int) { return T(0); });
  mlp_rows<T>(Op::mlp_hvp, call, [&](const MlpRow<T>& row) {
    const Layers<T> h = row.values(), h_dot = row.tangents(h);
    const auto [z_bar, z_bar_dot] = row.cotangents(h, &h_dot);
    row.add_products(h_dot, z_bar, false);
    row.add_products(h, z_bar_dot, true);
    int begin = mlp_parameters(call, row.place);
    if (row.place.with_x()) row.put(begin, z_bar_dot[0]), begin += call.in[0].rows * call.in[0].cols;
    row.put(begin, h_dot.back());
  });
}

}  // namespace innerloop::kernels::reference
