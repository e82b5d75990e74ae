// Elementwise kernels: one pass over memory each, vectorised, safe in place, operands of size 1 used for every element.
#include <cmath>

#include "kernels/cpu/loops.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/vecmath.h"

namespace innerloop::kernels::cpu {
namespace {

// y[n] = f(a[n])
template <class T, class F>
void map1(const Call& call, F f) {
  T* y = call.out.as<T>();
  const T* a = call.in[0].as<T>();
  each(call.out.size(), [=](std::size_t n) { y[n] = f(a[n]); });
}

// y[n] = f(a[n], b[n])
template <class T, class F>
void map2(const Call& call, F f) {
  T* y = call.out.as<T>();
  with_operand<T>(call.in[0], [&](auto a) {
    with_operand<T>(call.in[1], [&](auto b) { each(call.out.size(), [=](std::size_t n) { y[n] = f(a[n], b[n]); }); });
  });
}

// y[n] = f(a[n], b[n], c[n])
template <class T, class F>
void map3(const Call& call, F f) {
  T* y = call.out.as<T>();
  with_operand<T>(call.in[0], [&](auto a) {
    with_operand<T>(call.in[1], [&](auto b) {
      with_operand<T>(call.in[2],
                      [&](auto c) { each(call.out.size(), [=](std::size_t n) { y[n] = f(a[n], b[n], c[n]); }); });
    });
  });
}

// y = f(a) for a function that works on whole arrays.
template <class T, void (*f)(const T*, T*, std::size_t)>
void array_map(const Call& call) {
  f(call.in[0].as<T>(), call.out.as<T>(), call.out.size());
}

template <class T>
void neg(const Call& call) {
  map1<T>(call, [](T a) { return -a; });
}
template <class T>
void scale(const Call& call) {
  map1<T>(call, [x = static_cast<T>(call.attr.x)](T a) { return x * a; });
}
template <class T>
void add_scalar(const Call& call) {
  map1<T>(call, [x = static_cast<T>(call.attr.x)](T a) { return a + x; });
}
template <class T>
void square(const Call& call) {
  map1<T>(call, [](T a) { return a * a; });
}
template <class T>
void sqrt(const Call& call) {
  map1<T>(call, [](T a) { return std::sqrt(a); });
}
template <class T>
void reciprocal(const Call& call) {
  map1<T>(call, [](T a) { return 1 / a; });
}
template <class T>
void relu(const Call& call) {
  map1<T>(call, [](T a) { return a <= 0 ? T(0) : a; });  // in this order, NaN stays NaN
}
template <class T>
void abs(const Call& call) {
  map1<T>(call, [](T a) { return std::fabs(a); });
}
template <class T>
void clip(const Call& call) {
  map1<T>(call, [low = static_cast<T>(call.attr.x), high = static_cast<T>(call.attr.y)](T a) {
    const T lowered = a >= high ? high : a;
    return a <= low ? low : lowered;
  });
}

template <class T>
void step(const Call& call) {
  map1<T>(call, [](T a) { return a > 0 ? T(1) : T(0); });
}
template <class T>
void sign(const Call& call) {
  map1<T>(call, [](T a) { return (a > 0 ? T(1) : T(0)) - (a < 0 ? T(1) : T(0)); });
}
template <class T>
void inside(const Call& call) {
  map1<T>(call, [low = static_cast<T>(call.attr.x), high = static_cast<T>(call.attr.y)](T a) {
    return (low < a ? T(1) : T(0)) * (a < high ? T(1) : T(0));
  });
}
template <class T>
void less(const Call& call) {
  map2<T>(call, [](T a, T b) { return (a < b ? T(1) : T(0)) + (a == b ? T(0.5) : T(0)); });
}

template <class T>
void add(const Call& call) {
  map2<T>(call, [](T a, T b) { return a + b; });
}
template <class T>
void sub(const Call& call) {
  map2<T>(call, [](T a, T b) { return a - b; });
}
template <class T>
void mul(const Call& call) {
  map2<T>(call, [](T a, T b) { return a * b; });
}
template <class T>
void div(const Call& call) {
  map2<T>(call, [](T a, T b) { return a / b; });
}
// NaN if either is NaN: a NaN in b fails the comparison, one in a is asked for.
template <class T>
void minimum(const Call& call) {
  map2<T>(call, [](T a, T b) {
    const T smaller = a <= b ? a : b;
    return a == a ? smaller : a;
  });
}
template <class T>
void maximum(const Call& call) {
  map2<T>(call, [](T a, T b) {
    const T larger = a >= b ? a : b;
    return a == a ? larger : a;
  });
}
template <class T>
void tanh_slope(const Call& call) {
  map2<T>(call, [](T y, T g) { return g * (1 - y * y); });
}
template <class T>
void sigmoid_slope(const Call& call) {
  map2<T>(call, [](T y, T g) { return g * (y * (1 - y)); });
}
template <class T>
void relu_slope(const Call& call) {
  map2<T>(call, [](T y, T g) { return y > 0 ? g : T(0); });
}

template <class T>
void mul3(const Call& call) {
  map3<T>(call, [](T a, T b, T c) { return a * b * c; });
}
template <class T>
void select(const Call& call) {
  map3<T>(call, [](T mask, T a, T b) { return mask != 0 ? a : b; });
}

// One row for a function over arrays.
template <void (*f32)(const float*, float*, std::size_t), void (*f64)(const double*, double*, std::size_t)>
constexpr KernelRow array_row(Op op) {
  return {op, array_map<float, f32>, array_map<double, f64>};
}

}  // namespace

std::span<const KernelRow> elementwise_rows() {
  static constexpr KernelRow rows[] = {
      {Op::neg, neg<float>, neg<double>},
      {Op::scale, scale<float>, scale<double>},
      {Op::add_scalar, add_scalar<float>, add_scalar<double>},
      array_row<vecmath::exp, vecmath::exp>(Op::exp),
      array_row<vecmath::log, vecmath::log>(Op::log),
      array_row<vecmath::log1p, vecmath::log1p>(Op::log1p),
      array_row<vecmath::expm1, vecmath::expm1>(Op::expm1),
      array_row<vecmath::tanh, vecmath::tanh>(Op::tanh),
      array_row<vecmath::sigmoid, vecmath::sigmoid>(Op::sigmoid),
      array_row<vecmath::softplus, vecmath::softplus>(Op::softplus),
      {Op::square, square<float>, square<double>},
      {Op::sqrt, sqrt<float>, sqrt<double>},
      {Op::reciprocal, reciprocal<float>, reciprocal<double>},
      array_row<vecmath::sin, vecmath::sin>(Op::sin),
      array_row<vecmath::cos, vecmath::cos>(Op::cos),
      {Op::relu, relu<float>, relu<double>},
      {Op::abs, abs<float>, abs<double>},
      {Op::clip, clip<float>, clip<double>},
      {Op::step, step<float>, step<double>},
      {Op::sign, sign<float>, sign<double>},
      {Op::inside, inside<float>, inside<double>},
      {Op::less, less<float>, less<double>},
      {Op::add, add<float>, add<double>},
      {Op::sub, sub<float>, sub<double>},
      {Op::mul, mul<float>, mul<double>},
      {Op::div, div<float>, div<double>},
      {Op::minimum, minimum<float>, minimum<double>},
      {Op::maximum, maximum<float>, maximum<double>},
      {Op::tanh_slope, tanh_slope<float>, tanh_slope<double>},
      {Op::sigmoid_slope, sigmoid_slope<float>, sigmoid_slope<double>},
      {Op::relu_slope, relu_slope<float>, relu_slope<double>},
      {Op::mul3, mul3<float>, mul3<double>},
      {Op::select, select<float>, select<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu
