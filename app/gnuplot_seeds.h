// The picture of a sweep: every seed drawn, and what they say together.
#pragma once

#include <string>
#include <vector>

#include "app/gnuplot.h"

namespace innerloop::app {

// All seeds of one method in one panel of curves: thin lines, and their interquartile mean, thick, with its bootstrap
// interval as a band where there are seeds enough.
struct SeedCurves {
  std::string label;
  std::vector<std::vector<double>> seeds;  // y of each
  std::vector<double> x;                   // of the longest; empty: first_x, first_x + 1, …
};
struct SeedScores {
  std::string label;
  std::vector<double> seeds;
};

// One environment: curves on the left, scores on the right (each seed a point, a bar for the interquartile mean, a line
// for its interval).
struct SeedPanels {
  std::string title;
  std::string x_label = "iteration", y_label, score_label;
  double first_x = 1;  // of the curves' first number, where they have no x of their own
  std::vector<SeedCurves> curves;
  std::vector<SeedScores> scores;
};

// Writes folder/name.{dat,gp,png,svg}. Long curves are thinned to 200 points, each the mean of its neighbours.
Plotted plot_seeds(const std::string& folder, const std::string& name, const std::vector<SeedPanels>& rows);

}  // namespace innerloop::app
