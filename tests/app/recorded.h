// What the repository keeps of recorded runs, read for tests.
#pragma once

#include <cstdio>
#include <map>
#include <sstream>
#include <string>

#include "tests/app/folder.h"
#include "tests/catch.h"

namespace innerloop::recorded {

inline std::string set_folder(const std::string& set) { return "tests/golden/runs/" + set; }
inline std::string seed_folder(const std::string& set, int seed) {
  return set_folder(set) + "/seed-" + std::to_string(seed);
}

// A row of a metrics file, by column: the first, or the last.
enum class Row { first, last };
inline std::map<std::string, double> metrics_row(const std::string& path, Row row) {
  std::istringstream text(contents(path));
  std::string header, line, next, name, number;
  std::getline(text, header);
  std::getline(text, line);
  while (row == Row::last && std::getline(text, next)) line = next;
  std::istringstream names(header), numbers(line);
  std::map<std::string, double> values;
  while (std::getline(names, name, ',') && std::getline(numbers, number, ',')) values[name] = std::stod(number);
  return values;
}

// The number number `column` behind the first word of the line that begins with it.
inline double number_of(const std::string& table, const std::string& word, int column) {
  std::istringstream text(table);
  std::string line;
  while (std::getline(text, line)) {
    if (!line.starts_with(word)) continue;
    std::istringstream numbers(line.substr(line.find("  ")));
    double number = 0;
    for (int k = 0; k <= column; ++k) REQUIRE(numbers >> number);
    return number;
  }
  FAIL("no line begins with " << word);
  return 0;
}
// The return before adaptation in a run's adapt.txt.
inline double final_return(const std::string& set, int seed, const std::string& algorithm) {
  return number_of(contents(seed_folder(set, seed) + "/adapt.txt"), algorithm, 0);
}

// A number as the chapters write it: so many digits after the point, a true minus sign.
inline std::string in_print(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text[0] == '-' ? "−" + std::string(text + 1) : text;
}

}  // namespace innerloop::recorded
