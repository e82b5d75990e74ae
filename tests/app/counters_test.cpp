// Randomness of whole runs: no two draws of training read the same block of the generator.
#include <map>
#include <set>
#include <string>
#include <vector>

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
  if (name == "q_learning" || name == "maesn") others = {};  // a table of states; a second environment that must fit
  if (&smoke != &algorithm.smoke.front()) others = {};
  std::erase(others, own);
  others.push_back(own);
  return others;
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

      std::set<std::array<std::uint32_t, 6>> seen;
      std::map<Purpose, int> drawn, twice;
      for (const PhiloxLog::Block& block : log.blocks()) {
        const Purpose purpose = purpose_of(block);
        if (is_test(purpose)) continue;
        ++drawn[purpose];
        const auto [k, c] = std::pair(block.key, block.counter);
        if (!seen.insert({k[0], k[1], c[0], c[1], c[2], c[3]}).second) ++twice[purpose];
      }
      CHECK(drawn[Purpose::reset] + drawn[Purpose::task] + drawn[Purpose::action] > 0);
      for (const auto& [purpose, count] : twice)
        FAIL_CHECK("purpose " << static_cast<int>(purpose) << ": " << count << " of " << drawn[purpose]
                              << " blocks were drawn before");
    }
  });
}
