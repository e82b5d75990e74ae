// What RL² reached when it was recorded (tests/tools/record_rl2.sh), beside what can be computed exactly.
//
// [plain] reads files
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/app/recorded.h"
#include "tests/catch.h"

using namespace innerloop;

namespace {

// "whole trial of 10 episodes: 6.6215 ± 0.0312": the mean.
double number_after(const std::string& table, const char* words) {
  const std::size_t line = table.find(words);
  REQUIRE(line != std::string::npos);
  return std::stod(table.substr(table.find(": ", line) + 2));
}
double whole_trial(const std::string& table) { return number_after(table, "whole trial of "); }

}  // namespace

TEST_CASE("rl2, recorded: every run is above its bar, none above the exact optimum by more than chance",
          "[plain]") {
  const struct {
    const char* set;
    double bar, optimum, error;  // error: four standard errors of the test
  } sets[] = {{"rl2-bandit", 6.58, 6.659988, 0.07},
              {"rl2-informative", 20.5, 20.55, 0.04},
              {"rl2-harlow", 8.5, 9, 0.13},
              {"rl2-grid-navi", 34, 37.2143, 0.9},
              {"rl2-two-step", 69, 69.70, 0.5},
              {"rl2-two-step-flip", 69.5, 70.59, 0.5},
              {"rl2-wang-medium", 73.5, 74, 0.5}};
  for (const auto& set : sets) {
    int runs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::string("tests/golden/runs/") + set.set)) {
      if (!entry.is_directory()) continue;
      CAPTURE(entry.path().string());
      const double mean = whole_trial(contents(entry.path().string() + "/adapt.txt"));
      CHECK(mean >= set.bar);
      CHECK(mean <= set.optimum + set.error);
      ++runs;
    }
    CAPTURE(set.set);
    CHECK(runs == 5);
  }
}

TEST_CASE("rl2, recorded: regret in two arms, of every seed within a quarter of exact, or near Thompson's",
          "[plain]") {
  // By the arms that were pulled, on average over 2000 trials; exactly 1.000, 2.312, 1.748, Thompson sampling's 2.78.
  const struct {
    const char* set;
    double exact, each, mean;
  } sets[] = {{"rl2-wang-medium", 1, 1.25, 1.25},
              {"rl2-wang-hard", 2.312, 1.25 * 2.312, 1.25 * 2.312},
              {"rl2-wang-independent", 1.748, 2.78, 2.78}};
  for (const auto& set : sets) {
    double sum = 0;
    for (const std::string seed : {"1", "2", "3", "4", "5"}) {
      CAPTURE(set.set, seed);
      const std::string table =
          contents("tests/golden/runs/" + std::string(set.set) + "/seed-" + seed + "/adapt.txt");
      const double regret = number_after(table, "expected regret of a trial");
      CHECK(regret <= set.each);
      CHECK(regret >= set.exact - 0.3);  // four standard errors
      sum += regret;
    }
    CAPTURE(set.set);
    CHECK(sum / 5 <= set.mean);
  }
}

TEST_CASE("rl2, recorded: first choices are repeated as the exact filter repeats them, not as habit does", "[plain]") {
  int runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/runs/rl2-two-step-flip")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().string());
    const std::string table = "\n" + contents(entry.path().string() + "/stay.txt");
    const auto number = [&](const char* words) {
      const std::size_t at = table.find(words);
      REQUIRE(at != std::string::npos);
      return std::stod(table.substr(at + std::string(words).size()));
    };
    CHECK(std::abs(number("\nrewarded-common ") - 1.00) <= .1);
    CHECK(std::abs(number("\nrewarded-rare ") - .67) <= .1);
    CHECK(std::abs(number("\nunrewarded-common ") - .66) <= .1);
    CHECK(std::abs(number("\nunrewarded-rare ") - 1.00) <= .1);
    CHECK(std::abs(number("\nmain effect of reward ")) <= .05);
    ++runs;
  }
  CHECK(runs == 5);
}

TEST_CASE("rl2, recorded: the second episode in a small maze is better than the first, of every seed", "[plain]") {
  int runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/runs/rl2-maze")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().string());
    // "rl2 (maze)   0.89 ± 0.01   0.91 ± 0.00"; the next lines: random, the shortest way.
    const std::string table = contents(entry.path().string() + "/adapt.txt");
    double first, first_error, second, second_error, shortest;
    REQUIRE(std::sscanf(table.c_str() + table.find("rl2 (maze)"), "rl2 (maze) %lf ± %lf %lf ± %lf", &first,
                        &first_error, &second, &second_error) == 4);
    REQUIRE(std::sscanf(table.c_str() + table.find("shortest"), "shortest way (knows the maze) %lf", &shortest) == 1);
    CHECK(second - first > first_error + second_error);
    CHECK(second <= shortest);
    ++runs;
  }
  CHECK(runs == 5);
}

TEST_CASE("rl2, recorded: trained on one of five distributions of two arms, nobody beats the optimum of any of them",
          "[plain]") {
  // Lines "train,test,regret,plus_minus".
  std::istringstream lines(contents("tests/golden/runs/rl2-matrix/matrix.csv"));
  std::map<std::string, std::map<std::string, double>> regret;  // of the test distribution, by what it was trained on
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);) {
    const std::size_t a = line.find(','), b = line.find(',', a + 1);
    regret[line.substr(a + 1, b - a - 1)][line.substr(0, a)] = std::stod(line.substr(b + 1));
  }
  REQUIRE(regret.size() == 5);
  const std::map<std::string, double> exact = {
      {"independent", 1.748}, {"uniform", 1.221}, {"easy", .625}, {"medium", 1.0}, {"hard", 2.312}};
  for (const auto& [test, by_training] : regret) {
    CAPTURE(test);
    REQUIRE(by_training.size() == 5);
    // Nothing is better than the exact optimum of the tested distribution, by more than four standard errors.
    for (const auto& [train, value] : by_training) {
      CAPTURE(train);
      CHECK(value >= exact.at(test) - 0.3);
    }
  }
}

TEST_CASE("rl2, recorded: the authors' sizes run and resume, 250 000 steps an iteration; the bandit's return rises",
          "[plain]") {
  for (const std::string preset : {"paper-bandit", "paper-mdp"}) {
    // Lines "iteration,return,first_episode,last_episode,steps,...".
    std::istringstream lines(contents("tests/golden/runs/rl2-" + preset + "/seed-1/metrics.csv"));
    std::string line;
    std::vector<double> returns;
    for (std::getline(lines, line); std::getline(lines, line);) {
      double trial, first, last, steps;
      int iteration;
      REQUIRE(std::sscanf(line.c_str(), "%d,%lf,%lf,%lf,%lf", &iteration, &trial, &first, &last, &steps) == 5);
      CHECK(steps == 250000);
      returns.push_back(trial);
      CHECK(iteration == static_cast<int>(returns.size()));
    }
    CAPTURE(preset);
    REQUIRE(returns.size() == (preset == "paper-bandit" ? 7 : 10));
    if (preset == "paper-bandit") CHECK(returns.back() > returns.front() + 0.3);
    else CHECK((std::ranges::min(returns) > 99 && std::ranges::max(returns) < 102));  // as it began
  }
}

TEST_CASE("rl2, recorded: a hundred pulls of five arms earn more than Thompson sampling's published 74.7", "[plain]") {
  CHECK(whole_trial(contents("tests/golden/runs/rl2-n100/seed-1/adapt.txt")) >= 75.5);
}
