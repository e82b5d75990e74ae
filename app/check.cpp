// innerloop check: are the derivatives right? The verifier itself is autodiff/check.h.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "app/checks.h"
#include "app/command_line.h"
#include "app/device.h"
#include "autodiff/check_directions.h"
#include "autodiff/device.h"
#include "kernels/threads.h"
#include "meta/estimator_table.h"

namespace innerloop::app {
namespace {

using nlohmann::ordered_json;
using rl::Option;
using rl::OptionType;

constexpr Option check_flags[] = {
    {.name = "seed",
     .type = OptionType::integer,
     .value = "7",
     .low = 0,
     .high = 1e9,
     .help = "of the random directions"},
    {.name = "directions",
     .type = OptionType::integer,
     .value = "1",
     .low = 1,
     .high = 10000,
     .help = "random directions: more than one for the first-order levels alone"},
    device_flag,
    {.name = "estimators",
     .type = OptionType::boolean,
     .value = "false",
     .help = "maml: bias and spread of every estimator of the meta-gradient, on a problem that is enumerated"},
    {.name = "full", .type = OptionType::boolean, .value = "false", .help = "the whole table of every case"},
    {.name = "json",
     .type = OptionType::boolean,
     .value = "false",
     .help = "for machines: every level, row, kink and stop"},
};

constexpr const char* check_examples =
    "  innerloop check tanh          one operation, in all its shapes\n"
    "  innerloop check maml --full   an algorithm, with every table\n"
    "  innerloop check all           everything, one line per case\n"
    "  innerloop check matmul --device simt    the program under test runs the CUDA kernels, emulated";

ordered_json to_json(const CheckReport& report) {
  ordered_json levels = ordered_json::array(), rows = levels, kinks = levels, stops = levels;
  for (const CheckLevel& level : report.levels)
    levels.push_back({{"name", level.name},
                      {"finding", level.finding},
                      {"error", level.error},
                      {"tolerance", level.tolerance},
                      {"ok", level.ok},
                      {"judged", level.judged},
                      {"note", level.note}});
  for (const CheckRow& row : report.rows)
    rows.push_back({{"name", row.name},
                    {"shape", {row.shape.tasks, row.shape.rows, row.shape.cols}},
                    {"worst", {row.task, row.row, row.col}},
                    {"derivative", row.derivative},
                    {"difference", row.difference},
                    {"error", row.error},
                    {"best_step", row.best_step},
                    {"order", row.order},
                    {"checked", row.checked},
                    {"curve", row.curve},
                    {"ok", row.ok}});
  for (const CheckKink& kink : report.kinks)
    kinks.push_back({{"node", kink.node},
                     {"element", {kink.task, kink.row, kink.col}},
                     {"distance", kink.distance},
                     {"parameter", kink.parameter},
                     {"one_sided", kink.one_sided},
                     {"left", kink.left},
                     {"right", kink.right},
                     {"derivative", kink.derivative},
                     {"ok", kink.ok}});
  for (const CheckStop& stop : report.stops) stops.push_back({{"node", stop.node}, {"cut", stop.cut}});
  return {{"name", report.name},
          {"subject", report.subject},
          {"seed", report.seed},
          {"parameters", report.parameters},
          {"ok", report.ok},
          {"sentence", report.sentence},
          {"live_gap", report.live_gap},
          {"levels", levels},
          {"rows", rows},
          {"kink_count", report.kink_count},
          {"kinks", kinks},
          {"stops", stops}};
}

// Cases are independent of each other: one per thread.
std::vector<CheckReport> run_cases(const std::vector<CheckCase>& cases, const CheckOptions& options,
                                   int directions) {
  std::vector<CheckReport> reports(cases.size());
  const auto one = [&](int i, int) {
    const auto k = static_cast<std::size_t>(i);
    reports[k] = run_check_along(cases[k], directions, options);
  };
  const int count = static_cast<int>(cases.size());
  if (compute_device() == Device::cpu) parallel_for(count, one);
  else
    for (int i = 0; i < count; ++i) one(i, 0);  // one device, one stream
  return reports;
}

// What derivatives leave out on purpose: the gap between the derivative and live differences, in which the values of
// stop_gradient follow the parameters. For every case of a subject that stops gradient anywhere.
std::string gap_lines(const std::vector<CheckReport>& reports) {
  std::set<std::string> stopping;
  for (const CheckReport& report : reports)
    if (!report.stops.empty()) stopping.insert(report.subject);
  std::string lines;
  for (const CheckReport& report : reports) {
    if (!stopping.contains(report.subject)) continue;
    const std::string gap = report.live_gap > 1e20 ? "everything" : fmt::format("{:.1e}", report.live_gap);
    lines += fmt::format("  {:<40} {}\n", report.name, report.live_gap == 0 ? "nothing" : gap);
  }
  return lines.empty() ? "" : "\nCut by stop_gradient (|live differences − derivative| / largest entry):\n" + lines;
}

// One line per case, the whole table of those that failed, and the verdict.
void print(const Context& context, const std::vector<CheckReport>& reports, bool full, double seconds) {
  std::size_t failed = 0;
  for (const CheckReport& report : reports) {
    const bool whole = full || reports.size() == 1 || !report.ok;
    context.out << (whole ? to_text(report) + "\n" : summary_line(report));
    failed += !report.ok;
  }
  if (!full && reports.size() > 1) context.out << gap_lines(reports);
  if (failed == 0)
    context.out << fmt::format("{} of {} cases hold, at orders 1 and 2, in {:.1f} s.\n", reports.size(), reports.size(),
                               seconds);
  else
    context.out << fmt::format("{} of {} cases FAIL, in {:.1f} s.\n", failed, reports.size(), seconds);
}

}  // namespace

int check_command(const Context& context, Arguments arguments) {
  const ParsedArguments parsed = parse_arguments(check_flags, arguments, 100);
  const auto on = [&](const char* flag) { return parsed.given.contains(flag) && parsed.given.boolean(flag); };
  if (parsed.help) {
    for (const Verb& verb : all_verbs())
      if (verb.command == check_command) context.out << help_text(verb, check_examples, check_flags);
    return success;
  }
  if (parsed.words.empty()) throw rl::UsageError("innerloop check <what>: an operation, an algorithm, ops, or all");

  if (on("estimators")) {
    if (parsed.words != std::vector<std::string>{"maml"})
      throw rl::UsageError("--estimators is a table about maml: innerloop check maml --estimators");
    context.out << meta::estimator_report();
    return success;
  }
  const UseDevice device(parsed.given);
  std::vector<CheckCase> cases;
  for (const std::string& word : parsed.words) std::ranges::move(find_check_cases(word), std::back_inserter(cases));

  CheckOptions options;
  if (parsed.given.contains("seed")) options.seed = static_cast<std::uint64_t>(parsed.given.integer("seed"));
  const int directions = parsed.given.contains("directions") ? parsed.given.integer("directions") : 1;
  return report_checks(context, cases, options, on("json"), on("full"), directions);
}

int report_checks(const Context& context, const std::vector<CheckCase>& cases, const CheckOptions& options, bool json,
                  bool full, int directions) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<CheckReport> reports = run_cases(cases, options, directions);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  bool ok = true;
  ordered_json list = ordered_json::array();
  for (const CheckReport& report : reports) {
    ok = ok && report.ok;
    if (json) list.push_back(to_json(report));
  }
  if (json)
    context.out << ordered_json{{"ok", ok}, {"reports", list}}.dump(1) << "\n";
  else
    print(context, reports, full, seconds.count());
  return ok ? success : failure;
}

}  // namespace innerloop::app
