// The chapters on baselines show the recorded tables, and these are what is computed now.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "meta/bandit_baselines.h"
#include "meta/mdp_baselines.h"
#include "tests/catch.h"

using namespace innerloop::meta;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The lines of a recorded table from the one that begins with `name` on, so many.
std::string lines_from(const std::string& table, const std::string& name, int count) {
  std::istringstream lines(table);
  std::string line, found;
  while (std::getline(lines, line)) {
    if (found.empty() && !line.starts_with(name)) continue;
    found += line + "\n";
    if (--count == 0) break;
  }
  return found;
}

std::string cell(double mean, double error, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f ± %.*f", digits, mean, digits, error);
  return text;
}

}  // namespace

TEST_CASE("baselines: the chapters hold the recorded tables") {
  const std::string bandits = text_of("tests/golden/runs/baselines/bandits.txt");
  const std::string mdps = text_of("tests/golden/runs/baselines/mdps.txt");
  REQUIRE(bandits.size() > 1000);
  REQUIRE(mdps.size() > 1000);
  CHECK_THAT(text_of("meta/bandit_baselines.md"), ContainsSubstring(bandits));
  CHECK_THAT(text_of("meta/mdp_baselines.md"), ContainsSubstring(mdps));
}

TEST_CASE("baselines: recorded cells are what is computed now") {
  const std::string bandits = lines_from(text_of("tests/golden/runs/baselines/bandits.txt"), "10, 5 ", 2);
  for (const BanditPolicy& policy : {greedy_arm(), thompson(), whittle_arm(), ucb1(.1)}) {
    const BanditScore score = score_bandit(policy, uniform_arms(5, 1), 10, 1000, 1);
    CHECK_THAT(bandits, ContainsSubstring(cell(score.mean, score.standard_error, 2)));
  }
  const std::string mdps = lines_from(text_of("tests/golden/runs/baselines/mdps.txt"), "10 ", 3);
  const int at[] = {10};
  for (double prior_mean : {0.0, 1.0})
    for (const MdpAgent& agent : {psrl(), greedy_agent(), greedy_agent(true)}) {
      const MdpScore score = score_mdp(agent, prior_mean, at, 1000, 1).agent;
      CHECK_THAT(mdps, ContainsSubstring(cell(score.mean[0], score.standard_error[0], 1)));
    }
}
