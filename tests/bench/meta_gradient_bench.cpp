// MAML's full second-order meta-gradient: its time, how much of that is spent in matrix products, and where the rest
// goes.
//
//   meta_gradient_bench                            a table: f32 and f64, 2×64 and 2×100, one and two threads
//   meta_gradient_bench profile [WIDTH] [f32|f64]  time per kind of step, and the steps themselves
//   meta_gradient_bench write FOLDER               the problem as files, for the programs in tests/bench/peers
//   meta_gradient_bench time WIDTH f32|f64 THREADS REPEATS    one line per repeat: way, ms
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <string_view>

#include "app/meta_gradient_case.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/planner.h"
#include "autodiff/transforms.h"
#include "kernels/cpu/gemm.h"
#include "kernels/threads.h"

namespace {

using namespace innerloop;
using namespace innerloop::bench;

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Body>
double time_ms(Body body) {
  const double start = now_ms();
  body();
  return now_ms() - start;
}

double median(std::vector<double> x) {
  std::ranges::sort(x);
  return x[x.size() / 2];
}
double best(const std::vector<double>& x) { return *std::ranges::min_element(x); }

// ∇θ of the policy gradient's objective on the support data, with θ shared by all tasks: 40,000 rows.
const Function<meta::MamlSpec>& plain_gradient() {
  static const Function<meta::MamlSpec> function(
      "bench/plain_gradient", [](Inputs& in, const meta::MamlSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch support = meta::batch_of_step(in.next("supports"), 0);
        return {grad(sum_tasks(meta::inner_objective(theta, support, spec)), theta)};
      });
  return function;
}

// ---- The plan, step by step -----------------------------------------------------------------------------------------

// A plan with memory of its own, run on one thread so that each step can be timed.
class SteppedPlan {
 public:
  explicit SteppedPlan(const Case& c) : graph_(c.dtype) {
    const Params theta = add_inputs(c.theta);
    const Batch supports = add_inputs(c.supports);
    const Var alpha = graph_.input(c.alpha.shape(), "alpha");
    inputs_.push_back(c.alpha);
    const Batch query = add_inputs(c.query);
    const Params theta_prime = meta::adapt_all(theta, supports, alpha, c.spec);
    const std::vector<Var> outputs = grad(meta::outer_objective(theta_prime, query, c.spec), theta.all());
    plan_ = plan_program(graph_, outputs, {});
    for (Var output : outputs) outputs_.emplace_back(output.shape(), c.dtype);

    const PlanReport& report = plan_.report;
    arena_ = Tensor({1, 1, static_cast<int>(report.arena_bytes / 8) + 8}, Dtype::f64);
    shared_ = Tensor({1, 1, static_cast<int>(report.shared_bytes / 8) + 8}, Dtype::f64);
    const auto address = [](Tensor& t) { return static_cast<std::byte*>(t.mutable_data()); };
    spaces_ = {address(arena_), address(shared_), plan_.constants.data()};
    for (Tensor& input : inputs_) spaces_.push_back(address(input));
    for (Tensor& output : outputs_) spaces_.push_back(address(output));
  }

  // Runs everything once. best_ms[step] becomes the least time that the step took, all tasks together.
  void run(std::vector<double>& best_ms) {
    std::vector<double> spent(step_count(), 0);
    std::size_t first = 0;
    for (const Segment& segment : plan_.segments) {
      for (int task = 0; task < (segment.per_task ? plan_.report.tasks : 1); ++task)
        for (std::size_t s = 0; s < segment.steps.size(); ++s) {
          const double start = now_ms();
          call(segment.steps[s], task);
          spent[first + s] += now_ms() - start;
        }
      first += segment.steps.size();
    }
    best_ms.resize(step_count(), std::numeric_limits<double>::infinity());
    for (std::size_t s = 0; s < best_ms.size(); ++s) best_ms[s] = std::min(best_ms[s], spent[s]);
  }

  // use(step, how often it runs)
  template <class Use>
  void for_each_step(Use use) const {
    for (const Segment& segment : plan_.segments)
      for (const Step& step : segment.steps) use(step, segment.per_task ? plan_.report.tasks : 1);
  }

  std::size_t step_count() const {
    std::size_t count = 0;
    for (const Segment& segment : plan_.segments) count += segment.steps.size();
    return count;
  }
  const Operand& operand(const Step& step, int k) const {
    return plan_.operands[static_cast<std::size_t>(step.first_operand + k)];
  }
  const Graph& graph() const { return graph_; }
  const Plan& plan() const { return plan_; }

