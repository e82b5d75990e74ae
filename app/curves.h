// What several seeds say together, as a curve of a figure.
#pragma once

#include <string>
#include <vector>

#include "app/gnuplot.h"

namespace innerloop::app {

// Runs that differ in nothing but the seed, each a series over x = 1, 2, …: their mean with its 95 % interval, as far
// as the shortest reaches; a single run as it is.
Curve curve_over_seeds(const std::string& label, const std::vector<std::vector<double>>& runs);

}  // namespace innerloop::app
