#include "app/curves.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/statistics.h"

namespace innerloop::app {

Curve curve_over_seeds(const std::string& label, const std::vector<std::vector<double>>& runs) {
  const std::size_t n = runs.size(), rows = std::ranges::min(runs, {}, &std::vector<double>::size).size();
  Curve curve{n == 1 ? label : fmt::format("{}, {} seeds", label, n), {}, {}, {}, {}};
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<double> values;
    for (const std::vector<double>& run : runs) values.push_back(run[row]);
    const Interval interval = mean_interval(values);
    curve.x.push_back(static_cast<double>(row + 1));
    curve.mean.push_back(interval.mean);
    if (n == 1) continue;
    curve.low.push_back(interval.mean - interval.half_width);
    curve.high.push_back(interval.mean + interval.half_width);
  }
  return curve;
}

}  // namespace innerloop::app