 private:
  Vars add_inputs(const Tensors& tensors) {
    Vars vars;
    for (std::size_t i = 0; i < tensors.count(); ++i) {
      vars.add(tensors.name(i), graph_.input(tensors[i].shape(), tensors.name(i)));
      inputs_.push_back(tensors[i]);
    }
    return vars;
  }

  void call(const Step& step, int task) const {
    kernels::Matrix matrices[8];
    require(step.arity < 8, "a step of the profiled plan has too many operands");
    for (int k = 0; k <= step.arity; ++k) {
      const Operand& o = operand(step, k);
      std::byte* base = spaces_[static_cast<std::size_t>(o.space)];
      matrices[k] = {base + o.offset + static_cast<std::size_t>(task) * o.stride, o.rows, o.cols};
    }
    step.kernel({matrices[0], matrices + 1, step.arity, step.tasks, step.attr});
  }

  Graph graph_;
  Plan plan_;
  std::vector<Tensor> inputs_, outputs_;
  Tensor arena_, shared_;
  std::vector<std::byte*> spaces_;
};

// ---- Matrix products alone ------------------------------------------------------------------------------------------

struct ProductShape {
  int m, n, k;
  bool transpose_a, transpose_b;
  auto operator<=>(const ProductShape&) const = default;
};

// Every distinct product of the plan, and how often it is computed.
std::map<ProductShape, int> products_of(const SteppedPlan& stepped) {
  std::map<ProductShape, int> products;
  stepped.for_each_step([&](const Step& step, int times) {
    const Op op = step.op;
    if (op != Op::matmul && op != Op::dense) return;
    const Operand &y = stepped.operand(step, 0), &a = stepped.operand(step, 1);
    const bool transpose_a = op == Op::matmul && step.attr.i == 1, transpose_b = op == Op::matmul && step.attr.j == 1;
    products[{y.rows, y.cols, transpose_a ? a.rows : a.cols, transpose_a, transpose_b}] += times;
  });
  return products;
}

// The product alone, on matrices that lie in the cache.
class Product {
 public:
  Product(const ProductShape& s, Dtype dtype)
      : s_(s),
        a_(Tensor::full({1, s.m, s.k}, 0.5, dtype)),
        b_(Tensor::full({1, s.k, s.n}, 0.25, dtype)),
        c_({1, s.m, s.n}, dtype) {}
  double ms(int calls) { return a_.dtype() == Dtype::f32 ? ms_of<float>(calls) : ms_of<double>(calls); }

 private:
  template <class T>
  double ms_of(int calls) {
    const T *a = a_.values<T>().data(), *b = b_.values<T>().data();
    T* c = c_.mutable_values<T>().data();
    const auto once = [&] {
      kernels::gemm(s_.m, s_.n, s_.k, a, s_.transpose_a ? s_.m : s_.k, s_.transpose_a, b, s_.transpose_b ? s_.k : s_.n,
                    s_.transpose_b, c, s_.n, false);
    };
    once();
    return time_ms([&] {
      for (int i = 0; i < calls; ++i) once();
    }) / calls;
  }

  ProductShape s_;
  Tensor a_, b_, c_;
};

// Time of all products of one meta-gradient.
class ProductTimer {
 public:
  explicit ProductTimer(const Case& c) {
    for (const auto& [shape, times] : products_of(SteppedPlan(c)))
      products_.emplace_back(Product(shape, c.dtype), times);
  }
  double total_ms() {
    double total = 0;
    for (auto& [product, times] : products_) total += product.ms(4) * times;
    return total;
  }

