#include "app/gnuplot_seeds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "app/gnuplot_script.h"
#include "app/statistics.h"

namespace innerloop::app {
namespace {

constexpr std::size_t most_points = 200;
constexpr int curve_resamples = 2000;

struct Script {
  std::string name, data = "# x y low high\n", text;
  int blocks = 0;
  // Adds a block of numbers, and returns "'<name>.dat' index <number>".
  std::string add(const std::string& comment, const std::string& rows) {
    data += "# " + comment + "\n" + rows + "\n\n";
    return fmt::format("'{}.dat' index {}", name, blocks++);
  }
};

// Means of so many neighbours that at most most_points are left; x is the place of the last of them.
std::vector<std::pair<double, double>> thinned(const std::vector<double>& y, const std::vector<double>& x,
                                               double first_x) {
  const std::size_t width = (y.size() + most_points - 1) / most_points;
  std::vector<std::pair<double, double>> points;
  for (std::size_t begin = 0; begin < y.size(); begin += width) {
    const std::size_t end = std::min(begin + width, y.size());
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += y[i];
    const double place = x.size() >= end ? x[end - 1] : first_x + static_cast<double>(end - 1);
    points.emplace_back(place, sum / static_cast<double>(end - begin));
  }
  return points;
}

// x, interquartile mean, and its interval (or the mean again), over the seeds that have a point there.
std::string summary_rows(const std::vector<std::vector<std::pair<double, double>>>& seeds, bool& band) {
  std::size_t longest = 0;
  for (const auto& seed : seeds) longest = std::max(longest, seed.size());
  std::string rows;
  band = seeds.size() >= static_cast<std::size_t>(fewest_for_interval);
  for (std::size_t i = 0; i < longest; ++i) {
    std::vector<double> values;
    double x = 0;
    for (const auto& seed : seeds)
      if (i < seed.size()) values.push_back(seed[i].second), x = seed[i].first;
    const BootstrapInterval interval = iqm_interval(values, 0.95, curve_resamples);
    const double mean = interquartile_mean(values);
    rows += fmt::format("{} {} {} {}\n", cell(x), cell(mean), cell(interval.exists ? interval.low : mean),
                        cell(interval.exists ? interval.high : mean));
  }
  return rows;
}

void add_curves(Script& script, const SeedPanels& panels) {
  std::vector<std::string> bands, thin, thick;
  bool points = true;
  for (std::size_t m = 0; m < panels.curves.size(); ++m) {
    const SeedCurves& method = panels.curves[m];
    std::vector<std::vector<std::pair<double, double>>> seeds;
    for (const std::vector<double>& y : method.seeds) seeds.push_back(thinned(y, method.x, panels.first_x));
    for (const auto& seed : seeds) {
      std::string rows;
      for (const auto& [x, y] : seed) rows += cell(x) + " " + cell(y) + "\n";
      points = points && seed.size() <= 12;
      thin.push_back(script.add(panels.title + ", " + method.label + ", a seed", rows) +
                     fmt::format(" using 1:2 with lines lw 0.7 lc rgb '{}' notitle", colour(m)));
    }
    if (seeds.empty()) continue;
    bool band = false;
    const std::string block =
        script.add(panels.title + ", " + method.label + ", interquartile mean", summary_rows(seeds, band));
    if (band)
      bands.push_back(block + fmt::format(" using 1:3:4 with filledcurves notitle lc rgb '{}' fs transparent solid "
                                          "0.15 noborder", colour(m)));
    thick.push_back(block + fmt::format(" using 1:2 with lines lw 3 lc rgb '{}' title {}", colour(m),
                                        quoted(method.label)));
  }
  std::string plot;
  for (const auto* layer : {&bands, &thin, &thick})
    for (const std::string& line : *layer) plot += (plot.empty() ? "plot " : ", \\\n ") + line;
  script.text += "set title " + quoted(panels.title) + "\nset xlabel " + quoted(panels.x_label) + "\nset ylabel " +
                 quoted(panels.y_label) + "\nset xrange [*:*]\nset key bottom right\nset xtics auto " +
                 (points && panels.curves.at(0).x.empty() ? "1" : "") + "\n" +
                 (plot.empty() ? "plot NaN notitle" : plot) + "\n";
}

void add_scores(Script& script, const SeedPanels& panels) {
  std::string plot = "plot ", ticks;
  std::size_t letters = 0;  // of all labels, which stand aslant where they are too long to stand side by side
  for (std::size_t m = 0; m < panels.scores.size(); ++m) {
    const SeedScores& method = panels.scores[m];
    letters += method.label.size();
    const double place = static_cast<double>(m) + 1;
    std::string rows;
    for (std::size_t i = 0; i < method.seeds.size(); ++i) {
      // Seeds side by side, so that equal ones are seen.
      const double shift = method.seeds.size() > 1
                               ? 0.4 * (static_cast<double>(i) / static_cast<double>(method.seeds.size() - 1) - 0.5)
                               : 0;
      rows += fmt::format("{:.3f} {}\n", place + shift, cell(method.seeds[i]));
    }
    const BootstrapInterval interval = iqm_interval(method.seeds);
    const double iqm = interquartile_mean(method.seeds);
    const std::string seeds =
        script.add(panels.title + ", scores of " + method.label, rows.empty() ? "NaN NaN\n" : rows);
    const std::string mean = script.add(
        panels.title + ", scores of " + method.label + ": interquartile mean and interval",
        fmt::format("{} {} {} {}\n", place, cell(iqm), cell(interval.exists ? interval.low : iqm),
                    cell(interval.exists ? interval.high : iqm)));
    plot += seeds + fmt::format(" using 1:2 with points pt 7 ps 0.8 lc rgb '{}' notitle, \\\n ", colour(m));
    plot += mean +
            fmt::format(" using ($1-0.3):2:(0.6):(0) with vectors nohead lw 3 lc rgb '{}' notitle, \\\n ", colour(m));
    plot += mean + fmt::format(" using 1:3:(0):($4-$3) with vectors nohead lw 1.5 lc rgb '{}' notitle{}\n", colour(m),
                               m + 1 < panels.scores.size() ? ", \\" : "");
    if (m + 1 < panels.scores.size()) plot += " ";
    ticks += fmt::format("{}{} {}", ticks.empty() ? "" : ", ", quoted(method.label), place);
  }
  script.text +=
      "set title ' '\nset xlabel ' '\nset ylabel " + quoted(panels.score_label) +
      fmt::format("\nset xrange [0.5:{}]\nset xtics {} ({})\n", static_cast<double>(panels.scores.size()) + 0.5,
                  letters > 60 ? "rotate by 15 right" : "norotate", ticks) +
      plot + "set xtics norotate auto\n";
}

}  // namespace

Plotted plot_seeds(const std::string& folder, const std::string& name, const std::vector<SeedPanels>& rows) {
  Script script{name, {}, {}};
  script.text = fmt::format(
      "set multiplot layout {},2\nset grid back lc rgb '#dddddd'\nset border 3\nset tics nomirror\n", rows.size());
  script.data = "# x y low high\n";
  for (const SeedPanels& panels : rows) {
    add_curves(script, panels);
    add_scores(script, panels);
  }
  script.text += "unset multiplot\n";
  return draw(folder, name, script.data, script.text, 1000, 360 * static_cast<int>(rows.size()));
}

}  // namespace innerloop::app
