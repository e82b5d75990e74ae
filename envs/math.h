// The little mathematics that environments need, from + − × ÷ alone, so that it gives the same bits with every C
// library and compiles for the device as it stands.
#pragma once

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

}  // namespace innerloop::envs
