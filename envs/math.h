// The little mathematics that environments need, from + − × ÷ alone, so that it gives the same bits with every C
// library and compiles for the device as it stands.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace innerloop::envs {

// x limited to [low, high]. NaN stays NaN.
template <class Real>
constexpr Real clip(Real x, Real low, Real high) {
  return x < low ? low : (x > high ? high : x);
}

template <class Real>
constexpr Real magnitude(Real x) {
  return x < 0 ? -x : x;
}

// eˣ for |x| ≤ 1: the Taylor polynomial of degree 20, whose remainder (1/21! = 2·10⁻²⁰) is below the rounding of a
// double.
template <class Real>
constexpr Real exp_small(Real x) {
  Real sum = 1;
  for (int k = 20; k >= 1; --k) sum = 1 + x * sum / static_cast<Real>(k);
  return sum;
}

// ---- Angles

template <class Real>
inline constexpr Real pi = Real(0x1.921fb54442d18p+1);

// x rounded to the nearest integer, for |x| < 2²⁰: adding this number leaves no bits for a fraction.
template <class Real>
inline constexpr Real rounder = sizeof(Real) == 8 ? Real(0x1.8p52) : Real(0x1.8p23);
template <class Real>
constexpr Real nearest(Real x) {
  return (x + rounder<Real>) - rounder<Real>;
}

// The largest integer that is not above x.
template <class Real>
constexpr Real floor_of(Real x) {
  const Real n = nearest(x);
  return n > x ? n - 1 : n;
}

// The angle in [−π, π) that is x up to full turns.
template <class Real>
constexpr Real wrap_angle(Real x) {
  return x - 2 * pi<Real> * floor_of((x + pi<Real>) / (2 * pi<Real>));
}

// c0 + x·(c1 + x·(c2 + …))
template <class Real>
constexpr Real horner(Real, double c0) {
  return Real(c0);
}
template <class Real, class... Rest>
constexpr Real horner(Real x, double c0, Rest... rest) {
  return Real(c0) + x * horner(x, rest...);
}

template <class Real>
struct SinCos {
  Real sin, cos;
};

// sin x and cos x for |x| ≤ 10⁵, to about 2·10⁻¹⁶ in double. No branch, so loops over it become vector code.
//   x = q·π/2 + r with |r| ≤ π/4;  Taylor series of sin r and cos r;  q quarter turns.
template <class Real>
constexpr SinCos<Real> sin_cos(Real x) {
  // π/2 in three parts, the first two so short that their products with q are exact.
  constexpr Real part1 = sizeof(Real) == 8 ? Real(0x1.921fb544p+0) : Real(0x1.92p+0);
  constexpr Real part2 = sizeof(Real) == 8 ? Real(0x1.0b4611a6p-34) : Real(0x1.fbp-12);
  constexpr Real part3 = sizeof(Real) == 8 ? Real(0x1.3198a2e037073p-69) : Real(0x1.5110b4p-22);
  const Real shifted = x * Real(0x1.45f306dc9c883p-1) + rounder<Real>;
  const Real q = shifted - rounder<Real>;
  const Real r = ((x - q * part1) - q * part2) - q * part3;

  // 1 − z/3! + z²/5! − … and 1 − z/2! + z²/4! − … at z = r² ≤ 0.617; what is left out is below 10⁻¹⁷.
  const Real z = r * r;
  const Real s = r * horner(z, 1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800,
                            1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000);
  const Real c = horner(z, 1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600,
                        -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000);

  // A quarter turn swaps the two and changes one sign: sin x = s, c, −s, −c and cos x = c, −s, −c, s.
  // The two lowest bits of the shifted number are q modulo 4.
  using Bits = std::conditional_t<sizeof(Real) == 8, std::uint64_t, std::uint32_t>;
  const Bits turns = std::bit_cast<Bits>(shifted);
  const Bits sign = Bits(1) << (8 * sizeof(Real) - 1);
  const bool odd = (turns & 1) != 0;
  const Bits sin_bits = std::bit_cast<Bits>(odd ? c : s) ^ ((turns & 2) ? sign : Bits(0));
  const Bits cos_bits = std::bit_cast<Bits>(odd ? s : c) ^ (((turns + 1) & 2) ? sign : Bits(0));
  return {std::bit_cast<Real>(sin_bits), std::bit_cast<Real>(cos_bits)};
}

}  // namespace innerloop::envs
