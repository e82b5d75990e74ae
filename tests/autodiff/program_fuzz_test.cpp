// Random programs: whatever the planner merges, reuses, skips or writes in place, the bits are those of the eager
// graph.
#include <array>
#include <cmath>
#include <limits>

#include "autodiff/op_table.h"
#include "autodiff/program.h"
#include "tests/autodiff/random_programs.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"

using namespace innerloop;
using innerloop::tests::write_program;

TEST_CASE("fuzz: 300 random programs, planned = eager bit for bit, forward = reverse") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    std::vector<Tensor> values;
    Graph eager(Dtype::f64, Graph::Mode::eager);
    const std::vector<Var> expected = write_program(eager, seed, values);

    auto graph = std::make_shared<Graph>();
    const std::vector<Var> outputs = write_program(*graph, seed, values);
    Program program(graph, outputs);
    std::vector<const void*> in;
    std::vector<void*> out;
    std::vector<Tensor> results;
    for (const Tensor& t : values) in.push_back(t.data());
    for (Var v : outputs) results.emplace_back(v.shape());
    for (Tensor& t : results) out.push_back(t.mutable_data());
    for (int run = 0; run < 2; ++run) {
      program.run(in, out, {});
      bool same = true;
      for (std::size_t j = 0; j < outputs.size(); ++j) same = same && bitwise_equal(results[j], expected[j].value());
      CHECK(same);
    }

    double size = 1;
    for (std::size_t j = 3; j < 3 + values.size(); ++j)
      for (std::size_t n = 0; n < results[j].size(); ++n) size += std::abs(results[j].to_vector()[n]);
    CHECK(std::abs(results[results.size() - 2].item() - results.back().item()) <= 1e-13 * size);
  }
}

TEST_CASE("fuzz: with some inputs fixed, runs without refresh give the same bits") {
  for (std::uint64_t seed = 301; seed <= 360; ++seed) {
    INFO("seed " << seed);
    std::vector<Tensor> values;
    auto graph = std::make_shared<Graph>();
    const std::vector<Var> outputs = write_program(*graph, seed, values);
    const std::vector<char> fixed{1, static_cast<char>(seed % 2), 0, 1, 0};
    Program program(graph, outputs, fixed), plain(graph, outputs);
    std::vector<const void*> in;
    for (const Tensor& t : values) in.push_back(t.data());
    const auto run = [&](Program& p, bool refresh) {
      std::vector<Tensor> results;
      std::vector<void*> out;
      for (Var v : outputs) results.emplace_back(v.shape());
      for (Tensor& t : results) out.push_back(t.mutable_data());
      p.run(in, out, {.refresh = refresh});
      return results;
    };
    run(program, true);
    // Another value of an input that is not fixed.
    values[2].set(0, 0, 0, 0.123);
    in[2] = values[2].data();
    const std::vector<Tensor> kept = run(program, false), expected = run(plain, true);
    bool same = true;
    for (std::size_t j = 0; j < outputs.size(); ++j) same = same && bitwise_equal(kept[j], expected[j]);
    CHECK(same);
  }
}

TEST_CASE("program: replay allocates nothing") {
  std::vector<Tensor> values;
  auto graph = std::make_shared<Graph>();
  const std::vector<Var> outputs = write_program(*graph, 20, values);
  Program program(graph, outputs);
  std::vector<const void*> in;
  std::vector<void*> out;
  std::vector<Tensor> results;
  for (const Tensor& t : values) in.push_back(t.data());
  for (Var v : outputs) results.emplace_back(v.shape());
  for (Tensor& t : results) out.push_back(t.mutable_data());
  program.run(in, out, {});
  const long before = allocations();
  for (int i = 0; i < 10; ++i) program.run(in, out, {});
  CHECK(allocations() == before);
}

TEST_CASE("program: nodes are equal if their numbers are, bit for bit") {
  auto graph = std::make_shared<Graph>();
  const Var x = graph->input({1, 1, 1}, "x");
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const std::vector<Var> y{x + nan, x + 1.0, x + nan, reciprocal(0.0 * x), reciprocal(-0.0 * x)};
  Program program(graph, y);
  const double in = 10;
  std::array<double, 5> out{};
  program.run(std::array<const void*, 1>{&in}, std::array<void*, 5>{&out[0], &out[1], &out[2], &out[3], &out[4]}, {});
  CHECK(std::isnan(out[0]));
  CHECK(out[1] == 11);
  CHECK(std::isnan(out[2]));
  CHECK(out[3] == infinity);
  CHECK(out[4] == -infinity);
  CHECK(program.report().planned_nodes == 6 + 5);  // x + NaN once; a copy for each output
}

TEST_CASE("program: equal nodes are computed once, dead ones never") {
  auto graph = std::make_shared<Graph>();
  Var x = graph->input({1, 2, 2}, "x");
  Var once = exp(x), again = exp(x), dead = log(x);
  Var y = once * again;
  Program program(graph, std::span(&y, 1));
  CHECK(program.report().planned_nodes == 3);  // exp, mul, and the copy to the output
  CHECK(dead.valid());
}

TEST_CASE("program: views cost no step and no memory") {
  auto graph = std::make_shared<Graph>();
  Var x = graph->input({1, 6, 2}, "x");
  Var y = tanh(reshape(slice_rows(stop_gradient(x), 2, 3), 2, 3));
  Program program(graph, std::span(&y, 1));
  CHECK(program.report().planned_nodes == 2);  // tanh, and the copy to the output
  const Tensor in = Tensor::from({1, 6, 2}, std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  Tensor out({1, 2, 3});
  program.run(std::array<const void*, 1>{in.data()}, std::array<void*, 1>{out.mutable_data()}, {});
  CHECK(out.at(0, 1, 0) == Approx(std::tanh(7.0)));
}

TEST_CASE("program: a scalar read for every element is not overwritten by the result (in-place hazard)") {
  // s is a part of a's buffer, and a dies at the product: writing the result over a would change s half-way.
  auto graph = std::make_shared<Graph>();
  Var x = graph->input({1, 4, 1}, "x");
  Var a = x + 1.0, s = slice_rows(a, 0, 1), y = a * s;
  Program program(graph, std::span(&y, 1));
  const Tensor in = Tensor::from({1, 4, 1}, std::vector<double>{1, 2, 3, 4});
  Tensor out({1, 4, 1});
  program.run(std::array<const void*, 1>{in.data()}, std::array<void*, 1>{out.mutable_data()}, {});
  CHECK(out.to_vector() == std::vector<double>{4, 6, 8, 10});
}
