// What a rollout costs: 20 tasks × 20 trajectories × 100 steps of point-nav-v1 with a 2×100 network, one thread.
#include <chrono>

#include <fmt/core.h>

#include "envs/table.h"
#include "kernels/threads.h"
#include "rl/experience/batch.h"
#include "rl/experience/rollout.h"

using namespace innerloop;

int main() {
  set_thread_count(1);
  const nn::PolicySpec policy{.net = {.inputs = 2, .hidden = {100, 100}, .outputs = 2, .activation = Activation::relu}};
  // Goals that nobody reaches: every trajectory takes all 100 steps.
  const std::vector<envs::Task> tasks(20, envs::Task{50.0, 50.0});
  const rl::Rollout rollout(envs::find_env("point-nav-v1"), policy);
  fmt::print("{:<6} {:>12} {:>12} {:>10}\n", "dtype", "rollout ms", "batch ms", "rows/task");
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const ParamValues theta = nn::init_policy(policy, 1, dtype);
    double best_rollout = 1e9, best_batch = 1e9;
    int rows = 0;
    for (int repeat = 0; repeat < 7; ++repeat) {
      const auto t0 = std::chrono::steady_clock::now();
      const rl::Trajectories all = rollout.collect(theta, tasks, 20, {.iteration = static_cast<std::uint32_t>(repeat)});
      const auto t1 = std::chrono::steady_clock::now();
      const BatchValues batch = rl::make_batch(all, {});
      const auto t2 = std::chrono::steady_clock::now();
      best_rollout = std::min(best_rollout, std::chrono::duration<double, std::milli>(t1 - t0).count());
      best_batch = std::min(best_batch, std::chrono::duration<double, std::milli>(t2 - t1).count());
      rows = batch["mask"].shape().rows;
    }
    fmt::print("{:<6} {:>12.1f} {:>12.1f} {:>10}\n", name_of(dtype), best_rollout, best_batch, rows);
  }
}
