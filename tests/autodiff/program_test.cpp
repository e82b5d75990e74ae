// A planned program gives the same bits as evaluating each node when it is appended, whatever the plan reuses or skips.
#include "autodiff/program.h"

#include <memory>

#include "autodiff/function.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/threads.h"
#include "tests/autodiff/instances.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"

using namespace innerloop;
using innerloop::tests::Instance;
using innerloop::tests::text_of;
using innerloop::tests::three_orders;

namespace {

// The three orders of an instance as a program, with its inputs bound and room for its outputs.
class Planned {
 public:
  Planned(const OpDef& def, const Example& example, const Instance& instance, Dtype dtype, bool fuse) {
    auto graph = std::make_shared<Graph>(dtype);
    graph->set_fuse(fuse);
    const std::vector<Var> outputs = three_orders(def, example, instance, instance.bind(*graph));
    program_ = std::make_unique<Program>(graph, outputs);
    for (const Tensor& value : instance.values()) in_.push_back(value.to(dtype));
    for (Tensor& t : in_) in_data_.push_back(t.data());
    for (Var v : outputs) out_.emplace_back(v.shape(), dtype);
    for (Tensor& t : out_) out_data_.push_back(t.mutable_data());
  }
  const std::vector<Tensor>& run() {
    program_->run(in_data_, out_data_, {.refresh = true, .check_finite = true});
    return out_;
  }

 private:
  std::unique_ptr<Program> program_;
  std::vector<Tensor> in_, out_;
  std::vector<const void*> in_data_;
  std::vector<void*> out_data_;
};

}  // namespace

TEST_CASE("planned = eager, bit for bit, for every operation at orders 0, 1 and 2, and replay allocates nothing") {
  for (const OpDef& def : op_table()) {
    if (!def.examples) continue;
    for (const Example& example : def.examples())
      for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
        Instance instance(def, example, 3);
        Graph eager(dtype, Graph::Mode::eager);
        std::vector<Var> expected = three_orders(def, example, instance, instance.bind(eager));
        Planned program(def, example, instance, dtype, true);
        const std::vector<Tensor> planned = program.run();
        for (std::size_t j = 0; j < planned.size(); ++j) {
          INFO(text_of(def, example) << ", " << name_of(dtype) << ", output " << j);
          CHECK(bitwise_equal(planned[j], expected[j].value()));
        }
        const long before = allocations();
        for (int i = 0; i < 10; ++i) program.run();
        const long during = allocations() - before;
        INFO(text_of(def, example) << ", " << name_of(dtype) << ": allocations in ten replays");
        CHECK(during == 0);
      }
  }
}

TEST_CASE("fused = expanded at orders 0, 1 and 2") {
  for (const OpDef& def : op_table()) {
    if (!def.expand) continue;
    for (const Example& example : def.examples()) {
      Instance instance(def, example, 11);
      const std::vector<Tensor> fused = Planned(def, example, instance, Dtype::f64, true).run();
      const std::vector<Tensor> expanded = Planned(def, example, instance, Dtype::f64, false).run();
      for (std::size_t j = 0; j < fused.size(); ++j) {
        INFO(text_of(def, example) << ", output " << j);
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
