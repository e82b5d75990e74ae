// What meta-gradients found on the two reward processes when it was recorded (tests/tools/record_meta_gradient.sh),
// beside the exact optimum.
//
// [plain] reads files, and runs one iteration of the built program
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
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

// A line of results.csv: one run of control, judged by its last ten iterations.
struct ControlRun {
  std::string method, env;
  double score = 0, greedy = 0, gamma = 0, lambda = 0;
};
std::vector<ControlRun> control_runs(const std::string& set, const std::string& sweep) {
  std::istringstream text(contents("tests/golden/runs/" + set + "/results.csv"));
  std::vector<ControlRun> runs;
  for (std::string line; std::getline(text, line);) {
    std::istringstream cells(line);
    std::vector<std::string> words;
    for (std::string word; std::getline(cells, word, ',');) words.push_back(word);
    if (words.at(0) != sweep) continue;
    const auto number = [&](std::size_t i) { return words.at(i).empty() ? 0 : std::stod(words.at(i)); };
    runs.push_back({words.at(1), words.at(2), number(4), number(5), number(6), number(7)});
  }
  return runs;
}

std::vector<double> scores(const std::vector<ControlRun>& runs, const std::string& method) {
  std::vector<double> found;
  for (const ControlRun& run : runs)
    if (run.method == method) found.push_back(run.score);
  return found;
}

double mean_of(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double x : numbers) sum += x;
  return sum / static_cast<double>(numbers.size());
}

// Ten seeds of two methods: the mean difference, and the half width of its 95 % interval (t = 2.262 with 9 degrees of
// freedom).
struct Paired {
  double mean = 0, half = 0;
};
Paired paired(const std::vector<double>& learned, const std::vector<double>& fixed) {
  REQUIRE(learned.size() == 10);
  REQUIRE(fixed.size() == 10);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < 10; ++i) sum += learned[i] - fixed[i], squares += std::pow(learned[i] - fixed[i], 2);
  const double mean = sum / 10;
  return {mean, 2.262 * std::sqrt((squares / 10 - mean * mean) / 9)};
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

TEST_CASE("meta-gradient, recorded: on the chain all greedy choices are the 1.1 where γ is learned, and few where not",
          "[plain]") {
  // How many of five seeds take the 1.1, for delays 1, 3, 10, 30 and 100.
  const auto takers = [](const std::string& sweep, const std::string& method) {
    std::map<int, int> found;
    int runs = 0;
    for (const ControlRun& run : control_runs("meta-chain", "chain-" + sweep))
      if (run.method == "chain-learn-" + method) {
        found[std::stoi(run.env.substr(std::string("discounting-chain-").size()))] += run.greedy > 1.05;
        ++runs;
      }
    CHECK(runs == 25);
    return found;
  };
  const std::map<int, int> all{{1, 5}, {3, 5}, {10, 5}, {30, 5}, {100, 5}},
      near{{1, 5}, {3, 5}, {10, 0}, {30, 0}, {100, 0}};
  CHECK(takers("learned", "gamma") == all);
  CHECK(takers("learned", "both") == all);
  CHECK(takers("learned", "lambda-gamma-1-lambda-0.1") == all);
  CHECK(takers("fixed", "none-gamma-1-lambda-0.9") == all);
  CHECK(takers("learned", "gamma-beta-0") == near);
  CHECK(takers("learned", "lambda-lambda-0.8") == near);  // with γ = 0.97 no λ can
  CHECK(takers("learned", "both-lambda-0.8") == std::map<int, int>{{1, 5}, {3, 5}, {10, 5}, {30, 5}, {100, 3}});
  CHECK(takers("fixed", "none-anneal_gamma-true-gamma-0.9-gamma_end-1") ==
        std::map<int, int>{{1, 5}, {3, 5}, {10, 4}, {30, 0}, {100, 0}});

  // The grid's best cell, ten fresh seeds.
  for (const ControlRun& run : control_runs("meta-chain", "chain-best")) CHECK(run.greedy > 1.05);
  CHECK(control_runs("meta-chain", "chain-best").size() == 50);

  for (const ControlRun& run : control_runs("meta-chain", "chain-learned")) {
    const double delay = std::stod(run.env.substr(std::string("discounting-chain-").size()));
    if (run.method != "chain-learn-gamma" || delay == 1) continue;  // for a delay of 1 any γ will do
    CAPTURE(run.env, run.gamma);
    CHECK(run.gamma > std::pow(1 / 1.1, 1 / (delay - 1)));
  }
}

