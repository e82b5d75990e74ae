// One lane of each elementary function: T f(T), branch-free. What they promise stands in kernels/cpu/vecmath.h.
//
// The recipe is always the same: reduce the argument to a short interval, where a polynomial of low degree is exact to
// the last bit, and undo the reduction. Polynomials are minimax (Remez, coefficients rounded one after the other);
// near zero they start with the leading terms of the Taylor series, which are exact. Choices are written c ? a : b
// with both values at hand: the compiler makes them selects, not branches.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace innerloop::kernels::vecmath {

// ---- The formats ----------------------------------------------------------------------------------------------------

template <class T>
struct Format;

template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa_bits = 52;
  static constexpr int exponent_bias = 1023;
  // log 2 in two parts; the first has 42 bits, so that its product with any exponent is exact.
  static constexpr double log2_e = 0x1.71547652b82fep+0, ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  static constexpr double ln2 = 0x1.62e42fefa39efp-1;
  static constexpr Bits sqrt_half = 0x3fe6a09e667f3bcd;
  static constexpr double exp_min = -746, exp_max = 710;  // beyond: 0 and ∞
  static constexpr double expm1_min = -40;                // below: −1
  static constexpr double tanh_max = 20;                  // above: 1
  static constexpr double no_one_left = 60;               // 1 + 2⁻ᵏ = 1 from this k on
};

template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa_bits = 23;
  static constexpr int exponent_bias = 127;
  static constexpr float log2_e = 0x1.715476p+0f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr float ln2 = 0x1.62e43p-1f;
  static constexpr Bits sqrt_half = 0x3f3504f3;
  static constexpr float exp_min = -105, exp_max = 89;
  static constexpr float expm1_min = -20;
  static constexpr float tanh_max = 10;
  static constexpr float no_one_left = 30;
};

// a·b + c: rounded once where the processor can, twice elsewhere.
template <class T>
[[gnu::always_inline]] constexpr T mul_add(T a, T b, T c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 4) return __builtin_fmaf(a, b, c);
  else return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

// c0 + c1·x + c2·x² + …, by Horner's rule.
template <class T>
[[gnu::always_inline]] constexpr T polynomial(T, T c0) {
  return c0;
}
template <class T, class... Rest>
[[gnu::always_inline]] constexpr T polynomial(T x, T c0, Rest... rest) {
  return mul_add(x, polynomial(x, rest...), c0);
}

template <class T>
[[gnu::always_inline]] constexpr T absolute(T x) {
  using Bits = typename Format<T>::Bits;
  return std::bit_cast<T>(std::bit_cast<Bits>(x) & (std::numeric_limits<Bits>::max() >> 1));
}

// |y| with the sign of x; y must not be negative.
template <class T>
[[gnu::always_inline]] constexpr T with_sign_of(T x, T y) {
  using Bits = typename Format<T>::Bits;
  constexpr Bits sign = std::numeric_limits<Bits>::max() ^ (std::numeric_limits<Bits>::max() >> 1);
  return std::bit_cast<T>(std::bit_cast<Bits>(y) | (std::bit_cast<Bits>(x) & sign));
}

