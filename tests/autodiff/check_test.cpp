// The verifier: what it accepts, what it catches, and what it says.
#include "autodiff/check.h"

#include <algorithm>
#include <cmath>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

const CheckLevel& level(const CheckReport& report, const std::string& name) {
  const auto found = std::ranges::find(report.levels, name, &CheckLevel::name);
  REQUIRE(found != report.levels.end());
  return *found;
}

Tensor row(std::vector<double> numbers) { return Tensor::from({1, 1, static_cast<int>(numbers.size())}, numbers); }

// A case with given numbers and one output.
CheckCase at(std::vector<std::pair<std::string, Tensor>> inputs, std::function<Var(const Vars&)> f) {
  CheckCase c{.name = "toy", .subject = "toy", .inputs = {}, .build = {}};
  for (auto& [name, value] : inputs) c.inputs.push_back({name, value});
  c.build = [f = std::move(f)](const Vars& x) { return std::vector<Var>{f(x)}; };
  return c;
}

// A small network with tasks, a shared parameter, an inner gradient step and a stop: one of everything.
CheckReport check_everything(const CheckOptions& options = {}) {
  return check(
      "one inner step", {{"W", {1, 3, 2}}, {"b", {1, 1, 2}}, {"x", {2, 4, 3}}},
      [](const Vars& in) {
        Var w_i = broadcast_tasks(in["W"], 2);
        Var inner = mean_all(square(dense(in["x"], w_i, in["b"], Activation::tanh)));
        Var adapted = w_i - 0.3 * grad(inner, std::span(&w_i, 1))[0];
        return mean_all(square(dense(in["x"], adapted, in["b"], Activation::tanh)) * stop_gradient(exp(inner)));
      },
      options, CheckCase::Cut::something);
}

}  // namespace

TEST_CASE("check: a composite with an inner gradient step holds every level") {
  const CheckReport report = check_everything();
  INFO(to_text(report));
  CHECK(report.ok);
  CHECK(report.parameters == 6 + 2 + 24);
  CHECK(level(report, "duality").error < 1e-15);
  CHECK(level(report, "complex step").error < 1e-14);
  CHECK(level(report, "differences").error < 1e-10);
  CHECK(level(report, "second order").error < 1e-14);
  CHECK(level(report, "stencil").error < 1e-8);
  CHECK_THAT(level(report, "Taylor").finding, ContainsSubstring("value 1.00, gradient 2.00, curvature 3.00"));
  CHECK_THAT(level(report, "control").note, ContainsSubstring("caught"));
  REQUIRE(report.stops.size() == 1);
  CHECK_THAT(report.stops[0].node, ContainsSubstring("stop_gradient"));
  CHECK(report.stops[0].cut > 1e-3);
  CHECK(report.live_gap > 1e-3);
}

TEST_CASE("check: the checker of a polynomial shows a Taylor remainder that is exact from the start") {
  const CheckReport report =
      check("quadratic", {{"x", {1, 1, 4}}}, [](const Vars& in) { return sum_all(square(in["x"])); });
  CHECK(report.ok);
  CHECK_THAT(level(report, "Taylor").finding, ContainsSubstring("curvature exact"));
}

TEST_CASE("check: a wrong rule is named with its operation, its line and its rule") {
  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::tanh)].vjp_factor[0] = 1.001;
  const CheckReport report =
      check("mlp", {{"x", {1, 5, 3}}, {"W", {1, 3, 2}}},
            [](const Vars& in) { return exp(tanh(matmul(in["x"], in["W"]))); }, {.table = &wrong});
  CHECK_FALSE(report.ok);
  CHECK_FALSE(level(report, "duality").ok);
  CHECK_THAT(report.sentence, ContainsSubstring("FAILS") && ContainsSubstring("fails by itself is tanh #") &&
                                  ContainsSubstring("check_test.cpp") && ContainsSubstring("(1 − y²)"));
  CHECK_THAT(to_text(report), ContainsSubstring("FAILS"));
}

