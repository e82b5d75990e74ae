// Two normal numbers from two uniform ones (Box and Muller 1958), with our own log and sincospi.
//
// Only +, −, ·, / and sqrt are used, never fma and nothing of libm: IEEE 754 rounds each of them correctly, so the same
// uniforms give the same normals, to the last bit, on every CPU, in portable and in native builds, and on a GPU.
// The functions are plain Taylor series on a short interval: slower than minimax polynomials, but every coefficient is
// one that the reader knows.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace innerloop {

// log x for finite x ≥ 2⁻¹⁰²², within 1 ulp.
//   x = 2ᵏ·m with m in [√½, √2);  log m = 2 artanh s with s = (m − 1)/(m + 1);  artanh s = s + s³/3 + s⁵/5 + …
constexpr double log_of_uniform(double x) {
  constexpr double ln2_high = 0x1.62e42fefa0000p-1;  // the leading 33 bits of log 2, so that k·ln2_high is exact
  constexpr double ln2_low = 0x1.cf79abc9e3b3ap-40;  // the rest

  // Split off the power of two.
  constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
  const std::uint64_t offset = std::bit_cast<std::uint64_t>(x) - sqrt_half;
  const double k = static_cast<double>(static_cast<std::int64_t>(offset) >> 52);
  const double m = std::bit_cast<double>((offset & 0x000fffffffffffff) + sqrt_half);

  // |s| ≤ 0.172: the first term left out, s²⁴/25, is below 2⁻⁶⁵.
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double series = 1.0 / 23.0;
  for (int n = 21; n >= 3; n -= 2) series = 1.0 / n + z * series;
  const double tail = 2.0 * z * series;  // 2 artanh s = s·(2 + tail)

  // 2s is not exactly f, but 2s = f − s·f is; so log m = f − s·(f − tail), and the rounded product is the small part.
  return k * ln2_high + (f - (s * (f - tail) - k * ln2_low));
}

struct SinCos {
  double sin, cos;
};

// sin πx and cos πx for 0 ≤ x ≤ 2, within 2 ulp of the larger of the two. Exact at multiples of ½.
constexpr SinCos sincospi(double x) {
  constexpr double pi = 0x1.921fb54442d18p+1;

  // The nearest multiple of ½, q/2, leaves |r| ≤ ¼; the subtraction is exact.
  const int q = static_cast<int>(2.0 * x + 0.5);
  const double t = pi * (x - 0.5 * q);
  const double z = t * t;

  // sin t = t − t³/3! + …,  cos t = 1 − t²/2! + …; at |t| ≤ π/4 the first terms left out are below 2⁻⁵⁹.
  double sin_t = 1.0, cos_t = 1.0;
  for (int n = 16; n >= 2; n -= 2) sin_t = 1.0 - z * (1.0 / (n * (n + 1))) * sin_t;
  for (int n = 18; n >= 2; n -= 2) cos_t = 1.0 - z * (1.0 / (n * (n - 1))) * cos_t;
  sin_t *= t;

  // A quarter turn swaps sine and cosine and changes one sign.
  switch (q & 3) {
    case 0: return {sin_t, cos_t};
    case 1: return {cos_t, -sin_t};
    case 2: return {-sin_t, -cos_t};
    default: return {-cos_t, sin_t};
  }
}

struct NormalPair {
  double first, second;
};

// [Box-Muller eq. normals]  x = √(−2 log u)·cos 2πv,  y = √(−2 log u)·sin 2πv
// u in (0, 1] gives the radius, v in [0, 1) the angle: the point (radius, angle) of a round Gaussian cloud.
template <class Real = double>  // a template, since std::sqrt is not constexpr for every compiler
constexpr NormalPair box_muller(Real u, Real v) {
  const double radius = std::sqrt(-2.0 * log_of_uniform(u));
  const SinCos direction = sincospi(2.0 * v);
  return {radius * direction.cos, radius * direction.sin};
}

}  // namespace innerloop
