// The elementary functions against long double, in ulp, at the bounds that kernels/cpu/vecmath.h states.
#include "kernels/cpu/vecmath.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/philox.h"
#include "tests/catch.h"

using namespace innerloop;
namespace vecmath = innerloop::kernels::vecmath;

namespace {

long double sigmoid_truth(long double x) { return 1 / (1 + std::exp(-x)); }
long double softplus_truth(long double x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); }

// One function: its lane, its array form, the truth, and the bound of its error.
template <class T>
struct Function {
  std::string name;
  T (*lane)(T);
  void (*array)(const T*, T*, std::size_t);
  long double (*truth)(long double);
  double bound;  // ulp
};

template <class T>
std::vector<Function<T>> functions() {
  return {{"exp", vecmath::exp, vecmath::exp, std::exp, 1},
          {"expm1", vecmath::expm1, vecmath::expm1, std::expm1, 1},
          {"log", vecmath::log, vecmath::log, std::log, 1},
          {"log1p", vecmath::log1p, vecmath::log1p, std::log1p, 1},
          {"tanh", vecmath::tanh, vecmath::tanh, std::tanh, 2},
          {"sigmoid", vecmath::sigmoid, vecmath::sigmoid, sigmoid_truth, 2},
          {"softplus", vecmath::softplus, vecmath::softplus, softplus_truth, 2},
          {"sin", vecmath::sin, vecmath::sin, std::sin, 1},
          {"cos", vecmath::cos, vecmath::cos, std::cos, 1}};
}

bool periodic(const std::string& name) { return name == "sin" || name == "cos"; }

// The distance of `got` from the truth, in units of the spacing of T there. NaN and ±∞ must be met exactly.
template <class T>
double ulp_error(T got, long double truth) {
  using Limits = std::numeric_limits<T>;
  const T rounded = static_cast<T>(truth);
  if (std::isnan(truth)) return std::isnan(got) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e9;
  const int exponent = truth == 0 ? Limits::min_exponent : std::max(std::ilogb(truth) + 1, Limits::min_exponent);
  return static_cast<double>(std::ldexp(std::abs(static_cast<long double>(got) - truth), Limits::digits - exponent));
}

template <class T>
using Bits = typename vecmath::Format<T>::Bits;

// `centre` and its neighbours on both sides, and their negatives.
template <class T>
void add_around(std::vector<T>& x, long double centre) {
  T below = static_cast<T>(centre), above = below;
  for (int i = 0; i < 3; ++i) {
    for (T v : {below, above}) {
      x.push_back(v);
      x.push_back(-v);
    }
    below = std::nextafter(below, T(0));
    above = std::nextafter(above, std::numeric_limits<T>::infinity());
  }
}

