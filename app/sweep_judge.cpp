// What a run of a sweep is worth, and what the runs of a method are together.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "app/statistics.h"
#include "app/sweep.h"

namespace innerloop::app {
namespace {

// Means of `width` neighbours.
std::vector<double> smoothed(const std::vector<double>& series, std::size_t width) {
  std::vector<double> means;
  for (std::size_t end = width; end <= series.size(); ++end)
    means.push_back(std::accumulate(series.begin() + static_cast<std::ptrdiff_t>(end - width),
                                    series.begin() + static_cast<std::ptrdiff_t>(end), 0.0) /
                    static_cast<double>(width));
  return means;
}

// What the adaptation is worth.
double adaptation_score(const CellResult& result, const SweepSettings& settings) {
  if (settings.judged == "reached")
    return result.reached.empty() ? std::numeric_limits<double>::quiet_NaN() : result.reached.back();
  if (settings.judged == "last" || result.adapted.size() == 1) return result.adapted.back();
  // The area under return against k, by trapezoids, per step.
  double area = 0;
  for (std::size_t k = 1; k < result.adapted.size(); ++k) area += 0.5 * (result.adapted[k - 1] + result.adapted[k]);
  return area / static_cast<double>(result.adapted.size() - 1);
}

}  // namespace

void judge(CellResult& result, const SweepSettings& settings) {
  result.score = result.start = result.best = result.end = std::numeric_limits<double>::quiet_NaN();
  if (result.state != CellResult::State::finished || result.series.empty()) return;
  const double sign = settings.lower_is_better ? -1 : 1;
  const std::size_t width = std::min(static_cast<std::size_t>(settings.last), result.series.size());
  const std::vector<double> means = smoothed(result.series, width);
  const bool finite = std::ranges::all_of(means, [](double mean) { return std::isfinite(mean); });
  result.start = means.front();
  result.best = means.front();
  result.end = means.back();
  for (const double mean : means)
    if (sign * mean > sign * result.best) result.best = mean;
  result.score = settings.adapt >= 0 && !result.adapted.empty() ? adaptation_score(result, settings) : result.end;

  // What a mean of `width` rows owes to chance: neighbours differ by √2 of one row's deviation σ, and the median of the
  // differences' sizes, which a single fall does not move, is 0.6745 of that.
  std::vector<double> differences;
  for (std::size_t i = 1; i < result.series.size(); ++i)
    if (const double d = std::abs(result.series[i] - result.series[i - 1]); std::isfinite(d)) differences.push_back(d);
  std::ranges::sort(differences);
  const double median = differences.empty() ? 0 : differences[differences.size() / 2];
  const double noise = median / (0.6745 * std::sqrt(2.0 * static_cast<double>(width)));

  // Collapsed: the end lies below half-way between the start and the best, and that rise was no chance.
  const double gained = sign * (result.best - result.start), kept = sign * (result.end - result.start);
  result.collapsed = !finite || !std::isfinite(result.score) || (gained > 4 * noise && kept < gained / 2);
}

std::vector<SweepGroup> group_cells(const std::vector<Cell>& cells, const std::vector<CellResult>& results) {
  std::vector<SweepGroup> groups;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    auto group = std::ranges::find_if(groups, [&](const SweepGroup& g) {
      return g.method == cells[i].method && g.env == cells[i].env;
    });
    if (group == groups.end()) {
      group = groups.insert(group, SweepGroup());
      group->method = cells[i].method;
      group->env = cells[i].env;
    }
    group->cells.push_back(i);
    if (results[i].state == CellResult::State::finished) group->scores[cells[i].seed] = results[i].score;
  }
  for (SweepGroup& group : groups) {
    std::vector<double> values;
    for (const auto& [seed, score] : group.scores) values.push_back(score);
    group.iqm = interquartile_mean(values);
    group.interval = iqm_interval(values);
  }
  return groups;
}

}  // namespace innerloop::app
