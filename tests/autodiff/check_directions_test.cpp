// Checks along many directions: a level of their own, which fails where any of them does.
#include "autodiff/check_directions.h"

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

const CheckCase subject{.name = "tanh of a product",
                        .subject = "tanh",
                        .inputs = {{"x", random_normals({1, 4, 3}, 1)}, {"w", random_normals({1, 3, 2}, 2)}},
                        .build = [](const Vars& in) { return std::vector<Var>{tanh(matmul(in["x"], in["w"]))}; }};

}  // namespace

TEST_CASE("check: along many directions a right rule holds, and a wrong one fails in each of them", "[check]") {
  const CheckReport one = run_check_along(subject, 1);
  CHECK(one.ok);
  CHECK(one.levels.back().name != "directions");

  const CheckReport many = run_check_along(subject, 8);
  CHECK(many.ok);
  REQUIRE(many.levels.back().name == "directions");
  CHECK(many.levels.back().finding == "0 of 7 random directions fail");
  CHECK(many.levels.size() == one.levels.size() + 1);

  OpTable wrong = op_table();
  wrong[static_cast<std::size_t>(Op::tanh)].vjp_factor[0] = 1.001;
  const CheckReport failing = run_check_along(subject, 8, {.table = &wrong, .bisect = false});
  CHECK_FALSE(failing.ok);
  CHECK_FALSE(failing.levels.back().ok);
  CHECK_THAT(failing.levels.back().finding,
             ContainsSubstring("7 of 7 random directions fail; the first of them, with seed 8: "));
  CHECK_THROWS_WITH(run_check_along(subject, 0), ContainsSubstring("at least 1 is needed"));
}
