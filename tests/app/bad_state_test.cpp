// Numbers that overflow and checkpoints that do not fit, through the built program: a message with a place and a fix,
// a non-zero exit, and the checkpoint before stays loadable.
#include <cmath>
#include <limits>
#include <sstream>

#include "app/program.h"
#include "envs/table.h"
#include "nn/optimizer.h"
#include "nn/safetensors.h"
#include "rl/experience/batch.h"
#include "rl/experience/agent.h"
#include "rl/policy_gradient.h"
#include "tests/app/built_program.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string tiny_run = " --tasks 3 --trajectories 2 --hidden 8 --checkpoint-every 2 --quiet ";

// Changes one tensor of a checkpoint, and nothing else.
template <class Change>
void edit(const std::string& file, const char* tensor, Change change) {
  nn::Metadata metadata;
  Tensors state = nn::load_safetensors(file, &metadata);
  change(state[tensor]);
  nn::save_safetensors(file, state, metadata);
}

void replace(const std::string& file, const std::string& old, const std::string& now) {
  std::string text = contents(file);
  REQUIRE(text.find(old) != std::string::npos);
  write_file(file, text.replace(text.find(old), old.size(), now));
}

// point-nav-v1, whose reward is NaN once in iteration 5 (counted from 1) for as long as `broken` says so.
bool broken = true;
void faulty_step(const envs::Lanes& lanes) {
  envs::find_env("point-nav-v1").step(lanes);
  if (broken && lanes.place.iteration == 4 && lanes.place.task == 1 && lanes.place.time_step == 3)
    lanes.rewards[0] = std::nan("");
}

// Policy gradient on it, from the same pieces as the real one.
class FaultyTrainer : public rl::Trainer {
 public:
  explicit FaultyTrainer(const rl::OptionValues& values) : iterations_(values.integer("iterations")) {
    env_.step = faulty_step;
    policy_ = rl::policy_for(env_, {8}, Activation::tanh);
    theta_ = nn::init_policy(policy_, 1);
  }
  rl::Metrics iterate() override {
    const rl::Trajectories all = rl::Rollout(env_, policy_).collect(
        theta_, {{0.5, 0.5}, {-0.5, 0.5}}, 2, {.iteration = static_cast<std::uint32_t>(iteration_)});
    theta_ = nn::sgd(theta_, -1.0 * gradient_(policy_, {theta_, rl::make_batch(all, {})})[0], 0.1);
    ++iteration_;
    return {{"return", all.mean_return()}};
  }
  int iterations() const override { return iterations_; }
  void visit(rl::Checkpoint& c) override { c("", theta_); }
  rl::AdaptReport adapt(const rl::AdaptRequest&) const override { return {}; }

 private:
  envs::EnvRow env_ = envs::find_env("point-nav-v1");
  nn::PolicySpec policy_;
  ParamValues theta_;
  rl::PolicyGradientFunction gradient_;
  int iterations_;
};

}  // namespace

TEST_CASE("train: a NaN reward ends the run with its place; the checkpoint before it loads and goes on",
          "[app][runs]") {
  rl::AlgorithmRow row = rl::policy_gradient;
  row.make = [](const rl::OptionValues& values, std::uint64_t) -> std::unique_ptr<rl::Trainer> {
    return std::make_unique<FaultyTrainer>(values);
  };
  const rl::AlgorithmRow* rows[] = {&row};
  TestFolder folder;
  std::ostringstream out, err;
  const auto program = [&](std::vector<std::string> words) {
    err.str("");
    words.push_back("--quiet");
    return app::run_program({rows, out, err}, words);
  };
  const std::string run = folder / "run", whole = folder / "whole";
  const std::vector<std::string> train{"train", "policy_gradient", "--iterations", "8", "--checkpoint-every", "2",
                                       "--out"};
  const auto into = [&](const std::string& place) {
    std::vector<std::string> words = train;
    words.push_back(place);
    return words;
  };
  broken = true;
  CHECK(program(into(run)) == app::non_finite);
  CHECK(err.str() == "innerloop: point-nav-v1, task 1, trajectory 0, step 3: the reward is not finite; look at the "
                     "environment's step\n");
  CHECK(contents(run + "/checkpoints/LATEST") == "iteration-000004.safetensors\n");
  CHECK(program({"train", "--resume", run}) == app::non_finite);  // it loads, and meets the same reward again

  broken = false;
  CHECK(program({"train", "--resume", run}) == app::success);
  CHECK(program(into(whole)) == app::success);
  for (const char* file : {"/metrics.csv", "/checkpoints/iteration-000008.safetensors"})
    CHECK(contents(run + file) == contents(whole + file));
}

