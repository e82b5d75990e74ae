#include "app/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace innerloop::app {

double student_t_975(std::size_t degrees) {
  if (degrees == 0) return std::numeric_limits<double>::quiet_NaN();
  if (degrees == 1) return 12.7062047;
  if (degrees == 2) return 4.3026527;
  // The Cornish-Fisher series in 1/degrees about the normal quantile (Abramowitz and Stegun 26.7.5).
  const double z = 1.959963984540054, n = static_cast<double>(degrees);
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, z9 = z7 * z * z;
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n) +
         (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * n * n * n * n);
}

Interval mean_interval(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (values.size() < 2)
    return {values.empty() ? std::numeric_limits<double>::quiet_NaN() : mean, std::numeric_limits<double>::quiet_NaN()};
  return {mean, student_t_975(values.size() - 1) * std::sqrt(squares / (n - 1) / n)};
}

std::string text_table(const std::vector<std::vector<std::string>>& rows) {
  // Characters, not bytes: continuation bytes of UTF-8 take no room.
  const auto width = [](const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line, rule;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const std::string padding(widths[i] - width(rows[r][i]), ' ');
      line += (i ? "  " : "") + (i ? padding + rows[r][i] : rows[r][i] + padding);
      rule += (i ? "  " : "") + std::string(widths[i], '-');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    text += line + "\n" + (r == 0 ? rule + "\n" : "");
  }
  return text;
}

}  // namespace innerloop::app
