// Pictures by gnuplot. Beside each picture stay the numbers (.dat) and the script (.gp) it was made from, so that a
// reader can change it: gnuplot <name>.gp. Without gnuplot the two files are still written.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace innerloop::app {

// A line with a band around it. low and high may be empty: no band.
struct Curve {
  std::string label;
  std::vector<double> x, mean, low, high;
  bool dashed = false;  // what others have published
};

struct Figure {
  std::string title, x_label, y_label;
  std::vector<Curve> curves;
  bool whole_numbers = true;  // on the x axis of a short curve
};

// One small picture of trajectories in the plane.
struct Panel {
  struct Line {
    std::string label;  // lines of the same label get the same colour: "before", "after 1 step"
    std::vector<std::array<double, 2>> points;
    bool dots = false;  // points by themselves, not joined
  };
  std::string title;
  std::vector<Line> lines;
  bool has_goal = false;
  std::array<double, 2> goal{};
};

// What became of it: the pictures' paths, or why there are none (an instruction, ready to print).
struct Plotted {
  std::string png, svg;
  std::string problem;
};

// Writes folder/name.{dat,gp,png,svg}. Error if the files cannot be written.
Plotted plot_curves(const std::string& folder, const std::string& name, const Figure& figure);
Plotted plot_paths(const std::string& folder, const std::string& name, const std::string& title,
                   const std::vector<Panel>& panels);

}  // namespace innerloop::app
