// Replay overhead, as a ratio to an indirect-call loop timed in the same run. The precise figures:
// tests/bench/autodiff_bench.cpp.
#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "autodiff/ops.h"
#include "autodiff/program.h"
#include "tests/catch.h"

using namespace innerloop;

namespace {

void nothing(const kernels::Call& call) { *static_cast<double*>(call.out.data) += 1; }

template <class F>
double best_seconds(F body) {
  double best = 1e300;
  for (int r = 0; r < 200; ++r) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

TEST_CASE("replaying a scalar node costs at most some tens of indirect calls", "[timing]") {
  constexpr int nodes = 1000;
  auto graph = std::make_shared<Graph>();
  Var x = graph->input({1, 1, 1}, "x"), y = x;
  for (int i = 0; i < nodes; ++i) y = i % 2 ? -y : y * x;
  Program program(graph, std::span(&y, 1));
  double in = 1, out = 0;
  const std::array<const void*, 1> inputs{&in};
  const std::array<void*, 1> outputs{&out};
  const double replay = best_seconds([&] { program.run(inputs, outputs, {}); });

  double number = 0;
  std::vector<std::pair<kernels::Kernel, kernels::Call>> calls(nodes, {nothing, {.out = {&number, 1, 1}, .attr = {}}});
  const double indirect = best_seconds([&] {
    for (auto& [kernel, call] : calls) kernel(call);
  });
  INFO("replay " << replay / nodes * 1e9 << " ns a node, an indirect call " << indirect / nodes * 1e9 << " ns");
  CHECK(replay < 60 * indirect);
}
