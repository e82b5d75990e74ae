// Reference kernels, elementwise: y[n] = f(a[n], b[n], …). An input of size 1 is used for every element.
#pragma once

#include "kernels/ops.h"
#include "kernels/reference/scalar.h"

namespace innerloop::kernels::reference {

// Input k: element n, or its only element.
template <class T>
class Operand {
 public:
  Operand(const Call& call, int k) : numbers_(call.in[k].as<T>()), step_(call.in[k].size() == 1 ? 0 : 1) {}
  T operator[](std::size_t n) const { return numbers_[step_ * n]; }

 private:
  const T* numbers_;
  std::size_t step_;
};

// y[n] = f(a[n])
template <class T, class F>
void map1(const Call& call, F f) {
  const Operand<T> a(call, 0);
  for (std::size_t n = 0; n < call.out.size(); ++n) call.out.as<T>()[n] = f(a[n]);
}

// y[n] = f(a[n], b[n])
template <class T, class F>
void map2(const Call& call, F f) {
  const Operand<T> a(call, 0), b(call, 1);
  for (std::size_t n = 0; n < call.out.size(); ++n) call.out.as<T>()[n] = f(a[n], b[n]);
}

// y[n] = f(a[n], b[n], c[n])
template <class T, class F>
void map3(const Call& call, F f) {
  const Operand<T> a(call, 0), b(call, 1), c(call, 2);
  for (std::size_t n = 0; n < call.out.size(); ++n) call.out.as<T>()[n] = f(a[n], b[n], c[n]);
}

// Also reshape, stop_gradient and broadcast_tasks: the same numbers again.
template <class T>
void copy(const Call& call) {
  map1<T>(call, [](T a) { return a; });
}

// One input.
template <class T>
void neg(const Call& call) {
  map1<T>(call, [](T a) { return -a; });
}
template <class T>
void scale(const Call& call) {
  map1<T>(call, [x = T(static_cast<Real<T>>(call.attr.x))](T a) { return x * a; });
}
template <class T>
void add_scalar(const Call& call) {
  map1<T>(call, [x = T(static_cast<Real<T>>(call.attr.x))](T a) { return a + x; });
}
template <class T>
void exp(const Call& call) {
  map1<T>(call, [](T a) { return std::exp(a); });
}
template <class T>
void log(const Call& call) {
  map1<T>(call, [](T a) { return std::log(a); });
}
template <class T>
void log1p(const Call& call) {
  map1<T>(call, [](T a) { return scalar::log1p(a); });
}
template <class T>
void expm1(const Call& call) {
  map1<T>(call, [](T a) { return scalar::expm1(a); });
}
template <class T>
void tanh(const Call& call) {
  map1<T>(call, [](T a) { return scalar::tanh(a); });
}
template <class T>
void sigmoid(const Call& call) {
  map1<T>(call, [](T a) { return scalar::sigmoid(a); });
}
template <class T>
void softplus(const Call& call) {
  map1<T>(call, [](T a) { return scalar::softplus(a); });
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
  map1<T>(call, [](T a) { return T(1) / a; });
}
template <class T>
void sin(const Call& call) {
  map1<T>(call, [](T a) { return std::sin(a); });
}
template <class T>
void cos(const Call& call) {
  map1<T>(call, [](T a) { return std::cos(a); });
}
template <class T>
void relu(const Call& call) {
  map1<T>(call, [](T a) { return scalar::relu(a); });
}
template <class T>
void abs(const Call& call) {
  map1<T>(call, [](T a) { return a * scalar::sign(a); });
}
// Slope 0 at the bounds; NaN stays NaN.
template <class T>
void clip(const Call& call) {
  const T low(static_cast<Real<T>>(call.attr.x)), high(static_cast<Real<T>>(call.attr.y));
  map1<T>(call, [=](T a) {
    if (real_part(a) <= real_part(low)) return low;
    if (real_part(a) >= real_part(high)) return high;
    return a;
  });
}

// Piecewise constant. Every comparison with NaN is false.
template <class T>
void step(const Call& call) {
  map1<T>(call, [](T a) { return T(real_part(a) > 0 ? 1 : 0); });
}
template <class T>
void sign(const Call& call) {
  map1<T>(call, [](T a) { return scalar::sign(a); });
}
template <class T>
void inside(const Call& call) {
  const auto low = static_cast<Real<T>>(call.attr.x), high = static_cast<Real<T>>(call.attr.y);
  map1<T>(call, [=](T a) { return T(low < real_part(a) && real_part(a) < high ? 1 : 0); });
}
template <class T>
void less(const Call& call) {
  map2<T>(call, [](T a, T b) {
    if (real_part(a) == real_part(b)) return T(0.5);
    return T(real_part(a) < real_part(b) ? 1 : 0);
  });
}

// Two inputs.
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
template <class T>
void minimum(const Call& call) {
  map2<T>(call, [](T a, T b) { return scalar::minimum(a, b); });
}
template <class T>
void maximum(const Call& call) {
  map2<T>(call, [](T a, T b) { return scalar::maximum(a, b); });
}
template <class T>
void tanh_slope(const Call& call) {
  map2<T>(call, [](T y, T g) { return g * (T(1) - y * y); });
}
template <class T>
void sigmoid_slope(const Call& call) {
  map2<T>(call, [](T y, T g) { return g * (y * (T(1) - y)); });
}
template <class T>
void relu_slope(const Call& call) {
  map2<T>(call, [](T y, T g) { return real_part(y) > 0 ? g : T(0); });
}

// Three inputs.
template <class T>
void mul3(const Call& call) {
  map3<T>(call, [](T a, T b, T c) { return a * b * c; });
}
template <class T>
void select(const Call& call) {
  map3<T>(call, [](T mask, T a, T b) { return real_part(mask) != 0 ? a : b; });
}

}  // namespace innerloop::kernels::reference
