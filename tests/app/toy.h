// A small algorithm to try the program with: noisy gradient descent on (x − 3)², quick and exactly repeatable.
#pragma once

#include <cmath>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "app/program.h"
#include "kernels/philox.h"
#include "rl/training/trainer.h"
#include "tests/app/outcome.h"

namespace toy {

using namespace innerloop;

enum class Mode { plain, momentum };
constexpr auto words_of(Mode) {
  return std::to_array<Word<Mode>>({{"plain", Mode::plain}, {"momentum", Mode::momentum}});
}

struct Config {
  std::string env = "point-nav-v1";
  double rate = 0.1;
  int iterations = 25;
  int nan_at = 0;
  Mode mode = Mode::plain;
  std::vector<int> hidden = {100, 100};
  std::vector<double> alphas = {0.5, 0.25};
  bool second_order = true;
  std::string note;
};

inline const rl::Options<Config> options = rl::Options<Config>()
    .add("env", &Config::env, "environment")
    .add("rate", &Config::rate, {0, 1}, "step size", "0.1 (A.2)")
    .add("iterations", &Config::iterations, {0, 1e6}, "how many")
    .add("nan_at", &Config::nan_at, {0, 1e6}, "fails there; 0: never")
    .add("mode", &Config::mode, "of descent")
    .add("hidden", &Config::hidden, {1, 4096}, "widths")
    .add("alphas", &Config::alphas, {0, 10}, "per step")
    .add("second_order", &Config::second_order, "or first")
    .add("note", &Config::note, "anything");

class Trainer : public rl::Trainer {
 public:
  Trainer(const rl::OptionValues& values, std::uint64_t seed) : config_(options.read(values)), seed_(seed) {}
  rl::Metrics iterate() override {
    Philox random(seed_, {.purpose = Purpose::action, .iteration = static_cast<std::uint32_t>(iteration_)});
    const double x = x_.item();
    if (iteration_ + 1 == config_.nan_at)
      throw NonFiniteError("the loss is NaN at iteration " + std::to_string(config_.nan_at));
    x_.set(0, 0, 0, x - config_.rate * (2 * (x - 3) + random.normal()));
    ++iteration_;
    return {{"loss", (x - 3) * (x - 3)}, {"x", x}};
  }
  int iterations() const override { return config_.iterations; }
  void visit(rl::Checkpoint& c) override { c("x", x_); }
  // Comes nearer to the goal with every step: the return after k steps is −|goal|/(k + 1), in a straight line.
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override {
    const int tasks = request.tasks.shape().rows;
    rl::AdaptReport report{Tensor({1, tasks, request.steps + 1}), {}, Tensor({1, tasks, request.steps + 1})};
    for (int i = 0; i < tasks; ++i)
      for (int k = 0; k <= request.steps; ++k) {
        const double x = request.tasks.at(0, i, 0), y = request.tasks.at(0, i, 1), reached = k / (k + 1.0);
        report.returns.set(0, i, k, -std::hypot(x, y) / (k + 1) - x_.item());
        report.env_steps.set(0, i, k, 50 * k);
        const std::vector<double> points{0, 0, reached * x, reached * y};
        if (request.paths > 0) report.paths.push_back({i, k, Tensor::from({1, 2, 2}, points)});
      }
    return report;
  }

 private:
  Config config_;
  std::uint64_t seed_;
  Tensor x_ = Tensor::scalar(0);
};

inline constexpr rl::Preset presets[] = {{"fast", "large steps", "rate = 0.4\nhidden = [8]\n"}};
inline const rl::AlgorithmRow row{
    "toy",
    "Noisy descent",
    "nobody, arXiv 0000.00000",
    "Descends a parabola.",
    "meta/toy.cpp",
    options,
    presets,
    [](const rl::OptionValues& values, std::uint64_t seed) -> std::unique_ptr<rl::Trainer> {
      return std::make_unique<Trainer>(values, seed);
    }};
inline constexpr const rl::AlgorithmRow* rows[] = {&row};

// The program, called as a function, with this algorithm alone or others.
inline Outcome program(const std::vector<std::string>& arguments,
                       std::span<const rl::AlgorithmRow* const> algorithms = rows) {
  std::ostringstream out, err;
  const int code = app::run_program({algorithms, out, err}, arguments);
  return {code, out.str(), err.str()};
}

}  // namespace toy
