// Environment steps per second of RL²: acting through a trial of 100 pulls, backpropagation through all of it, and a
// step of Adam, for 64 trials at once on one thread. The environment is the two-armed bandit, whose steps cost next to
// nothing. The trials are cut into slices of 16, so that what the gradient of one needs stays in the cache; or not cut.
//
//   cmake --build build --target bench_rl2_bench && build/bench/rl2_bench [48 | 256] [slices]
// Beside it, the same work in PyTorch, in turn: sh tests/bench/peers/rl2.sh
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "kernels/threads.h"
#include "meta/rl2.h"

using namespace innerloop;

namespace {

constexpr int trials = 64, pulls = 100, repeats = 7;

// The median of several iterations; the first one, which makes the plans, is left out.
double milliseconds_of_iteration(int cells, int slices) {
  rl::OptionValues values = rl::default_values(meta::rl2.options);
  values.set("env", std::string("wang-independent-v1"));
  values.set("core_size", std::int64_t{cells});
  values.set("tasks", std::int64_t{trials});
  values.set("slices", std::int64_t{slices});
  const auto trainer = meta::rl2.make(values, 1);
  trainer->iterate();
  std::vector<double> times;
  for (int k = 0; k < repeats; ++k) {
    const auto start = std::chrono::steady_clock::now();
    trainer->iterate();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(times);
  return times[repeats / 2];
}

}  // namespace

int main(int count, char** arguments) {
  set_thread_count(1);
  const std::string cells_wanted = count > 1 ? arguments[1] : "", slices_wanted = count > 2 ? arguments[2] : "4";
  const int slices = std::atoi(slices_wanted.c_str());
  if ((count > 1 && cells_wanted != "48" && cells_wanted != "256") || slices < 1 || trials % slices != 0) {
    fmt::print(stderr, "rl2_bench [48 | 256] [slices]: slices divide {}\n", trials);
    return 2;
  }
  for (const int cells : {48, 256}) {
    if (count > 1 && std::to_string(cells) != cells_wanted) continue;
    const double ms = milliseconds_of_iteration(cells, slices);
    fmt::print("LSTM-{} {} trials of {} pulls in {} slices: {:.2f} ms an iteration, {:.0f} steps a second\n", cells,
               trials, pulls, slices, ms, 1e3 * trials * pulls / ms);
  }
  return 0;
}
