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
double whole_trial(const std::string& table) {
  const std::size_t line = table.find("whole trial of ");
  REQUIRE(line != std::string::npos);
  return std::stod(table.substr(table.find(": ", line) + 2));
}

}  // namespace

TEST_CASE("rl2, recorded: every run is above its bar, none above the exact optimum by more than chance", "[plain]") {
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
    CHECK(runs >= 1);
  }
}