// Arguments that reach every path: dense grids, all magnitudes, random bits, and the places where something changes.
template <class T>
std::vector<T> arguments() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> x = {T(0),
                      -T(0),
                      Limits::denorm_min(),
                      -Limits::denorm_min(),
                      Limits::infinity(),
                      -Limits::infinity(),
                      Limits::quiet_NaN()};
  add_around<T>(x, Limits::min());
  add_around<T>(x, std::nextafter(Limits::max(), T(0)));

  // Dense grids around zero, around one, over the range of exp, and over that of float's.
  for (double range : {1.0, 3.0, 30.0, 110.0, 800.0, 100000.0})
    for (int i = -4000; i <= 4000; ++i) x.push_back(static_cast<T>(range * i / 4000.0));
  for (int i = 0; i <= 4000; ++i) add_around<T>(x, 0.5L + i / 2000.0L);

  // Every magnitude, with random mantissas; and random bit patterns.
  Philox random(17, {.purpose = Purpose::check});
  for (int exponent = Limits::min_exponent - Limits::digits; exponent < Limits::max_exponent; ++exponent)
    for (int i = 0; i < (sizeof(T) == 8 ? 2 : 16); ++i) {
      const T value = std::ldexp(static_cast<T>(random.uniform(1, 2)), exponent);
      x.push_back(value);
      x.push_back(-value);
    }
  for (std::uint32_t place = 0; place < 4; ++place) {
    Philox more(18, {.purpose = Purpose::check, .time_step = place});
    for (int i = 0; i < 4000; ++i) {
      const std::uint64_t word = std::uint64_t{more.bits()} << 32 | more.bits();
      x.push_back(std::bit_cast<T>(static_cast<Bits<T>>(word)));
    }
  }

  // Many random places near zero; more just beyond ½ log 2, where eˣ − 1 = 2·(½ + r + s) cancels most.
  for (std::uint32_t place = 0; place < 10; ++place) {
    Philox more(19, {.purpose = Purpose::check, .time_step = place});
    for (int i = 0; i < 3000; ++i) {
      x.push_back(static_cast<T>(more.uniform(-4, 4)));
      x.push_back(static_cast<T>(more.uniform(0.34, 0.42)));
    }
  }

  // Where the reductions change: half multiples of log 2, powers of two times √½, multiples of π/2; and the clamps.
  const long double ln2 = std::log(2.0L), half_pi = std::acos(0.0L);
  for (int k = 0; k < 1200; ++k) add_around<T>(x, k * ln2 / 2);
  for (int k = Limits::min_exponent - 1; k < Limits::max_exponent; ++k) {
    add_around<T>(x, std::ldexp(std::sqrt(0.5L), k));
    add_around<T>(x, std::ldexp(1.0L, k));
  }
  for (int k = 1; k < 64000; k += k < 3000 ? 1 : 37) add_around<T>(x, k * half_pi);
  for (long double edge : {10.0L, 20.0L, 40.0L, 89.0L, 105.0L, 709.78L, 710.0L, 745.13L, 746.0L, 1048576.0L})
    add_around<T>(x, edge);
  return x;
}

template <class T>
void check_errors() {
  const std::vector<T> x = arguments<T>();
  std::vector<T> y(x.size());
  for (const Function<T>& f : functions<T>()) {
    f.array(x.data(), y.data(), x.size());
    double worst = 0;
    T worst_at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (periodic(f.name) && std::abs(x[i]) > T(1048576)) continue;
      const double error = ulp_error(y[i], f.truth(x[i]));
      if (error > worst) worst = error, worst_at = x[i];
    }
    INFO(f.name << ": " << worst << " ulp at " << worst_at);
    CHECK(worst <= f.bound);
    CHECK(worst >= 0.5 - 1e-3);  // a smaller worst error would mean that the comparison does not look
  }
}

// The lane's result must come back in every place of an array, whatever stands beside it; y beyond n stays untouched.
template <class T>
void check_array_form() {
  const std::vector<T> all = arguments<T>();
  std::vector<T> x;
  for (std::size_t i = 0; i < all.size(); i += all.size() / 150) x.push_back(all[i]);
  auto same = [](T a, T b) { return std::bit_cast<Bits<T>>(a) == std::bit_cast<Bits<T>>(b) || (a != a && b != b); };
  for (const Function<T>& f : functions<T>()) {
    INFO(f.name);
    bool equal = true, guarded = true, in_place = true;
    for (std::size_t n = 0; n <= 70; ++n)
      for (std::size_t start : {std::size_t{0}, std::size_t{1}, std::size_t{67}}) {
        std::vector<T> y(n + 8, T(42));
        f.array(x.data() + start, y.data(), n);
        for (std::size_t i = 0; i < n; ++i) equal = equal && same(y[i], f.lane(x[start + i]));
        for (std::size_t i = n; i < y.size(); ++i) guarded = guarded && y[i] == T(42);
        std::vector<T> z(x.begin() + static_cast<long>(start), x.begin() + static_cast<long>(start + n));
        f.array(z.data(), z.data(), n);
        for (std::size_t i = 0; i < n; ++i) in_place = in_place && same(y[i], z[i]);
      }
    CHECK(equal);
    CHECK(guarded);
    CHECK(in_place);
  }
}

