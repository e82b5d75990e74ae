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

// The area with a control less what it must not exceed, beyond chance.
void no_better_than(double bound, const std::string& file) {
  const Estimate e = estimate_of(areas(file, "epg"));
  INFO(file << ": " << e.mean << " ± " << 2 * e.error);
  CHECK(e.mean < bound + 2 * e.error);
}

// What each task gains over the loss that evolution began with.
Estimate gain(const std::string& run) {
  const std::vector<double> evolved = areas(run + "own.csv", "epg"), start = areas(run + "own.csv", "random");
  std::vector<double> gained;
  for (std::size_t task = 0; task < evolved.size(); ++task) gained.push_back(evolved[task] - start[task]);
  return estimate_of(gained);
}

TEST_CASE("recorded EPG: evolved on the whole circle the loss teaches, and its controls do what they must", "[plain]") {
  for (const char* seed : {"1", "2", "3"}) {
    const std::string run = std::string("epg-mass-circle/seed-") + seed + "/";
    INFO(run);
    // Better than the loss it began with, and than any policy that does not know the goal, which earns 0.
    for (const Estimate& e : {gain(run), estimate_of(areas(run + "own.csv", "epg"))}) CHECK(e.mean > 2 * e.error);
    // The opposite with rewards negated; with rewards hidden, or shuffled, no better than blind.
    const Estimate negated = estimate_of(areas(run + "negated.csv", "epg"));
    CHECK(negated.mean < -2 * negated.error);
    no_better_than(0, run + "zero.csv");
    no_better_than(0, run + "shuffled.csv");
  }
}

TEST_CASE("recorded EPG: on half a circle it closes half of the gap, sees the goal, and is lost on the other half",
          "[plain]") {
  constexpr double oracle = 28, blind = 8.62;
  for (const char* seed : {"1", "2", "3"}) {
    const std::string run = std::string("epg-mass/seed-") + seed + "/";
    INFO(run);
    const Estimate evolved = estimate_of(areas(run + "own.csv", "epg"));
    const Estimate start = estimate_of(areas(run + "own.csv", "random"));
    CHECK(gain(run).mean > 2 * gain(run).error);
    CHECK(evolved.mean - start.mean > 0.3 * (oracle - start.mean));
    CHECK(evolved.mean > blind + 2 * evolved.error);
    for (const char* control : {"zero.csv", "negated.csv", "shuffled.csv"}) no_better_than(blind, run + control);
    CHECK(estimate_of(areas(run + "other.csv", "epg")).mean < 0);
  }
}

TEST_CASE("recorded EPG: PPO is the better teacher on the circle, and with evolved settings on half of it", "[plain]") {
  const Estimate circle = estimate_of(areas("epg-ppo/circle.csv", "epg")),
                 half = estimate_of(areas("epg-ppo-evolved/seed-1/right.csv", "epg"));
  for (const std::string seed : {"1", "2", "3"}) {
    CHECK(estimate_of(areas("epg-mass-circle/seed-" + seed + "/own.csv", "epg")).mean < circle.mean);
    CHECK(estimate_of(areas("epg-mass/seed-" + seed + "/own.csv", "epg")).mean < half.mean - 2 * half.error);
  }
}
