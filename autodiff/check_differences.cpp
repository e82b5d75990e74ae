// Central differences for every parameter, with kinks judged by one-sided slopes and stop_gradient both frozen and
// live.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autodiff/check_subject.h"

namespace innerloop::checking {
namespace {

constexpr double kTolerance = 1e-8;
constexpr long double kStep = 0x1p-11L;
constexpr std::size_t kKinksListed = 6;

// (f(x+h) − f(x−h))/2h at h, h/2 and h/4, combined so that the h² and h⁴ terms cancel (Richardson).
template <class F>
long double central(F f, long double h) {
  const auto quotient = [&](long double step) { return (f(step) - f(-step)) / (2 * step); };
  const long double wide = quotient(h), middle = quotient(h / 2), narrow = quotient(h / 4);
  return (64 * narrow - 20 * middle + wide) / 45;
}

class Differences {
 public:
  Differences(const Subject& s, CheckReport& report) : s_(s), report_(report), most_(largest(s.gradient_reference)) {}

  void run() {
    double worst = 0;
    bool ok = true;
    int checked = 0;
    std::string where = "none";
    for (std::size_t j = 0; j < s_.count(); ++j) {
      const CheckRow row = check_tensor(j);
      checked += row.checked;
      ok = ok && row.ok;
      if (!(row.error < worst))
        worst = row.error, where = fmt::format("{}({},{},{})", row.name, row.task, row.row, row.col);
      report_.rows.push_back(row);
    }
    for (const CheckKink& kink : report_.kinks) ok = ok && kink.ok;
    std::string finding =
        fmt::format("{} of {} parameters, worst {:.1e} at {}", checked, report_.parameters, worst, where);
    if (report_.kink_count > 0) finding += fmt::format(", {} near a kink", report_.kink_count);
    CheckLevel& level = add_level(report_, "differences", finding, worst, kTolerance);
    if (!ok) level.ok = false;
    if (one_sided_failed_) level.note = "a derivative lies outside the slopes on both sides of its kink";
    if (!s_.stops.empty()) report_stops();
  }

 private:
  CheckRow check_tensor(std::size_t j) {
    const Shape shape = s_.input(j).value.shape();
    CheckRow row;
    row.name = s_.input(j).name, row.shape = shape;
    const Numbers<long double> gradient = block_of(std::span(&s_.nodes_run.gradient[j], 1))[0];
    const std::size_t size = gradient.size(),
                      stride = std::max<std::size_t>(1, size / static_cast<std::size_t>(s_.options.elements));
    long double scale = std::max(1e-5L * most_, 1e-300L), worst = -1, live_most = 0;
    std::size_t worst_at = 0;
    for (std::size_t n = 0; n < size; n += stride) {
      ++row.checked;
      const std::optional<long double> difference = difference_at(j, n, gradient[n]);
      if (!s_.stops.empty()) live_most = std::max(live_most, std::fabs(live_difference(j, n) - gradient[n]));
      if (!difference) continue;  // on a kink: already judged
      scale = std::max({scale, std::fabs(gradient[n]), std::fabs(*difference)});
      const long double off = std::fabs(gradient[n] - *difference);
      if (off > worst || std::isnan(off)) worst = off, worst_at = n, row.difference = static_cast<double>(*difference);
    }
    const std::size_t cols = static_cast<std::size_t>(shape.cols);
    row.task = static_cast<int>(worst_at / shape.per_task());
    row.row = static_cast<int>(worst_at % shape.per_task() / cols);
    row.col = static_cast<int>(worst_at % cols);
    row.derivative = static_cast<double>(gradient[worst_at]);
    scale = std::max(scale, kRounding * s_.size);
    row.error = static_cast<double>(std::max(worst, 0.0L) / scale);
    row.ok = row.error <= kTolerance;
    report_.live_gap = std::max(report_.live_gap, static_cast<double>(live_most / std::max(most_, 1e-300L)));
    if (worst >= 0) trace_curve(row, j, worst_at, scale);
    return row;
  }

