// What every picture shares: colours, quoting, and the call of gnuplot.
#pragma once

#include <string>

#include "app/gnuplot.h"

namespace innerloop::app {

// Colour number i, over and over, of those that readers with any kind of colour vision can tell apart.
const char* colour(std::size_t i);
// A gnuplot text: in single quotes, where only the quote itself is special.
std::string quoted(const std::string& text);
// A number of a data file; "NaN", gnuplot's own word for no number, unless it is finite.
std::string cell(double number);

// Writes folder/name.dat and name.gp, and draws the picture twice: as PNG and as SVG, of so many pixels. The script
// must name its data '<name>.dat'.
Plotted draw(const std::string& folder, const std::string& name, const std::string& data, const std::string& script,
             int width, int height);

}  // namespace innerloop::app
