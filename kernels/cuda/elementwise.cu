// Elementwise kernels: one thread per element; an operand of size 1 is used for every element.
#include <array>

#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/families.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// The operation's attributes, in the kernel's own type.
template <class T>
struct Bounds {
  T x, y;
};

// y = f(a). The order of comparisons keeps NaN where a is NaN.
template <Op op, class T>
constexpr T apply(Bounds<T> attr, T a) {
  if constexpr (op == Op::neg) return -a;
  else if constexpr (op == Op::scale) return attr.x * a;
  else if constexpr (op == Op::add_scalar) return a + attr.x;
  else if constexpr (op == Op::exp) return vecmath::exp(a);
  else if constexpr (op == Op::log) return vecmath::log(a);
  else if constexpr (op == Op::log1p) return vecmath::log1p(a);
  else if constexpr (op == Op::expm1) return vecmath::expm1(a);
  else if constexpr (op == Op::tanh) return vecmath::tanh(a);
  else if constexpr (op == Op::sigmoid) return vecmath::sigmoid(a);
  else if constexpr (op == Op::softplus) return vecmath::softplus(a);
  else if constexpr (op == Op::square) return a * a;
  else if constexpr (op == Op::sqrt) return std::sqrt(a);
  else if constexpr (op == Op::reciprocal) return T(1) / a;
  else if constexpr (op == Op::sin) return vecmath::sin(a);
  else if constexpr (op == Op::cos) return vecmath::cos(a);
  else if constexpr (op == Op::relu) return a <= T(0) ? T(0) : a;
  else if constexpr (op == Op::abs) return vecmath::absolute(a);
  else if constexpr (op == Op::clip) return a <= attr.x ? attr.x : (a >= attr.y ? attr.y : a);
  else if constexpr (op == Op::step) return T(a > T(0) ? 1 : 0);
  else if constexpr (op == Op::sign) return T((a > T(0) ? 1 : 0) - (a < T(0) ? 1 : 0));
  else {
    static_assert(op == Op::inside);
    return T(attr.x < a && a < attr.y ? 1 : 0);
  }
}

// y = f(a, b)
template <Op op, class T>
constexpr T apply(Bounds<T>, T a, T b) {
  if constexpr (op == Op::less) return a == b ? T(0.5) : T(a < b ? 1 : 0);
  else if constexpr (op == Op::add) return a + b;
  else if constexpr (op == Op::sub) return a - b;
  else if constexpr (op == Op::mul) return a * b;
  else if constexpr (op == Op::div) return a / b;
  else if constexpr (op == Op::minimum) return a != a ? a : (a <= b ? a : b);
  else if constexpr (op == Op::maximum) return a != a ? a : (a >= b ? a : b);
  else if constexpr (op == Op::tanh_slope) return b * (T(1) - a * a);
  else if constexpr (op == Op::sigmoid_slope) return b * (a * (T(1) - a));
  else {
    static_assert(op == Op::relu_slope);
    return a > T(0) ? b : T(0);
  }
}

// y = f(a, b, c)
template <Op op, class T>
constexpr T apply(Bounds<T>, T a, T b, T c) {
  if constexpr (op == Op::mul3) return a * b * c;
  else {
    static_assert(op == Op::select);
    return a != T(0) ? b : c;
  }
}

// Element (t, n) of the result, read from its operands.
template <Op op, class T, int arity>
struct Elementwise {
  std::array<View<const T>, arity> in;
  Bounds<T> attr;

  constexpr T operand(int k, int t, int n) const {
    const View<const T>& a = in[static_cast<std::size_t>(k)];
    return a.task(t)[a.size() == 1 ? 0 : n];
  }
  constexpr T operator()(int t, int n) const {
    if constexpr (arity == 1) return apply<op>(attr, operand(0, t, n));
    else if constexpr (arity == 2) return apply<op>(attr, operand(0, t, n), operand(1, t, n));
    else return apply<op>(attr, operand(0, t, n), operand(1, t, n), operand(2, t, n));
  }
};

template <Op op, class T, int arity>
void elementwise(const DeviceCall& call) {
  Elementwise<op, T, arity> f;
  f.attr = {static_cast<T>(call.attr.x), static_cast<T>(call.attr.y)};
  for (int k = 0; k < arity; ++k) f.in[static_cast<std::size_t>(k)] = view<const T>(call.in[k]);
  for_elements(view<T>(call.out), call.tasks, call.stream, f);
}

template <Op op, int arity>
constexpr DeviceKernelRow row = {op, elementwise<op, float, arity>, elementwise<op, double, arity>};

}  // namespace

std::span<const DeviceKernelRow> elementwise_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      row<Op::neg, 1>,       row<Op::scale, 1>,      row<Op::add_scalar, 1>, row<Op::exp, 1>,
      row<Op::log, 1>,       row<Op::log1p, 1>,      row<Op::expm1, 1>,      row<Op::tanh, 1>,
      row<Op::sigmoid, 1>,   row<Op::softplus, 1>,   row<Op::square, 1>,     row<Op::sqrt, 1>,
      row<Op::reciprocal, 1>, row<Op::sin, 1>,       row<Op::cos, 1>,        row<Op::relu, 1>,
      row<Op::abs, 1>,       row<Op::clip, 1>,       row<Op::step, 1>,       row<Op::sign, 1>,
      row<Op::inside, 1>,    row<Op::less, 2>,       row<Op::add, 2>,        row<Op::sub, 2>,
      row<Op::mul, 2>,       row<Op::div, 2>,        row<Op::minimum, 2>,    row<Op::maximum, 2>,
      row<Op::tanh_slope, 2>, row<Op::sigmoid_slope, 2>, row<Op::relu_slope, 2>, row<Op::mul3, 3>,
      row<Op::select, 3>,
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
