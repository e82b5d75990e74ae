// Taylor remainders along a direction: the verdict is the rate at which they fall, so no tolerance can be set wrongly.
//   r₁ = |f(x+hv) − f(x)| ~ h,   r₂ = |… − h·∇f·v| ~ h²,   r₃ = |… − ½h²·vᵀHv| ~ h³
// A gradient that is wrong in one entry leaves a term ~ h in r₂, whatever its size.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autodiff/check_subject.h"

namespace innerloop::checking {
namespace {

constexpr int kHalvings = 26;
constexpr long double kLongEps = std::numeric_limits<long double>::epsilon();

struct Sample {
  long double h, change;  // f(x + hv) − f(x)
};

struct Rate {
  bool exact = false;  // at the rounding floor from the start
  double order = 0;
  int above_floor = 0;
};

// The slope of log r against log h over the smallest six steps whose remainder stands well above rounding.
Rate rate_of(const std::vector<Sample>& samples, long double slope, long double curvature, long double size) {
  std::vector<std::pair<double, double>> points;
  for (const Sample& s : samples) {
    const long double remainder = std::fabs(s.change - s.h * slope - 0.5L * s.h * s.h * curvature);
    const long double floor = 1000 * kLongEps * (size + std::fabs(s.change));
    if (!(remainder <= floor))
      points.emplace_back(std::log2(static_cast<double>(s.h)), std::log2(static_cast<double>(remainder)));
  }
  Rate rate;
  rate.exact = points.size() < 3, rate.above_floor = static_cast<int>(points.size());
  if (rate.exact) return rate;
  if (points.size() > 6) points.erase(points.begin(), points.end() - 6);
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (auto [x, y] : points)
    mean_x += x / static_cast<double>(points.size()), mean_y += y / static_cast<double>(points.size());
  for (auto [x, y] : points) xx += (x - mean_x) * (x - mean_x), xy += (x - mean_x) * (y - mean_y);
  rate.order = xy / xx;
  return rate;
}

std::string in_words(const Rate& rate) { return rate.exact ? "exact" : fmt::format("{:.2f}", rate.order); }
bool reaches(const Rate& rate, double order) { return rate.exact || rate.order >= order - 0.1; }

// Of the odd or the even part of the change, (f(x+hv) ∓ f(x−hv))/2: without every other term of the series, what is
// left beside a right coefficient falls two orders faster than beside a wrong one, where one-sided remainders of which
// two terms cancel, or whose next term is near 0, may fall at any rate on the way to the floor.
bool reaches_two_sided(const Subject& s, const std::vector<Sample>& samples, long double coefficient, bool even) {
  std::vector<Sample> part;
  for (const Sample& sample : samples) {
    const long double behind = s.value(-sample.h * s.v_block).loss - s.base_loss();
    const long double change = (even ? sample.change + behind : sample.change - behind) / 2;
    if (std::isfinite(change)) part.push_back({sample.h, change});
  }
  const Rate rate = even ? rate_of(part, 0, coefficient, s.size) : rate_of(part, coefficient, 0, s.size);
  return rate.exact || rate.order >= (even ? 3 : 2);
}

}  // namespace

void check_taylor(const Subject& s, CheckReport& report) {
  const long double slope = dot(s.gradient_reference, s.v_block);
  const long double curvature = s.options.second_order ? dot(s.hv_reference, s.v_block) : 0;

  // Halve the step, on the smooth piece of the base point, and drop what is no number: the far side of a pole.
  std::vector<Sample> samples;
  for (int k = 0; k < kHalvings; ++k) {
    const long double h = std::ldexp(0x1p-3L, -k), change = s.value(h * s.v_block).loss - s.base_loss();
    if (std::isfinite(change)) samples.push_back({h, change});
  }
  const Rate first = rate_of(samples, 0, 0, s.size), second = rate_of(samples, slope, 0, s.size);
  const Rate third = rate_of(samples, slope, curvature, s.size);
  bool ok = reaches(second, 2) || reaches_two_sided(s, samples, slope, false);
  std::string orders = fmt::format("orders: value {}, gradient {}", in_words(first), in_words(second));
  if (s.options.second_order) {
    orders += ", curvature " + in_words(third);
    ok = ok && (reaches(third, 3) || reaches_two_sided(s, samples, curvature, true));
  }
  add_level(report, "Taylor",
            fmt::format("{}  ({} halvings, {} above the floor)", orders, samples.size(), second.above_floor),
            ok ? 0 : 1, 0);

  // The negative control: a verifier that cannot fail proves nothing.
  std::size_t tensor = 0, entry = 0;
  for (std::size_t j = 0; j < s.count(); ++j)
    for (std::size_t n = 0; n < s.gradient_reference[j].size(); ++n)
      if (std::fabs(s.gradient_reference[j][n]) > std::fabs(s.gradient_reference[tensor][entry])) tensor = j, entry = n;
  // An entry that is what rounding leaves of its terms, as behind a saturated softmax, has no thousandth of its own.
  const long double value = s.gradient_reference[tensor][entry], of = s.gradient_terms[tensor];
  const long double off = 1e-3L * (std::fabs(value) > 1e-8L * of ? value : of > 0 ? of : 1);
  const long double wrong = slope + off * s.v_block[tensor][entry];
  const Rate spoiled = rate_of(samples, wrong, 0, s.size);
  bool caught = !reaches(spoiled, 2) || !reaches_two_sided(s, samples, wrong, false);
  if (!caught) {
    // A gradient far below what rounding leaves of the values, as behind a saturated softmax: the complex step sees it.
    const Block v = s.only(s.v_block, tensor);
    const long double terms = std::max(sum_of_magnitudes(s.gradient_reference, v), s.gradient_terms[tensor]);
    caught = ratio(s.complex_step(v) - dot(s.gradient_reference, v) - off * v[tensor][entry], terms) > 1e-12;
  }
  CheckLevel& control = add_level(
      report, "control", fmt::format("the largest gradient entry made 0.1 % wrong: order {}", in_words(spoiled)),
      caught ? 0 : 1, 0);
  control.note = caught ? "caught, as it must be" : "NOT caught: this check proves nothing here";
}

}  // namespace innerloop::checking
