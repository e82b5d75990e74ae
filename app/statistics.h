// Means with intervals, and tables for the terminal.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace innerloop::app {

// Mean and half width of the 95 % interval, mean ± t·s/√n with Student's t of n − 1 degrees of freedom. With one value
// the half width is NaN: nothing is known.
struct Interval {
  double mean = 0;
  double half_width = 0;
};
Interval mean_interval(std::span<const double> values);

// The 97.5 % quantile of Student's t: 12.706 for 1 degree of freedom, 1.960 for many.
double student_t_975(std::size_t degrees);

// Columns padded to the same width, the first to the left and the others to the right; row 0 is the head.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace innerloop::app
