#include "autodiff/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "autodiff/check_subject.h"
#include "autodiff/op_table.h"

namespace innerloop {

using namespace checking;

namespace {

// What the case states about itself, beside being right: which stops cut, which inputs matter.
void check_what_was_meant(const CheckCase& subject, const Subject& s, CheckReport& report) {
  constexpr double cut = 1e-4;  // of the largest entry: what is cut on purpose is far above, rounding far below
  if (subject.cut != CheckCase::Cut::unstated) {
    const bool meant = subject.cut == CheckCase::Cut::something;
    add_level(report, "cut",
              fmt::format("stop_gradient moves the gradient by {:.1e} of its largest entry; meant: {}", report.live_gap,
                          meant ? "something" : "nothing"),
              (report.live_gap > cut) == meant ? 0 : 1, 0.5);
  }
  if (!subject.every_input_matters) return;
  std::string idle;
  for (std::size_t j = 0; j < s.count(); ++j)
    if (std::ranges::all_of(s.gradient_reference[j], [](long double g) { return g == 0; }))
      idle += " " + s.input(j).name;
  add_level(report, "inputs", idle.empty() ? "every input matters" : "the gradient is zero everywhere for" + idle,
            idle.empty() ? 0 : 1, 0.5);
}

}  // namespace

CheckReport run_check(const CheckCase& subject, const CheckOptions& options) {
  const Subject s(subject, options);
  CheckReport report;
  report.name = subject.name, report.subject = subject.subject, report.seed = options.seed;
  for (const Numbers<long double>& numbers : s.v_block) report.parameters += numbers.size();

  check_basics(s, report);
  check_taylor(s, report);
  check_differences(s, report);
  if (options.second_order) check_second_order(s, report);
  if (options.f32) check_f32(s, report);

  check_what_was_meant(subject, s, report);

  // The verdict: the first level that fails, and the smallest node that fails by itself.
  const auto failed = std::ranges::find(report.levels, false, &CheckLevel::ok);
  report.ok = failed == report.levels.end();
  if (report.ok) {
    report.sentence = fmt::format("{}: every level holds, at {}.", report.name,
                                  options.second_order ? "orders 1 and 2" : "order 1");
    return report;
  }
  report.sentence = fmt::format("{} FAILS at '{}': {}.", report.name, failed->name, failed->finding);
  if (!options.bisect) return report;
  const std::string culprit = find_culprit(s);
  report.sentence +=
      culprit.empty() ? " No operation of it fails by itself: suspect how they are put together." : " " + culprit;
  return report;
}

}  // namespace innerloop
