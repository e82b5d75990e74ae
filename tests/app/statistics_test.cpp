// Statistics of a handful of seeds: hand numbers, enumerations, and what may be said from how many.
#include "app/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::app;
using Catch::Matchers::ContainsSubstring;
using Verdict = Comparison::Verdict;

namespace {

std::map<std::int64_t, double> by_seed(const std::vector<double>& values, std::int64_t first = 1) {
  std::map<std::int64_t, double> scores;
  for (const double value : values) scores[first++] = value;
  return scores;
}

// n standard normal numbers.
std::vector<double> normals(int n, std::uint32_t sample) {
  Philox random(11, {.purpose = Purpose::check, .iteration = sample});
  std::vector<double> values(static_cast<std::size_t>(n));
  for (double& value : values) value = random.normal();
  return values;
}

}  // namespace

TEST_CASE("interquartile mean: ⌊n/4⌋ values go at each end [IQM eq. mean]", "[app][statistics]") {
  CHECK(interquartile_mean(std::vector<double>{7}) == 7);
  CHECK(interquartile_mean(std::vector<double>{1, 2, 30}) == 11);             // 3 keep 3
  CHECK(interquartile_mean(std::vector<double>{1, 2, 4, 90}) == 3);           // 4 keep 2
  CHECK(interquartile_mean(std::vector<double>{-90, 4, 1, 2, 500}) == Approx(7.0 / 3));  // 5 keep 3
  CHECK(interquartile_mean(std::vector<double>{8, 1, 7, 2, 6, 3, 5, 4}) == 4.5);
  CHECK(interquartile_mean(std::vector<double>{0, 0, 1, 2, 3, 4, 5, 6, 99, 99}) == 3.5);  // 10 keep 6
  CHECK(std::isnan(interquartile_mean({})));
}

TEST_CASE("bootstrap: five seeds against all 5⁵ resamples [bootstrap eq. percentile]", "[app][statistics]") {
  // Every resample once: the percentiles of the exact bootstrap distribution. Neighbouring values of that distribution
  // are 1 % of its mass apart at most, so the quantiles must agree within the exact quantiles at ± 0.4 %.
  const std::array<double, 5> values{1, 2.5, 4.25, 8, 17};
  std::vector<double> exact;
  for (int code = 0; code < 3125; ++code) {
    std::array<double, 5> drawn;
    for (int k = 0, rest = code; k < 5; ++k, rest /= 5)
      drawn[static_cast<std::size_t>(k)] = values[static_cast<std::size_t>(rest % 5)];
    exact.push_back(interquartile_mean(drawn));
  }
  std::ranges::sort(exact);
  const auto at = [&](double q) { return exact[static_cast<std::size_t>(q * 3124)]; };
  const BootstrapInterval interval = iqm_interval(values);
  CHECK(interval.exists);
  CHECK(interval.approximate);
  CHECK(interval.low >= at(0.021));
  CHECK(interval.low <= at(0.029));
  CHECK(interval.high >= at(0.971));
  CHECK(interval.high <= at(0.979));
  const BootstrapInterval half = iqm_interval(values, 0.5);
  CHECK(half.low >= at(0.246));
  CHECK(half.low <= at(0.254));
}

TEST_CASE("bootstrap: none below 5 seeds, approximate below 10, the same bits each time", "[app][statistics]") {
  for (int n = 1; n <= 12; ++n) {
    const BootstrapInterval interval = iqm_interval(normals(n, 1), 0.95, 200);
    CHECK(interval.exists == (n >= 5));
    CHECK(interval.approximate == (n >= 5 && n < 10));
    CHECK(std::isnan(interval.low) == (n < 5));
    CHECK(iqm_interval(normals(n, 1), 0.95, 200).exists == interval.exists);
  }
  const std::vector<double> values = normals(10, 2);
  CHECK(iqm_interval(values).low == iqm_interval(values).low);
  CHECK(iqm_interval(std::vector<double>(10, 3.5)).low == 3.5);
  CHECK(iqm_interval(std::vector<double>(10, 3.5)).high == 3.5);
}

