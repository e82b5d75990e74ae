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

// Of a learner's lifetimes, by task: the areas under them, or the returns of the fresh policies they began with.
// learner: how its name begins.
enum class Of { area, fresh };
std::vector<double> lifetimes(const std::string& file, const std::string& learner, Of what) {
  std::istringstream text(contents("tests/golden/runs/" + file));
  std::string line;
  std::vector<double> numbers;
  while (std::getline(text, line)) {
    if (!line.starts_with(learner)) continue;
    std::size_t begin = 0;  // learner, task, area, first, last
    for (int column = 0; column < (what == Of::area ? 2 : 3); ++column) begin = line.find(',', begin) + 1;
    numbers.push_back(std::stod(line.substr(begin)));
  }
  REQUIRE(numbers.size() == 60);
  return numbers;
}
std::vector<double> areas(const std::string& file, const std::string& learner) {
  return lifetimes(file, learner, Of::area);
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

Estimate difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> less;
  for (std::size_t task = 0; task < a.size(); ++task) less.push_back(a[task] - b[task]);
  return estimate_of(less);
}

// What each task gains over the loss that evolution began with.
Estimate gain(const std::string& run) {
  return difference(areas(run + "own.csv", "epg"), areas(run + "own.csv", "random"));
}

// The part of the way from its fresh policies to the oracle that a learner closes, by area. Required: that it is one,
// beyond chance, if `learns`.
double way_closed(const std::string& run, const std::string& learner, double oracle, bool learns = true) {
  const std::vector<double> fresh = lifetimes(run + "own.csv", learner, Of::fresh);
  const Estimate gained = difference(areas(run + "own.csv", learner), fresh);
  INFO(run << ", " << learner << ": " << gained.mean << " ± " << 2 * gained.error << " over its fresh policies");
  if (learns) CHECK(gained.mean > 2 * gained.error);
  return gained.mean / (oracle - estimate_of(fresh).mean);
}

TEST_CASE("recorded EPG: evolved on the whole circle the loss teaches, and its controls do what they must", "[plain]") {
  for (const char* seed : {"1", "2", "3"}) {
    const std::string run = std::string("epg-mass-circle/seed-") + seed + "/";
    INFO(run);
    // Better than the loss it began with, and than any policy that does not know the goal, which earns 0.
    for (const Estimate& e : {gain(run), estimate_of(areas(run + "own.csv", "epg"))}) CHECK(e.mean > 2 * e.error);
    // A third of the way from a fresh policy to the oracle was the aim: by area two of three evolutions miss it.
    const double closed = way_closed(run, "epg", 28);
    CHECK(closed > 0.15);
    CHECK((closed > 0.3) == (run == "epg-mass-circle/seed-1/"));
    CHECK(way_closed(run, "random", 28, false) < 0);
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
    CHECK(way_closed(run, "epg", oracle) > 0.3);
    CHECK(way_closed(run, "random", oracle, false) < 0.3);
    CHECK(evolved.mean > blind + 2 * evolved.error);
    for (const char* control : {"zero.csv", "negated.csv", "shuffled.csv"}) no_better_than(blind, run + control);
    CHECK(estimate_of(areas(run + "other.csv", "epg")).mean < 0);
  }
}

TEST_CASE("recorded EPG: a unicycle learns too, knowing its goal, and the controls do what they must", "[plain]") {
  constexpr double oracle = 31.56, blind = 9.20;
  for (const char* seed : {"1", "2", "3"}) {
    const std::string run = std::string("epg-unicycle/seed-") + seed + "/";
    INFO(run);
    const Estimate evolved = estimate_of(areas(run + "own.csv", "epg"));
    CHECK(gain(run).mean > 2 * gain(run).error);
    CHECK(way_closed(run, "epg", oracle) > 0.3);
    CHECK(way_closed(run, "random", oracle, false) < 0.3);
    CHECK(evolved.mean > blind + 2 * evolved.error);
    const Estimate negated = estimate_of(areas(run + "negated.csv", "epg"));
    CHECK(negated.mean < -2 * negated.error);
    for (const char* control : {"zero.csv", "shuffled.csv"}) no_better_than(blind, run + control);
    const Estimate over_ppo =
        difference(areas(run + "own.csv", "epg"), areas("epg-ppo-unicycle/right.csv", "epg"));
    CHECK(over_ppo.mean > 2 * over_ppo.error);
    // Four evolved settings of PPO are better again.
    CHECK(evolved.mean < estimate_of(areas("epg-ppo-unicycle-evolved/seed-1/right.csv", "epg")).mean);
    // On the left half it earns less than who knows only which half it is.
    CHECK(estimate_of(areas(run + "other.csv", "epg")).mean < blind);
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
