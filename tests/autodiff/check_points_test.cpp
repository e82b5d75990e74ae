// The verifier neither cries wolf, wherever a right program is looked at, nor is fooled by a wrong one.
#include <array>
#include <cmath>

#include "autodiff/check.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/autodiff/random_checks.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

using F = std::function<Var(const Vars&)>;

// A function of "x" (and "y") at given numbers.
CheckCase at(std::vector<double> x, F f, std::vector<double> y = {}) {
  CheckCase c{.name = "point", .subject = "point", .inputs = {}, .build = {}};
  c.inputs.push_back({"x", Tensor::from({1, 1, static_cast<int>(x.size())}, x)});
  if (!y.empty()) c.inputs.push_back({"y", Tensor::from({1, 1, static_cast<int>(y.size())}, y)});
  c.build = [f = std::move(f)](const Vars& in) { return std::vector<Var>{f(in)}; };
  return c;
}

bool holds(const CheckCase& c, const CheckOptions& options = {}) {
  const CheckReport report = run_check(c, options);
  if (!report.ok) UNSCOPED_INFO(to_text(report));
  return report.ok;
}

bool fails_at(const CheckReport& report, const char* level) {
  return std::ranges::any_of(report.levels, [&](const CheckLevel& l) { return l.name == level && !l.ok; });
}

}  // namespace

TEST_CASE("check: several kinks at once, convex and concave, are no false alarm", "[check]") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const CheckOptions options{.seed = seed};
    CHECK(holds(at({-1, 1}, [](const Vars& in) { return sum_all(clip(in["x"], -1, 1)); }), options));
    CHECK(holds(at({0, 0}, [](const Vars& in) {
                  return sum_all(relu(slice_cols(in["x"], 0, 1)) - relu(slice_cols(in["x"], 1, 1)));
                }), options));
    CHECK(holds(at({0.5, 0, -1}, [](const Vars& in) { return sum_all(relu(relu(in["x"])) - abs(in["x"])); }), options));
    const F both = [](const Vars& in) { return sum_all(maximum(in["x"], in["y"]) * minimum(in["x"], in["y"])); };
    CHECK(holds(at({1, 2}, both, {1, 3}), options));

    // A layer as it is initialised: no bias, and a row of zeros.
    CheckCase layer{.name = "layer", .subject = "layer", .inputs = {}, .build = {}};
    Tensor x = random_normals({1, 3, 4}, seed);
    for (int c = 0; c < 4; ++c) x.set(0, 1, c, 0);
    layer.inputs = {{"x", x}, {"W", random_normals({1, 4, 5}, seed + 100)}, {"b", Tensor({1, 1, 5})}};
    layer.build = [](const Vars& in) {
      return std::vector<Var>{dense(in["x"], in["W"], in["b"], Activation::relu)};
    };
    CHECK(holds(layer, options));
  }
}

TEST_CASE("check: a kink is judged by its convention in all levels, and a wrong slope there is caught", "[check]") {
  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::relu)].slope = [](const RuleContext& c, int, Var v) {
    return v * (step(c.x[0]) + 0.5 * (1.0 - abs(sign(c.x[0]))));  // ½ at 0: a subgradient, and not ours
  };
  const F f = [](const Vars& in) { return sum_all(square(relu(in["x"]) + in["x"])); };
  const CheckReport report = run_check(at({0, 1}, f), {.table = &wrong});
  CHECK_FALSE(report.ok);
  CHECK(holds(at({0, 1}, f)));
}

TEST_CASE("check: where all is zero nothing is divided by zero", "[check]") {
  const std::vector<F> functions = {
      [](const Vars& in) { return in["x"]; },
      [](const Vars& in) { return 2.0 * in["x"]; },
      [](const Vars& in) { return tanh(in["x"]); },
      [](const Vars& in) { return square(in["x"]); },
      [](const Vars& in) { return slice_cols(in["x"], 0, 1) * slice_cols(in["x"], 1, 1); },
      [](const Vars& in) { return sum_all(in["x"]); },
      [](const Vars& in) { return sum_all(mul3(in["x"], in["x"], in["x"])); },
      [](const Vars& in) { return sum_all(square(square(in["x"]))); },
  };
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for (const F& f : functions) CHECK(holds(at({0, 0}, f), {.seed = seed}));
}