  // The derivative by differences, with a step short enough to stay on one side of every kink. If the base point itself
  // is on a kink, judges by one-sided slopes and returns nothing.
  std::optional<long double> difference_at(std::size_t j, std::size_t n, long double derivative) {
    if (s_.branches.any()) {
      const Block unit = s_.nudge(j, n, 1);
      const std::optional<long double> h = s_.clear_step(unit, kStep);
      if (!h || *h < kStep) note_kink(j, n, derivative, !h);
      if (!h) return std::nullopt;
      return central([&](long double step) { return s_.value(s_.nudge(j, n, step)).loss; }, *h);
    }
    return central([&](long double step) { return s_.value(s_.nudge(j, n, step)).loss; }, kStep);
  }

  long double live_difference(std::size_t j, std::size_t n) const {
    return central([&](long double step) { return s_.value(s_.nudge(j, n, step), Subject::Stops::live).loss; }, kStep);
  }

  void note_kink(std::size_t j, std::size_t n, long double derivative, bool on_it) {
    const Block ahead = s_.nudge(j, n, kStep), behind = s_.nudge(j, n, -kStep);
    CheckKink kink = s_.value(ahead).same_branch ? s_.kink_between(behind) : s_.kink_between(ahead);
    const Shape shape = s_.input(j).value.shape();
    const std::size_t in_task = n % shape.per_task(), cols = static_cast<std::size_t>(shape.cols);
    kink.parameter =
        fmt::format("{}({},{},{})", s_.input(j).name, n / shape.per_task(), in_task / cols, in_task % cols);
    kink.one_sided = on_it;
    kink.derivative = static_cast<double>(derivative);
    if (on_it) {
      // One-sided slopes, the h term removed; the derivative is a subgradient if it lies between them.
      const long double f = s_.base[s_.plain.loss.id][0];
      const auto slope = [&](long double h) { return (s_.value(s_.nudge(j, n, h)).loss - f) / h; };
      const auto extrapolated = [&](long double h) { return 2 * slope(h / 2) - slope(h); };
      const long double right = extrapolated(0x1p-16L), left = extrapolated(-0x1p-16L);
      const long double slack = 1e-7L * std::max({std::fabs(left), std::fabs(right), most_});
      kink.left = static_cast<double>(left), kink.right = static_cast<double>(right);
      kink.ok = derivative >= std::min(left, right) - slack && derivative <= std::max(left, right) + slack;
      one_sided_failed_ = one_sided_failed_ || !kink.ok;
    }
    ++report_.kink_count;
    if (report_.kinks.size() < kKinksListed || !kink.ok) report_.kinks.push_back(kink);
  }

  // Error of two-point differences in f64 against the step: truncation on the one arm, rounding on the other.
  void trace_curve(CheckRow& row, std::size_t j, std::size_t n, long double scale) const {
    double best = 1e300;
    for (int power = 0; power >= -12; --power) {
      const double h = std::pow(10.0, power);
      const auto at = [&](double step) { return s_.value_f64(s_.nudge(j, n, static_cast<long double>(step))); };
      const double error = std::fabs((at(h) - at(-h)) / (2 * h) - row.derivative) / static_cast<double>(scale);
      row.curve.emplace_back(h, error);
      if (error < best) best = error, row.best_step = h;
    }
    // The arm's slope, between steps 1e-1 and 1e-2 (where rounding is small and the next term of the series too).
    const double wide = row.curve[1].second, narrow = row.curve[2].second;
    row.order = wide > 1e-10 && narrow > 1e-13 ? std::log10(wide / narrow) : 0;
  }

  // Along v, what each stop_gradient cuts when it alone is live.
  void report_stops() {
    const auto derivative = [&](auto value) {
      return central([&](long double h) { return value(h * s_.v_block).loss; }, kStep);
    };
    const long double frozen = derivative([&](const Block& d) { return s_.value(d); });
    const long double scale = std::max(sum_of_magnitudes(s_.gradient_reference, s_.v_block), 1e-300L);
    for (NodeId stop : s_.stops) {
      const long double live = derivative([&](const Block& d) { return s_.value_with_live(d, stop); });
      report_.stops.push_back({s_.plain.graph->describe(stop), static_cast<double>(std::fabs(live - frozen) / scale)});
    }
  }

  static constexpr long double kRounding = 1e-8L;  // of the size of the values: below this a derivative is noise
  const Subject& s_;
  CheckReport& report_;
  long double most_;
  bool one_sided_failed_ = false;
};

}  // namespace

void check_differences(const Subject& s, CheckReport& report) { Differences(s, report).run(); }

}  // namespace innerloop::checking
