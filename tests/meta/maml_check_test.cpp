// `innerloop check maml`, as a test: every estimator, K = 1, 2, 3.
#include "autodiff/check.h"
#include "meta/check_cases.h"
#include "tests/catch.h"

using namespace innerloop;

TEST_CASE("the meta-gradient passes every level of the verifier, for every estimator and K = 1, 2, 3") {
  for (const CheckCase& c : meta::maml_check_cases()) {
    CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
    // What the estimators cut: log-likelihood nothing, the others something.
    bool cuts = c.name.find("log-likelihood") == std::string::npos;
    CHECK((report.live_gap > 1e-4) == cuts);
  }
}