TEST_CASE("check: steps know the size of x", "[check]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const CheckOptions options{.seed = seed};
    CHECK(holds(at({0.02, -0.02, 1}, [](const Vars& in) { return reciprocal(in["x"]); }), options));
    CHECK(holds(at({0.01, 3}, [](const Vars& in) { return log(in["x"]); }), options));
    CHECK(holds(at({1e-4, 2e-4}, [](const Vars& in) { return sqrt(in["x"]); }), options));
    CHECK(holds(at({1000, -3000}, [](const Vars& in) { return square(in["x"]) * in["x"]; }), options));
    CHECK(holds(at({0.3, -0.2, 1.1}, [](const Vars& in) { return softmax(50.0 * in["x"]); }), options));
    CheckCase narrow{.name = "log-probability", .subject = "log-probability", .inputs = {}, .build = {}};
    narrow.inputs = {{"mean", random_normals({1, 4, 2}, seed)},
                     {"log_sigma", Tensor::full({1, 1, 2}, -5)},
                     {"action", random_normals({1, 4, 2}, seed + 10)}};
    narrow.build = [](const Vars& in) {
      return std::vector<Var>{gaussian_log_prob(in["mean"], in["log_sigma"], in["action"])};
    };
    CHECK(holds(narrow, options));
  }
}

TEST_CASE("check: random right programs at ordinary and at hard points hold", "[check]") {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    INFO("seed " << seed);
    CHECK(holds(tests::random_check(seed), {.seed = seed}));
  }
}

TEST_CASE("check: a cut that nobody meant fails the five-line form", "[check]") {
  const F product = [](const Vars& in) { return in["x"] * stop_gradient(in["x"]); };
  const F straight_through = [](const Vars& in) { return in["x"] + stop_gradient(sign(in["x"]) - in["x"]); };
  for (const F& f : {product, straight_through}) {
    const CheckReport report = check("cut", {{"x", {1, 1, 3}}}, f);
    CHECK_FALSE(report.ok);
    CHECK_THAT(report.sentence, ContainsSubstring("FAILS at 'cut'"));
    CHECK(check("cut", {{"x", {1, 1, 3}}}, f, {}, CheckCase::Cut::something).ok);
  }
}

TEST_CASE("check: a small tensor's cut and error are not hidden by a large one's entries", "[check]") {
  CheckCase beside = at({1, -2}, [](const Vars& in) {
    return 1e5 * sum_all(square(in["x"])) + sum_all(in["y"] * stop_gradient(in["y"]));
  }, {0.5, 0.25});
  beside.cut = CheckCase::Cut::nothing;
  CHECK(fails_at(run_check(beside), "cut"));

  OpTable wrong = op_table();
  for (auto factor : {&OpDef::vjp_factor, &OpDef::jvp_factor}) {
    for (OpDef& row : wrong) row.vjp_factor = row.jvp_factor = all_ones();
    (wrong[static_cast<std::size_t>(Op::tanh)].*factor)[0] = 1.001;
    const CheckCase huge = at({1, -2}, [](const Vars& in) {
      return 1e12 * sum_all(square(in["x"])) + sum_all(tanh(in["y"]));
    }, {0.5, 0.25});
    CHECK(holds(huge));
    const CheckReport report = run_check(huge, {.table = &wrong});
    CHECK_FALSE(report.ok);
    CHECK_THAT(report.sentence, ContainsSubstring("fails by itself is tanh #"));
  }
}

TEST_CASE("check: an operator whose second derivative alone is wrong is named", "[check]") {
  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::sin)].slope = [](const RuleContext& c, int, Var v) {
    return v * stop_gradient(cos(c.x[0]));
  };
  const CheckReport report = check("wave", {{"x", {1, 1, 3}}, {"W", {1, 3, 2}}},
                                   [](const Vars& in) { return square(sin(matmul(in["x"], in["W"]))); },
                                   {.table = &wrong});
  CHECK_FALSE(report.ok);
  CHECK_THAT(report.sentence, ContainsSubstring("The smallest node that fails by itself is sin #"));
}
