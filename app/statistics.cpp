#include "app/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/philox.h"
#include "kernels/require.h"

namespace innerloop::app {

double student_t_975(std::size_t degrees) {
  if (degrees == 0) return std::numeric_limits<double>::quiet_NaN();
  if (degrees == 1) return 12.7062047;
  if (degrees == 2) return 4.3026527;
  // The Cornish-Fisher series in 1/degrees about the normal quantile (Abramowitz and Stegun 26.7.5).
  const double z = 1.959963984540054, n = static_cast<double>(degrees);
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, z9 = z7 * z * z;
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n) +
         (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * n * n * n * n);
}

// [Student eq. interval]  x̄ ± t_{0.975, n−1}·s/√n,  s² = Σ(x − x̄)²/(n − 1)
Interval mean_interval(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (values.size() < 2)
    return {values.empty() ? std::numeric_limits<double>::quiet_NaN() : mean, std::numeric_limits<double>::quiet_NaN()};
  return {mean, student_t_975(values.size() - 1) * std::sqrt(squares / (n - 1) / n)};
}

// ---- A handful of seeds ---------------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t bootstrap_seed = 0;
constexpr std::size_t most_enumerated = 20;  // 2²⁰ sign patterns take a few milliseconds
constexpr int drawn_patterns = 100000;
constexpr double error_rate = 0.05;

// Scores are rounded numbers, means of many: those that differ by less than this share of their size are equal.
constexpr double rounding = 1e-13;
double size_of_pair(double a, double b) { return std::abs(a) + std::abs(b); }

// Draws of n values out of `values`, with replacement.
void resample(std::span<const double> values, Philox& random, std::vector<double>& drawn) {
  drawn.resize(values.size());
  for (double& value : drawn) value = values[random.below(static_cast<std::uint32_t>(values.size()))];
}

// The random numbers of resample number r of a statistic.
Philox resample_random(int statistic, int r) {
  return {bootstrap_seed, {.purpose = Purpose::bootstrap,
                           .inner_step = static_cast<std::uint32_t>(statistic),
                           .iteration = static_cast<std::uint32_t>(r)}};
}

// Quantile q of sorted values, linear between neighbours.
double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// [bootstrap eq. percentile]  [q_{(1−level)/2}, q_{(1+level)/2}] of the statistic over resamples
BootstrapInterval percentile_interval(std::vector<double> statistics, double level, std::size_t seeds) {
  std::ranges::sort(statistics);
  return {quantile(statistics, (1 - level) / 2), quantile(statistics, (1 + level) / 2), true,
          seeds < static_cast<std::size_t>(fewest_for_exact)};
}
constexpr BootstrapInterval no_interval{std::numeric_limits<double>::quiet_NaN(),
                                        std::numeric_limits<double>::quiet_NaN(), false, false};

// [IQM eq. mean]  IQM = Σ_{⌊n/4⌋ < i ≤ n − ⌊n/4⌋} x_(i)/(n − 2⌊n/4⌋), the mean of the middle half
// Sorts its values.
double sorted_middle_mean(std::vector<double>& values) {
  std::ranges::sort(values);
  const std::size_t cut = values.size() / 4;
  const double sum = std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(cut),
                                     values.end() - static_cast<std::ptrdiff_t>(cut), 0.0);
  return sum / static_cast<double>(values.size() - 2 * cut);
}

}  // namespace

double interquartile_mean(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  return sorted_middle_mean(sorted);  // 0/0 of no values
}

BootstrapInterval iqm_interval(std::span<const double> values, double level, int resamples) {
  require(level > 0 && level < 1 && resamples > 0, "iqm_interval: level must lie in (0, 1) and resamples be positive");
  if (values.size() < static_cast<std::size_t>(fewest_for_interval)) return no_interval;
  std::vector<double> statistics, drawn;
  for (int r = 0; r < resamples; ++r) {
    Philox random = resample_random(0, r);
    resample(values, random, drawn);
    statistics.push_back(sorted_middle_mean(drawn));
  }
  return percentile_interval(std::move(statistics), level, values.size());
}

namespace {

// Σ ε_i d_i of all patterns that begin with the signs of `sum`: how many are at least `bound` from 0. Every sum is
// added up on its own, so that no pattern inherits the rounding of another.
long count_extreme(std::span<const double> rest, double sum, double bound) {
  if (rest.empty()) return std::abs(sum) >= bound;
  return count_extreme(rest.subspan(1), sum + rest[0], bound) + count_extreme(rest.subspan(1), sum - rest[0], bound);
}

}  // namespace

