// Every layer and every distribution holds every level of the verifier.
#include "nn/check_cases.h"

#include <set>

#include "tests/catch.h"
#include "tests/sanitized.h"

using namespace innerloop;

TEST_CASE("nn: every layer and distribution holds every level of the check") {
  std::set<std::string> subjects;
  for (const CheckCase& c : one_of_a_kind_if_sanitized(nn::check_cases(), &CheckCase::subject)) {
    const CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
    CHECK(report.stops.empty());
    subjects.insert(c.subject);
  }
  CHECK(subjects ==
        std::set<std::string>{"mlp", "lstm", "gru", "gaussian", "squashed_gaussian", "categorical", "policy"});
}
