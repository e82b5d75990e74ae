// The largest errors of the elementary functions, in ulp: float against double over all 2³² bit patterns (or every
// stride-th), double against long double at random arguments.
//   bench/vecmath_ulp [stride, default 1: about ten minutes]
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "kernels/cpu/vecmath.h"
#include "kernels/philox.h"

namespace {

namespace vecmath = innerloop::kernels::vecmath;

template <class Wide>
Wide sigmoid(Wide x) {
  return 1 / (1 + std::exp(-x));
}
template <class Wide>
Wide softplus(Wide x) {
  return std::max(x, Wide(0)) + std::log1p(std::exp(-std::abs(x)));
}

// The distance of y from the truth in units of the spacing of T there; NaN and infinite results are left to the tests.
template <class T, class Wide>
double ulp_error(T y, Wide truth) {
  using Limits = std::numeric_limits<T>;
  if (!std::isfinite(static_cast<T>(truth)) || !std::isfinite(y)) return 0;
  const int exponent = truth == 0 ? Limits::min_exponent : std::max(std::ilogb(truth) + 1, Limits::min_exponent);
  return static_cast<double>(std::ldexp(std::abs(y - truth), Limits::digits - exponent));
}

// next(x) fills x with the next arguments and says how many there are.
template <class T, class Wide, class Next>
double worst_error(void (*f)(const T*, T*, std::size_t), Wide (*truth)(Wide), Next next) {
  std::vector<T> x(1 << 14), y(x.size());
  double worst = 0;
  while (const std::size_t n = next(x)) {
    f(x.data(), y.data(), n);
    for (std::size_t i = 0; i < n; ++i)
      if (!std::isnan(y[i])) worst = std::max(worst, ulp_error(y[i], truth(static_cast<Wide>(x[i]))));
  }
  return worst;
}

// Four million arguments, half of them small (|x| < 4), the rest spread over the range in which something happens.
double worst_of_double(void (*f)(const double*, double*, std::size_t), long double (*truth)(long double)) {
  std::uint32_t block = 0;
  return worst_error<double, long double>(f, truth, [&](std::vector<double>& x) -> std::size_t {
    if (block == 256) return 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      innerloop::Philox random(
          2, {.purpose = innerloop::Purpose::check, .task = block, .time_step = static_cast<std::uint32_t>(i)});
      const double range = i % 2 == 0 ? 4 : 750;
      x[i] = random.uniform(-range, range);
    }
    ++block;
    return x.size();
  });
}

double worst_of_float(void (*f)(const float*, float*, std::size_t), double (*truth)(double), std::uint64_t stride) {
  std::uint64_t bits = 0;
  return worst_error<float, double>(f, truth, [&](std::vector<float>& x) {
    std::size_t n = 0;
    for (; n < x.size() && bits >> 32 == 0; ++n, bits += stride)
      x[n] = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    return n;
  });
}

struct Row {
  const char* name;
  void (*of_float)(const float*, float*, std::size_t);
  void (*of_double)(const double*, double*, std::size_t);
  double (*truth)(double);
  long double (*long_truth)(long double);
};

const Row rows[] = {
    {"exp", vecmath::exp, vecmath::exp, std::exp, std::exp},
    {"expm1", vecmath::expm1, vecmath::expm1, std::expm1, std::expm1},
    {"log", vecmath::log, vecmath::log, std::log, std::log},
    {"log1p", vecmath::log1p, vecmath::log1p, std::log1p, std::log1p},
    {"tanh", vecmath::tanh, vecmath::tanh, std::tanh, std::tanh},
    {"sigmoid", vecmath::sigmoid, vecmath::sigmoid, sigmoid<double>, sigmoid<long double>},
    {"softplus", vecmath::softplus, vecmath::softplus, softplus<double>, softplus<long double>},
    {"sin", vecmath::sin, vecmath::sin, std::sin, std::sin},
    {"cos", vecmath::cos, vecmath::cos, std::cos, std::cos},
};

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t stride = argc > 1 ? std::max(1ul, std::strtoul(argv[1], nullptr, 10)) : 1;
  fmt::print("largest error in ulp; floats: every {} of all 2^32\n{:<9} {:>6} {:>6}\n", stride, "", "f32", "f64");
  for (const Row& row : rows)
    fmt::print("{:<9} {:>6.2f} {:>6.2f}\n", row.name, worst_of_float(row.of_float, row.truth, stride),
               worst_of_double(row.of_double, row.long_truth));
}
