// What learners with a belief reached when they were recorded (tests/tools/record_pearl.sh, record_varibad.sh), beside
// what can be computed exactly.
//
// [plain] reads files
#include <sstream>
#include <string>
#include <vector>

#include "tests/app/recorded.h"
#include "tests/catch.h"

using namespace innerloop;

namespace {

struct MeanOf { double mean, half_width; };

// "pearl   -16.04 ± 0.25   -16.04 ± 0.25 …": one for each trajectory.
std::vector<MeanOf> by_trajectory(const std::string& set, const std::string& word) {
  std::istringstream text(contents(recorded::seed_folder(set, 1) + "/adapt.txt"));
  std::string line, sign;
  while (std::getline(text, line))
    if (line.starts_with(word)) break;
  std::istringstream numbers(line.substr(line.find("  ")));
  std::vector<MeanOf> all;
  for (MeanOf m{}; numbers >> m.mean >> sign >> m.half_width;) all.push_back(m);
  return all;
}

}  // namespace

TEST_CASE("PEARL, recorded: shown contexts of other tasks it is as good as the best blind walk; swapped, it is misled",
          "[plain]") {
  const std::vector<MeanOf> shuffled = by_trajectory("pearl-shuffled", "pearl"),
                            swapped = by_trajectory("pearl-swapped", "pearl"),
                            own = by_trajectory("pearl-point-robot", "pearl");
  REQUIRE(shuffled.size() == 3);
  CHECK(shuffled[2].mean <= -15.86 + 3 * shuffled[2].half_width / 1.96);  // better would be leakage
  CHECK(shuffled[2].mean >= -18);
  REQUIRE(swapped.size() == 3);
  CHECK(swapped[2].mean <= -17);
  REQUIRE(own.size() == 3);
  CHECK(own[2].mean > shuffled[2].mean + 4);
  CHECK(own[2].mean < -5.16);  // the oracle
}

TEST_CASE("PEARL, recorded: on the sparse half circle the prior earns no more than a walk that sees no goal can",
          "[plain]") {
  const std::vector<MeanOf> curve = by_trajectory("pearl-semicircle", "pearl");
  REQUIRE(curve.size() == 20);
  double prior = 0, error = 0;
  for (std::size_t k = 0; k < 5; ++k) prior += curve[k].mean / 5, error += curve[k].half_width / 1.96 / 5;
  CHECK(prior <= 1.70 + 3 * error);
  for (const MeanOf& trajectory : curve) CHECK(trajectory.mean <= 13.38);
}

TEST_CASE("VariBAD, recorded: with the exact belief control alone is learned, 35 of 37.21", "[plain]") {
  const std::string table = contents(recorded::seed_folder("varibad-exact", 1) + "/adapt.txt");
  const std::size_t line = table.find("whole trial of 4 episodes: ");
  REQUIRE(line != std::string::npos);
  const double trial = std::stod(table.substr(table.find(": ", line) + 2));
  CHECK(trial >= 35);
  CHECK(trial <= 37.2143 + 0.9);
}
