// What the chapter autodiff/README.md shows is true.
#include <fstream>
#include <sstream>

#include "autodiff/check.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/print.h"
#include "tests/catch.h"

using namespace innerloop;

TEST_CASE("chapter: the table of operators is the operator table") {
  std::ifstream file("autodiff/README.md");
  std::ostringstream text;
  text << file.rdbuf();
  // If this fails, put the text below in place of the table.
  CHECK_THAT(text.str(), Catch::Matchers::ContainsSubstring(operator_table_markdown()));
}

TEST_CASE("chapter: an error names both operands, their shapes and the lines that made them") {
  std::string message;
  try {
    // region: wrong_shapes
    Graph graph;
    Var observations = graph.input({20, 200, 2}, "batch/observations");
    Var weights = graph.input({1, 3, 64}, "theta/policy/W1");
    Var hidden = matmul(observations, weights);
    // endregion
    FAIL("no error, but " << to_string(hidden.shape()));
  } catch (const Error& error) {
    message = error.what();
  }
  std::ifstream file("autodiff/README.md");
  std::ostringstream text;
  text << file.rdbuf();
  // If this fails, put the message in place of the block.
  CHECK_THAT(text.str(), Catch::Matchers::ContainsSubstring("```text\n" + message + "\n```\n"));
}

TEST_CASE("chapter: a function of one's own is checked in five lines") {
  // region: five_lines
  CheckReport report = check("log cosh", {{"x", {1, 5, 3}}},
                             [](const Vars& in) { return log(exp(in["x"]) + exp(-in["x"])) - 0.6931471805599453; });
  std::string table = to_text(report);  // print it
  bool right = report.ok;
  // endregion
  INFO(table);
  CHECK(right);
}

TEST_CASE(
    "chapter: the solution of exercise 2: a product whose first-order rule is right and whose second-order one is "
    "not") {
  OpTable wrong = op_table();
  // z = g(1 − y²), with the slope in y forgotten: a "constant" that is none.
  wrong[static_cast<std::size_t>(Op::tanh_slope)].slope = [](const RuleContext& c, int k, Var v) {
    return k == 0 ? Var{} : tanh_slope(c.x[0], v);
  };
  const CheckReport report =
      check("tanh", {{"x", {1, 2, 2}}}, [](const Vars& in) { return tanh(in["x"]); }, {.table = &wrong});
  CHECK_FALSE(report.ok);
  for (const CheckLevel& level : report.levels) {
    INFO(level.name);
    if (level.name == "duality" || level.name == "complex step" || level.name == "differences") CHECK(level.ok);
    if (level.name == "stencil") CHECK_FALSE(level.ok);
  }
}

TEST_CASE("chapter: the Huber loss has one derivative at its seams, although clip has a kink there") {
  CheckCase huber{.name = "Huber", .subject = "", .inputs = {}, .build = {}};
  huber.inputs.push_back({"x", Tensor::from({1, 1, 4}, std::vector<double>{-1, 1, 0.25, -3})});
  huber.build = [](const Vars& in) {
    Var c = clip(in["x"], -1, 1);
    return std::vector<Var>{sum_all(c * (in["x"] - 0.5 * c))};
  };
  const CheckReport report = run_check(huber);
  INFO(to_text(report));
  CHECK(report.ok);
  REQUIRE(report.kinks.size() == 2);
  CHECK(report.kinks[1].parameter == "x(0,0,1)");
  CHECK(report.kinks[1].derivative == 1);
  CHECK(report.kinks[1].left == Approx(1));
  CHECK(report.kinks[1].right == Approx(1));
}
