// What meta-gradients found on the two reward processes when it was recorded (tests/tools/record_meta_gradient.sh),
// beside the exact optimum.
//
// [plain] reads files, and runs one iteration of the built program
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "meta/meta_gradient_optimum.h"
#include "tests/app/built_program.h"
#include "tests/app/recorded.h"
#include "tests/catch.h"

using namespace innerloop;
using recorded::metrics_row;
using recorded::Row;
using recorded::seed_folder;

namespace {

// gamma_1 … gamma_9, or lambda_1 …: by state, at the end of a run.
std::vector<double> learned(const std::string& set, int seed, const std::string& name) {
  const std::map<std::string, double> row = metrics_row(seed_folder(set, seed) + "/metrics.csv", Row::last);
  std::vector<double> numbers;
  for (int s = 1; row.contains(name + std::to_string(s)); ++s) numbers.push_back(row.at(name + std::to_string(s)));
  return numbers;
}

// How far the worst of the learned discounts is from the optimum for this α.
double farthest(const std::vector<double>& gamma, double alpha) {
  const std::vector<double> best = meta::population_optimum(meta::signal_noise(), alpha);
  double most = 0;
  for (std::size_t s = 0; s < gamma.size(); ++s) most = std::max(most, std::abs(gamma[s] - best.at(s + 1)));
  return most;
}

}  // namespace

TEST_CASE("meta-gradient, recorded: on signal and noise γ by state ends within 0.1 of the optimum for all ten seeds",
          "[plain]") {
  double worst = 0;
  for (int seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const std::vector<double> gamma = learned("meta-signal-noise", seed, "gamma_");
    REQUIRE(gamma.size() == 9);
    CHECK(farthest(gamma, 0.1) < 0.1);
    worst = std::max(worst, farthest(gamma, 0.1));
  }
  CHECK(worst == Approx(0.085).margin(5e-4));  // as the chapter says
}

TEST_CASE("meta-gradient, recorded: what is learned depends on the learner's step size as the optimum does",
          "[plain]") {
  for (int seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    const std::vector<double> large = learned("meta-signal-noise-alpha-0.5", seed, "gamma_"),
                              small = learned("meta-signal-noise-alpha-0.01", seed, "gamma_");
    REQUIRE(large.size() == 9);
    REQUIRE(small.size() == 9);
    for (std::size_t s = 0; s < 9; ++s) {
      if (s % 2 == 0) CHECK(large[s] > 0.97);
      else CHECK(large[s] < 0.15);
      CHECK(small[s] > 0.98);
    }
    CHECK(farthest(large, 0.5) < 0.05);
    CHECK(farthest(small, 0.01) < 0.05);
    // Single pairs at a constant β: the lesson of the chapter.
    CHECK(farthest(learned("meta-signal-noise-pairs", seed, "gamma_"), 0.1) > 0.2);
  }
}

TEST_CASE("meta-gradient, recorded: λ alternates on noise undone, and both processes alternate online", "[plain]") {
  for (const bool online : {false, true}) {
    const std::string suffix = online ? "-online" : "";
    const std::vector<double> gamma = learned("meta-signal-noise" + suffix, 1, "gamma_"),
                              lambda = learned("meta-noise-undone" + suffix, 1, "lambda_");
    REQUIRE(lambda.size() == 8);
    for (std::size_t s = 0; s < gamma.size(); ++s) {
      CAPTURE(online, s);
      // Into a signal, state 1, 3, …: large. Into noise: less.
      if (s % 2 == 0) CHECK(gamma[s] > 0.95);
      else CHECK(gamma[s] < 0.7);
    }
    for (std::size_t s = 0; s < lambda.size(); ++s) {
      CAPTURE(online, s);
      if (s % 2 == 0) CHECK(lambda[s] > 0.9);
      else CHECK(lambda[s] < (online ? 0.8 : 0.35));
    }
  }
}

TEST_CASE("plot --by-state: what ten seeds learned in the mean, and the exact optimum beside it", "[plain]") {
  TestFolder folder;
  std::string runs;
  for (int seed = 1; seed <= 10; ++seed) runs += " " + seed_folder("meta-signal-noise", seed);
  run_innerloop(folder, "plot" + runs + " --by-state --out " + (folder / "p"));  // 1 where gnuplot is missing
  const std::string data = contents(folder / "p/by_state.dat"), script = contents(folder / "p/by_state.gp");
  CHECK(script.find("signal-noise, 10 seeds") != std::string::npos);
  CHECK(script.find("optimum, signal-noise-v1, α = 0.1") != std::string::npos);
  double mean = 0;
  for (int seed = 1; seed <= 10; ++seed) mean += learned("meta-signal-noise", seed, "gamma_").at(1) / 10;
  CHECK(data.find("\n2 " + std::to_string(mean).substr(0, 6)) != std::string::npos);

  const Outcome none = run_innerloop(folder, "plot tests/golden/runs/a2c-cartpole/seed-1 --by-state --out " +
                                                 (folder / "p"));
  CHECK(none.code == 2);
}

TEST_CASE("meta-gradient, recorded: the first thousand online steps repeat to 3 digits", "[plain]") {
  TestFolder folder;
  const std::string recorded = seed_folder("meta-signal-noise-online", 1);
  REQUIRE(exit_status(folder, "train --config " + recorded + "/config.toml --iterations 1 --quiet --out " +
                                  (folder / "run")) == 0);
  const auto expected = metrics_row(recorded + "/metrics.csv", Row::first),
             now = metrics_row(folder / "run/metrics.csv", Row::first);
  CHECK(expected.size() == now.size());
  for (const auto& [name, value] : expected) {
    CAPTURE(name);
    CHECK(std::abs(now.at(name) - value) <= 5e-3 * std::abs(value));
  }
}
