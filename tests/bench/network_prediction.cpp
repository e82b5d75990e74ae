// What the networks of `innerloop bench networks` should cost on an H200, from the plans of their programs alone: the
// table and the roofline of kernels/cuda/README.md. Nothing is measured, and no GPU is needed.
//   build/bench/network_prediction [table | roofline]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "tests/bench/network_model.h"

namespace innerloop::app {
namespace {

// So many digits that count, and no exponent.
std::string shown(double x, int digits = 3) {
  const int whole = x == 0 ? 1 : static_cast<int>(std::floor(std::log10(std::abs(x)))) + 1;
  return fmt::format("{:.{}f}", x, std::clamp(digits - whole, 0, 9));
}

// What should come out on an H200.
void print_predicted(const std::vector<NetworkCase>& cases) {
  const GpuModel gpu = h200();
  std::cout << "| case | GFLOP | fp32 floor ms | our GFLOP | MB moved | launches | waiting ms | predicted ms | × floor "
               "| measured ms |\n|---|---|---|---|---|---|---|---|---|---|\n";
  for (const NetworkCase& c : cases) {
    const PlanCost cost = predicted_cost(c, gpu);
    const double floor = c.least_flops() / gpu.flops_per_second() * 1e3;
    std::cout << fmt::format("| {} | {} | {} | {} | {:.0f} | {} | {} | {} | {:.1f} | owed |\n", c.name(),
                             shown(c.least_flops() * 1e-9), shown(floor, 2), shown(cost.flops * 1e-9),
                             cost.bytes * 1e-6, cost.launches, shown(cost.waiting_ms, 2), shown(cost.ms, 2),
                             cost.ms / floor);
  }
}

// FLOP per byte of each plan on a scale of powers of two, against the ridge where arithmetic becomes the limit. One row
// for each width: longer and larger batches have the same ratio.
void print_roofline(const std::vector<NetworkCase>& cases) {
  const GpuModel gpu = h200();
  constexpr double per_doubling = 5, last = 10;  // columns; 1 … 1024
  const auto column = [=](double x) {
    return static_cast<std::size_t>(std::lround(per_doubling * std::clamp(std::log2(x), 0.0, last)));
  };
  constexpr std::size_t width = static_cast<std::size_t>(per_doubling * last) + 1;
  std::cout << fmt::format("{:30}", "FLOP per byte");
  for (int power = 0; power < 10; power += 2) std::cout << fmt::format("{:<10}", 1 << power);
  std::cout << "1024\n";
  for (const NetworkCase& c : cases) {
    const bool largest = c.kind == NetworkCase::Kind::lstm   ? c.steps == 100 && c.rows == 1024
                         : c.kind == NetworkCase::Kind::maml ? c.tasks == 40
                                                             : true;
    if (!largest) continue;
    const PlanCost cost = predicted_cost(c, gpu);
    const double intensity = cost.flops / cost.bytes;
    std::string bar(width, ' ');
    std::fill_n(bar.begin(), std::max<std::size_t>(1, column(intensity)), '=');
    bar[column(gpu.ridge())] = '|';
    const bool waits = cost.waiting_ms > 0.5 * cost.ms;
    std::cout << fmt::format("{:30}{} {}, {}\n", c.name(), bar, shown(intensity),
                             waits ? "waits" : intensity > gpu.ridge() ? "arithmetic" : "memory");
  }
  std::cout << fmt::format("{:30}{:>{}} {}: {} TFLOP/s over {} TB/s\n", "", '|', column(gpu.ridge()) + 1,
                           shown(gpu.ridge()), shown(gpu.flops_per_second() * 1e-12),
                           shown(gpu.bytes_per_second * 1e-12));
}

}  // namespace
}  // namespace innerloop::app

int main(int count, char** arguments) {
  using namespace innerloop::app;
  const std::string what = count == 1 ? "both" : arguments[1];
  if (what != "table" && what != "roofline" && what != "both") {
    std::cerr << "usage: build/bench/network_prediction [table | roofline]\n";
    return 2;
  }
  if (what != "roofline") print_predicted(network_cases(false));
  if (what != "table") print_roofline(network_cases(false));
  return 0;
}
