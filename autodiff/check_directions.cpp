#include "autodiff/check_directions.h"

#include <fmt/format.h>

#include "kernels/require.h"

namespace innerloop {

CheckReport run_check_along(const CheckCase& subject, int directions, const CheckOptions& options) {
  require(directions >= 1, [&] { return fmt::format("check: {} directions; at least 1 is needed", directions); });
  CheckReport report = run_check(subject, options);
  if (directions == 1) return report;

  // Each other direction with the least that judges it: one difference per tensor, no second order, no f32.
  CheckOptions other = options;
  other.second_order = other.f32 = other.bisect = false;
  other.elements = 1;
  int failed = 0;
  std::string first;
  for (int k = 1; k < directions; ++k) {
    other.seed = options.seed + static_cast<std::uint64_t>(k);
    const CheckReport along = run_check(subject, other);
    if (along.ok) continue;
    if (failed++ == 0) first = fmt::format("; the first of them, with seed {}: {}", other.seed, along.sentence);
  }
  const bool ok = failed == 0;
  report.levels.push_back({.name = "directions",
                           .finding = fmt::format("{} of {} random directions fail{}", failed, directions - 1, first),
                           .error = static_cast<double>(failed),
                           .tolerance = 0.5,
                           .ok = ok,
                           .note = ""});
  if (!ok && report.ok) report.sentence = fmt::format("{} FAILS along other directions{}", report.name, first);
  report.ok = report.ok && ok;
  return report;
}

}  // namespace innerloop