TEST_CASE("check: rules wrong in both modes are caught by rates, complex step and differences alike") {
  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::sin)].vjp_factor[0] = wrong[static_cast<std::size_t>(Op::sin)].jvp_factor[0] =
      1.001;
  const CheckReport report =
      check("wave", {{"x", {1, 3, 3}}}, [](const Vars& in) { return sin(in["x"]); }, {.table = &wrong});
  CHECK(level(report, "duality").ok);
  CHECK_FALSE(level(report, "complex step").ok);
  CHECK_FALSE(level(report, "Taylor").ok);
  CHECK_THAT(level(report, "Taylor").finding, ContainsSubstring("gradient 1.00"));
  CHECK_FALSE(level(report, "differences").ok);
}

TEST_CASE("check: a wrong derivative of a derivative is caught at second order only") {
  // tanh_slope is right as a value, so first order holds; its own rule is wrong.
  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::tanh_slope)].vjp_factor[0] = 1.001;
  wrong[static_cast<std::size_t>(Op::tanh_slope)].jvp_factor[0] = 1.001;
  const CheckReport report =
      check("mlp", {{"x", {1, 3, 2}}}, [](const Vars& in) { return tanh(in["x"]); }, {.table = &wrong});
  CHECK(level(report, "differences").ok);
  CHECK_FALSE(level(report, "stencil").ok);
  CHECK_THAT(report.sentence, ContainsSubstring("fails by itself is tanh_slope #"));
}

TEST_CASE("check: a derivative with a dropped term is caught (known-wrong toys)") {
  // What hand-written gradients get wrong: a factor taken for a constant. The check's derivative is right for what it
  // is told is variable, so a dropped term shows as the live gap, and fails where nothing was meant to be cut.
  const auto toy = [](std::function<Var(const Vars&)> f, CheckCase::Cut meant) {
    CheckCase c = at({{"x", row({0.3, -1.2})}}, std::move(f));
    c.cut = meant;
    return run_check(c);
  };
  const auto dropped = [](const Vars& in) { return in["x"] * stop_gradient(in["x"]); };
  const auto whole = [](const Vars& in) { return in["x"] * in["x"]; };
  using Cut = CheckCase::Cut;
  const CheckReport caught = toy(dropped, Cut::nothing);
  CHECK_FALSE(caught.ok);
  CHECK_FALSE(level(caught, "cut").ok);
  CHECK_THAT(caught.sentence, ContainsSubstring("FAILS at 'cut'"));
  CHECK(caught.live_gap > 0.5);
  CHECK(toy(dropped, Cut::something).ok);

  const CheckReport nothing = toy(whole, Cut::nothing);
  CHECK(nothing.ok);
  CHECK(nothing.live_gap == 0);
  CHECK(nothing.stops.empty());
  CHECK_FALSE(toy(whole, Cut::something).ok);
}

TEST_CASE("check: exact kinks are found, named, and judged by the slopes on both sides") {
  const CheckReport report =
      run_check(at({{"x", row({0.0, 1.0, -2.0})}}, [](const Vars& in) { return sum_all(relu(in["x"]) * 3.0); }));
  INFO(to_text(report));
  CHECK(report.ok);
  REQUIRE(report.kinks.size() == 1);
  CHECK(report.kinks[0].one_sided);
  CHECK_THAT(report.kinks[0].node, ContainsSubstring("relu #"));
  CHECK(report.kinks[0].parameter == "x(0,0,0)");
  CHECK(report.kinks[0].left == Approx(0).margin(1e-9));
  CHECK(report.kinks[0].right == Approx(3));
  CHECK(report.kinks[0].derivative == 0);
}

TEST_CASE("check: on a kink every level is judged") {
  const CheckReport report =
      run_check(at({{"x", row({0.0, 1.0, -2.0})}}, [](const Vars& in) { return sum_all(square(relu(in["x"]))); }));
  INFO(to_text(report));
  CHECK(report.ok);
  // All levels follow the piece with the convention's slope: nothing is left unjudged.
  CHECK(std::ranges::all_of(report.levels, &CheckLevel::judged));
  CHECK_THAT(level(report, "control").note, ContainsSubstring("caught"));
  CHECK(summary_line(report).find("not judged") == std::string::npos);
}