TEST_CASE("meta-gradient, recorded: in the lure grid a learned γ beats the same start with β = 0", "[plain]") {
  const std::vector<ControlRun> runs = control_runs("meta-lure-grid", "lure-grid-learned");
  const Paired gain = paired(scores(runs, "lure-grid-learn-gamma"), scores(runs, "lure-grid-learn-gamma-beta-0"));
  CAPTURE(gain.mean, gain.half);
  CHECK(gain.mean - gain.half > 0);
}

TEST_CASE("meta-gradient, recorded: on the noisy cart-pole γ, λ and both beat the same start with β = 0", "[plain]") {
  const std::vector<ControlRun> runs = control_runs("meta-noisy-cartpole", "noisy-cartpole-learned");
  const auto gain = [&](const std::string& learned, const std::string& fixed) {
    return paired(scores(runs, "noisy-cartpole-learn-" + learned), scores(runs, "noisy-cartpole-learn-" + fixed));
  };
  const Paired gamma = gain("gamma-lambda-1", "gamma-lambda-1-beta-0"), both = gain("both", "both-beta-0"),
               lambda = gain("lambda-gamma-0.997-iterations-1000", "lambda-gamma-0.997-beta-0-iterations-1000"),
               late = gain("lambda-gamma-0.997", "lambda-gamma-0.997-beta-0");
  CHECK(gamma.mean - gamma.half > 250);
  CHECK(both.mean - both.half > 250);
  CHECK(lambda.mean - lambda.half > 0);
  // With twice the time λ = 0.8 is as good as any, and there is nothing to gain.
  CHECK(std::abs(late.mean) < late.half);
}

TEST_CASE("meta-gradient, recorded: how near the learned ones come to the grid's best cell, as the chapter says",
          "[plain]") {
  // (learned − random)/(best − random), best with ten fresh seeds.
  const auto share = [](const std::string& preset, const std::string& learned, double random) {
    const std::string set = "meta-" + preset;
    double best = 0, n = 0;
    for (const ControlRun& run : control_runs(set, preset + "-best")) best += run.score, ++n;
    REQUIRE(n == 10);
    const double mean = mean_of(scores(control_runs(set, preset + "-learned"), preset + "-" + learned));
    return (mean - random) / (best / n - random);
  };
  CHECK(share("lure-grid", "learn-gamma", 0.48) > 0.95);
  CHECK(share("lure-grid", "learn-both", 0.48) > 0.95);
  CHECK(share("noisy-cartpole", "learn-lambda-gamma-0.997", 23) > 0.95);
  // Three misses.
  CHECK(share("lure-grid", "learn-lambda", 0.48) == Approx(0.53).margin(0.005));
  CHECK(share("noisy-cartpole", "learn-gamma-lambda-1", 23) == Approx(0.90).margin(0.005));
  CHECK(share("noisy-cartpole", "learn-both", 23) == Approx(0.89).margin(0.005));
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

TEST_CASE("meta-gradient, recorded: the first iterations of the chain repeat to 3 digits", "[plain]") {
  TestFolder folder;
  const std::string command = "train meta_gradient --preset chain --seed 1 --iterations 11 --quiet --out ";
  REQUIRE(exit_status(folder, command + (folder / "run")) == 0);
  // method, env, seed, iteration, return, γ, λ
  const std::string curves = contents("tests/golden/runs/meta-chain/curves.csv"),
                    head = "chain-learn-gamma,discounting-chain-30-v2,1,11,";
  const std::size_t at = curves.find(head);
  REQUIRE(at != std::string::npos);
  const auto now = metrics_row(folder / "run/metrics.csv", Row::last);
  CHECK(now.at("return") == Approx(std::stod(curves.substr(at + head.size()))).margin(1e-3));
}
