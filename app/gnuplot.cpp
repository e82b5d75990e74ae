#include "app/gnuplot.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

#include "app/gnuplot_script.h"

namespace innerloop::app {

Plotted plot_curves(const std::string& folder, const std::string& name, const Figure& figure) {
  // One block per curve: x, mean, and the band's ends where there is one.
  std::string data = "# x mean low high\n", plot = "plot";
  for (std::size_t c = 0; c < figure.curves.size(); ++c) {
    const Curve& curve = figure.curves[c];
    const bool band = curve.low.size() == curve.x.size() && curve.high.size() == curve.x.size();
    data += "# " + curve.label + "\n";
    for (std::size_t i = 0; i < curve.x.size(); ++i)
      data += fmt::format("{} {} {} {}\n", cell(curve.x[i]), cell(curve.mean[i]),
                          cell(band ? curve.low[i] : curve.mean[i]), cell(band ? curve.high[i] : curve.mean[i]));
    data += "\n\n";
    if (band)
      plot += fmt::format(
          " '{}.dat' index {} using 1:3:4 with filledcurves notitle lc rgb '{}' fs transparent solid 0.2 noborder, "
          "\\\n",
          name, c, colour(c));
    const char* style = curve.x.size() <= 12 ? "linespoints pt 7 ps 0.7" : "lines";
    plot += fmt::format(" '{}.dat' index {} using 1:2 with {} {} lc rgb '{}' title {}{}\n", name, c, style,
                        curve.dashed ? "lw 1.5 dt 2" : "lw 2", colour(c), quoted(curve.label),
                        c + 1 < figure.curves.size() ? ", \\" : "");
  }
  std::string script = "set title " + quoted(figure.title) + "\nset xlabel " + quoted(figure.x_label) +
                       "\nset ylabel " + quoted(figure.y_label) +
                       "\nset grid back lc rgb '#dddddd'\nset key outside right top\nset border 3\n" +
                       "set tics nomirror\n";
  if (figure.whole_numbers && !figure.curves.empty() && figure.curves[0].x.size() <= 12) script += "set xtics 1\n";
  return draw(folder, name, data, script + plot, 900, 600);
}

Plotted plot_paths(const std::string& folder, const std::string& name, const std::string& title,
                   const std::vector<Panel>& panels) {
  // The same square for every panel, so that they can be compared.
  double reach = 0.1;
  std::vector<std::string> labels;
  for (const Panel& panel : panels) {
    if (panel.has_goal) reach = std::max({reach, std::abs(panel.goal[0]), std::abs(panel.goal[1])});
    for (const Panel::Line& line : panel.lines) {
      if (std::ranges::find(labels, line.label) == labels.end()) labels.push_back(line.label);
      for (const auto& point : line.points) reach = std::max({reach, std::abs(point[0]), std::abs(point[1])});
    }
  }

  // One block per trajectory, and one per goal. Ticks at 0.5 or 2 of the leading power of ten: two to four on each
  // side.
  const int cells = static_cast<int>(panels.size()) + 1;  // the last one holds the legend
  const int columns = std::min(cells, 4), rows = (cells + columns - 1) / columns;
  const double tick = std::pow(10, std::floor(std::log10(reach))) *
                      (reach >= std::pow(10, std::floor(std::log10(reach)) + 0.3) ? 2 : 0.5);
  std::string data = "# x y\n";
  std::string script = fmt::format(
      "set multiplot layout {},{} title {}\nset size ratio -1\nset xrange [{}:{}]\nset yrange [{}:{}]\n"
      "set xtics {}\nset ytics {}\nset grid back lc rgb '#dddddd'\nunset key\n",
      rows, columns, quoted(title), -1.05 * reach, 1.05 * reach, -1.05 * reach, 1.05 * reach, tick, tick);
  int block = 0;
  for (const Panel& panel : panels) {
    script += "set title " + quoted(panel.title) + "\nplot";
    for (const Panel::Line& line : panel.lines) {
      data += "# " + panel.title + ", " + line.label + "\n";
      for (const auto& point : line.points) data += cell(point[0]) + " " + cell(point[1]) + "\n";
      data += line.points.empty() ? "" : "\n\n";
      const auto l = static_cast<std::size_t>(std::ranges::find(labels, line.label) - labels.begin());
      const char* style = line.dots ? "points pt 7 ps 0.8" : "lines lw 1.5";
      if (line.points.empty()) data += "NaN NaN\n\n\n";
      script +=
          fmt::format(" '{}.dat' index {} using 1:2 with {} lc rgb '{}', \\\n", name, block++, style, colour(l));
    }
    if (panel.has_goal) {
      data += fmt::format("# {}, goal\n{} {}\n\n\n", panel.title, cell(panel.goal[0]), cell(panel.goal[1]));
      script += fmt::format(" '{}.dat' index {} using 1:2 with points pt 3 ps 2 lw 2 lc rgb 'black'\n",
                            name, block++);
    } else {
      script += " NaN notitle\n";
    }
  }

  // The legend, in an empty cell.
  script += "unset border\nunset tics\nunset grid\nset title ' '\nset key center center samplen 2\nplot";
  for (std::size_t l = 0; l < labels.size(); ++l) {
    const std::string& label = labels[l];
    script += fmt::format(" NaN with lines lw 3 lc rgb '{}' title {}, \\\n", colour(l), quoted(label));
  }
  const bool goals = std::ranges::any_of(panels, &Panel::has_goal);
  script += goals ? " NaN with points pt 3 ps 2 lw 2 lc rgb 'black' title 'goal'\n" : " NaN notitle\n";
  script += "unset multiplot\n";
  return draw(folder, name, data, script, 320 * columns, 340 * rows);
}

}  // namespace innerloop::app
