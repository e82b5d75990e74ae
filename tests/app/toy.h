// A small algorithm to try the program with: noisy gradient descent on (x − 3)², quick and exactly repeatable.
#pragma once

#include <cmath>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "app/program.h"
#include "kernels/philox.h"
#include "rl/trainer.h"
#include "tests/app/outcome.h"

namespace toy {

using namespace innerloop;

class Trainer : public rl::Trainer {
 public:
  Trainer(const rl::OptionValues& values, std::uint64_t seed)
      : rate_(values.real("rate")),
        nan_at_(values.integer("nan_at")),
        iterations_(values.integer("iterations")),
        seed_(seed) {
    state_.add("x", Tensor::scalar(0));
  }
  rl::Metrics iterate() override {
    Philox random(seed_, {.purpose = Purpose::action, .iteration = static_cast<std::uint32_t>(iteration_)});
    const double x = state_["x"].item();
    if (iteration_ + 1 == nan_at_) throw NonFiniteError("the loss is NaN at iteration " + std::to_string(nan_at_));
    state_["x"].set(0, 0, 0, x - rate_ * (2 * (x - 3) + random.normal()));
    ++iteration_;
    return {{"loss", (x - 3) * (x - 3)}, {"x", x}};
  }
  int iteration() const override { return iteration_; }
  int iterations() const override { return iterations_; }
  Tensors state() const override { return state_; }
  void restore(const Tensors& state, int iteration) override {
    require(state.count() == 1 && state.contains("x"), "the toy's state is one tensor, x");
    state_ = state;
    iteration_ = iteration;
  }
  // Comes nearer to the goal with every step: the return after k steps is −|goal|/(k + 1), in a straight line.
  rl::AdaptReport adapt(const rl::AdaptRequest& request) const override {
    const int tasks = request.tasks.shape().rows;
    rl::AdaptReport report{Tensor({1, tasks, request.steps + 1}), {}, Tensor({1, tasks, request.steps + 1})};
    for (int i = 0; i < tasks; ++i)
      for (int k = 0; k <= request.steps; ++k) {
        const double x = request.tasks.at(0, i, 0), y = request.tasks.at(0, i, 1), reached = k / (k + 1.0);
        report.returns.set(0, i, k, -std::hypot(x, y) / (k + 1) - state_["x"].item());
        report.env_steps.set(0, i, k, 50 * k);
        const std::vector<double> points{0, 0, reached * x, reached * y};
        if (request.paths > 0) report.paths.push_back({i, k, Tensor::from({1, 2, 2}, points)});
      }
    return report;
  }

 private:
  double rate_;
  int nan_at_, iterations_;
  std::uint64_t seed_;
  int iteration_ = 0;
  Tensors state_;
};

inline constexpr rl::Option options[] = {
    {.name = "env", .type = rl::OptionType::text, .value = "point-nav-v1", .help = "environment"},
    {.name = "rate",
     .type = rl::OptionType::real,
     .value = "0.1",
     .low = 0,
     .high = 1,
     .help = "step size",
     .paper = "0.1 (A.2)"},
    {.name = "iterations", .type = rl::OptionType::integer, .value = "25", .low = 0, .high = 1e6, .help = "how many"},
    {.name = "nan_at",
     .type = rl::OptionType::integer,
     .value = "0",
     .low = 0,
     .high = 1e6,
     .help = "fails there; 0: never"},
    {.name = "mode",
     .type = rl::OptionType::choice,
     .value = "plain",
     .choices = "plain momentum",
     .help = "of descent"},
    {.name = "hidden",
     .type = rl::OptionType::integers,
     .value = "[100, 100]",
     .low = 1,
     .high = 4096,
     .help = "widths"},
    {.name = "alphas", .type = rl::OptionType::reals, .value = "[0.5, 0.25]", .low = 0, .high = 10, .help = "per step"},
    {.name = "second_order", .type = rl::OptionType::boolean, .value = "true", .help = "or first"},
    {.name = "note", .type = rl::OptionType::text, .value = "", .help = "anything"},
};
inline constexpr rl::Preset presets[] = {{"fast", "large steps", "rate = 0.4\nhidden = [8]\n"}};
inline constexpr rl::AlgorithmRow row{
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
