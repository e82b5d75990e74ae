// A planned program gives the same bits as evaluating each node when it is appended, whatever the plan reuses or skips.
#include "autodiff/program.h"

#include "autodiff/function.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/threads.h"
#include "tests/autodiff/instances.h"
#include "tests/catch.h"

using namespace innerloop;
using innerloop::tests::Instance;

namespace {

// y, ∇(w·y) and ∇(v·∇(w·y)) of one operation: values, first and second order.
std::vector<Var> three_orders(const OpDef& def, const Example& example, const Instance& instance,
                              const std::vector<Var>& x) {
  Graph& graph = *x[0].graph;
  Var y = graph.append(def.op, x, example.attr, SourceLocation::current());
  std::vector<Var> wrt = instance.differentiable(x), outputs{y};
  std::vector<Var> first = grad(sum_all(tanh(y)), wrt);
  outputs.insert(outputs.end(), first.begin(), first.end());
  Var mixed = inner_product(first, first);
  std::vector<Var> second = grad(mixed, wrt);
  outputs.insert(outputs.end(), second.begin(), second.end());
  return outputs;
}

std::vector<Tensor> run_planned(const OpDef& def, const Example& example, const Instance& instance, Dtype dtype,
                                bool fuse) {
  auto graph = std::make_shared<Graph>(dtype);
  graph->set_fuse(fuse);
  std::vector<Var> outputs = three_orders(def, example, instance, instance.bind(*graph));
  Program program(graph, outputs);
  std::vector<Tensor> in, out;
  std::vector<const void*> in_data;
  std::vector<void*> out_data;
  std::size_t count = example.same_input_twice ? 1 : instance.values().size();
  for (std::size_t k = 0; k < count; ++k) in.push_back(instance.values()[k].to(dtype));
  for (Tensor& t : in) in_data.push_back(t.data());
  for (Var v : outputs) out.emplace_back(v.shape(), dtype);
  for (Tensor& t : out) out_data.push_back(t.mutable_data());
  program.run(in_data, out_data, {.refresh = true, .check_finite = true});
  return out;
}

}  // namespace

TEST_CASE("planned = eager, bit for bit, for every operation at orders 0, 1 and 2, in f32 and f64") {
  for (const OpDef& def : op_table()) {
    if (!def.examples) continue;
    for (const Example& example : def.examples())
      for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
        Instance instance(def, example, 3);
        Graph eager(dtype, Graph::Mode::eager);
        std::vector<Var> expected = three_orders(def, example, instance, instance.bind(eager));
        std::vector<Tensor> planned = run_planned(def, example, instance, dtype, true);
        for (std::size_t j = 0; j < planned.size(); ++j) {
          INFO(def.name << " on A " << to_string(example.shapes[0]) << ", " << name_of(dtype) << ", output " << j);
          CHECK(bitwise_equal(planned[j], expected[j].value()));
        }
      }
  }
}

TEST_CASE("fused = expanded at orders 0, 1 and 2") {
  for (const OpDef& def : op_table()) {
    if (!def.expand) continue;
    for (const Example& example : def.examples()) {
      Instance instance(def, example, 11);
      std::vector<Tensor> fused = run_planned(def, example, instance, Dtype::f64, true);
      std::vector<Tensor> expanded = run_planned(def, example, instance, Dtype::f64, false);
      for (std::size_t j = 0; j < fused.size(); ++j) {
        INFO(def.name << " on A " << to_string(example.shapes[0]) << ", output " << j);
        CHECK(relative_error(fused[j], expanded[j]) < 1e-12);
      }
    }
  }
}

TEST_CASE("a product is not added in place where another phase reads the sum or what it is added to") {
  // Both per-task values go on to a sum over tasks, and so have a place for every task.
  auto build = [](Graph& graph, const Tensor& a, const Tensor& b) {
    Var x = graph.input(a, "a"), y = graph.input(b, "b");
    Var first = matmul(x, y), sum = first + matmul(y, x);
    return std::vector<Var>{sum_tasks(sum), sum_tasks(first), sum_tasks(tanh(x) + matmul(x, x))};
  };
  Philox random(1, {.purpose = Purpose::check});
  std::vector<double> numbers(2 * 3 * 4 * 4);
  for (double& n : numbers) n = random.normal();
  Tensor a = Tensor::from({3, 4, 4}, std::span(numbers).first(48)),
         b = Tensor::from({3, 4, 4}, std::span(numbers).last(48));
  Graph eager(Dtype::f64, Graph::Mode::eager);
  std::vector<Var> expected = build(eager, a, b);
  auto graph = std::make_shared<Graph>();
  std::vector<Var> outputs = build(*graph, a, b);
  Program program(graph, outputs);
  std::vector<Tensor> out(3, Tensor({1, 4, 4}));
  const void* in[] = {a.data(), b.data()};
  void* to[] = {out[0].mutable_data(), out[1].mutable_data(), out[2].mutable_data()};
  program.run(in, to, {});
  for (std::size_t j = 0; j < 3; ++j) CHECK(bitwise_equal(out[j], expected[j].value()));
}