 private:
  std::vector<std::pair<Product, int>> products_;
};

// ---- The commands ---------------------------------------------------------------------------------------------------

struct Timings {
  std::vector<double> meta_gradient, products, gradient, curvature;
  std::size_t peak_bytes = 0;
};

Timings measure(const Case& c, int threads, int repeats) {
  const meta::MamlFunctions maml;
  const auto meta_gradient = [&] { maml.meta_gradient(c.spec, {c.theta, c.supports, c.alpha, c.query}); };
  const auto gradient = [&] { plain_gradient()(c.spec, {c.theta, c.supports}); };
  const auto curvature = [&] { maml.curvature(c.spec, {c.theta, c.supports, c.alpha, c.query, c.tangent}); };
  ProductTimer products(c);

  set_thread_count(threads);
  Timings t;
  constexpr int warm_up = 3;
  for (int i = 0; i < warm_up + repeats; ++i) {
    const double times[] = {time_ms(meta_gradient), products.total_ms(), time_ms(gradient), time_ms(curvature)};
    if (i < warm_up) continue;
    t.meta_gradient.push_back(times[0]);
    t.products.push_back(times[1]);
    t.gradient.push_back(times[2]);
    t.curvature.push_back(times[3]);
  }
  t.peak_bytes = maml.meta_gradient.peak_scratch_bytes(threads);
  return t;
}

// The products are timed on one thread: with two, half of their time is what the meta-gradient cannot do without.
void print_table() {
  fmt::print(
      "ms, median (best)\n\n| network | dtype | threads | meta-gradient | its products alone | share | plain gradient "
      "| "
      "Fisher product | scratch, MB |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const int width : {64, 100}) {
      const Case c = make_case(width, dtype);
      for (const int threads : {1, 2}) {
        const Timings t = measure(c, threads, 15);
        const auto cell = [](const std::vector<double>& x) {
          return fmt::format("{:.1f} ({:.1f})", median(x), best(x));
        };
        const double share = median(t.products) / threads / median(t.meta_gradient);
        fmt::print("| 2×{} | {} | {} | {} | {} | {:.0f} % | {} | {} | {:.1f} |\n", width, name_of(dtype), threads,
                   cell(t.meta_gradient), cell(t.products), 100 * share, cell(t.gradient), cell(t.curvature),
                   1e-6 * static_cast<double>(t.peak_bytes));
      }
    }
}

void print_profile(int width, Dtype dtype) {
  SteppedPlan stepped(make_case(width, dtype));
  std::vector<double> ms;
  for (int i = 0; i < 15; ++i) stepped.run(ms);

  // By operation, the dearest first.
  std::map<Op, std::pair<double, int>> by_op;
  double total = 0;
  std::size_t s = 0;
  stepped.for_each_step([&](const Step& step, int) {
    auto& [sum, count] = by_op[step.op];
    sum += ms[s], total += ms[s], ++count, ++s;
  });
  std::vector<std::pair<Op, std::pair<double, int>>> rows(by_op.begin(), by_op.end());
  std::ranges::sort(rows, [](const auto& a, const auto& b) { return a.second.first > b.second.first; });
  fmt::print("2×{} {}: {:.1f} ms in {} steps\n\n| operation | steps | ms | share |\n| --- | --- | --- | --- |\n", width,
             name_of(dtype), total, ms.size());
  for (const auto& [op, row] : rows)
    fmt::print("| {} | {} | {:.2f} | {:.1f} % |\n", op_def(op).name, row.second, row.first, 100 * row.first / total);

  // By step, in order.
  fmt::print("\n");
  s = 0;
  stepped.for_each_step([&](const Step& step, int) {
    std::string operands;
    for (int k = 1; k <= step.arity; ++k)
      operands += fmt::format(" {}×{}", stepped.operand(step, k).rows, stepped.operand(step, k).cols);
    const Operand& y = stepped.operand(step, 0);
    fmt::print("{:8.3f} ms  {:<18}{:>5}×{:<4} ←{}  {}\n", ms[s++], op_def(step.op).name, y.rows, y.cols, operands,
               step.attr.i || step.attr.j ? fmt::format("[{} {}]", step.attr.i, step.attr.j) : "");
  });
}

void write_cases(const std::string& folder) {
  const meta::MamlFunctions maml;
  for (const Dtype dtype : {Dtype::f32, Dtype::f64})
    for (const int width : {64, 100}) {
      const Case c = make_case(width, dtype);
      const ParamValues gradient = maml.meta_gradient(c.spec, {c.theta, c.supports, c.alpha, c.query})[0];
      write_case(c, gradient, fmt::format("{}/case_{}_{}.bin", folder, width, name_of(dtype)));
    }
}

void print_times(const Case& c, int threads, int repeats) {
  const Timings t = measure(c, threads, repeats);
  for (double ms : t.meta_gradient) fmt::print("ours\t{}\n", ms);
  for (double ms : t.products) fmt::print("products\t{}\n", ms / threads);
}

Dtype dtype_of(std::string_view name) {
  require(name == "f32" || name == "f64", "the dtype must be f32 or f64, not '" + std::string(name) + "'");
  return name == "f32" ? Dtype::f32 : Dtype::f64;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const std::string command = args.empty() ? "table" : args[0];
  if (command == "table") print_table();
  else if (command == "profile")
    print_profile(args.size() > 1 ? std::stoi(args[1]) : 64, args.size() > 2 ? dtype_of(args[2]) : Dtype::f32);
  else if (command == "write" && args.size() == 2) write_cases(args[1]);
  else if (command == "time" && args.size() == 5)
    print_times(make_case(std::stoi(args[1]), dtype_of(args[2])), std::stoi(args[3]), std::stoi(args[4]));
  else return fmt::print(stderr, "usage: see the top of tests/bench/meta_gradient_bench.cpp\n"), 2;
}