// [sign-flip eq. p]  p = 2⁻ⁿ·#{ε ∈ {±1}ⁿ : |Σ ε_i d_i| ≥ |Σ d_i|}
double sign_flip_p(std::span<const double> differences, double size) {
  const std::size_t n = differences.size();
  double observed = 0, sizes = 0;
  for (const double d : differences) {
    require(std::isfinite(d), "sign_flip_p: a difference is not a finite number");
    observed += d, sizes += std::abs(d);
  }
  // Sums that differ in rounding only are equal.
  const double bound = std::abs(observed) - rounding * std::max(size, sizes);
  if (n <= most_enumerated) return static_cast<double>(count_extreme(differences, 0, bound)) / std::exp2(n);
  long extreme = 0, patterns = 0;
  for (; patterns < drawn_patterns; ++patterns) {
    Philox random = resample_random(1, static_cast<int>(patterns));
    double sum = 0;
    for (const double d : differences) sum += (random.bits() & 1u) ? d : -d;
    extreme += std::abs(sum) >= bound;
  }
  return static_cast<double>(extreme + 1) / static_cast<double>(patterns + 1);
}

// [improvement eq. probability]  P(A > B) + ½P(A = B), over all pairs
double probability_of_improvement(std::span<const double> a, std::span<const double> b) {
  double wins = 0;
  for (const double x : a)
    for (const double y : b) wins += std::abs(x - y) <= rounding * size_of_pair(x, y) ? 0.5 : x > y ? 1 : 0;
  return wins / (static_cast<double>(a.size()) * static_cast<double>(b.size()));
}

BootstrapInterval improvement_interval(std::span<const double> a, std::span<const double> b, double level,
                                       int resamples) {
  if (std::min(a.size(), b.size()) < static_cast<std::size_t>(fewest_for_interval)) return no_interval;
  std::vector<double> statistics, drawn_a, drawn_b;
  for (int r = 0; r < resamples; ++r) {
    Philox random = resample_random(2, r);
    resample(a, random, drawn_a);
    resample(b, random, drawn_b);
    statistics.push_back(probability_of_improvement(drawn_a, drawn_b));
  }
  return percentile_interval(std::move(statistics), level, std::min(a.size(), b.size()));
}

Comparison compare(const std::map<std::int64_t, double>& a, const std::map<std::int64_t, double>& b,
                   int comparisons) {
  using Verdict = Comparison::Verdict;
  const double allowed = error_rate / std::max(comparisons, 1);
  Comparison result;
  std::vector<double> values_a, values_b, differences;
  double size = 0;
  for (const auto& [seed, value] : a) {
    values_a.push_back(value);
    if (const auto other = b.find(seed); other != b.end()) {
      differences.push_back(value - other->second);
      size += size_of_pair(value, other->second);
    }
  }
  for (const auto& [seed, value] : b) values_b.push_back(value);
  for (const std::vector<double>* values : {&values_a, &values_b})
    if (!std::ranges::all_of(*values, [](double value) { return std::isfinite(value); }))
      return result.reason = "a score is not a finite number", result;
  if (values_a.empty() || values_b.empty()) return result.reason = "no seed has finished on one side", result;
  result.improvement = probability_of_improvement(values_a, values_b);
  result.improvement_interval = improvement_interval(values_a, values_b, 1 - allowed);

  // The paired test, over the seeds that both sides have.
  result.pairs = static_cast<int>(differences.size());
  result.paired_p = sign_flip_p(differences, size);
  if (result.paired_p < allowed) {
    const double sum = std::accumulate(differences.begin(), differences.end(), 0.0);
    result.verdict = sum > 0 ? Verdict::a_beats_b : Verdict::b_beats_a;
    result.reason = fmt::format("paired sign-flip test over {} seeds, p = {:.2g}", result.pairs, result.paired_p);
    return result;
  }

  // Enough seeds on both sides: the interval of the probability of improvement, all on one side of ½.
  const auto fewest = static_cast<std::size_t>(fewest_for_exact);
  const BootstrapInterval& interval = result.improvement_interval;
  if (std::min(values_a.size(), values_b.size()) >= fewest && (interval.low > 0.5 || interval.high < 0.5)) {
    result.verdict = interval.low > 0.5 ? Verdict::a_beats_b : Verdict::b_beats_a;
    result.reason = fmt::format("{} and {} seeds, probability of improvement {:.2f} in [{:.2f}, {:.2f}]",
                                values_a.size(), values_b.size(), result.improvement, interval.low, interval.high);
    return result;
  }

  // Nothing to be said, or not yet: the fewest pairs of which any outcome could be significant.
  int needed = 1;
  while (std::ldexp(2.0, -needed) >= allowed) ++needed;
  result.reason = result.pairs < needed
                      ? fmt::format("{} paired seeds cannot show it; it takes {} at least", result.pairs, needed)
                      : fmt::format("paired sign-flip test over {} seeds, p = {:.2g}, not below {:.2g}", result.pairs,
                                    result.paired_p, allowed);
  return result;
}

// ---- Tables ---------------------------------------------------------------------------------------------------------

std::string text_table(const std::vector<std::vector<std::string>>& rows) {
  // Characters, not bytes: continuation bytes of UTF-8 take no room.
  const auto width = [](const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line, rule;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const std::string padding(widths[i] - width(rows[r][i]), ' ');
      line += (i ? "  " : "") + (i ? padding + rows[r][i] : rows[r][i] + padding);
      rule += (i ? "  " : "") + std::string(widths[i], '-');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    text += line + "\n" + (r == 0 ? rule + "\n" : "");
  }
  return text;
}

}  // namespace innerloop::app
