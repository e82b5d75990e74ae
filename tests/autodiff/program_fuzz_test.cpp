// Random programs: whatever the planner merges, reuses, skips or writes in place, the bits are those of the eager
// graph.
#include <algorithm>
#include <array>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/program.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"

using namespace innerloop;

namespace {

constexpr int kTasks = 3;

// Draws programs over 4×4 blocks, rows, columns and scalars, shared and per task. All functions are bounded, so that
// nothing overflows however deep they are nested.
class Generator {
 public:
  Generator(std::uint64_t seed) : random_(seed, {.purpose = Purpose::check}) {}

  std::vector<Tensor> inputs() {
    std::vector<Tensor> list;
    for (Shape shape :
         {Shape{1, 4, 4}, Shape{kTasks, 4, 4}, Shape{1, 1, 1}, Shape{kTasks, 1, 1}, Shape{kTasks, 1, 4}}) {
      Tensor t(shape);
      for (double& x : t.mutable_values<double>()) x = random_.uniform(-1, 1);
      list.push_back(t);
    }
    return list;
  }

  // One more node (or two) from what there is already.
  Var grow(const std::vector<Var>& have) {
    Var a = pick(have), b = pick(have);
    switch (random_.below(18)) {
      case 0: return tanh(a);
      case 1: return sigmoid(a);
      case 2: return sin(a);
      case 3: return a - 0.5;
      case 4: return relu(a);
      case 5: return fits(a, b) ? tanh(a + b) : tanh(a);
      case 6: return fits(a, b) ? sin(a * b) : cos(a);
      case 7: return fits(a, b) ? maximum(a, b) : abs(tanh(a));
      case 8: return full(a) && full(b) ? tanh(matmul(a, b, random_.below(2) == 1, random_.below(2) == 1)) : neg(a);
      case 9: return full(a) && full(b) ? sin(matmul(a, b)) + sin(a) : square(tanh(a));
      case 10: return full(a) ? slice_rows(a, 1, 1) : softplus(a);
      case 11: return a.shape().tasks == kTasks ? 0.3 * sum_tasks(a) : broadcast_tasks(a, kTasks);
      case 12: return full(a) ? 0.25 * sum_rows(a) : tanh(a);
      case 13: return full(a) ? reshape(transpose(a), 4, 4) : 2.0 * tanh(a);
      case 14: return full(a) ? mean_all(a) : stop_gradient(a);
      case 15: return a.shape().cols == 4 && a.shape().rows == 1 ? broadcast_rows(a, 4) : clip(a, -0.5, 0.5);
      case 16: return full(a) ? add_row(a, slice_rows(a, 2, 1)) * 0.5 : a * a * 0.1;
      default: return full(a) && full(b) ? accumulate(a, b) : a;
    }
  }

 private:
  static bool full(Var v) { return v.shape().rows == 4 && v.shape().cols == 4; }
  static Var neg(Var v) { return -v; }
  static bool fits(Var a, Var b) {
    return a.shape().is_scalar() || b.shape().is_scalar() ||
           (a.shape().rows == b.shape().rows && a.shape().cols == b.shape().cols);
  }
  // A sum of products: what the planner forms in place.
  Var accumulate(Var a, Var b) { return tanh(0.2 * (matmul(a, b) + matmul(b, a) + a)); }
  // Recent nodes more often than old ones, so that programs are deep.
  Var pick(const std::vector<Var>& have) {
    const auto recent = static_cast<std::uint32_t>(std::min<std::size_t>(have.size(), 6));
    if (random_.below(3) == 0) return have[random_.below(static_cast<std::uint32_t>(have.size()))];
    return have[have.size() - 1 - random_.below(recent)];
  }
  Philox random_;
};

// The program of a seed: nodes, first and second derivatives of a reading of them, and a jvp.
std::vector<Var> write_program(Graph& graph, std::uint64_t seed, std::vector<Tensor>& values) {
  Generator generator(seed);
  values = generator.inputs();
  std::vector<Var> have, inputs;
  for (const Tensor& t : values) have.push_back(graph.input(t, "x"));
  inputs = have;
  const int length = 6 + static_cast<int>(seed % 17);
  for (int i = 0; i < length; ++i) have.push_back(generator.grow(have));
  Var loss = sum_tasks(sum_all(tanh(have.back()))) + sum_tasks(sum_all(sin(have[have.size() - 2])));
  std::vector<Var> outputs{have.back(), have[have.size() / 2], loss};
  std::vector<Var> g = grad(loss, inputs), h = hvp(loss, inputs, inputs);
  outputs.insert(outputs.end(), g.begin(), g.end());
  outputs.insert(outputs.end(), h.begin(), h.end());
  outputs.push_back(jvp(std::span(&loss, 1), inputs, inputs)[0]);  // ⟨∇loss, x⟩ by forward mode
  outputs.push_back(inner_product(g, inputs));                     // and by reverse mode
  return outputs;
}

}  // namespace

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
