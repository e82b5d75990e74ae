// Time per number of the elementary functions, beside libm and, where it has vector code, Eigen.
//   bench/vecmath_bench [numbers per array, default 4096]
// g++ 12 takes the undefined operands of its own AVX-512 intrinsics, which Eigen calls, for mistakes (GCC bug 105593).
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <fmt/core.h>

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/cpu/vecmath.h"
#include "kernels/philox.h"

namespace {

namespace vecmath = innerloop::kernels::vecmath;

// ns per number: the median of 15 timings of about a millisecond each.
template <class F>
double time_of(std::size_t n, F f) {
  using Clock = std::chrono::steady_clock;
  auto seconds = [&](int repeats) {
    const auto start = Clock::now();
    for (int i = 0; i < repeats; ++i) f();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const int repeats = std::max(1, static_cast<int>(1e-3 / std::max(seconds(3) / 3, 1e-9)));
  std::vector<double> times(15);
  for (double& t : times) t = seconds(repeats);
  std::nth_element(times.begin(), times.begin() + 7, times.end());
  return times[7] / repeats / static_cast<double>(n) * 1e9;
}

template <class T>
using Array = Eigen::Array<T, Eigen::Dynamic, 1>;

// One line; `eigen` is nullptr where Eigen has nothing comparable.
template <class T, class Libm, class InEigen>
void row(const char* name, std::size_t n, double low, double high, void (*own)(const T*, T*, std::size_t), Libm libm,
         InEigen eigen) {
  innerloop::Philox random(1, {.purpose = innerloop::Purpose::check});
  Array<T> x(static_cast<Eigen::Index>(n)), y(static_cast<Eigen::Index>(n));
  for (Eigen::Index i = 0; i < x.size(); ++i) x[i] = static_cast<T>(low + (high - low) * random.bits() * 0x1p-32);
  const double own_ns = time_of(n, [&] { own(x.data(), y.data(), n); });
  const double libm_ns = time_of(n, [&] {
    for (Eigen::Index i = 0; i < x.size(); ++i) y[i] = libm(x[i]);
  });
  std::string eigen_text = "-";
  if constexpr (!std::is_same_v<InEigen, std::nullptr_t>)
    eigen_text = fmt::format("{:.2f}", time_of(n, [&] { eigen(x, y); }));
  fmt::print("{:<9} {:<4} {:>8.2f} {:>8.2f} {:>8}\n", name, sizeof(T) == 4 ? "f32" : "f64", own_ns, libm_ns,
             eigen_text);
}

template <class T>
void table(std::size_t n) {
  using A = Array<T>;
  row<T>(
      "exp", n, -10, 10, vecmath::exp, [](T v) { return std::exp(v); }, [](A& x, A& y) { y = x.exp(); });
  row<T>(
      "expm1", n, -3, 3, vecmath::expm1, [](T v) { return std::expm1(v); }, [](A& x, A& y) { y = x.expm1(); });
  row<T>(
      "log", n, 0, 10, vecmath::log, [](T v) { return std::log(v); }, [](A& x, A& y) { y = x.log(); });
  row<T>(
      "log1p", n, -0.9, 10, vecmath::log1p, [](T v) { return std::log1p(v); }, [](A& x, A& y) { y = x.log1p(); });
  row<T>(
      "tanh", n, -4, 4, vecmath::tanh, [](T v) { return std::tanh(v); }, [](A& x, A& y) { y = x.tanh(); });
  row<T>(
      "sigmoid", n, -8, 8, vecmath::sigmoid, [](T v) { return 1 / (1 + std::exp(-v)); },
      [](A& x, A& y) { y = x.logistic(); });
  row<T>(
      "softplus", n, -8, 8, vecmath::softplus,
      [](T v) { return std::max(v, T(0)) + std::log1p(std::exp(-std::abs(v))); }, nullptr);
  row<T>(
      "sin", n, -10, 10, vecmath::sin, [](T v) { return std::sin(v); }, [](A& x, A& y) { y = x.sin(); });
  row<T>(
      "cos", n, -10, 10, vecmath::cos, [](T v) { return std::cos(v); }, [](A& x, A& y) { y = x.cos(); });
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t n = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4096;
  fmt::print("ns per number, arrays of {}, one thread\n{:<14} {:>8} {:>8} {:>8}\n", n, "", "own", "libm", "Eigen");
  table<float>(n);
  table<double>(n);
}