TEST_CASE("check: a kink nearby is reported with its distance, and differences stay on this side of it") {
  const CheckReport report =
      run_check(at({{"x", row({4e-7, 1.0})}}, [](const Vars& in) { return sum_all(square(relu(in["x"]) + 1.0)); }));
  INFO(to_text(report));
  CHECK(report.ok);
  REQUIRE(report.kinks.size() == 1);
  CHECK_FALSE(report.kinks[0].one_sided);
  CHECK(report.kinks[0].distance == Approx(4e-7));
}

TEST_CASE("check: a derivative outside the slopes on both sides of a kink fails") {
  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::abs)].slope = [](const RuleContext& c, int, Var v) {
    return v * (sign(c.x[0]) + 1.5);
  };
  const CheckReport report =
      run_check(at({{"x", row({0.0})}}, [](const Vars& in) { return sum_all(abs(in["x"])); }), {.table = &wrong});
  CHECK_FALSE(report.ok);
  REQUIRE(report.kinks.size() == 1);
  CHECK_FALSE(report.kinks[0].ok);
}

TEST_CASE("check: where slopes on both sides are only what their step leaves, a derivative of 0 is right") {
  const CheckReport report = run_check(at({{"x", row({0.0})}}, [](const Vars& in) {
    const Var cube = mul3(in["x"], in["x"], in["x"]);
    return sum_all(maximum(cube, 2.0 * cube));  // slopes of −h² and −h²/2 once the term in h is removed
  }));
  INFO(to_text(report));
  CHECK(report.ok);
  REQUIRE(report.kinks.size() == 1);
  CHECK(report.kinks[0].one_sided);
  CHECK(report.kinks[0].right != 0);
}

TEST_CASE("kink conventions: the minimum-norm subgradient") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const auto slope_at = [&](std::vector<double> numbers, Var (*f)(Var)) {
    Var x = graph.input(row(std::move(numbers)), "x");
    return grad(sum_all(f(x)), std::span(&x, 1))[0].value().to_vector();
  };
  CHECK(slope_at({-1, 0, 1}, [](Var x) { return relu(x); }) == std::vector<double>{0, 0, 1});
  CHECK(slope_at({-1, 0, 1}, [](Var x) { return abs(x); }) == std::vector<double>{-1, 0, 1});
  CHECK(slope_at({-2, -1, 0, 1, 2}, [](Var x) { return clip(x, -1, 1); }) == std::vector<double>{0, 0, 1, 0, 0});
  Var a = graph.input(row({1, 2, 3}), "a"), b = graph.input(row({2, 2, 2}), "b");
  const std::vector<Var> both{a, b};
  std::vector<Var> low = grad(sum_all(minimum(a, b)), both), high = grad(sum_all(maximum(a, b)), both);
  CHECK(low[0].value().to_vector() == std::vector<double>{1, 0.5, 0});
  CHECK(low[1].value().to_vector() == std::vector<double>{0, 0.5, 1});
  CHECK(high[0].value().to_vector() == std::vector<double>{0, 0.5, 1});
  CHECK(high[1].value().to_vector() == std::vector<double>{1, 0.5, 0});
}

TEST_CASE("check: large tensors are sampled, and the report says so") {
  const CheckReport report =
      check("wide", {{"x", {1, 40, 30}}}, [](const Vars& in) { return sin(in["x"]); }, {.elements = 50});
  CHECK(report.ok);
  CHECK(report.rows[0].checked >= 50);
  CHECK(report.rows[0].checked < 1200);
  CHECK_THAT(to_text(report), ContainsSubstring("of 1200 elements"));
}

TEST_CASE("check: not a number is caught, not passed over") {
  const CheckReport report =
      run_check(at({{"x", row({-1.0, 2.0})}}, [](const Vars& in) { return log(in["x"]); }), {.bisect = false});
  CHECK_FALSE(report.ok);
  CHECK_FALSE(level(report, "finite").ok);
}

TEST_CASE("check: the same seed gives the same report") {
  CHECK(to_text(check_everything()) == to_text(check_everything()));
}
