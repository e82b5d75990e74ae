// How often the loops of the algorithms go round: counted in what a run of a second leaves behind, since a loop that is
// one too short still learns.
#include <filesystem>
#include <string>

#include "app/algorithms.h"
#include "app/run_folder.h"
#include "nn/safetensors.h"
#include "tests/app/folder.h"
#include "tests/app/toy.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::app;

namespace {

// A run's last row and its state after `iterations`.
struct Ended {
  NumberTable metrics;
  Tensors state;
  double last(const std::string& name) const {
    const auto found = std::ranges::find(metrics.names, name);
    REQUIRE(found != metrics.names.end());
    return metrics.columns[static_cast<std::size_t>(found - metrics.names.begin())].back();
  }
};

Ended run(std::vector<std::string> arguments, int iterations) {
  TestFolder folder;
  const std::string out = folder / "run";
  arguments.insert(arguments.begin(), "train");
  arguments.insert(arguments.end(), {"--iterations", std::to_string(iterations), "--out", out, "--quiet"});
  const Outcome outcome = toy::program(arguments, all_algorithms());
  INFO(outcome.err);
  REQUIRE(outcome.code == success);
  return {read_numbers(out + "/metrics.csv"),
          nn::load_safetensors(out + "/checkpoints/iteration-00000" + std::to_string(iterations) + ".safetensors")};
}

}  // namespace

TEST_CASE("ppo: every epoch takes every minibatch, and stops early only for the KL", "[app]") {
  const auto ppo = [](const std::string& target_kl) {
    return run({"ppo", "--env", "cartpole-v1", "--hidden", "8", "--trajectories", "4", "--steps", "16", "--epochs", "3",
                "--minibatches", "2", "--target-kl", target_kl}, 2);
  };
  // Two iterations of three epochs of two minibatches are twelve steps of Adam.
  const Ended all = ppo("0");
  CHECK(all.state["adam/steps"].item() == 2 * 3 * 2);
  CHECK(all.last("epochs") == 3);
  // A policy of small steps moves by some 1e-6: beyond a KL of 1e-9 after the first epoch, and far from 0.05, which the
  // entropy (0.69) and the losses exceed.
  const Ended stopped = ppo("1e-9");
  CHECK(stopped.state["adam/steps"].item() == 2 * 1 * 2);
  CHECK(stopped.last("epochs") == 1);
  CHECK(stopped.last("kl") > 1.5e-9);
  const Ended far = ppo("0.05");
  CHECK(far.last("kl") < 0.05);
  CHECK(far.state["adam/steps"].item() == 2 * 3 * 2);
}

TEST_CASE("a2c: one step of Adam an iteration", "[app]") {
  CHECK(run({"a2c", "--env", "cartpole-v1", "--hidden", "8", "--trajectories", "4", "--steps", "8"}, 3)
            .state["adam/steps"].item() == 3);
}

TEST_CASE("q_learning: as many updates as steps, and averages over all of them", "[app]") {
  // In the maze every step costs 0.01, and nobody finds out of it in 30. With rate and gamma 0 the table stays at 5.
  const Ended still = run({"q_learning", "--env", "maze-v1", "--rate", "0", "--gamma", "0", "--initial", "5", "--steps",
                           "30", "--evaluation-episodes", "3"}, 2);
  CHECK(still.last("steps") == 60);
  CHECK(still.last("squared_error") == Approx(5.01 * 5.01));
  CHECK(still.last("mean_value") == Approx(5));
  CHECK(still.last("evaluation") == Approx(-1));  // a hundred steps
  double visits = 0;
  for (double n : still.state["visits"].to_vector()) visits += n;
  CHECK(visits == 60);
  for (double value : still.state["table"].to_vector()) CHECK(value == 5);

  // With rate 1 and gamma 0 each entry that was visited is its reward.
  const Ended moved = run({"q_learning", "--env", "maze-v1", "--rate", "1", "--gamma", "0", "--initial", "5", "--steps",
                           "30", "--evaluation-episodes", "3"}, 1);
  const std::vector<double> n = moved.state["visits"].to_vector(), q = moved.state["table"].to_vector();
  for (std::size_t k = 0; k < n.size(); ++k) CHECK(q[k] == Approx(n[k] > 0 ? -0.01 : 5));
}

TEST_CASE("sizes that --help allows train, or are refused by name before a folder is made", "[app]") {
  TestFolder folder;
  const std::string out = folder / "run";
  const auto program = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "train");
    arguments.insert(arguments.end(), {"--out", out, "--quiet"});
    return toy::program(arguments, all_algorithms());
  };
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& message) {
    const Outcome outcome = program(arguments);
    CHECK(outcome.code == usage);
    CHECK_THAT(outcome.err, Catch::Matchers::ContainsSubstring(message));
    CHECK_FALSE(std::filesystem::exists(out));
  };
  refused({"a2c", "--trajectories", "60000", "--steps", "1000000"}, "60000 environments of 1000000 steps are too many");
  refused({"q_learning", "--env", "cartpole-v1"}, "the observations of cartpole-v1 are not one-hot");
  refused({"a2c", "--seed", "9007199254740993"}, "seed = 9007199254740993: must be a whole number, 0 to");

  // Rows wider than what one place of the random numbers gives: 8192 weights (nn: tests/nn/networks_test.cpp).
  CHECK(program({"maml", "--hidden", "9000", "--tasks", "1", "--trajectories", "1", "--iterations", "0"}).code ==
        success);
}

TEST_CASE("sweep: its sweep.toml is read again, whatever its folder is called", "[app][sweep]") {
  TestFolder folder;
  for (const std::string name : {"a\"b\\c", "two\nlines", "delete\x7fthis", "tab\there"}) {
    const std::string out = folder / name;
    const Outcome made = toy::program(
        {"sweep", "--methods", "toy", "--seeds", "1", "--set", "iterations=2", "--out", out, "--quiet"});
    REQUIRE(made.code == success);
    const Outcome again = toy::program({"sweep", "--config", out + "/sweep.toml", "--quiet"});
    INFO(again.err);
    CHECK(again.code == success);
  }
}

TEST_CASE("train: an annealed run made longer is said to be another than one planned so; a sweep refuses it", "[app]") {
  TestFolder folder;
  const std::string out = folder / "run";
  const std::vector<std::string> tiny{"--hidden", "8", "--trajectories", "2", "--steps", "8", "--quiet"};
  const auto program = [&](std::vector<std::string> arguments) {
    return toy::program(arguments, all_algorithms());
  };
  std::vector<std::string> train{"train", "a2c", "--anneal", "--iterations", "1", "--out", out};
  train.insert(train.end(), tiny.begin(), tiny.end());
  CHECK(program(train).code == success);
  REQUIRE(std::filesystem::exists(out + "/config.toml"));
  CHECK(program({"train", "--resume", out, "--quiet"}).err.empty());
  const Outcome longer = program({"train", "--resume", out, "--iterations", "2", "--quiet"});
  CHECK(longer.code == success);
  CHECK_THAT(longer.err, Catch::Matchers::ContainsSubstring("is annealed: the iterations before had other step sizes"));

  const auto sweep = [&](const std::string& iterations) {
    return program({"sweep", "--methods", "a2c", "--seeds", "1", "--out", folder / "s", "--quiet", "--set",
                    "anneal=true hidden=[8] trajectories=2 steps=8 iterations=" + iterations});
  };
  CHECK(sweep("1").code == success);
  const Outcome grown = sweep("2");
  CHECK(grown.code == failure);
  CHECK_THAT(grown.out, Catch::Matchers::ContainsSubstring("annealed over another number of iterations"));
}
