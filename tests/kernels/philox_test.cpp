#include "kernels/philox.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "kernels/box_muller.h"
#include "kernels/require.h"
#include "kernels/shape.h"
#include "kernels/threads.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;

namespace {

using Block = std::array<std::uint32_t, 4>;

// The largest gap between the sample's distribution function and the true one, times √n (Kolmogorov–Smirnov).
template <class Cdf>
double ks_statistic(std::vector<double> sample, Cdf cdf) {
  std::sort(sample.begin(), sample.end());
  const double n = static_cast<double>(sample.size());
  double gap = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]), rank = static_cast<double>(i);
    gap = std::max({gap, p - rank / n, (rank + 1) / n - p});
  }
  return gap * std::sqrt(n);
}

// `count` draws, spread over trajectories and time steps as in a rollout.
template <class Draw>
std::vector<double> sample(std::size_t count, Draw draw) {
  std::vector<double> values;
  for (std::uint32_t trajectory = 0; values.size() < count; ++trajectory)
    for (std::uint32_t time_step = 0; time_step < 100; ++time_step) {
      Philox random(7, {.purpose = Purpose::action, .trajectory = trajectory, .time_step = time_step});
      for (int i = 0; i < 3; ++i) values.push_back(draw(random));
    }
  values.resize(count);
  return values;
}

double mean_of_power(const std::vector<double>& values, int power) {
  double sum = 0;
  for (double v : values) sum += std::pow(v, power);
  return sum / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the published vectors [Philox eq. round]", "[philox]") {
  // Random123 (Salmon et al. 2011), kat_vectors: zeros, ones, digits of pi.
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) == Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("The fields of a place are packed as documented [Philox eq. place]", "[philox]") {
  const Place place{.purpose = Purpose::env,
                    .inner_step = 0xABCDEF,
                    .iteration = 0x12345678,
                    .task = 0x1111,
                    .trajectory = 0x2222,
                    .time_step = 0x54321};
  CHECK(first_counter(place) == Block{0x54321000, 0x11112222, 0x12345678, 0x04ABCDEF});

  // The draws are the blocks at this counter and the ones after it, under the key (low, high half of the seed).
  Philox random(0x0123456789ABCDEF, place);
  for (std::uint32_t draw = 0; draw < 3; ++draw)
    for (std::uint32_t word :
         philox4x32({0x54321000 + draw, 0x11112222, 0x12345678, 0x04ABCDEF}, {0x89ABCDEF, 0x01234567}))
      CHECK(random.bits() == word);
}

TEST_CASE("No counter is used twice in a run", "[philox]") {
  // A small run with every purpose, and the extreme values of each field.
  std::set<Block> seen;
  std::size_t places = 0;
  for (int purpose = 0; purpose <= static_cast<int>(Purpose::check); ++purpose)
    for (std::uint32_t inner_step : {0u, 1u, 0xFFFFFFu})
      for (std::uint32_t iteration : {0u, 1u, 2u, 0xFFFFFFFFu})
        for (std::uint32_t task : {0u, 1u, 2u, 0xFFFFu})
          for (std::uint32_t trajectory : {0u, 1u, 2u, 0xFFFFu})
            for (std::uint32_t time_step : {0u, 1u, 2u, 0xFFFFFu}) {
              Block counter =
                  first_counter({static_cast<Purpose>(purpose), inner_step, iteration, task, trajectory, time_step});
              for (std::uint32_t draw : {0u, 1u, 4095u}) {
                Block used = counter;
                used[0] += draw;
                seen.insert(used);
                ++places;
              }
            }
  CHECK(places == 12u * 3 * 4 * 4 * 4 * 4 * 3);
  CHECK(seen.size() == places);
}

