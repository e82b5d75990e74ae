// Figures that others have published, to be printed beside ours.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace innerloop::app {

struct PublishedReturns {
  std::string_view env;
  std::string_view label;
  std::string_view source;
  std::vector<double> returns;      // after 0, 1, 2, … steps
  std::vector<double> half_widths;  // of the 95 % intervals; empty: not published
};

std::span<const PublishedReturns> published_returns();

}  // namespace innerloop::app
