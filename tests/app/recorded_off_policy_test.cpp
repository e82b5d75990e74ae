// Recorded runs of Q-learning, DQN and SAC: what they reached, and that today's program still begins them alike.
#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>
#include <vector>

#include <stdlib.h>

#include "envs/reference.h"
#include "envs/table.h"
#include "tests/app/folder.h"
#include "tests/catch.h"

using namespace innerloop;

namespace {

const std::string kRuns = "tests/golden/runs/";

// A row of a metrics file, by column: the first, or the last.
enum class Row { first, last };
std::map<std::string, double> metrics_row(const std::string& path, Row row) {
  std::istringstream text(contents(path));
  std::string header, line, next, name, number;
  std::getline(text, header);
  std::getline(text, line);
  while (row == Row::last && std::getline(text, next)) line = next;
  std::istringstream names(header), numbers(line);
  std::map<std::string, double> values;
  while (std::getline(names, name, ',') && std::getline(numbers, number, ',')) values[name] = std::stod(number);
  return values;
}

// The return before adaptation of the line that begins with the word.
double return_of(const std::string& table, const std::string& word) {
  std::istringstream text(table);
  std::string line;
  while (std::getline(text, line))
    if (line.starts_with(word)) return std::stod(line.substr(line.find("  ")));
  FAIL("no line begins with " << word);
  return 0;
}

std::string seed_folder(const std::string& name, int seed) { return kRuns + name + "/seed-" + std::to_string(seed); }

}  // namespace

TEST_CASE(
    "recorded runs: SAC on Pendulum after 20 000 steps, five seeds, 1 000 starts: no seed below −165 or above −125",
    "[app][runs]") {
  for (int seed = 1; seed <= 5; ++seed) {
    const double mean = return_of(contents(seed_folder("sac-pendulum-v1", seed) + "/adapt.txt"), "sac");
    INFO("seed " << seed << ": " << mean);
    CHECK(mean >= -165);
    CHECK(mean <= -125);  // above the optimum by more than chance: a wrong environment
    CHECK(metrics_row(seed_folder("sac-pendulum-v1", seed) + "/metrics.csv", Row::last)["steps"] == 20000);
  }
}

TEST_CASE("recorded runs: SAC with two actions is within 10 % of its goal's oracle, and never above it",
          "[app][runs]") {
  const envs::EnvRow& env = envs::find_env("semicircle-dense-v1");
  for (int seed = 1; seed <= 5; ++seed) {
    // The run's goal is drawn with its seed.
    const envs::Task goal = envs::sample_task(env, static_cast<std::uint64_t>(seed), Purpose::task, 0, 0);
    const double oracle = envs::reference_returns(env, {goal}, 1, 2).back().mean;
    const double reached =
        metrics_row(seed_folder("sac-semicircle-dense-v1", seed) + "/metrics.csv", Row::last)["evaluation"];
    INFO("seed " << seed << ": " << reached << ", oracle " << oracle);
    CHECK(reached >= 1.1 * oracle);
    CHECK(reached <= oracle + 1e-9);
  }
}

TEST_CASE("recorded runs: DQN on CartPole reaches 400, five seeds", "[app][runs]") {
  for (int seed = 1; seed <= 5; ++seed)
    CHECK(return_of(contents(seed_folder("dqn-cartpole-v1", seed) + "/adapt.txt"), "dqn") >= 400);
}

TEST_CASE("recorded runs: the first iteration of Q-learning, DQN and SAC is repeated to 3 digits",
          "[app][runs][learning]") {
  TestFolder folder;
  const char* build = ::getenv("INNERLOOP_BUILD");
  const std::string program = std::string(build ? build : "build") + "/innerloop";
  for (const char* name : {"sac-pendulum-v1", "sac-semicircle-dense-v1", "dqn-cartpole-v1", "dqn-gridworld-v1",
                           "q_learning-gridworld-v1"}) {
    const std::string recorded = seed_folder(name, 1), now = folder / name;
    REQUIRE(::system((program + " train --config " + recorded + "/config.toml --iterations 1 --quiet --out " + now +
                      " > /dev/null 2>&1").c_str()) == 0);
    std::map<std::string, double> expected = metrics_row(recorded + "/metrics.csv", Row::first),
                                  got = metrics_row(now + "/metrics.csv", Row::first);
    REQUIRE(expected.size() >= 5);
    for (const auto& [column, value] : expected) {
      INFO(name << ", " << column << ": recorded " << value << ", now " << got[column]);
      CHECK(std::abs(got[column] - value) <= 5e-3 * std::abs(value));
    }
  }
}
