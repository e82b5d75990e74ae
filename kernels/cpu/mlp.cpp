// Multilayer perceptrons as one operation: forward, backward, tangent, Hessian-vector product. A block of rows goes the
// whole way, so that its activations stay in the cache. The definition: kernels/reference/mlp.h.
#include <algorithm>
#include <array>
#include <vector>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/table.h"
#include "kernels/mlp_operands.h"

namespace innerloop::kernels::cpu {
namespace {

constexpr int block_rows = 128;
template <class T>
using LayerPointers = std::array<T*, mlp_max_layers + 1>;  // layer 0 is the input

// A thread's memory for the activations of one block of rows. It grows to what the largest network needs, and stays.
template <class T>
T* scratch(std::size_t n) {
  static thread_local std::vector<T> memory;
  if (memory.size() < n) memory.resize(n);
  return memory.data();
}

// C (+)= op(A)·op(B)
template <class T>
void product(int m, int n, int k, const T* a, bool transpose_a, const T* b, bool transpose_b, T* c, bool accumulate) {
  gemm(m, n, k, a, transpose_a ? m : k, transpose_a, b, transpose_b ? k : n, transpose_b, c, n, accumulate);
}

// One block of rows on its way through the network.
template <class T>
class Block {
 public:
  Block(Op op, const Call& call) : call_(call), at_(mlp_operands(op, call.arity, call.attr)) {
    for (int l = 0; l <= layers(); ++l) widest_sum_ += width(l);
  }
  int layers() const { return at_.layers; }
  const MlpOperands& at() const { return at_; }
  int rows() const { return rows_; }
  int first() const { return first_; }
  int width(int l) const { return l == 0 ? call_.in[0].cols : call_.in[at_.bias(l - 1)].cols; }
  const T* in(int k) const { return call_.in[k].template as<T>(); }
  const T* weights(int l) const { return in(at_.weights(l - 1)); }
  const T* rows_of(int k) const { return row<T>(call_.in[k], first_); }
  std::size_t numbers(int l) const { return count(rows_) * count(width(l)); }
  Activation hidden() const { return static_cast<Activation>(call_.attr.i); }

  // Calls f() for every block of rows, with `sets` sets of buffers for all layers.
  template <class F>
  void for_each(int sets, F f) {
    memory_ = scratch<T>(count(sets) * count(block_rows) * count(widest_sum_));
    for (first_ = 0; first_ < call_.in[0].rows; first_ += block_rows) {
      rows_ = std::min(block_rows, call_.in[0].rows - first_);
      f();
    }
  }
  LayerPointers<T> buffers(int set) const {
    LayerPointers<T> layers_of_set{};
    T* next = memory_ + count(set) * count(block_rows) * count(widest_sum_);
    for (int l = 0; l <= layers(); ++l) layers_of_set[count(l)] = next, next += count(block_rows) * count(width(l));
    return layers_of_set;
  }

  // h_l = act(h_{l−1}·W_l + b_l)
  void values(LayerPointers<T>& h) const {
    h[0] = const_cast<T*>(rows_of(0));  // never written
    for (int l = 1; l <= layers(); ++l) {
      const int n = width(l), k = width(l - 1);
      const bool relu = l < layers() && hidden() == Activation::relu;
      gemm_bias(rows_, n, k, h[count(l - 1)], k, weights(l), n, in(at_.bias(l - 1)), relu, h[count(l)], n);
      if (l < layers() && !relu) activate(hidden(), h[count(l)], numbers(l));
    }
  }

  // ḣ_l = act'(z_l)·(ḣ_{l−1}·W_l + h_{l−1}·Ẇ_l + ḃ_l)
  void tangents(const LayerPointers<T>& h, LayerPointers<T>& dot) const {
    dot[0] = at_.with_x() ? const_cast<T*>(rows_of(at_.x_dot)) : nullptr;  // never written
    for (int l = 1; l <= layers(); ++l) {
      const int n = width(l), k = width(l - 1);
      T* to = dot[count(l)];
      gemm_bias(rows_, n, k, h[count(l - 1)], k, in(at_.weights_dot(l - 1)), n, in(at_.bias_dot(l - 1)), false, to, n);
      if (dot[count(l - 1)]) product(rows_, n, k, dot[count(l - 1)], false, weights(l), false, to, true);
      if (l < layers()) multiply_slope(hidden(), h[count(l)], to, numbers(l));
    }
  }

