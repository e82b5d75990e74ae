// What a step of soft actor-critic costs, all included: acting, the environment, the buffer and one update. On one
// thread, and the wide networks also on all cores.
//
//   cmake --build build --target bench_sac_bench && build/bench/sac_bench
// Beside it, the same in PyTorch, in turn: sh tests/bench/peers/sac.sh
#include <algorithm>
#include <chrono>
#include <functional>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "kernels/threads.h"
#include "rl/sac_trainer.h"

using namespace innerloop;

namespace {

double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

rl::OptionValues settings(int width, int batch, int steps) {
  rl::OptionValues values = rl::default_values(rl::sac.options);
  values.set("hidden", std::vector<std::int64_t>{width, width});
  values.set("batch", std::int64_t{batch});
  values.set("steps", std::int64_t{steps});
  values.set("learning_starts", std::int64_t{100});
  values.set("evaluation_episodes", std::int64_t{1});
  return values;
}

// The best of several iterations, per step; the first one, which makes the plans, is left out.
void print_steps(int width, int batch, int steps, int repeats) {
  const auto trainer = rl::sac.make(settings(width, batch, steps), 1);
  trainer->iterate();
  std::vector<double> times;
  for (int k = 0; k < repeats; ++k) times.push_back(milliseconds([&] { trainer->iterate(); }) / steps);
  std::ranges::sort(times);
  fmt::print("2x{:<4} {:>6} {:>8} {:>14.4f} {:>14.4f}\n", width, batch, thread_count(), times.front(),
             times[times.size() / 2]);
}

// Where an update's time goes.
void print_parts(int width, int batch, int repeats) {
  const rl::SacConfig config = rl::sac_options().read(settings(width, batch, 1));
  rl::OffPolicySource source(config.data, 1);
  rl::Sac learner(config, source.sizes, 1);
  for (int step = 0; step < 1000; ++step) {
    rl::Transition t = source.stream.step(std::vector{0.1});
    source.buffer.add(t);
  }
  source.sample();
  learner.update(source.batch, 0);
  double sample = 0, update = 0;
  for (int k = 0; k < repeats; ++k) {
    sample += milliseconds([&] { source.sample(); }) / repeats;
    update += milliseconds([&] { learner.update(source.batch, static_cast<std::uint32_t>(k)); }) / repeats;
  }
  fmt::print("       of which: drawing a batch {:.4f}, update {:.4f}\n", sample, update);
}

}  // namespace

// With the word "small": the small networks alone.
int main(int argc, char** argv) {
  const bool small_alone = argc > 1 && std::string_view(argv[1]) == "small";
  const int all = thread_count();
  set_thread_count(1);
  fmt::print("{:<6} {:>6} {:>8} {:>14} {:>14}\n", "hidden", "batch", "threads", "ms/step, best", "median");
  print_steps(64, 100, 2000, 7);
  if (small_alone) return 0;
  print_parts(64, 100, 2000);
  print_steps(256, 256, 200, 7);
  print_parts(256, 256, 200);
  if (all == 1) return 0;
  set_thread_count(all);
  print_steps(256, 256, 200, 7);
}