TEST_CASE("A field that does not fit is an error that names it", "[philox]") {
  auto message = [](const Place& place) {
    try {
      Philox random(0, place);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message({.inner_step = 1u << 24}).find("inner_step = 16777216 does not fit into 24 bits") != std::string::npos);
  CHECK(message({.task = 1u << 16}).find("task = 65536 does not fit into 16 bits") != std::string::npos);
  CHECK(message({.trajectory = 1u << 16}).find("trajectory") != std::string::npos);
  CHECK(message({.time_step = 1u << 20}).find("time_step") != std::string::npos);
  CHECK(message({.inner_step = (1u << 24) - 1,
                 .iteration = 0xFFFFFFFF,
                 .task = 65535,
                 .trajectory = 65535,
                 .time_step = (1u << 20) - 1}) == "");
}

TEST_CASE("A place holds 4096 blocks and not one word more", "[philox]") {
  Philox random(1, {.time_step = 5});
  for (int i = 0; i < 4 * 4096; ++i) random.bits();
  CHECK_THROWS_AS(random.bits(), Error);
  CHECK_THROWS_AS(random.bits(), Error);  // and stays an error
}

TEST_CASE("uniform() has the distribution of uniform numbers", "[philox]") {
  const auto values = sample(200000, [](Philox& random) { return random.uniform(); });
  CHECK(*std::min_element(values.begin(), values.end()) >= 0.0);
  CHECK(*std::max_element(values.begin(), values.end()) < 1.0);
  CHECK(std::abs(mean_of_power(values, 1) - 1.0 / 2) < 4 * std::sqrt(1.0 / 12 / 200000));
  CHECK(std::abs(mean_of_power(values, 2) - 1.0 / 3) < 4 * std::sqrt(4.0 / 45 / 200000));
  // 1.63 is exceeded once in a hundred; the seed is fixed, so the verdict is too.
  CHECK(ks_statistic(values, [](double x) { return x; }) < 1.63);

  Philox random(3, {});
  for (int i = 0; i < 1000; ++i) {
    const double value = random.uniform(-2.0, 5.0);
    REQUIRE((value >= -2.0 && value <= 5.0));
  }
}

TEST_CASE("normal() has the distribution of normal numbers", "[philox]") {
  const std::size_t n = 300000;
  const auto values = sample(n, [](Philox& random) { return random.normal(); });
  // The k-th moment and the variance of its estimate: 0, 1, 0, 3 and 1, 2, 15, 96.
  const double per = 1.0 / static_cast<double>(n);
  CHECK(std::abs(mean_of_power(values, 1)) < 4 * std::sqrt(1 * per));
  CHECK(std::abs(mean_of_power(values, 2) - 1) < 4 * std::sqrt(2 * per));
  CHECK(std::abs(mean_of_power(values, 3)) < 4 * std::sqrt(15 * per));
  CHECK(std::abs(mean_of_power(values, 4) - 3) < 4 * std::sqrt(96 * per));
  CHECK(ks_statistic(values, [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }) < 1.63);

  // The two normals of a pair are uncorrelated.
  double product = 0;
  for (std::uint32_t trajectory = 0; trajectory < 50000; ++trajectory) {
    Philox random(11, {.trajectory = trajectory});
    const double first = random.normal();
    product += first * random.normal();
  }
  CHECK(std::abs(product / 50000) < 4 / std::sqrt(50000.0));
}

TEST_CASE("normal() is Box and Muller's formula on two uniforms [Box-Muller eq. normals]", "[philox]") {
  Philox uniforms(5, {}), normals(5, {});
  const long double pi = std::acos(-1.0L);
  for (int i = 0; i < 1000; ++i) {
    const long double u = 1.0 - uniforms.uniform(), v = uniforms.uniform();
    const long double radius = std::sqrt(-2.0L * std::log(u));
    CHECK(static_cast<double>(std::abs(normals.normal() - radius * std::cos(2 * pi * v))) < 4e-15);
    CHECK(static_cast<double>(std::abs(normals.normal() - radius * std::sin(2 * pi * v))) < 4e-15);
  }
}

TEST_CASE("The logarithm and the sine of the normals are accurate", "[philox]") {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const long double pi = std::acos(-1.0L);
  double worst_log = 0, worst_sin = 0;
  auto try_log = [&](double u) {
    const long double truth = std::log(static_cast<long double>(u));
    int exponent;
    std::frexp(static_cast<double>(truth), &exponent);
    const double ulp = std::ldexp(epsilon, exponent - 1);
    worst_log = std::max(worst_log, static_cast<double>(std::abs(log_of_uniform(u) - truth)) / ulp);
  };
  Philox random(9, {.purpose = Purpose::check});
  for (int i = 0; i < 4000; ++i) {
    const double u = random.uniform();
    try_log(1.0 - u);
    try_log(std::ldexp(1.0 - u, -i % 53));
    try_log(1.0 - 0x1p-53 * (i + 1));
    const SinCos got = sincospi(2 * u);
    worst_sin = std::max({worst_sin, static_cast<double>(std::abs(got.sin - std::sin(2 * pi * u))) / epsilon,
                          static_cast<double>(std::abs(got.cos - std::cos(2 * pi * u))) / epsilon});
  }
  CHECK(worst_log < 1.0);
  CHECK(worst_sin < 1.0);
  CHECK(log_of_uniform(1.0) == 0.0);
  for (int q = 0; q <= 4; ++q) {
    CHECK(sincospi(0.5 * q).sin == (q % 2 == 0 ? 0.0 : 2.0 - q));
    CHECK(sincospi(0.5 * q).cos == (q % 2 == 1 ? 0.0 : 1.0 - q % 4));
  }
}

TEST_CASE("The first numbers of a seed never change", "[philox]") {
  // Golden values: they hold on every machine and in every build, since only correctly rounded operations are used.
  Philox random(2026, {.purpose = Purpose::reset, .task = 3});
  CHECK(random.uniform() == 0x1.4121833ae9722p-1);
  CHECK(random.normal() == 0x1.41765abae8fd2p+0);
  CHECK(random.normal() == -0x1.41c1a20d1ad5fp-1);
  CHECK(random.below(1000) == 496);
}

TEST_CASE("below(n) covers [0, n) evenly", "[philox]") {
  // χ² with 9 degrees of freedom exceeds 21.7 once in a hundred.
  std::array<int, 10> counts{};
  for (double v : sample(100000, [](Philox& random) { return static_cast<double>(random.below(10)); }))
    ++counts.at(static_cast<std::size_t>(v));
  double chi2 = 0;
  for (int count : counts) chi2 += (count - 10000.0) * (count - 10000.0) / 10000.0;
  CHECK(chi2 < 21.7);

  // n = 3·2³⁰ shows the bias of a plain multiplication: multiples of 3 would come twice as often as the others.
  std::array<int, 3> thirds{};
  for (double v : sample(90000, [](Philox& random) { return static_cast<double>(random.below(3u << 30) % 3); }))
    ++thirds.at(static_cast<std::size_t>(v));
  for (int count : thirds) CHECK(std::abs(count - 30000) < 4 * std::sqrt(90000 * 2.0 / 9));

  Philox random(1, {});
  CHECK(random.below(1) == 0);
  CHECK_THROWS_AS(random.below(0), Error);
}

TEST_CASE("A shape prints as a tuple", "[shape]") { CHECK(to_string(Shape{20, 2000, 64}) == "(20, 2000, 64)"); }

// [threads] kernels/philox.cpp
TEST_CASE("philox: what several threads draw is written down, every block once", "[philox][threads]") {
  const ThreadCount several(4);
  std::set<Block> counters;
  const PhiloxLog log;
  parallel_for(50, [](int task, int) {
    Philox random(7, {.purpose = Purpose::action, .task = static_cast<std::uint32_t>(task)});
    for (int n = 0; n < 8; ++n) random.uniform(0, 1);
  });
  for (const PhiloxLog::Block& block : log.blocks()) counters.insert(block.counter);
  CHECK(counters.size() == log.blocks().size());
  CHECK(counters.size() == 50 * 4);  // 8 numbers of 64 bits each
}