template <class T>
void check_edges() {
  using Limits = std::numeric_limits<T>;
  const T infinity = Limits::infinity(), nan = Limits::quiet_NaN();
  for (const Function<T>& f : functions<T>()) {
    INFO(f.name);
    CHECK(std::isnan(f.lane(nan)));
  }
  CHECK(vecmath::exp(T(0)) == T(1));
  CHECK(vecmath::exp(-infinity) == T(0));
  CHECK(vecmath::exp(infinity) == infinity);
  CHECK(vecmath::expm1(-infinity) == T(-1));
  CHECK(vecmath::log(T(1)) == T(0));
  CHECK(vecmath::log(T(0)) == -infinity);
  CHECK(vecmath::log(-T(0)) == -infinity);
  CHECK(std::isnan(vecmath::log(T(-1))));
  CHECK(vecmath::log1p(T(-1)) == -infinity);
  CHECK(std::isnan(vecmath::log1p(T(-2))));
  CHECK(vecmath::tanh(infinity) == T(1));
  CHECK(vecmath::tanh(-infinity) == T(-1));
  CHECK(vecmath::sigmoid(T(0)) == T(0.5));
  CHECK(vecmath::sigmoid(-infinity) == T(0));
  CHECK(vecmath::softplus(-infinity) == T(0));
  CHECK(vecmath::softplus(infinity) == infinity);
  // Odd functions keep the sign of zero, and are x itself where x² is nothing beside 1.
  using Lane = T (*)(T);
  for (Lane lane : {Lane(vecmath::expm1), Lane(vecmath::log1p), Lane(vecmath::tanh)}) {
    CHECK(std::signbit(lane(-T(0))));
    CHECK_FALSE(std::signbit(lane(T(0))));
    for (T x : {Limits::denorm_min(), Limits::min(), T(1e-30)}) CHECK(lane(x) == x);
  }
  CHECK(std::signbit(vecmath::sin(-T(0))));
  CHECK(vecmath::sin(Limits::denorm_min()) == Limits::denorm_min());
  CHECK(vecmath::cos(T(0)) == T(1));
  // Beyond 2²⁰ the answer of sin and cos is NaN, not a wrong number.
  CHECK(std::isfinite(vecmath::sin(T(1048576))));
  CHECK(std::isnan(vecmath::sin(std::nextafter(T(1048576), infinity))));
  CHECK(std::isnan(vecmath::cos(-infinity)));
}

}  // namespace

TEST_CASE("Elementary functions keep their ulp bounds in double [vecmath eq. tanh]", "[vecmath]") {
  check_errors<double>();
}
TEST_CASE("Elementary functions keep their ulp bounds in float", "[vecmath]") { check_errors<float>(); }

TEST_CASE("Arrays of any length hold the bits of the lane in double", "[vecmath]") { check_array_form<double>(); }
TEST_CASE("Arrays of any length hold the bits of the lane in float", "[vecmath]") { check_array_form<float>(); }

TEST_CASE("Elementary functions at zero, infinity and NaN in double", "[vecmath]") { check_edges<double>(); }
TEST_CASE("Elementary functions at zero, infinity and NaN in float", "[vecmath]") { check_edges<float>(); }

TEST_CASE("sin and cos have the same bits in every build", "[vecmath]") {
  // Golden values: no fma, no libm, so native, portable and GPU builds agree on them.
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a over the bits of 20001 results each
  for (int i = -10000; i <= 10000; ++i)
    for (double y : {vecmath::sin(i * 0.37), vecmath::cos(i * 0.37)})
      for (int byte = 0; byte < 8; ++byte)
        hash = (hash ^ (std::bit_cast<std::uint64_t>(y) >> (8 * byte) & 255)) * 1099511628211u;
  CHECK(hash == 0x211ab4e9d9b17c04u);
}
