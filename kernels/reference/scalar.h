// The scalar functions of the reference kernels, for T = float, double, long double and std::complex<double>.
//
// Complex numbers serve one purpose, the complex step: f(x + ih) = f(x) + ih·f′(x) + O(h²), without cancellation, so
// that h = 1e-30 gives f′ to machine precision (Squire and Trapp 1998). This holds only if no formula takes a number
// close to 1 from 1: the complex forms below keep the imaginary part's full relative accuracy, also for large |Re x|.
//
// Comparisons, branches, maxima, indices and masks look at the real part. Neither conj nor |·| occurs: both would break
// analyticity.
#pragma once

#include <cmath>
#include <complex>

#include "kernels/require.h"

namespace innerloop::kernels::reference {

using Complex = std::complex<double>;

template <class T>
T real_part(T x) {
  return x;
}
inline double real_part(Complex x) { return x.real(); }

// double, for the complex numbers; T itself otherwise.
template <class T>
using Real = decltype(real_part(T{}));

// Throws Error: "row 2 of the index holds 7, and must hold a whole number from 0 to 4".
[[noreturn]] void refuse_index(double value, int row, int count);

// A row or column number that came as data, in row `row` of the index. Anything but a whole number in 0 … count−1, NaN
// too, is an error. Whoever knows the operands adds their names (autodiff/graph.h: rethrow_at).
template <class T>
int checked_index(T value, int count, int row) {
  const auto number = real_part(value);
  const bool inside = number >= 0 && number < static_cast<Real<T>>(count);
  const int index = inside ? static_cast<int>(number) : 0;
  if (!inside || static_cast<Real<T>>(index) != number) [[unlikely]]
    refuse_index(static_cast<double>(number), row, count);
  return index;
}

namespace scalar {

template <class T>
T log1p(T x) {
  return std::log1p(x);
}

// log(1 + z) = ½ log |1 + z|² + i arg(1 + z), where |1 + z|² − 1 = x(2 + x) + y² has no cancellation for small z.
inline Complex log1p(Complex z) {
  const double x = z.real(), y = z.imag();
  const double modulus = std::fabs(x) < 0.5 ? 0.5 * std::log1p(x * (2 + x) + y * y) : std::log(std::hypot(1 + x, y));
  return {modulus, std::atan2(y, 1 + x)};
}

template <class T>
T expm1(T x) {
  return std::expm1(x);
}

// e^z − 1: the real part is (eˣ − 1) cos y − 2 sin²(y/2), since cos y − 1 = −2 sin²(y/2).
inline Complex expm1(Complex z) {
  const double x = z.real(), y = z.imag(), half = std::sin(0.5 * y);
  return {std::expm1(x) * std::cos(y) - 2 * half * half, std::exp(x) * std::sin(y)};
}

template <class T>
T tanh(T x) {
  return std::tanh(x);
}

// tanh(x + iy) = (t + iu)/(1 + itu) with t = tanh x, u = tan y. The factor 1 − t² of the imaginary part is taken as
// 1/cosh² x = 4e/(1 + e)², e = exp(−2|x|): full relative accuracy where t has rounded to 1.
inline Complex tanh(Complex z) {
  const double t = std::tanh(z.real()), u = std::tan(z.imag());
  const double e = std::exp(-2 * std::fabs(z.real())), one_minus_t2 = 4 * e / ((1 + e) * (1 + e));
  const double denominator = 1 + t * t * u * u;
  return {t * (1 + u * u) / denominator, u * one_minus_t2 / denominator};
}

// 1/(1 + e⁻ˣ), or eˣ/(1 + eˣ) for negative x: no overflow, full relative accuracy on both sides.
template <class T>
T sigmoid(T x) {
  if (real_part(x) >= 0) return T(1) / (T(1) + std::exp(-x));
  const T e = std::exp(x);
  return e / (T(1) + e);
}

// log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|).
template <class T>
T softplus(T x) {
  if (real_part(x) > 0) return x + log1p(std::exp(-x));
  return log1p(std::exp(x));
}

template <class T>
T sign(T x) {
  return T((real_part(x) > 0) - (real_part(x) < 0));
}

// A tie between two numbers: the number itself; in complex the mean slope, the minimum-norm subgradient ½–½.
template <class T>
T tie(T a, T) {
  return a;
}
inline Complex tie(Complex a, Complex b) { return {a.real(), 0.5 * (a.imag() + b.imag())}; }

// The smaller of two numbers; NaN if either is NaN.
template <class T>
T minimum(T a, T b) {
  if (real_part(a) == real_part(b)) return tie(a, b);
  return real_part(a) < real_part(b) || std::isnan(real_part(a)) ? a : b;
}

// The larger of two numbers; NaN if either is NaN.
template <class T>
T maximum(T a, T b) {
  if (real_part(a) == real_part(b)) return tie(a, b);
  return real_part(a) > real_part(b) || std::isnan(real_part(a)) ? a : b;
}

// max(x, 0), slope 0 at 0; NaN stays NaN.
template <class T>
T relu(T x) {
  return real_part(x) <= 0 ? T(0) : x;
}

}  // namespace scalar
}  // namespace innerloop::kernels::reference
