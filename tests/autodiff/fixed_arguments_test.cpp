// Fixed arguments: whatever depends on them alone is kept from call to call, and the numbers are those of a program in
// which nothing is fixed.
#include <array>

#include "autodiff/function.h"
#include "autodiff/program.h"
#include "tests/autodiff/random_programs.h"
#include "tests/catch.h"

using namespace innerloop;
using innerloop::tests::write_program;

namespace {

// 3(2x + x·x), and its derivative along ones: a sum that takes in a product, behind which the program goes on.
std::vector<Vars> sum_with_product(Inputs& in, const NoSpec&) {
  const Var x = in.next_var("x");
  const Var y = 3.0 * (2.0 * x + matmul(x, x));
  Vars out("y", y);
  out.add("gradient", grad(sum_all(y), std::span(&x, 1))[0]);
  return {out};
}

std::vector<Tensor> run(Program& program, const std::vector<Tensor>& values, std::span<const Var> outputs,
                        bool refresh) {
  std::vector<Tensor> results;
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const Tensor& t : values) in.push_back(t.data());
  for (Var v : outputs) results.emplace_back(v.shape());
  for (Tensor& t : results) out.push_back(t.mutable_data());
  program.run(in, out, {.refresh = refresh});
  return results;
}

bool equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) { return bitwise_equal(x, y); });
}

}  // namespace

TEST_CASE("fixed: a function of fixed arguments alone gives the same numbers at every call, and loses no summand") {
  const Function<> f("f", &sum_with_product);
  const Tensor x = Tensor::from({1, 2, 2}, std::vector<double>{1, 2, 3, 4});
  const std::vector<double> y{27, 42, 63, 90};
  const Tensors plain = f({}, {x})[0];
  CHECK(plain["y"].to_vector() == y);
  for (int call = 0; call < 3; ++call) {
    const Tensors kept = f({}, {fixed(x)})[0];
    CHECK(kept["y"].to_vector() == y);
    CHECK(bitwise_equal(kept, plain));
  }
}

TEST_CASE("fixed: what is kept is planned as kept, and copied to the results at every call") {
  auto graph = std::make_shared<Graph>();
  const Var x = graph->input({1, 2, 2}, "x"), y = 2.0 * x + matmul(x, x);
  const std::array<char, 1> fixed{1};
  const Plan plan = plan_program(*graph, std::span(&y, 1), fixed);
  REQUIRE(plan.segments.size() == 2);
  CHECK(plan.segments[0].fixed);
  CHECK_FALSE(plan.segments[1].fixed);
  CHECK(plan.segments[1].steps.size() == 1);
}

// Nothing fixed is the eager graph bit for bit; each subset is the program with nothing fixed: twice with the same
// numbers, and once more with others in what is not fixed.
// [plain] 12 000 plans: program_fuzz_test.cpp takes the sanitizers through the same passes
TEST_CASE("fuzz: 400 random programs with every subset of arguments fixed, called three times: planned = eager bitwise",
          "[slow][plain]") {
  for (std::uint64_t seed = 1001; seed <= 1400; ++seed) {
    INFO("seed " << seed);
    std::vector<Tensor> values;
    Graph eager(Dtype::f64, Graph::Mode::eager);
    const std::vector<Var> numbers = write_program(eager, seed, values);
    std::vector<Tensor> expected;
    for (Var v : numbers) expected.push_back(v.value());

    auto graph = std::make_shared<Graph>();
    const std::vector<Var> outputs = write_program(*graph, seed, values);
    Program plain(graph, outputs);
    CHECK(equal(run(plain, values, outputs, true), expected));
    for (unsigned subset = 1; subset < 1u << values.size(); ++subset) {
      std::vector<char> fixed;
      std::vector<Tensor> others = values;
      for (std::size_t k = 0; k < values.size(); ++k) {
        fixed.push_back(static_cast<char>(subset >> k & 1u));
        if (!fixed[k]) others[k].set(0, 0, 0, 0.123);
      }
      Program program(graph, outputs, fixed);
      bool same = equal(run(program, values, outputs, true), expected);
      same = same && equal(run(program, values, outputs, false), expected);
      same = same && equal(run(program, others, outputs, false), run(plain, others, outputs, true));
      if (!same) FAIL_CHECK("subset " << subset);
    }
  }
}
