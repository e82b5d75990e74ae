// Replaying MAML's programs takes no memory from the heap, however many threads share the tasks.
#include "autodiff/program.h"
#include "autodiff/transforms.h"
#include "kernels/threads.h"
#include "app/meta_gradient_case.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

// A program of MAML with its inputs bound and room for its outputs.
class Replay {
 public:
  Replay(const bench::Case& c, bool curvature) : graph_(std::make_shared<Graph>(c.dtype)) {
    const Params theta = bind(c.theta);
    const Batch supports = bind(c.supports), query = bind(c.query);
    Tensors steps;
    steps.add("alpha", c.alpha);
    const Var alpha = bind(steps)[0];
    const Params result =
        curvature ? curvature_product(theta, supports, alpha, query, bind(c.tangent), c.spec)
                  : grad(outer_objective(adapt_all(theta, supports, alpha, c.spec), query, c.spec), theta);
    spec_ = std::make_unique<Program>(graph_, result.all());
    for (Var v : result.all()) results_.emplace_back(v.shape(), c.dtype);
    for (Tensor& t : results_) out_.push_back(t.mutable_data());
  }

  void run() { spec_->run(in_, out_, {}); }
  const std::vector<Tensor>& results() const { return results_; }
  int tasks() const { return spec_->report().tasks; }

 private:
  Vars bind(const Tensors& list) {
    Vars vars;
    for (std::size_t i = 0; i < list.count(); ++i) {
      vars.add(list.name(i), graph_->input(list[i].shape(), list.name(i)));
      in_.push_back(list[i].data());
    }
    return vars;
  }

  std::shared_ptr<Graph> graph_;
  std::unique_ptr<Program> spec_;
  std::vector<const void*> in_;
  std::vector<void*> out_;
  std::vector<Tensor> results_;
};

}  // namespace

TEST_CASE("MAML: replaying the meta-gradient and the curvature product allocates nothing, on 1, 2 and 4 threads") {
  const int threads_before = thread_count();
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    // Enough numbers for a task to be worth a thread.
    const bench::Case c = bench::make_case(32, dtype, 1, 4, 200);
    for (const bool curvature : {false, true}) {
      Replay replay(c, curvature);
      REQUIRE(replay.tasks() == 4);
      std::vector<Tensor> first;
      for (int threads : {1, 2, 4}) {
        set_thread_count(threads);
        replay.run();  // makes room for the threads
        const long before = allocations();
        for (int i = 0; i < 10; ++i) replay.run();
        const long during = allocations() - before;
        INFO((curvature ? "curvature product, " : "meta-gradient, ") << name_of(dtype) << ", " << threads
                                                                     << " threads");
        CHECK(during == 0);

        // The numbers are there, and the same for every number of threads.
        if (first.empty()) first = replay.results();
        for (std::size_t i = 0; i < first.size(); ++i) {
          CHECK(first[i].all_finite());
          CHECK(bitwise_equal(replay.results()[i], first[i]));
        }
      }
    }

    // A Function, which makes its results anew at every call, shows that the counter counts.
    const MamlFunctions maml;
    maml.meta_gradient(c.spec, {c.theta, c.supports, c.alpha, c.query});
    const long before = allocations();
    maml.meta_gradient(c.spec, {c.theta, c.supports, c.alpha, c.query});
    CHECK(allocations() > before);
  }
  set_thread_count(threads_before);
}
