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

// (f(x+h) − f(x−h))/2h, extrapolated. f returns Subject::Value; `crossed` is set where it leaves the loss's own piece.
template <class F>
Estimate central(const Subject& s, F f, long double h, bool* crossed = nullptr) {
  long double most = 0;
  const auto loss = [&](long double step) {
    const Subject::Value value = f(step);
    if (crossed && !value.same_branch) *crossed = true;
    most = std::max(most, std::fabs(value.loss));
    return value.loss;
  };
  const auto quotient = [&](long double step) { return (loss(step) - loss(-step)) / (2 * step); };
  const long double wide = quotient(h), middle = quotient(h / 2), narrow = quotient(h / 4);
  return extrapolate(wide, middle, narrow, s.rounding(most) / (h / 4));
}

class Differences {
 public:
  Differences(const Subject& s, CheckReport& report) : s_(s), report_(report) {}

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
    if (level.ok && uncertain_ > 0) {
      level.note = fmt::format("not judged at {} elements: no step gives differences to a thousandth", uncertain_);
      level.judged = false;
    }
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
    const long double entry = std::max(largest_of(gradient), s_.gradient_terms[j]);
    long double live_most = 0;
    double worst = -1;
    std::size_t worst_at = 0;
    for (std::size_t n = 0; n < size; n += stride) {
      ++row.checked;
      const Estimate difference = difference_at(j, n, gradient[n], entry);
      if (!s_.stops.empty())
        live_most = std::max(live_most, std::fabs(s_.complex_step(s_.nudge(j, n, 1), s_.stops) - gradient[n]));
      const long double scale = std::max(entry, std::fabs(difference.value));
      if (difference.uncertainty > std::max(kMostUncertain * scale, 1e-12L * s_.size)) ++uncertain_;
      const double off = distance(gradient[n], difference, scale, kTolerance);
      if (off > worst) worst = off, worst_at = n, row.difference = static_cast<double>(difference.value);
    }
    const std::size_t cols = static_cast<std::size_t>(shape.cols);
    row.task = static_cast<int>(worst_at / shape.per_task());
    row.row = static_cast<int>(worst_at % shape.per_task() / cols);
    row.col = static_cast<int>(worst_at % cols);
    row.derivative = static_cast<double>(gradient[worst_at]);
    row.error = std::max(worst, 0.0);
    row.ok = row.error <= kTolerance;
    report_.live_gap = std::max(report_.live_gap, ratio(live_most, largest_of(gradient)));
    trace_curve(row, j, worst_at, std::max({entry, std::fabs(static_cast<long double>(row.difference)), 1e-300L}));
    return row;
  }

  static long double largest_of(const Numbers<long double>& list) { return largest({list}); }

  // The derivative by differences, on the smooth piece of the base point. A step that serves most functions first;
  // where that is uncertain, or does not agree, the step with the smallest uncertainty decides. Where the loss does not
  // depend on the element, there is nothing to decide.
  Estimate difference_at(std::size_t j, std::size_t n, long double derivative, long double scale) {
    const auto f = [&](long double step) { return s_.value(s_.nudge(j, n, step)); };
    bool crossed = false;
    Estimate estimate = central(s_, f, kStep, s_.branches.any() ? &crossed : nullptr);
    if (crossed) note_kink(j, n, derivative, scale);
    if (derivative == 0 && estimate.value == 0) return estimate;
    const bool certain = estimate.uncertainty <= kTolerance * scale;
    if (certain && distance(derivative, estimate, scale, kTolerance) <= kTolerance) return estimate;
    return best_estimate([&](long double h) { return central(s_, f, h); }, 64 * kStep);
  }

  // Elements that change their branch within the step. Where the base point is on a single kink of this element, the
  // derivative must also be a subgradient: it lies between the slopes on both sides. (Of several, some convex and some
  // concave, that would be wrong: relu x₀ − relu x₁ along (1, 1).)
  void note_kink(std::size_t j, std::size_t n, long double derivative, long double scale) {
    constexpr long double tiny = 0x1p-16L;
    const Block ahead = s_.nudge(j, n, kStep), behind = s_.nudge(j, n, -kStep);
    CheckKink kink = s_.value(ahead).same_branch ? s_.kink_between(behind) : s_.kink_between(ahead);
    const int left_ahead = s_.leaves_kinks(s_.nudge(j, n, tiny)), left_behind = s_.leaves_kinks(s_.nudge(j, n, -tiny));
    const bool on_it = left_ahead + left_behind > 0, single = left_ahead <= 1 && left_behind <= 1;
    const Shape shape = s_.input(j).value.shape();
    const std::size_t in_task = n % shape.per_task(), cols = static_cast<std::size_t>(shape.cols);
    kink.parameter =
        fmt::format("{}({},{},{})", s_.input(j).name, n / shape.per_task(), in_task / cols, in_task % cols);
    kink.one_sided = on_it;
    kink.derivative = static_cast<double>(derivative);
    if (on_it) {
      // One-sided slopes, the h term removed; the derivative is a subgradient if it lies between them. What is left of
      // higher terms is less than they still move by when the step is halved, twice that: at x⁴ it is all there is.
      const long double f = s_.base[s_.plain.loss.id][0];
      const auto slope = [&](long double h) { return (s_.unheld_value(s_.nudge(j, n, h)) - f) / h; };
      const auto extrapolated = [&](long double h) { return 2 * slope(h / 2) - slope(h); };
      const long double right = extrapolated(tiny / 2), left = extrapolated(-tiny / 2);
      const long double moves = std::fabs(extrapolated(tiny) - right) + std::fabs(extrapolated(-tiny) - left);
      const long double slack = 1e-7L * std::max({std::fabs(left), std::fabs(right), scale}) + 2 * moves +
                                2 * s_.rounding(f) / tiny;
      kink.left = static_cast<double>(left), kink.right = static_cast<double>(right);
      kink.ok = !single || (derivative >= std::min(left, right) - slack && derivative <= std::max(left, right) + slack);
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
    const long double frozen = s_.complex_step(s_.v_block);
    const long double scale = sum_of_magnitudes(s_.gradient_reference, s_.v_block);
    for (NodeId stop : s_.stops)
      report_.stops.push_back({s_.plain.graph->describe(stop),
                               ratio(s_.complex_step(s_.v_block, std::span(&stop, 1)) - frozen, scale)});
  }

  const Subject& s_;
  CheckReport& report_;
  int uncertain_ = 0;
  bool one_sided_failed_ = false;
};

}  // namespace

void check_differences(const Subject& s, CheckReport& report) { Differences(s, report).run(); }

}  // namespace innerloop::checking