  // z̄_{l−1} = act'(z_{l−1})·(z̄_l·W_lᵀ), down to x̄ = z̄_0 if it is wanted; with tangents given, theirs too.
  void cotangents(const LayerPointers<T>& h, LayerPointers<T>& bar, const LayerPointers<T>* h_dot,
                  LayerPointers<T>* bar_dot) const {
    bar[count(layers())] = const_cast<T*>(rows_of(at_.y_bar));  // never written
    if (bar_dot) {
      T*& last = (*bar_dot)[count(layers())];
      if (at_.y_bar_dot >= 0)
        last = const_cast<T*>(rows_of(at_.y_bar_dot));
      else
        fill(last, numbers(layers()), T(0));
    }
    const int lowest = (call_.attr.j & mlp_with_x) != 0 ? 1 : 2;
    for (int l = layers(); l >= lowest; --l) {
      const int n = width(l - 1), k = width(l);
      const T *z_bar = bar[count(l)], *y = h[count(l - 1)];
      T* to = bar[count(l - 1)];
      product(rows_, n, k, z_bar, false, weights(l), true, to, false);
      if (bar_dot) {
        T* dot = (*bar_dot)[count(l - 1)];
        product(rows_, n, k, z_bar, false, in(at_.weights_dot(l - 1)), true, dot, false);
        product(rows_, n, k, (*bar_dot)[count(l)], false, weights(l), true, dot, true);
        if (l > 1) multiply_slope(hidden(), y, dot, numbers(l - 1));
        if (l > 1) add_curvature(hidden(), y, (*h_dot)[count(l - 1)], to, dot, numbers(l - 1));
      }
      if (l > 1) multiply_slope(hidden(), y, to, numbers(l - 1));
    }
  }

  // The packed column: to W̄_l goes a_{l−1}ᵀ·b_l. `again`: added to what stands there. Returns the place behind θ̄.
  T* add_products(const LayerPointers<T>& a, const LayerPointers<T>& b, bool again) const {
    T* to = call_.out.template as<T>();
    for (int l = 1; l <= layers(); ++l) {
      const int n = width(l), k = width(l - 1);
      if (a[count(l - 1)])
        product(k, n, rows_, a[count(l - 1)], true, b[count(l)], false, to, again);
      else if (!again)
        fill(to, count(k) * count(n), T(0));
      to += count(k + 1) * count(n);
    }
    return to;
  }

  // To b̄_l the sum of b's rows: those of the block first, then the blocks' sums.
  void add_biases(const LayerPointers<T>& b) const {
    T* to = call_.out.template as<T>();
    for (int l = 1; l <= layers(); ++l) {
      const int n = width(l);
      to += count(width(l - 1)) * count(n);
      add_rows(b[count(l)], n, to, first_ > 0);
      to += n;
    }
  }

 private:
  void add_rows(const T* x, int n, T* to, bool again) const {
    T* sums = scratch_row(n);
    fill(sums, count(n), T(0));
    for (int r = 0; r < rows_; ++r, x += n) each(count(n), [=](std::size_t c) { sums[c] += x[c]; });
    each(count(n), [=](std::size_t c) { to[c] = again ? to[c] + sums[c] : sums[c]; });
  }
  static T* scratch_row(int n) {
    static thread_local std::vector<T> memory;
    if (memory.size() < count(n)) memory.resize(count(n));
    return memory.data();
  }

  const Call& call_;
  MlpOperands at_;
  int widest_sum_ = 0, first_ = 0, rows_ = 0;
  T* memory_ = nullptr;
};

template <class T>
void mlp(const Call& call) {
  Block<T> block(Op::mlp, call);
  block.for_each(1, [&] {
    LayerPointers<T> h = block.buffers(0);
    h[count(block.layers())] = row<T>(call.out, block.first());
    block.values(h);
  });
}

template <class T>
void mlp_jvp(const Call& call) {
  Block<T> block(Op::mlp_jvp, call);
  block.for_each(2, [&] {
    LayerPointers<T> h = block.buffers(0), h_dot = block.buffers(1);
    block.values(h);
    h_dot[count(block.layers())] = row<T>(call.out, block.first());
    block.tangents(h, h_dot);
  });
}

template <class T>
void mlp_bwd(const Call& call) {
  Block<T> block(Op::mlp_bwd, call);
  block.for_each(2, [&] {
    LayerPointers<T> h = block.buffers(0), bar = block.buffers(1);
    block.values(h);
    block.cotangents(h, bar, nullptr, nullptr);
    T* rest = block.add_products(h, bar, block.first() > 0);
    block.add_biases(bar);
    if ((call.attr.j & mlp_with_x) != 0)
      copy(bar[0], rest + count(block.first()) * count(block.width(0)), block.numbers(0));
  });
}

template <class T>
void mlp_hvp(const Call& call) {
  Block<T> block(Op::mlp_hvp, call);
  block.for_each(4, [&] {
    LayerPointers<T> h = block.buffers(0), h_dot = block.buffers(1), bar = block.buffers(2), bar_dot = block.buffers(3);
    block.values(h);
    block.tangents(h, h_dot);
    block.cotangents(h, bar, &h_dot, &bar_dot);
    block.add_products(h_dot, bar, block.first() > 0);
    T* rest = block.add_products(h, bar_dot, true);
    block.add_biases(bar_dot);
    if (block.at().with_x()) {
      copy(bar_dot[0], rest + count(block.first()) * count(block.width(0)), block.numbers(0));
      rest += call.in[0].size();
    }
    const int last = block.layers();
    copy(h_dot[count(last)], rest + count(block.first()) * count(block.width(last)), block.numbers(last));
  });
}

}  // namespace

std::span<const KernelRow> mlp_rows() {
  static constexpr KernelRow rows[] = {
      {Op::mlp, mlp<float>, mlp<double>},
      {Op::mlp_bwd, mlp_bwd<float>, mlp_bwd<double>},
      {Op::mlp_jvp, mlp_jvp<float>, mlp_jvp<double>},
      {Op::mlp_hvp, mlp_hvp<float>, mlp_hvp<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu
