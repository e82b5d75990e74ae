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

// The base point is on a kink along v: the derivative must lie between the slopes on both sides.
void judge_at_kink(const Subject& s, CheckReport& report, long double slope) {
  constexpr long double h = 0x1p-20L;
  const long double f = s.base[s.plain.loss.id][0];
  const long double right = (s.value(h * s.v_block).loss - f) / h, left = (f - s.value(-h * s.v_block).loss) / h;
  const long double slack =
      1e-4L * std::max({std::fabs(left), std::fabs(right), sum_of_magnitudes(s.gradient_reference, s.v_block)});
  const bool between = slope >= std::min(left, right) - slack && slope <= std::max(left, right) + slack;
  CheckLevel& level =
      add_level(report, "Taylor",
                fmt::format("on a kink along v: slopes {:.6g} and {:.6g}, ∇f·v = {:.6g}", static_cast<double>(left),
                            static_cast<double>(right), static_cast<double>(slope)),
                between ? 0 : 1, 0);
  level.note = "judged by one-sided slopes";
  CheckLevel& control = add_level(report, "control", "there is no order of convergence on a kink", 0, 0);
  control.note = "not judged", control.judged = false;
}

}  // namespace

void check_taylor(const Subject& s, CheckReport& report) {
  const long double slope = dot(s.gradient_reference, s.v_block);
  const long double curvature = s.options.second_order ? dot(s.hv_reference, s.v_block) : 0;
  const std::optional<long double> start = s.clear_step(s.v_block, 0x1p-3L);
  if (!start) {
    judge_at_kink(s, report, slope);
    return;
  }

  // Halve the step, dropping points on the far side of a kink.
  std::vector<Sample> samples;
  for (int k = 0; k < kHalvings; ++k) {
    const long double h = std::ldexp(*start, -k);
    const Subject::Value value = s.value(h * s.v_block);
    if (value.same_branch) samples.push_back({h, value.loss - s.base[s.plain.loss.id][0]});
  }
  const Rate first = rate_of(samples, 0, 0, s.size), second = rate_of(samples, slope, 0, s.size);
  const Rate third = rate_of(samples, slope, curvature, s.size);
  bool ok = reaches(first, 1) && reaches(second, 2);
  std::string orders = fmt::format("orders: value {}, gradient {}", in_words(first), in_words(second));
  if (s.options.second_order) {
    orders += ", curvature " + in_words(third);
    ok = ok && reaches(third, 3);
  }
  add_level(report, "Taylor",
            fmt::format("{}  ({} halvings, {} above the floor)", orders, samples.size(), second.above_floor),
            ok ? 0 : 1, 0);

  // The negative control: a verifier that cannot fail proves nothing.
  std::size_t tensor = 0, entry = 0;
  for (std::size_t j = 0; j < s.count(); ++j)
    for (std::size_t n = 0; n < s.gradient_reference[j].size(); ++n)
      if (std::fabs(s.gradient_reference[j][n]) > std::fabs(s.gradient_reference[tensor][entry])) tensor = j, entry = n;
  const long double value = s.gradient_reference[tensor][entry], off = value == 0 ? 1e-3L : 1e-3L * value;
  const Rate spoiled = rate_of(samples, slope + off * s.v_block[tensor][entry], 0, s.size);
  const bool caught = !reaches(spoiled, 2);
  CheckLevel& control = add_level(
      report, "control", fmt::format("the largest gradient entry made 0.1 % wrong: order {}", in_words(spoiled)),
      caught ? 0 : 1, 0);
  control.note = caught ? "caught, as it must be" : "NOT caught: this check proves nothing here";
}

}  // namespace innerloop::checking