TEST_CASE("bootstrap: how often a 95 % interval holds the truth", "[app][statistics]") {
  // Normal scores, truth 0, 600 experiments: the share of intervals that hold it, whose standard error is 1 %. It falls
  // short of 95 %, the more so the fewer seeds: what the marks in the tables are for.
  const auto coverage = [](int n) {
    int held = 0;
    for (std::uint32_t sample = 0; sample < 600; ++sample) {
      const BootstrapInterval interval = iqm_interval(normals(n, sample), 0.95, 300);
      held += interval.low <= 0 && interval.high >= 0;
    }
    return held / 600.0;
  };
  const double five = coverage(5), ten = coverage(10), twenty = coverage(20);
  UNSCOPED_INFO("5 seeds " << five << ", 10 seeds " << ten << ", 20 seeds " << twenty);
  CHECK(five < 0.95);
  CHECK(five > 0.80);
  CHECK(ten > 0.88);
  CHECK(ten < 0.97);
  CHECK(twenty > 0.91);
}

TEST_CASE("sign-flip test: counted by hand [sign-flip eq. p]", "[app][statistics]") {
  CHECK(sign_flip_p(std::vector<double>{1, 2, 3}) == 0.25);                 // ±6 of 8
  CHECK(sign_flip_p(std::vector<double>{3, -1, 2}) == 0.5);                 // 6, 4, −4, −6 of 8
  CHECK(sign_flip_p(std::vector<double>(6, 0.1)) == 2.0 / 64);              // equal in spite of rounding
  CHECK(sign_flip_p(std::vector<double>{1, -1}) == 1);
  CHECK(sign_flip_p(std::vector<double>{0, 0, 0}) == 1);
  CHECK(sign_flip_p({}) == 1);
  CHECK(sign_flip_p(std::vector<double>(20, 1.0)) == Approx(std::ldexp(2, -20)));
  // Drawn rather than counted: all 21 of one sign is rarer than what 100 000 draws can see; a balanced sample is not.
  CHECK(sign_flip_p(std::vector<double>(21, 1.0)) == Approx(1.0 / 100001));
  std::vector<double> balanced;
  for (int i = 1; i <= 24; ++i) balanced.push_back(i % 2 ? i : -i);  // sum −12 of deviation √4900 = 70
  CHECK(sign_flip_p(balanced) == Approx(std::erfc(12.0 / 70 / std::sqrt(2))).margin(0.02));
}

TEST_CASE("sign-flip test: ties stay ties, whatever unit the scores are in", "[app][statistics]") {
  // Whole numbers are added without rounding; tenths are not, and with 20 of them the counts still agree.
  const std::vector<std::vector<double>> lists{
      {6, -3, 2, -4, -1, -4, -1, -4, 7, 6, 3, 1, 5, 7, 6, 5, 4, 1, 7, -3},
      {-4, 1, -2, 8, 6, 8, -3, 7, 5, 0, 2, -1, 0, -2, 7, 3, 7, -1, 0, -2}};
  CHECK(sign_flip_p(lists[0]) == Approx(0.0508670807).epsilon(1e-8));
  for (std::vector<double> d : lists) {
    const double exact = sign_flip_p(d);
    for (double& x : d) x /= 10;
    CHECK(sign_flip_p(d) == exact);
    std::map<std::int64_t, double> a, b;
    for (double x : d) a[static_cast<std::int64_t>(a.size())] = 0.3 + x, b[static_cast<std::int64_t>(b.size())] = 0.3;
    CHECK(compare(a, b).paired_p == exact);
  }
}

TEST_CASE("A beats B: not by rounding, and not where a score is not a number", "[app][statistics]") {
  // 0.1 + 0.2 is above 0.3 by one rounding, twelve times.
  const auto sums = by_seed(std::vector<double>(12, 0.1 + 0.2)), whole = by_seed(std::vector<double>(12, 0.3));
  CHECK(sums.at(1) > whole.at(1));
  CHECK(compare(sums, whole).verdict == Verdict::not_shown);
  CHECK(compare(sums, whole).paired_p == 1);
  CHECK(compare(sums, whole).improvement == 0.5);

  auto broken = by_seed({9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9});
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    broken[3] = bad;
    CHECK(compare(broken, whole).verdict == Verdict::not_shown);
    CHECK_THAT(compare(whole, broken).reason, ContainsSubstring("not a finite number"));
  }
  CHECK_THROWS_AS(sign_flip_p(std::vector<double>{1, std::nan("")}), Error);
}

