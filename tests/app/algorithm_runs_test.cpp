// Every algorithm through the program: a killed and resumed run, and runs on 1, 2 and 4 threads, leave the same bytes.
#include <algorithm>
#include <cstdlib>
#include <csignal>
#include <sstream>
#include <string>
#include <vector>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/app/built_program.h"
#include "tests/app/folder.h"
#include "tests/app/smoke.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

pid_t start(const std::string& words) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", ("exec " + built_program() + " " + words).c_str(), nullptr);
    ::_exit(127);
  }
  return child;
}

// As a sweep's method takes settings: +steps=40+hidden=[8]. Environments it takes elsewhere.
std::string as_method(const rl::SmokeRun& smoke) {
  std::istringstream lines(std::string(smoke.settings) + "\niterations = 2");
  std::string settings;
  for (std::string line; std::getline(lines, line);) {
    std::erase(line, ' ');
    if (!line.starts_with("env=")) settings += "+" + line;
  }
  return settings;
}

// Starts the program and ends it by SIGKILL as soon as that is so.
template <class Condition>
void kill_when(const std::string& words, Condition condition) {
  const pid_t child = start(words);
  for (int i = 0; i < 100000 && !condition(); ++i) ::usleep(2000);  // 200 s: sanitizers are slow
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));  // it was still at work: a run that had ended would prove nothing
}

// Runs the program to its end, and the most memory that it ever held, in bytes: what the kernel calls VmHWM.
double peak_of(const std::string& words) {
  const pid_t child = start(words);
  double peak = 0;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    const std::string facts = contents("/proc/" + std::to_string(child) + "/status");
    if (const std::size_t at = facts.find("VmHWM:"); at != std::string::npos)
      peak = 1024 * std::strtod(facts.c_str() + at + 6, nullptr);
    ::usleep(1000);
  }
  REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  return peak;
}

}  // namespace

// [plain] the threads that share products are those of tests/kernels and tests/autodiff
TEST_CASE("algorithms: layers so wide that threads share each product leave the same bytes on 1, 2 and 4 threads",
          "[app][runs][plain]") {
  TestFolder folder;
  const std::string train = "train sac --hidden [256,256] --batch 256 --steps 120 --learning-starts 100 --iterations 1 "
                            "--evaluation-episodes 1 --quiet --threads ";
  for (const char* threads : {"1", "2", "4"})
    REQUIRE(exit_status(folder, train + threads + " --out " + (folder / threads)) == 0);
  for (const std::string file : {"/metrics.csv", "/checkpoints/iteration-000001.safetensors"}) {
    INFO(file);
    CHECK_FALSE(contents(folder / "1" + file).empty());
    for (const char* threads : {"2", "4"}) CHECK(contents(folder / "1" + file) == contents(folder / threads + file));
  }
}

// Runs side by side, as a sweep's, must share nothing that changes; nor may the threads of one run.
// [threads] app/sweep_run.cpp, rl/experience/rollout.cpp, rl/experience/baseline.cpp, autodiff/program.cpp
TEST_CASE("algorithms: two runs at once leave the bytes of one after the other, and two threads in a run those of one",
          "[app][runs][threads]") {
  TestFolder folder;
  std::string methods;
  for (const rl::AlgorithmRow* algorithm : app::all_algorithms()) {
    const std::string name = algorithm->name, one = folder / (name + "1"), two = folder / (name + "2");
    const std::string train = "train" + smoke_flags(folder, *algorithm, algorithm->smoke[0], "iterations = 2");
    INFO(name);
    REQUIRE(exit_status(folder, train + "--threads 1 --out " + one) == 0);
    REQUIRE(exit_status(folder, train + "--threads 2 --out " + two) == 0);
    CHECK(contents(one + "/metrics.csv") == contents(two + "/metrics.csv"));
    methods += name + as_method(algorithm->smoke[0]) + " ";
  }
  const auto swept = [&](const std::string& parallel) {
    const std::string out = folder / ("sweep" + parallel);
    INFO(contents(folder / "err.txt"));
    REQUIRE(exit_status(folder, "sweep --quiet --seeds 2 --methods \"" + methods + "\" --parallel " + parallel +
                                    " --out " + out) == 0);
    return contents(out + "/sweep.csv");
  };
  const std::string one_by_one = swept("1");
  CHECK(std::ranges::count(one_by_one, '\n') == 1 + 2 * std::ranges::count(methods, ' '));
  CHECK(swept("2") == one_by_one);
}

