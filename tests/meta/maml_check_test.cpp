// `innerloop check maml`, as a test: every estimator, K = 1, 2, 3.
#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "meta/check_cases.h"
#include "tests/catch.h"

using namespace innerloop;

TEST_CASE("the meta-gradient passes every level of the verifier, for every estimator and K = 1, 2, 3") {
  for (const CheckCase& c : meta::maml_check_cases()) {
    CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
}

TEST_CASE("check maml notices an inner step that does nothing, and a gradient cut that nobody meant") {
  // Both are right derivatives of the wrong function: no comparison of derivatives can see them.
  for (const CheckCase& original : meta::maml_check_cases()) {
    if (original.name != "maml, log-likelihood, K = 1") continue;
    CheckCase idle = original;  // alpha takes no part
    idle.build = [build = original.build](const Vars& in) {
      std::vector<Var> values(in.all().begin(), in.all().end());
      for (std::size_t i = 0; i < in.count(); ++i)
        if (in.name(i) == "alpha") values[i] = in[i].graph->fill(in[i].shape(), 0);
      return build(in.with(values));
    };
    CHECK(run_check(idle).sentence.find("'inputs'") != std::string::npos);

    CheckCase cut = original;  // half of the derivative is lost
    cut.build = [build = original.build](const Vars& in) {
      Var loss = build(in)[0];
      return std::vector<Var>{0.5 * loss + 0.5 * stop_gradient(loss)};
    };
    CHECK(run_check(cut).sentence.find("'cut'") != std::string::npos);
  }
}