TEST_CASE("sign-flip test: under no difference, p falls below 5 % in at most 5 % of experiments", "[app][statistics]") {
  int found = 0;
  for (std::uint32_t sample = 0; sample < 2000; ++sample) found += sign_flip_p(normals(7, sample)) < 0.05;
  CHECK(found / 2000.0 < 0.065);  // 6 of 128 patterns are 4.7 %; standard error 0.5 %
  CHECK(found / 2000.0 > 0.030);
}

TEST_CASE("probability of improvement: pairs counted by hand, ties half [improvement eq. probability]",
          "[app][statistics]") {
  CHECK(probability_of_improvement(std::vector<double>{1, 2, 3}, std::vector<double>{2, 2, 0}) == Approx(6.0 / 9));
  CHECK(probability_of_improvement(std::vector<double>{1}, std::vector<double>{1}) == 0.5);
  CHECK(probability_of_improvement(std::vector<double>{5, 6}, std::vector<double>{1, 2, 3}) == 1);
  // Two normals one deviation apart: Φ(1/√2) = 0.760, and the interval of 40 seeds holds it.
  std::vector<double> a = normals(40, 3), b = normals(40, 4);
  for (double& value : a) value += 1;
  const BootstrapInterval interval = improvement_interval(a, b);
  CHECK(interval.low < 0.760);
  CHECK(interval.high > 0.760);
  CHECK(interval.high - interval.low < 0.3);
  CHECK_FALSE(improvement_interval(std::vector<double>{1, 2, 3, 4}, b).exists);
}

TEST_CASE("A beats B: only by a paired test or with ten seeds a side, and what is missing is said",
          "[app][statistics]") {
  // Three seeds, however far apart, show nothing.
  Comparison c = compare(by_seed({100, 101, 102}), by_seed({1, 2, 3}));
  CHECK(c.verdict == Verdict::not_shown);
  CHECK(c.reason == "3 paired seeds cannot show it; it takes 6 at least");
  CHECK_FALSE(c.improvement_interval.exists);

  // Six pairs do, either way round; three comparisons share the 5 %, and then it takes more.
  const auto high = by_seed({5, 6, 7, 8, 9, 10}), low = by_seed({4, 5, 6.5, 7, 8, 9});
  c = compare(high, low);
  CHECK(c.verdict == Verdict::a_beats_b);
  CHECK(c.pairs == 6);
  CHECK(c.paired_p == 2.0 / 64);
  CHECK_THAT(c.reason, ContainsSubstring("paired sign-flip test over 6 seeds, p = 0.031"));
  CHECK(compare(low, high).verdict == Verdict::b_beats_a);
  CHECK(compare(high, low, 3).verdict == Verdict::not_shown);
  CHECK_THAT(compare(high, low, 3).reason, ContainsSubstring("it takes 7 at least"));

  // Nine unpaired seeds a side are not enough, ten are.
  const auto nine = by_seed({1, 2, 3, 4, 5, 6, 7, 8, 9}), ten = by_seed({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(compare(nine, by_seed({21, 22, 23, 24, 25, 26, 27, 28, 29}, 50)).verdict == Verdict::not_shown);
  c = compare(ten, by_seed({21, 22, 23, 24, 25, 26, 27, 28, 29, 30}, 50));
  CHECK(c.verdict == Verdict::b_beats_a);
  CHECK(c.pairs == 0);
  CHECK_THAT(c.reason, ContainsSubstring("10 and 10 seeds, probability of improvement 0.00"));

  // The same numbers, and nothing at all.
  CHECK(compare(ten, ten).verdict == Verdict::not_shown);
  CHECK_THAT(compare(ten, ten).reason, ContainsSubstring("p = 1"));
  CHECK_THAT(compare(ten, {}).reason, ContainsSubstring("no seed has finished"));
}
