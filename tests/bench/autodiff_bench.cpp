// What a node costs: to record, to plan, and to replay beyond its kernel. Budgets: 60 ns to record, 25 ns of replay
// overhead.
//   cmake --build build --target benches && build/bench/autodiff_bench
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "autodiff/ops.h"
#include "autodiff/program.h"
#include "autodiff/transforms.h"

using namespace innerloop;

namespace {

constexpr int kNodes = 1000;  // as in the gated test, tests/autodiff/timing_test.cpp

// The best of several repeats, in nanoseconds per node.
template <class F>
double best_ns(int repeats, int nodes, F body) {
  double best = 1e300;
  for (int r = 0; r < repeats; ++r) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best,
                    std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / nodes);
  }
  return best;
}

// A chain of scalar nodes: nothing but overhead.
Var chain(Graph& graph, int nodes) {
  Var x = graph.input({1, 1, 1}, "x"), y = x;
  for (int i = 0; i < nodes; ++i) y = i % 2 ? -y : y * x;
  return y;
}

// A function that does nothing, called through a pointer: the unit in which replay overhead is judged.
void nothing(const kernels::Call& call) { *static_cast<double*>(call.out.data) += 1; }

}  // namespace

int main() {
  const double record = best_ns(30, kNodes, [] {
    Graph graph;
    chain(graph, kNodes);
  });
  const double differentiate = best_ns(30, kNodes, [] {
    Graph graph;
    Var y = chain(graph, kNodes), x = graph.var(0);
    grad(y, std::span(&x, 1));
  });

  auto graph = std::make_shared<Graph>();
  Var y = chain(*graph, kNodes);
  const double plan = best_ns(20, kNodes, [&] { Program(graph, std::span(&y, 1)); });
  Program program(graph, std::span(&y, 1));
  double in = 1.0, out = 0;
  const std::array<const void*, 1> inputs{&in};
  const std::array<void*, 1> outputs{&out};
  const double replay = best_ns(300, kNodes, [&] { program.run(inputs, outputs, {}); });

  // The same kernels in the same order, called from a plain loop over prepared calls.
  double numbers[3] = {1, 1, 1};
  const kernels::Matrix operands[3] = {{&numbers[0], 1, 1}, {&numbers[1], 1, 1}, {&numbers[2], 1, 1}};
  std::vector<std::pair<kernels::Kernel, kernels::Call>> calls;
  for (int i = 0; i < kNodes; ++i) {
    const kernels::Kernel kernel = kernels::find_kernel(Device::cpu, Dtype::f64, i % 2 ? Op::neg : Op::mul);
    calls.push_back({kernel, {.out = operands[2], .in = operands, .arity = i % 2 ? 1 : 2, .tasks = 1, .attr = {}}});
  }
  const auto call_all = [&] {
    for (auto& [kernel, call] : calls) kernel(call);
  };
  const double alone = best_ns(300, kNodes, call_all);
  for (auto& [kernel, call] : calls) kernel = nothing;
  const double indirect = best_ns(300, kNodes, call_all);

  const auto verdict = [](double value, double budget) { return value <= budget ? "within" : "OVER"; };
  fmt::print("ns per node, chain of {} scalar nodes, f64, one thread\n", kNodes);
  fmt::print("  record            {:7.1f}   budget 60: {}\n", record, verdict(record, 60));
  fmt::print("  record and grad   {:7.1f}   per forward node\n", differentiate);
  fmt::print("  plan              {:7.1f}\n", plan);
  fmt::print("  replay            {:7.1f}\n", replay);
  fmt::print("  kernels alone     {:7.1f}\n", alone);
  fmt::print("  replay overhead   {:7.1f}   budget 25: {};  {:.1f} indirect calls of {:.1f} ns\n", replay - alone,
             verdict(replay - alone, 25), (replay - alone) / indirect, indirect);
}
