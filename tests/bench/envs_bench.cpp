// How fast point navigation and the pendulum step on one core: the struct alone, through the row's function (what a
// batch of one task costs), and through VectorEnv with all its checks.
#include <fmt/core.h>

#include <chrono>
#include <cstring>

#include "envs/maml_goals.h"
#include "envs/pendulum.h"
#include "envs/point_navigation.h"
#include "envs/table.h"
#include "envs/vector_env.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

// Seconds that body() takes: the best of five.
template <class Body>
double best_seconds(Body body) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// Million steps per second of the bare struct: 2000 points in lockstep, actions from memory.
template <class Real>
double raw_rate() {
  using Env = PointNavigation<Real>;
  constexpr int points = 2000, steps = 10000;
  std::vector<typename Env::State> states(points);
  std::vector<typename Env::Action> actions(points);
  std::vector<Real> rewards(points);
  for (int i = 0; i < points; ++i)
    actions[static_cast<std::size_t>(i)] = {static_cast<Real>(i % 7 - 3) / 4, static_cast<Real>(i % 5 - 2) / 3};
  NoRandom none;
  int ends = 0;
  const double seconds = best_seconds([&] {
    for (int t = 0; t < steps; ++t)
      for (std::size_t i = 0; i < points; ++i) {
        const Step<Real> out = Env::step({Real(.3), Real(.4)}, states[i], actions[i], none);
        rewards[i] = out.reward;
        ends += out.terminated;
      }
  });
  if (ends < 0) fmt::print("{}\n", rewards[0]);  // keeps the work alive
  return points * double(steps) / seconds / 1e6;
}

// Million steps per second of VectorEnv: 20 tasks × 100 trajectories, 100 steps, none of which reaches its goal.
double vector_rate() {
  VectorEnv env(find_env("point-nav-v1"), maml_test_goals(1, 20), 100, 1);
  std::vector<double> actions(20 * 100 * 2, 1.0);
  const double seconds = best_seconds([&] {
    for (int episode = 0; episode < 20; ++episode) {
      env.reset({.purpose = Purpose::reset});
      while (!env.all_finished()) env.step(actions);
    }
  });
  return 20 * 100.0 * 100 * 20 / seconds / 1e6;
}

// Million steps per second of the row's step function: 1024 pendulums with their observations, no checks.
double pendulum_row_rate() {
  const EnvRow& row = find_env("pendulum-v1");
  constexpr int count = 1024, steps = 5000;
  std::vector<std::uint64_t> states(count * static_cast<std::size_t>(row.state_words));
  std::vector<std::uint8_t> finished(count), terminated(count);
  std::vector<double> actions(count), rewards(count), observations(count * 3);
  const double gravity = 10;
  for (std::size_t i = 0; i < count; ++i) actions[i] = double(i % 9) / 2 - 2;
  const Lanes lanes{.task = &gravity,
                    .count = count,
                    .states = states.data(),
                    .actions = actions.data(),
                    .finished = finished.data(),
                    .rewards = rewards.data(),
                    .terminated = terminated.data(),
                    .observations = observations.data(),
                    .seed = 1,
                    .place = {}};
  const double seconds = best_seconds([&] {
    row.reset(lanes);
    for (int t = 0; t < steps; ++t) row.step(lanes);
  });
  return count * double(steps) / seconds / 1e6;
}

// The same through VectorEnv, with its checks and time limit: 1024 pendulums, whole episodes.
double pendulum_vector_rate() {
  VectorEnv env(find_env("pendulum-v1"), {{10.0}}, 1024, 1);
  std::vector<double> actions(1024, 1.0);
  const double seconds = best_seconds([&] {
    for (int episode = 0; episode < 25; ++episode) {
      env.reset({.purpose = Purpose::reset});
      while (!env.all_finished()) env.step(actions);
    }
  });
  return 1024 * 200.0 * 25 / seconds / 1e6;
}

}  // namespace

int main() {
  fmt::print("point-nav-v1, million steps per second, one core\n");
  fmt::print("  struct alone, f32           {:8.1f}\n", raw_rate<float>());
  fmt::print("  struct alone, f64           {:8.1f}\n", raw_rate<double>());
  fmt::print("  VectorEnv, 20 tasks × 100   {:8.1f}\n", vector_rate());
  fmt::print("pendulum-v1, with observations\n");
  fmt::print("  row, 1024 in lockstep, f64  {:8.1f}\n", pendulum_row_rate());
  fmt::print("  VectorEnv, 1024             {:8.1f}\n", pendulum_vector_rate());
}
