// Random right programs through the verifier, at ordinary and at hard points: none may fail.
//   bench/check_programs [first seed, default 1] [how many, default 100]
// Prints a line per failure, and one of the count; exit code 1 if any failed.
#include <fmt/core.h>

#include <cstdlib>

#include "tests/autodiff/random_checks.h"

int main(int count, char** arguments) {
  using namespace innerloop;
  const auto number = [&](int k, std::uint64_t otherwise) {
    return count > k ? std::strtoull(arguments[k], nullptr, 10) : otherwise;
  };
  const std::uint64_t first = number(1, 1), programs = number(2, 100);
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + programs; ++seed) {
    const CheckReport report = run_check(tests::random_check(seed), {.seed = seed});
    if (report.ok) continue;
    ++failed;
    fmt::print("{}\n{}\n", to_text(report), report.sentence);
  }
  fmt::print("{} random programs from seed {}: {} false alarms\n", programs, first, failed);
  return failed == 0 ? 0 : 1;
}
