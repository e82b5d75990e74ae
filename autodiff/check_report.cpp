// The report as text, for people. The program prints the same fields as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autodiff/check.h"

namespace innerloop {
namespace {

// How many characters a UTF-8 text takes on a terminal (every code point one).
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}
std::string padded(const std::string& text, std::size_t columns) {
  return text + std::string(columns > width(text) ? columns - width(text) : 1, ' ');
}

std::string row_line(const CheckRow& row, std::size_t name_width) {
  std::string text = " " + padded(row.name, name_width) + padded(to_string(row.shape), 14) +
                     padded(fmt::format("({},{},{})", row.task, row.row, row.col), 11);
  text += fmt::format("{:>16.7e}  {:>16.7e}   {:<9.0e}  {:<7.0e} ", row.derivative, row.difference, row.error,
                      row.best_step);
  text += row.order > 0 ? fmt::format("{:.2f}", row.order) : "exact";
  if (static_cast<std::size_t>(row.checked) < row.shape.size())
    text += fmt::format("   {} of {} elements", row.checked, row.shape.size());
  return text + (row.ok ? "\n" : "   FAILS\n");
}

// The error of two-point differences against the step, a mark per decade.
std::string curve_text(const CheckRow& row) {
  std::string text = fmt::format(" error of f64 differences against the step, at {}({},{},{}):\n", row.name, row.task,
                                 row.row, row.col);
  for (int decade = 0; decade >= -12; decade -= 2) {
    text += fmt::format("  1e{:<+4}|", decade);
    for (auto [step, error] : row.curve) {
      const double level = error > 0 ? std::clamp(std::log10(error), -12.9, 0.9) : -12.9;
      text += level <= decade + 1 && level > decade - 1 ? "  o " : "    ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text +
         "    step 1e0 1e-1 1e-2 1e-3 1e-4 1e-5 1e-6 1e-7 1e-8 1e-9  …  1e-12: truncation falls to the right, rounding "
         "rises\n";
}

std::string kink_line(const CheckKink& kink) {
  std::string text = fmt::format("  {} crosses {} element ({},{},{}) at distance {:.1e}", kink.parameter, kink.node,
                                 kink.task, kink.row, kink.col, kink.distance);
  if (kink.one_sided)
    text += fmt::format(": slopes {:.6g} and {:.6g}, derivative {:.6g} {}", kink.left, kink.right, kink.derivative,
                        kink.ok ? "between them" : "NOT between them");
  return text + "\n";
}

}  // namespace

// One line: what held and how far below its tolerance, and what could not be judged; or the first that did not hold.
std::string summary_line(const CheckReport& report) {
  std::string text = padded(report.name, 44) + (report.ok ? "ok   " : "FAILS");
  for (const CheckLevel& level : report.levels) {
    const bool shown = level.name == "differences" || level.name == "second order" || level.name == "f32";
    if (report.ok && shown && level.tolerance > 0 && level.judged)
      text += fmt::format("  {} {:.1e} ≤ {:.0e}", level.name, level.error, level.tolerance);
    if (!level.ok) return text + "  " + level.name + ": " + level.finding + "\n";
  }
  std::string not_judged;
  for (const CheckLevel& level : report.levels)
    if (!level.judged) not_judged += (not_judged.empty() ? "" : ", ") + level.name;
  return text + (not_judged.empty() ? "" : "  not judged: " + not_judged) + "\n";
}

std::string to_text(const CheckReport& report) {
  std::string text =
      fmt::format("check {}      f64, cpu, {} parameters      seed {}\n", report.name, report.parameters, report.seed);
  for (const CheckLevel& level : report.levels)
    text += " " + padded(level.name, 14) + padded(level.finding, 92) +
            (!level.ok              ? level.note.empty() ? "FAILS" : "FAILS: " + level.note
             : level.note.empty() ? "ok"
                                  : level.note) +
            "\n";

  std::size_t name_width = 10;
  for (const CheckRow& row : report.rows) name_width = std::max(name_width, row.name.size() + 2);
  text += "\n " + padded("parameter", name_width) +
          "shape         worst at         derivative       difference   rel. error best h  order\n";
  for (const CheckRow& row : report.rows) text += row_line(row, name_width);

  const auto worst = std::ranges::max_element(report.rows, {}, &CheckRow::error);
  if (worst != report.rows.end() && !worst->curve.empty()) text += "\n" + curve_text(*worst);

  text += report.kink_count
              ? fmt::format("\n kinks: {} parameter elements cross one within the step\n", report.kink_count)
              : "\n kinks: none within reach\n";
  for (const CheckKink& kink : report.kinks) text += kink_line(kink);

  if (!report.stops.empty()) {
    text += fmt::format(
        " stop_gradient: frozen at the base point for all of the above; live, the gradient moves by {:.1e} of its "
        "largest entry\n",
        report.live_gap);
    for (const CheckStop& stop : report.stops)
      text += fmt::format("  cuts {:.1e} of the derivative along v at {}\n", stop.cut, stop.node);
  }
  return text + "\n " + report.sentence + "\n";
}

}  // namespace innerloop