// [plain] sixty iterations of each; tests/rl and tests/meta stop and resume every trainer under the sanitizers
TEST_CASE("algorithms: a run killed without warning and resumed leaves the same bytes as one that never stopped",
          "[app][runs][plain]") {
  TestFolder folder;
  // The first setting of each; every setting is restored within one process (algorithm_tables_test.cpp).
  for_every_smoke_run([&](const rl::AlgorithmRow& algorithm, const rl::SmokeRun& smoke) {
    const std::string whole = folder / "whole", killed = folder / "killed";
    std::filesystem::remove_all(whole);
    std::filesystem::remove_all(killed);
    const std::string train = "train" + smoke_flags(folder, algorithm, smoke, "iterations = 60\ncheckpoint_every = 2");
    REQUIRE(exit_status(folder, train + "--out " + whole) == 0);
    kill_when(train + "--threads 2 --out " + killed,
              [&] { return std::ranges::count(contents(killed + "/metrics.csv"), '\n') > 3; });
    REQUIRE(exit_status(folder, "train --resume " + killed + " --threads 1 --quiet") == 0);
    for (const char* file : {"config.toml", "metrics.csv", "checkpoints/iteration-000060.safetensors"}) {
      INFO(file);
      CHECK_FALSE(contents(whole + "/" + file).empty());
      CHECK(contents(whole + "/" + file) == contents(killed + "/" + file));
    }
  }, Settings::first);
}

// [plain] a million transitions; tests/rl go round smaller rings under the sanitizers
TEST_CASE("sac: with a ring of 10⁶ transitions that has gone round, killed and resumed leaves the same bytes, in the "
          "memory that is stated",
          "[app][runs][plain]") {
  // 1.3 million steps, of which the last 20 000 are learned from. The ring is full during the fourth iteration.
  TestFolder folder;
  const std::string train = "train sac --env pendulum-v1 --hidden 8 --batch 8 --evaluation-episodes 1 --threads 1 "
                            "--checkpoint-every 1 --quiet ";
  const std::string long_run = train + "--capacity 1000000 --learning-starts 1280000 --steps 260000 --iterations 5 ";
  const std::string whole = folder / "whole", killed = folder / "killed", file = "/checkpoints/LATEST";
  const double whole_peak = peak_of(long_run + "--out " + whole);
  kill_when(long_run + "--out " + killed,
            [&] { return contents(killed + file) == "iteration-000004.safetensors\n"; });
  REQUIRE(contents(killed + file) == "iteration-000004.safetensors\n");
  const double resumed_peak = peak_of("train --resume " + killed + " --threads 1 --quiet");
  CHECK(std::ranges::count(contents(whole + "/metrics.csv"), '\n') == 6);
  CHECK(contents(whole + "/metrics.csv") == contents(killed + "/metrics.csv"));
  const std::string last = "/checkpoints/iteration-000005.safetensors";
  CHECK(contents(whole + last).size() > 36000000);
  CHECK((contents(whole + last) == contents(killed + last)));

  // A transition is 9 numbers of 4 bytes. What a run holds beside its ring: the same with a small one.
  const double ring = 36e6;
  const double rest = peak_of(train + "--capacity 1000 --learning-starts 100 --steps 1000 --iterations 3 --out " +
                              (folder / "small"));
  CAPTURE(whole_peak, resumed_peak, rest);
  CHECK(whole_peak > rest + ring);
  CHECK(whole_peak < rest + 2 * ring);
  CHECK(resumed_peak < rest + 3 * ring);
}

