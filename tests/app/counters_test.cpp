// Randomness of whole runs: no two draws of training read the same block of the generator.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "app/algorithms.h"
#include "kernels/philox.h"
#include "rl/training/options.h"
#include "tests/catch.h"

using namespace innerloop;

namespace {

// Small settings of every algorithm, with a network, several tasks and lanes, and episodes that end on the way.
const std::pair<const char*, rl::OptionValue> tiny_options[] = {
    {"tasks", std::int64_t{3}},           {"trajectories", std::int64_t{2}}, {"hidden", std::vector<std::int64_t>{4}},
    {"iterations", std::int64_t{3}},      {"steps", std::int64_t{40}},       {"batch", std::int64_t{8}},
    {"learning_starts", std::int64_t{8}}, {"epochs", std::int64_t{2}},       {"minibatches", std::int64_t{2}},
    {"inner_steps", std::int64_t{2}},     {"policy_delay", std::int64_t{3}}, {"evaluation_episodes", std::int64_t{1}},
    {"update_every", std::int64_t{1}},    {"updates", std::int64_t{2}},      {"train_tasks", std::int64_t{3}},
    {"initial_episodes", std::int64_t{1}}, {"prior_episodes", std::int64_t{2}}, {"extra_episodes", std::int64_t{2}}};

// A run of the algorithm, on its own environment or another.
void run_short(const rl::AlgorithmRow& algorithm, const std::string& env) {
  rl::OptionValues values = rl::default_values(algorithm.options);
  for (const auto& [name, value] : tiny_options)
    if (values.contains(name)) values.set(name, value);
  if (algorithm.name == std::string("meta_gradient")) values.set("updates", std::int64_t{1});  // with the trace, one
  if (!env.empty()) values.set("env", env);
  const auto trainer = algorithm.make(values, 5);
  while (trainer->iteration() < trainer->iterations()) trainer->iterate();
}

// Which environments an algorithm can be tried on, beside its own ("").
std::vector<std::string> environments_of(const std::string& algorithm) {
  if (algorithm == "q_learning") return {""};
  if (algorithm == "dqn") return {"", "acrobot-v1"};
  if (algorithm == "sac") return {"", "point-nav-v1"};
  if (algorithm == "maesn") return {""};  // its test environment must fit
  if (algorithm == "pearl") return {"", "pendulum-v1"};
  return {"", "cartpole-v1", "pendulum-v1", "point-nav-v1"};
}

// Evaluation draws the same starts and noise each time on purpose: what differs between two evaluations is the policy.
bool is_test(Purpose purpose) { return purpose >= Purpose::test_task && purpose <= Purpose::test_env; }

}  // namespace

TEST_CASE("no counter is used twice within a run, of any algorithm", "[app]") {
  for (const rl::AlgorithmRow* algorithm : app::all_algorithms())
    for (const std::string& env : environments_of(algorithm->name)) {
      INFO(algorithm->name << " on " << env);
      PhiloxLog log;
      run_short(*algorithm, env);

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
}
