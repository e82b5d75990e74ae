// `innerloop check maml`, as a test: every estimator, K = 1, 2, 3.
#include <algorithm>
#include <cmath>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
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

// [plain] the cases of the test above once more
TEST_CASE("what check maml calls cut is the distance to the log-likelihood gradient, for K = 1, 2, 3", "[plain]") {
  // The gradient with respect to θ and α, tensor by tensor.
  auto gradient = [](const CheckCase& c) {
    Graph graph(Dtype::f64, Graph::Mode::eager);
    Vars in;
    std::vector<Var> wrt;
    for (const CheckInput& input : c.inputs) {
      in.add(input.name, graph.input(input.value, input.name));
      if (input.differentiated) wrt.push_back(in[input.name]);
    }
    std::vector<std::vector<double>> numbers;
    for (Var g : grad(c.build(in)[0], wrt)) numbers.push_back(g.value().to_vector());
    return numbers;
  };
  const std::vector<CheckCase> cases = meta::maml_check_cases();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const CheckCase& log_likelihood = cases[i / 6 * 6 + 1];  // with the same K
    REQUIRE(log_likelihood.name.find("log-likelihood") != std::string::npos);
    const std::vector<std::vector<double>> g = gradient(cases[i]), live = gradient(log_likelihood);
    double gap = 0;
    for (std::size_t j = 0; j < g.size(); ++j) {
      double most = 0, off = 0;
      for (std::size_t k = 0; k < g[j].size(); ++k)
        most = std::max(most, std::abs(g[j][k])), off = std::max(off, std::abs(g[j][k] - live[j][k]));
      gap = std::max(gap, off / most);
    }
    INFO(cases[i].name << ": " << gap);
    CHECK(run_check(cases[i]).live_gap == Approx(gap).epsilon(1e-6).margin(1e-9));
    CHECK((gap > 0.1) == (cases[i].name != log_likelihood.name));
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