// [plain] minutes of runs that differ in numbers alone; device_flag_test trains and adapts under the sanitizers
TEST_CASE("algorithms: every preset trains, and the results of adapt do not depend on threads", "[app][runs][plain]") {
  TestFolder folder;
  for (const rl::AlgorithmRow* algorithm : app::all_algorithms()) {
    INFO(algorithm->name);
    const std::string name = algorithm->name, run = folder / name;
    // The preset, but small: what the preset has of its own stays unless it is a size.
    for (const rl::Preset& preset : algorithm->presets) {
      INFO(preset.name);
      const rl::SmokeRun small{preset.name, algorithm->smoke[0].settings, preset.name};
      const std::string train = "train" + smoke_flags(folder, *algorithm, small, "iterations = 1");
      CHECK(exit_status(folder, train + "--out " + run + "-" + preset.name) == 0);
    }
    const std::string train = "train" + smoke_flags(folder, *algorithm, algorithm->smoke[0], "iterations = 2");
    REQUIRE(exit_status(folder, train + "--out " + run) == 0);
    const std::string adapt = "adapt " + run + " --random --steps 2 --trajectories 3 --json";
    REQUIRE(exit_status(folder, adapt + " --threads 1") == 0);
    const std::string first = contents(folder / "out.txt");
    const auto json = nlohmann::json::parse(first);
    REQUIRE(json["learners"].size() == 2);
    CHECK(json["learners"][0]["mean"].size() == 3);
    CHECK(json["learners"][0]["returns"][2].size() == json["tasks"].size());
    if (json["env"] == "point-nav-v1") {
      REQUIRE(json["tasks"].size() == 40);
      CHECK(json["tasks"][6][0].get<double>() == Approx(-0.29555).margin(1e-5));  // the authors' goal number 6
    }
    REQUIRE(exit_status(folder, adapt + " --threads 2") == 0);
    CHECK(contents(folder / "out.txt") == first);
  }
}

TEST_CASE("algorithms: wrong settings are refused before anything is written", "[app][runs]") {
  TestFolder folder;
  const std::string run = folder / "refused";
  CHECK(exit_status(folder, "train trpo --env point-nav-v9 --out " + run) == 2);
  CHECK_THAT(contents(folder / "err.txt"), ContainsSubstring("Did you mean 'point-nav-v1'?"));
  CHECK(exit_status(folder, "train trpo --delta -1 --out " + run) == 2);
  CHECK(exit_status(folder, "train trpo --activation tahn --out " + run) == 2);
  CHECK_THAT(contents(folder / "err.txt"), ContainsSubstring("Did you mean 'tanh'?"));
  CHECK_FALSE(std::filesystem::exists(run));
}

TEST_CASE("run: a folder that holds a run with another seed is refused, not shown as this one", "[app][runs]") {
  TestFolder folder;
  const std::string out = folder / "main";
  REQUIRE(exit_status(folder, "train maml --preset quick --seed 1 --tasks 3 --trajectories 2 --hidden 8 --iterations 6 "
                              "--quiet --out " + out + "/quick") == 0);
  CHECK(exit_status(folder, "run --quiet --seed 2 --out " + out) == 2);
  CHECK_THAT(contents(folder / "err.txt"), ContainsSubstring("/quick holds a run with seed 1, not 2"));
  CHECK(exit_status(folder, "run --quiet --out " + out) == 2);
  CHECK_THAT(contents(folder / "err.txt"), ContainsSubstring("/quick holds a run with iterations 6, not 60"));
}

TEST_CASE("run: a folder that holds another run with the right seed and length is refused too", "[app][runs]") {
  TestFolder folder;
  const std::string out = folder / "main", tiny = " --seed 1 --iterations 6 --hidden 8 --quiet --out ";
  REQUIRE(exit_status(folder, "train maml --preset quick --tasks 3 --trajectories 2" + tiny + out + "/quick") == 0);
  CHECK(exit_status(folder, "run --quiet --iterations 6 --out " + out) == 2);
  CHECK_THAT(contents(folder / "err.txt"), ContainsSubstring("/quick holds a run with tasks 3, not 20"));
  const std::string other = folder / "other";
  REQUIRE(exit_status(folder, "train q_learning" + std::string(" --seed 1 --iterations 6 --quiet --out ") + other +
                                  "/quick") == 0);
  CHECK(exit_status(folder, "run --quiet --iterations 6 --out " + other) == 2);
  CHECK_THAT(contents(folder / "err.txt"), ContainsSubstring("/quick holds a run"));
}
