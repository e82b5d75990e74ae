// The activations of layers, over blocks of numbers. Internal to kernels/cpu.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cpu/vecmath.h"

namespace innerloop::kernels::cpu {

// y = act(y)
template <class T>
inline void activate(Activation activation, T* y, std::size_t n) {
  switch (activation) {
    case Activation::identity: return;
    case Activation::tanh: return vecmath::tanh(y, y, n);
    case Activation::sigmoid: return vecmath::sigmoid(y, y, n);
    case Activation::relu: return each(n, [=](std::size_t i) { y[i] = y[i] <= 0 ? T(0) : y[i]; });
  }
}

// g = act'(z)·g, from the output y = act(z)
template <class T>
inline void multiply_slope(Activation activation, const T* y, T* g, std::size_t n) {
  switch (activation) {
    case Activation::identity: return;
    case Activation::tanh: return each(n, [=](std::size_t i) { g[i] *= 1 - y[i] * y[i]; });
    case Activation::sigmoid: return each(n, [=](std::size_t i) { g[i] *= y[i] * (1 - y[i]); });
    case Activation::relu: return each(n, [=](std::size_t i) { g[i] = y[i] > 0 ? g[i] : T(0); });
  }
}

// to += the tangent of act'(z)·g for a moving z, from y = act(z) and its tangent
template <class T>
inline void add_curvature(Activation activation, const T* y, const T* y_dot, const T* g, T* to, std::size_t n) {
  if (activation == Activation::tanh) each(n, [=](std::size_t i) { to[i] -= 2 * y[i] * y_dot[i] * g[i]; });
  if (activation == Activation::sigmoid) each(n, [=](std::size_t i) { to[i] += (1 - 2 * y[i]) * y_dot[i] * g[i]; });
}

}  // namespace innerloop::kernels::cpu