// min(max(x, low), high); NaN stays NaN.
template <class T>
[[gnu::always_inline]] constexpr T clamped(T x, T low, T high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

// 1.5·2^mantissa_bits: numbers of this size are spaced by 1, so adding it rounds to a whole number, and the low bits of
// the sum hold that number in two's complement.
template <class T>
constexpr T rounder = T(3) * static_cast<T>(std::int64_t{1} << (Format<T>::mantissa_bits - 1));

template <class T>
[[gnu::always_inline]] constexpr T rounded(T x) {
  return (x + rounder<T>)-rounder<T>;
}

// 2ᵏ for a whole k whose power is a normal number.
template <class T>
[[gnu::always_inline]] constexpr T power_of_two(T k) {
  using F = Format<T>;
  constexpr T biased = rounder<T> + T(F::exponent_bias);
  return std::bit_cast<T>(
      static_cast<typename F::Bits>(std::bit_cast<typename F::Bits>(k + biased) << F::mantissa_bits));
}

// ---- exp and its kin ------------------------------------------------------------------------------------------------

// (eʳ − 1 − r)/r² for |r| ≤ ½ log 2; relative error of eʳ − 1 below 2⁻⁶⁰ and 2⁻³⁰.
template <class T>
[[gnu::always_inline]] constexpr T exp_tail(T r) {
  if constexpr (sizeof(T) == 8)
    return polynomial(r, 0x1p-1, 0x1.5555555555557p-3, 0x1.5555555555557p-5, 0x1.111111110ffcbp-7,
                      0x1.6c16c16c1564ap-10, 0x1.a01a01ac8577ep-13, 0x1.a01a01abd1dc4p-16, 0x1.71de00318b93ep-19,
                      0x1.27e4cefb2fc82p-22, 0x1.af521fba13425p-26, 0x1.1f885601e3918p-29);
  else
    return polynomial(r, 0x1p-1f, 0x1.555556p-3f, 0x1.5554fep-5f, 0x1.110fc6p-7f, 0x1.6d3454p-10f, 0x1.a2cdc2p-13f);
}

// eˣ = 2ᵏ·(1 + r + s):  x = k·log 2 + r with |r| ≤ ½ log 2;  s = eʳ − 1 − r, and what was lost in rounding r, times
// the slope 1 + r.
template <class T>
struct ExpParts {
  T k, r, s;
};

template <class T>
[[gnu::always_inline]] constexpr ExpParts<T> exp_parts(T x) {
  using F = Format<T>;
  const T k = rounded(x * F::log2_e);
  const T r_exact = mul_add(-k, F::ln2_high, x);
  const T r = mul_add(-k, F::ln2_low, r_exact);
  const T r_tail = mul_add(-k, F::ln2_low, r_exact - r);

  const T p = exp_tail(r);
  return {k, r, mul_add(r * r, p, mul_add(r, r_tail, r_tail))};
}

template <class T>
[[gnu::always_inline]] constexpr T exp(T x) {
  using F = Format<T>;
  const auto [k, r, s] = exp_parts(clamped(x, F::exp_min, F::exp_max));
  // Two factors, because 2ᵏ itself may be too large or too small for a normal number; only the last product rounds.
  const T half = rounded(k * T(0.5));
  return (T(1) + (r + s)) * power_of_two(half) * power_of_two(k - half);
}

// eˣ − 1 = 2ᵏ·(c + r + s) with c = 1 − 2⁻ᵏ, for expm1_min ≤ x < log 2^(exponent_bias + 1). Returns it without the
// factor 2ᵏ⁻¹, which may be applied in one multiplication: {k − 1, 2(c + r + s)}.
template <class T>
struct Scaled {
  T exponent, value;
};

template <class T>
[[gnu::always_inline]] constexpr Scaled<T> expm1_scaled(T x) {
  const auto [k, r, s] = exp_parts(x);
  const T p = power_of_two(k > Format<T>::no_one_left ? -Format<T>::no_one_left : -k);
  const T c = T(1) - p;
  // Both 1 − 2⁻ᵏ and c + r may lose the last bits: keep them. (k = 0 has c = 0 and loses nothing; else |c| > |r|.)
  const T sum = c + r;
  const T lost = ((T(1) - c) - p) + ((c - sum) + r);
  return {k - T(1), T(2) * (sum + (lost + s))};
}

template <class T>
[[gnu::always_inline]] constexpr T expm1(T x) {
  using F = Format<T>;
  const auto [exponent, value] = expm1_scaled(clamped(x, F::expm1_min, F::exp_max));
  return x == T(0) ? x : value * power_of_two(exponent);  // −0 stays −0
}

// (tanh x − x)/x³ as a polynomial in u = x², for |x| ≤ 0.55; relative error of tanh x below 2⁻⁵⁸ and 2⁻²⁹.
template <class T>
[[gnu::always_inline]] constexpr T tanh_tail(T u) {
  if constexpr (sizeof(T) == 8)
    return polynomial(u, -0x1.5555555555555p-2, 0x1.1111111111032p-3, -0x1.ba1ba1b9fec84p-5, 0x1.664f487713373p-6,
                      -0x1.226e32f00cf0cp-7, 0x1.d6d339333f329p-9, -0x1.7d97cfd138c28p-10, 0x1.34c5a8a996cd4p-11,
                      -0x1.ec1091436eb2ap-13, 0x1.64fd88e9900a5p-14, -0x1.59a834187ce22p-16);
  else
    return polynomial(u, -0x1.55554ap-2f, 0x1.110d26p-3f, -0x1.b92886p-5f, 0x1.593d6ap-6f, -0x1.9b329ap-8f);
}

// region: tanh
// [vecmath eq. tanh]  tanh x = x + x³·p(x²) for |x| < 0.55,  = ±(1 − 2/(e^2|x| + 1)) beyond
// Small |x|: x + x³·p(x²), since a difference of exponentials would cancel. From ½ on: 1 − 2/(e^2|x| + 1), where the
// errors of the fraction, itself at most ½, hardly count.
template <class T>
[[gnu::always_inline]] constexpr T tanh(T x) {
  const T a = absolute(x) > Format<T>::tanh_max ? Format<T>::tanh_max : absolute(x);
  const T small = mul_add(a * (a * a), tanh_tail(a * a), a);
  const T k = rounded(a * (2 * Format<T>::log2_e));
  const T r = mul_add(-k, Format<T>::ln2, 2 * a);  // 2a = k·log 2 + r
  const T e = (T(1) + mul_add(r * r, exp_tail(r), r)) * power_of_two(k);
  const T large = T(1) - T(2) / (e + T(1));
  return with_sign_of(x, a < T(0.55) ? small : large);
}
// endregion

// With z = e^−|x| ≤ 1 nothing overflows: 1/(1 + z) for x ≥ 0, z/(1 + z) below.
template <class T>
[[gnu::always_inline]] constexpr T sigmoid(T x) {
  const T z = exp(-absolute(x));
  const T d = T(1) + z;
  const T y = (x < T(0) ? z : T(1)) / d;
  // What the sum d lost, to first order; 1/d is y for x ≥ 0 and 1 − y below.
  const T lost = (T(1) - d) + z;
  return y - y * (lost * (x < T(0) ? T(1) - y : y));
}

// ---- log and its kin ------------------------------------------------------------------------------------------------

// x = 2ᵏ·m, √½ ≤ m < √2, for a positive normal x.
template <class T>
struct LogParts {
  T k, m;
};

template <class T>
[[gnu::always_inline]] constexpr LogParts<T> log_parts(T x) {
  using F = Format<T>;
  using Bits = typename F::Bits;
  constexpr Bits one = Bits{F::exponent_bias} << F::mantissa_bits;
  // Counted from √½ instead of 1, the exponent field is k and the mantissa field tells m.
  const Bits offset = std::bit_cast<Bits>(x) + (one - F::sqrt_half);
  const T m = std::bit_cast<T>((offset & ((Bits{1} << F::mantissa_bits) - 1)) + F::sqrt_half);
  // The exponent field becomes a number by way of the mantissa of 2^mantissa_bits.
  constexpr T large = static_cast<T>(std::int64_t{1} << F::mantissa_bits);
  const T k = std::bit_cast<T>((offset >> F::mantissa_bits) | std::bit_cast<Bits>(large)) - (large + F::exponent_bias);
  return {k, m};
}

// k·log 2 + log(1 + f) + c for a tiny c:  log(1 + f) = 2 artanh s,  s = f/(2 + f),  2 artanh s = 2s + s·R(s²).
template <class T>
[[gnu::always_inline]] constexpr T log_sum(T k, T f, T c) {
  using F = Format<T>;
  const T s = f / (T(2) + f);
  const T z = s * s;
  // R(z)/z, relative error of the logarithm below 2⁻⁵⁷ and 2⁻³³.
  T p;
  if constexpr (sizeof(T) == 8)
    p = polynomial(z, 0x1.5555555555558p-1, 0x1.99999999952b9p-2, 0x1.2492492dfb9b8p-2, 0x1.c71c62d649d93p-3,
                   0x1.7462b925f9c6p-3, 0x1.39fdcbbcf6438p-3, 0x1.2b5f5b2efea6cp-3);
  else
    p = polynomial(z, 0x1.555556p-1f, 0x1.99986ep-2f, 0x1.24c14p-2f, 0x1.ce848ep-3f);
  // 2s = f − h + s·h with h = f²/2, so that the leading term f is exact and all roundings fall on small terms.
  const T h = T(0.5) * f * f;
  const T small = mul_add(s, mul_add(z, p, h), mul_add(k, F::ln2_low, c));
  return mul_add(k, F::ln2_high, f - (h - small));
}

template <class T>
[[gnu::always_inline]] constexpr T log(T x) {
  constexpr T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  // Denormals are scaled to normal numbers first.
  constexpr int scale_bits = Format<T>::mantissa_bits + 1;
  const bool tiny = x < std::numeric_limits<T>::min();
  const T scaled = x * static_cast<T>(std::int64_t{1} << scale_bits);
  const auto [k, m] = log_parts(tiny ? scaled : x);
  const T y = log_sum(tiny ? k - T(scale_bits) : k, m - T(1), T(0));
  // The edges: +∞ and NaN; then 0 and what lies below.
  const T low = x == T(0) ? -infinity : nan;
  const T high = x < infinity ? y : x;
  return x > T(0) ? high : low;
}

template <class T>
[[gnu::always_inline]] constexpr T log1p(T x) {
  constexpr T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  // u is 1 + x rounded; what the rounding lost enters as a first-order correction. Near 0 nothing may be lost: f = x.
  const T u = T(1) + x;
  const T if_small = x - (u - T(1)), if_large = T(1) - (u - x);
  const T lost = x < T(1) ? if_small : if_large;
  const auto [k, m] = log_parts(u);
  const T correction = lost / u, m_minus_1 = m - T(1);
  const T y = log_sum(k, k == T(0) ? x : m_minus_1, k == T(0) ? T(0) : correction);
  // The edges: −0 stays −0; +∞ and NaN; −1 and what lies below.
  const T low = x == T(-1) ? -infinity : nan;
  const T inner = x == T(0) ? x : y;
  const T high = x < infinity ? inner : x;
  return x > T(-1) ? high : low;
}

// log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|)
template <class T>
[[gnu::always_inline]] constexpr T softplus(T x) {
  return (x > T(0) ? x : T(0)) + log1p(exp(-absolute(x)));
}

// ---- sin and cos ----------------------------------------------------------------------------------------------------

// x = q·π/2 + r + tail with |r| ≤ π/4 and a tail below the last bit of r, for |x| ≤ 2²⁰. No fma from here on.
struct Quadrant {
  std::uint64_t q;  // only the two lowest bits count
  double r, tail;
};

// a − b, rounded to `value`, and what the rounding lost (Knuth).
struct Difference {
  double value, lost;
};
[[gnu::always_inline]] constexpr Difference difference(double a, double b) {
  const double value = a - b;
  const double b_seen = a - value;
  return {value, (a - (value + b_seen)) + (b_seen - b)};
}

[[gnu::always_inline]] constexpr Quadrant quadrant(double x) {
  // π/2 in four parts of which three have 33 bits: their products with a k of 20 bits are exact.
  constexpr double part1 = 0x1.921fb544p+0, part2 = 0x1.0b4611a6p-34, part3 = 0x1.3198a2ep-69,
                   part4 = 0x1.b839a252049c1p-104;
  const double shifted = x * 0x1.45f306dc9c883p-1 + rounder<double>;
  const double k = shifted - rounder<double>;
  const Difference after2 = difference(x - k * part1, k * part2);
  const Difference after3 = difference(after2.value, k * part3);
  const double rest = (after2.lost + after3.lost) - k * part4;
  const double r = after3.value + rest;
  return {std::bit_cast<std::uint64_t>(shifted), r, (after3.value - r) + rest};
}

[[gnu::always_inline]] constexpr double horner(double, double c0) { return c0; }
template <class... Rest>
[[gnu::always_inline]] constexpr double horner(double x, double c0, Rest... rest) {
  return c0 + x * horner(x, rest...);
}

// sin of r + tail: r + r³·S(r²), and the tail times the slope 1 − r²/2.
[[gnu::always_inline]] constexpr double sin_near_zero(double r, double tail) {
  const double z = r * r;
  const double p = horner(z, -0x1.5555555555555p-3, 0x1.111111111101fp-7, -0x1.a01a019fe8f1fp-13, 0x1.71de3a111c5ccp-19,
                          -0x1.ae63f9a0ecc7fp-26, 0x1.60e720e47e027p-33, -0x1.8e1ea75f8204fp-41);
  return r + (r * z * p + tail * (1.0 - 0.5 * z));
}

// cos of r + tail: 1 − r²/2 + r⁴·C(r²) − r·tail, the first difference with what its rounding lost.
[[gnu::always_inline]] constexpr double cos_near_zero(double r, double tail) {
  const double z = r * r;
  const double p = horner(z, 0x1.5555555555555p-5, -0x1.6c16c16c168c1p-10, 0x1.a01a019f359cep-16,
                          -0x1.27e4f9ff3296dp-22, 0x1.1eeb53c6eb1adp-29, -0x1.9070812d2a62dp-37);
  const double h = 0.5 * z;
  const double leading = 1.0 - h;
  return leading + (((1.0 - leading) - h) + (z * z * p - r * tail));
}

// sin(x + turns·π/2)
[[gnu::always_inline]] constexpr double sin_turned(double x, std::uint64_t turns) {
  const Quadrant place = quadrant(x);
  const std::uint64_t q = place.q + turns;
  const double s = sin_near_zero(place.r, place.tail), c = cos_near_zero(place.r, place.tail);
  // Odd quadrants take the cosine; the third and fourth are negative.
  const double magnitude = (q & 1) == 0 ? s : c;
  const double y = std::bit_cast<double>(std::bit_cast<std::uint64_t>(magnitude) ^ ((q & 2) << 62));
  return absolute(x) <= 0x1p20 ? y : std::numeric_limits<double>::quiet_NaN();
}

[[gnu::always_inline]] constexpr double sin(double x) { return x == 0.0 ? x : sin_turned(x, 0); }
[[gnu::always_inline]] constexpr double cos(double x) { return sin_turned(x, 1); }

// In float the double result is rounded.
[[gnu::always_inline]] constexpr float sin(float x) { return static_cast<float>(sin(static_cast<double>(x))); }
[[gnu::always_inline]] constexpr float cos(float x) { return static_cast<float>(cos(static_cast<double>(x))); }

}  // namespace innerloop::kernels::vecmath
