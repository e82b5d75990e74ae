// The elementary functions of innerloop: exp, expm1, log, log1p, tanh, sigmoid, softplus, sin, cos, for float and
// double.
//
// Each exists in two forms that share their code: T f(T) for one number, and f(x, y, n), which writes f(x[i]) to y[i].
// The one-number form is branch-free, so a compiler turns a loop over it into vector instructions, 16 floats at a time
// under AVX-512. Every operation in it is rounded by IEEE 754, so a number gives the same bits alone, in any place of
// an array, and under any vector width. (libm takes up to 20 ns a number and differs from machine to machine.)
//
// Error bounds in ulp, the distance of neighbouring numbers of T at the result; tests/kernels/vecmath_test.cpp checks
// them against long double, kernels/README.md has the errors measured.
//
//              exp  expm1  log  log1p  tanh  sigmoid  softplus  sin  cos
//   bound       1     1     1     1      2      2         2       1    1
//
// All arguments are allowed: ±0, denormals, ±inf and NaN give what C's libm gives. The exception: sin and cos give NaN
// for |x| > 2²⁰, where reducing the argument would need more digits of π than are kept here.
//
// A processor with fused multiply-add uses it, one without multiplies and adds: both obey the bounds, but the bits
// differ. sin and cos use no fma on purpose. Their bits are the same in every build, so that trajectories of
// environments can be compared with recorded ones.
#pragma once

#include <cstddef>

#include "kernels/cpu/vecmath_lanes.h"

namespace innerloop::kernels::vecmath {

// y[i] = f(x[i]) for i < n. T is float or double. y may be x itself, but must not overlap it in any other way.
template <class T>
void exp(const T* x, T* y, std::size_t n);
template <class T>
void expm1(const T* x, T* y, std::size_t n);  // eˣ − 1
template <class T>
void log(const T* x, T* y, std::size_t n);
template <class T>
void log1p(const T* x, T* y, std::size_t n);  // log(1 + x)
template <class T>
void tanh(const T* x, T* y, std::size_t n);
template <class T>
void sigmoid(const T* x, T* y, std::size_t n);  // 1/(1 + e⁻ˣ)
template <class T>
void softplus(const T* x, T* y, std::size_t n);  // log(1 + eˣ)
template <class T>
void sin(const T* x, T* y, std::size_t n);
template <class T>
void cos(const T* x, T* y, std::size_t n);

}  // namespace innerloop::kernels::vecmath
