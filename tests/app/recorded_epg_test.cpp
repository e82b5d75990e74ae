// What EPG reached when it was recorded, and what its controls said (tests/tools/record_epg.sh).
//
// [plain] reads files
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "tests/app/folder.h"
#include "tests/catch.h"

namespace {

// The areas under a learner's lifetimes, by task; learner: how its name begins.
std::vector<double> areas(const std::string& file, const std::string& learner) {
  std::istringstream text(contents("tests/golden/runs/" + file));
  std::string line;
  std::vector<double> numbers;
  while (std::getline(text, line)) {
    if (!line.starts_with(learner)) continue;
    const std::size_t task = line.find(',');
    numbers.push_back(std::stod(line.substr(line.find(',', task + 1) + 1)));
  }
  REQUIRE(numbers.size() == 60);
  return numbers;
}

struct Estimate { double mean, error; };  // and its standard error
Estimate estimate_of(const std::vector<double>& x) {
  double mean = 0, squares = 0;
  const double n = static_cast<double>(x.size());
  for (const double v : x) mean += v / n;
  for (const double v : x) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / (n - 1) / n)};
}

}  // namespace

TEST_CASE("recorded EPG: evolved on the whole circle the loss teaches, and its controls do what they must", "[plain]") {
  const std::string run = "epg-mass-circle/seed-1/";
  const std::vector<double> evolved = areas(run + "own.csv", "epg"), start = areas(run + "own.csv", "random");
  std::vector<double> gained;
  for (std::size_t task = 0; task < 60; ++task) gained.push_back(evolved[task] - start[task]);
  // Better than the loss it began with, and than any policy that does not know the goal, which earns 0.
  for (const Estimate& e : {estimate_of(gained), estimate_of(evolved)}) CHECK(e.mean > 2 * e.error);
  // The opposite with rewards negated; with rewards hidden, or shuffled, no better than blind.
  const Estimate negated = estimate_of(areas(run + "negated.csv", "epg"));
  CHECK(negated.mean < -2 * negated.error);
  for (const char* control : {"zero.csv", "shuffled.csv"}) {
    const Estimate e = estimate_of(areas(run + control, "epg"));
    CHECK(e.mean < 2 * e.error);
  }
}

TEST_CASE("recorded EPG: on half a circle the loss memorised its tasks; PPO is better on all", "[plain]") {
  const std::string run = "epg-mass/seed-1/";
  const Estimate plain = estimate_of(areas(run + "own.csv", "epg")), zero = estimate_of(areas(run + "zero.csv", "epg"));
  CHECK(std::abs(plain.mean - zero.mean) < 2 * std::hypot(plain.error, zero.error));
  CHECK(estimate_of(areas(run + "other.csv", "epg")).mean < 0);
  for (const char* side : {"right", "left", "circle"})
    CHECK(estimate_of(areas("epg-ppo/" + std::string(side) + ".csv", "epg")).mean > plain.mean);
}