TEST_CASE("the program: parameters that overflow end the run with their place; the checkpoint before goes on",
          "[app][runs]") {
  TestFolder folder;
  for (const std::string algorithm : {"maml", "trpo", "policy_gradient"}) {
    INFO(algorithm);
    const std::string run = folder / algorithm, whole = folder / (algorithm + "-whole");
    REQUIRE(run_innerloop(folder, "train " + algorithm + tiny_run + "--iterations 6 --out " + whole).code == 0);
    REQUIRE(run_innerloop(folder, "train " + algorithm + tiny_run + "--iterations 4 --out " + run).code == 0);
    const std::string last = run + "/checkpoints/iteration-000004.safetensors", good = contents(last);

    // Finite, but too large for f32: the environment gets an action that is none.
    edit(last, "policy/b2", [](Tensor& b) { b.set(0, 0, 1, 3e38); });
    edit(last, "policy/log_sigma", [](Tensor& s) { s.set(0, 0, 1, 89); });
    const std::string huge = contents(last);
    const Outcome overflow = run_innerloop(folder, "train --resume " + run + " --iterations 6 --quiet");
    CHECK(overflow.code == 3);
    CHECK_THAT(overflow.err, ContainsSubstring("point-nav-v1, task ") && ContainsSubstring(", trajectory ") &&
                                 ContainsSubstring(", step 0: action 1 is infinite; look at the policy's output"));
    CHECK(std::ranges::count(overflow.err, '\n') == 1);
    CHECK(contents(last) == huge);
    CHECK(run_innerloop(folder, "adapt " + run + " --tasks 2 --quiet").code == 3);

    // NaN: refused when it is read.
    edit(last, "policy/b2", [](Tensor& b) { b.set(0, 0, 1, std::numeric_limits<double>::quiet_NaN()); });
    for (const char* words : {"train --quiet --resume ", "adapt --quiet "}) {
      const Outcome nan = run_innerloop(folder, words + run);
      CHECK(nan.code == 3);
      CHECK_THAT(nan.err, ContainsSubstring(last + ": 'policy/b2' holds a NaN") && ContainsSubstring("/LATEST"));
    }

    // As the message says: from the checkpoint before, to the bytes of the run that never stopped.
    write_file(run + "/checkpoints/LATEST", "iteration-000002.safetensors\n");
    CHECK(run_innerloop(folder, "train --resume " + run + " --iterations 6 --quiet").code == 0);
    CHECK(contents(last) == good);
    for (const char* file : {"/metrics.csv", "/checkpoints/iteration-000006.safetensors"})
      CHECK(contents(run + file) == contents(whole + file));
  }
}

TEST_CASE("the program: a step size that overflows ends the run, and what it saved before is finite and loads",
          "[app][runs]") {
  TestFolder folder;
  for (const std::string& words :
       {"maml --outer adam --learning-rate 1000 --alpha 1" + tiny_run, "maml --alpha 1000 --sigma 1e-6" + tiny_run,
        "policy_gradient --learning-rate 1000" + tiny_run,
        "policy_gradient --log-sigma-init 5 --optimizer sgd --weighting trajectory-sum --learning-rate 1000" + tiny_run,
        std::string("meta_gradient --env signal-noise-v1 --agent td --trajectories 1 --optimiser sgd "
                    "--learning-rate 1000 --quiet ")}) {
    INFO(words);
    const std::string run = folder / "run";
    const Outcome outcome =
        run_innerloop(folder, "train " + words + "--checkpoint-every 1 --iterations 100 --out " + run);
    CHECK(outcome.code == 3);
    CHECK_THAT(outcome.err, ContainsSubstring("finite"));
    const std::string name = contents(run + "/checkpoints/LATEST");
    CHECK(nn::load_safetensors(run + "/checkpoints/" + name.substr(0, name.size() - 1)).all_finite());
    std::filesystem::remove_all(run);
  }
}

TEST_CASE("the program: a checkpoint of another network is refused by name and shapes, and fits again with its config",
          "[app][runs]") {
  TestFolder folder;
  for (const std::string algorithm : {"maml", "trpo", "policy_gradient"}) {
    INFO(algorithm);
    const std::string run = folder / algorithm;
    REQUIRE(run_innerloop(folder, "train " + algorithm + tiny_run + "--iterations 2 --out " + run).code == 0);
    const std::string file = run + "/checkpoints/iteration-000002.safetensors", whole = contents(file);
    const auto refused = [&](const std::string& why) {
      for (const std::string words : {"train --quiet --iterations 4 --resume ", "adapt --quiet --tasks 2 "}) {
        const Outcome outcome = run_innerloop(folder, words + run);
        CHECK(outcome.code == 1);
        CHECK_THAT(outcome.err, ContainsSubstring(file + " does not fit this run: ") && ContainsSubstring(why) &&
                                    ContainsSubstring("use the options of the run that wrote it"));
      }
      CHECK(contents(file) == whole);
    };
    replace(run + "/config.toml", "hidden = [8]", "hidden = [9]");
    refused("policy/W1");
    replace(run + "/config.toml", "hidden = [9]", "hidden = [8]");
    replace(run + "/config.toml", "dtype = \"f32\"", "dtype = \"f64\"");
    refused("f64");
    replace(run + "/config.toml", "dtype = \"f64\"", "dtype = \"f32\"");
    replace(run + "/config.toml", "env = \"point-nav-v1\"", "env = \"point-nav-oracle-v1\"");
    refused("policy/W1");
    replace(run + "/config.toml", "env = \"point-nav-oracle-v1\"", "env = \"point-nav-v1\"");
    CHECK(run_innerloop(folder, "train --quiet --iterations 4 --resume " + run).code == 0);
  }
}
