// Randomness of whole runs: no two draws of training read the same block of the generator.
#include <map>
#include <string>
#include <vector>

#include "envs/table.h"
#include "kernels/philox.h"
#include "rl/training/options.h"
#include "tests/app/smoke.h"

using namespace innerloop;

namespace {

// Where a setting is tried: on its own environment, and the first setting of an algorithm on others that fit it, with
// episodes that end on the way and such that do not.
std::vector<std::string> environments_of(const rl::AlgorithmRow& algorithm, const rl::SmokeRun& smoke) {
  const std::string own = smoke_values(algorithm, smoke).text("env"), name = algorithm.name;
  std::vector<std::string> others{"cartpole-v1", "pendulum-v1", "point-nav-v1"};
  if (name == "dqn") others = {"acrobot-v1"};
  if (name == "sac") others = {"pendulum-v1"};
  if (name == "pearl") others = {"pendulum-v1"};
  // A table of states; a second environment that must fit; a decoder of cells.
  if (name == "q_learning" || name == "maesn" || name == "varibad") others = {};
  if (&smoke != &algorithm.smoke.front()) others = {};
  std::erase(others, own);
  others.push_back(own);
  return others;
}

// How often each block is drawn: once. But in evolution all individuals of a generation meet the same beginnings and
// the same noise, on purpose: what differs between two of them is what they are. And a direction is drawn for both of a
// pair, and once more for the step.
bool as_often_as_meant(const std::string& algorithm, Purpose purpose, int times) {
  if (algorithm != "epg" || purpose == Purpose::task) return times == 1;
  if (purpose == Purpose::init) return times == 1 || times == 3 || times == 4;  // the first loss; directions; policies
  return times <= 4;  // of the four individuals; one whose episode is over draws no more
}

// Evaluation draws the same starts and noise each time on purpose: what differs between two evaluations is the policy.
bool is_test(Purpose purpose) { return purpose >= Purpose::test_task && purpose <= Purpose::test_env; }

}  // namespace

TEST_CASE("no counter is used twice within a run, of any algorithm", "[app]") {
  for_every_smoke_run([](const rl::AlgorithmRow& algorithm, const rl::SmokeRun& smoke) {
    for (const std::string& env : environments_of(algorithm, smoke)) {
      INFO(env);
      PhiloxLog log;
      const auto trainer = algorithm.make(smoke_values(algorithm, smoke, "iterations = 3\nenv = " + env), 5);
      while (trainer->iteration() < trainer->iterations()) trainer->iterate();

      std::map<std::array<std::uint32_t, 6>, int> times;
      std::map<Purpose, int> drawn, wrong;
      for (const PhiloxLog::Block& block : log.blocks()) {
        const Purpose purpose = purpose_of(block);
        if (is_test(purpose)) continue;
        ++drawn[purpose];
        const auto [k, c] = std::pair(block.key, block.counter);
        ++times[{k[0], k[1], c[0], c[1], c[2], c[3]}];
      }
      for (const auto& [words, count] : times) {
        const Purpose purpose = purpose_of({{words[0], words[1]}, {words[2], words[3], words[4], words[5]}});
        if (!as_often_as_meant(algorithm.name, purpose, count)) ++wrong[purpose];
      }
      // In a reward process there is one beginning and one action: what is drawn is where it goes.
      const bool one_action = envs::find_env(env).spec.action_count == 1;
      CHECK((one_action ? drawn[Purpose::env]
                        : drawn[Purpose::reset] + drawn[Purpose::task] + drawn[Purpose::action]) > 0);
      for (const auto& [purpose, count] : wrong)
        FAIL_CHECK("purpose " << static_cast<int>(purpose) << ": " << count << " of " << drawn[purpose]
                              << " blocks were not drawn as often as meant");
    }
  });
}
