#include "autodiff/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "autodiff/check_subject.h"
#include "autodiff/op_table.h"

namespace innerloop {

using namespace checking;

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

  // The verdict: the first level that fails, and the smallest node that fails by itself.
  const auto failed = std::ranges::find(report.levels, false, &CheckLevel::ok);
  report.ok = failed == report.levels.end();
  if (report.ok) {
    report.sentence = fmt::format("{}: every level holds.", report.name);
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
