// What RL² reached when it was recorded (tests/tools/record_rl2.sh), beside what can be computed exactly.
//
// [plain] reads files
#include <cmath>
#include <filesystem>
#include <string>

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

TEST_CASE("rl2, recorded: every run but one is above its bar, none above the exact optimum by more than chance",
          "[plain]") {
  const struct {
    const char* set;
    double bar, optimum, error;  // error: four standard errors of the test
    int below = 0;               // runs that miss their bar
  } sets[] = {{"rl2-bandit", 6.58, 6.659988, 0.07},
              {"rl2-informative", 20.5, 20.55, 0.04},
              {"rl2-harlow", 8.5, 9, 0.13},
              {"rl2-grid-navi", 34, 37.2143, 0.9},
              {"rl2-two-step", 69, 69.70, 0.5, 1},
              {"rl2-two-step-flip", 69.5, 70.59, 0.5},
              {"rl2-wang-medium", 73.5, 74, 0.5}};
  for (const auto& set : sets) {
    int runs = 0, below = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::string("tests/golden/runs/") + set.set)) {
      if (!entry.is_directory()) continue;
      CAPTURE(entry.path().string());
      const double mean = whole_trial(contents(entry.path().string() + "/adapt.txt"));
      below += mean < set.bar;
      CHECK(mean <= set.optimum + set.error);
      ++runs;
    }
    CAPTURE(set.set);
    CHECK(runs >= 1);
    CHECK(below == set.below);
  }
}

TEST_CASE("rl2, recorded: regret in two arms, of each seed within a quarter of the exact one, or near Thompson's",
          "[plain]") {
  // By the arms that were pulled, on average over 2000 trials; exactly 1.000, 2.312, 1.748, Thompson sampling's 2.78.
  const struct {
    const char* set;
    double exact, each, mean;
  } sets[] = {{"rl2-wang-medium", 1, 1.25, 1.25},
              {"rl2-wang-hard", 2.312, 1.25 * 2.312, 1.25 * 2.312},
              {"rl2-wang-independent", 1.748, 3.4, 2.78}};
  for (const auto& set : sets) {
    double sum = 0;
    for (const std::string seed : {"1", "2", "3"}) {
      CAPTURE(set.set, seed);
      const std::string table =
          contents("tests/golden/runs/" + std::string(set.set) + "/seed-" + seed + "/adapt.txt");
      const double regret = number_after(table, "expected regret of a trial");
      CHECK(regret <= set.each);
      CHECK(regret >= set.exact - 0.3);  // four standard errors
      sum += regret;
    }
    CHECK(sum / 3 <= set.mean);
  }
}
