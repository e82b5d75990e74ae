// The run folder: it says what ran, belongs to one process at a time, and never mixes two runs.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "app/folder_lock.h"
#include "app/progress.h"
#include "app/run_folder.h"
#include "nn/safetensors.h"
#include "tests/app/folder.h"
#include "tests/app/toy.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::app;
using toy::program;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// Every file of a folder with its contents.
std::map<std::string, std::string> all_files(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& item : fs::recursive_directory_iterator(folder))
    if (item.is_regular_file()) files[item.path().string()] = contents(item.path().string());
  return files;
}

}  // namespace

TEST_CASE("run folder: one process has it, the next is told which at once and touches nothing", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  {
    const FolderLock owner(run);
    const auto before = all_files(run);
    const Outcome second = program({"train", "--resume", run, "--iterations", "30", "--quiet"});
    CHECK(second.code == failure);
    CHECK_THAT(second.err, ContainsSubstring(run + " is in use by process " + std::to_string(::getpid())));
    CHECK(all_files(run) == before);
  }
  CHECK_FALSE(fs::exists(run + "/lock"));
  CHECK(program({"train", "--resume", run, "--iterations", "30", "--quiet"}).code == success);
}

TEST_CASE("run folder: a lock that a killed process left does not block", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock held(run);
    ::raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(contents(run + "/lock") == std::to_string(child) + "\n");
  CHECK(program({"train", "--resume", run, "--iterations", "30", "--quiet"}).code == success);
}

TEST_CASE("run folder: of two runs begun at once one has it, and config and run.json are of the same", "[app][train]") {
  for (int trial = 0; trial < 20; ++trial) {
    TestFolder folder;
    const std::string run = folder / "run";
    int codes[2] = {-1, -1};
    std::vector<std::thread> both;
    for (int k = 0; k < 2; ++k)
      both.emplace_back([&, k] {
        codes[k] = program({"train", "toy", "--seed", std::to_string(k + 1), "--out", run, "--quiet"}).code;
      });
    for (std::thread& thread : both) thread.join();
    CHECK((codes[0] == success) != (codes[1] == success));
    const std::string seed = codes[0] == success ? "1" : "2";
    CHECK_THAT(contents(run + "/config.toml"), ContainsSubstring("\nseed = " + seed + "\n"));
    CHECK_THAT(contents(run + "/run.json"), ContainsSubstring("\"seed\": " + seed + ","));
    CHECK(read_numbers(run + "/metrics.csv").columns[0].size() == 25);
  }
}

TEST_CASE("run folder: nothing of a run whose config is lost is mixed with a new one", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  fs::remove(run + "/config.toml");
  for (const char* left : {"checkpoints/iteration-000025.safetensors", "timing.csv", "metrics.csv"}) {
    const auto before = all_files(run);
    const Outcome again = program({"train", "toy", "--out", run, "--quiet"});
    CHECK(again.code == failure);
    CHECK_THAT(again.err, ContainsSubstring(std::string("holds ") + left + " of a run whose config.toml is gone"));
    CHECK(all_files(run) == before);
    if (left[0] == 'c') fs::remove_all(run + "/checkpoints");
    else fs::remove(run + "/" + left);
  }
  // What a run that was killed while its folder was made leaves is no run.
  CHECK(fs::exists(run + "/run.json"));
  CHECK(program({"train", "toy", "--out", run, "--quiet"}).code == success);
}

TEST_CASE("run folder: a run that ended before its first iteration was done does not keep its folder", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  // What it leaves: settings, and an empty folder for checkpoints.
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  for (const char* file : {"metrics.csv", "timing.csv", "checkpoints"}) fs::remove_all(run + "/" + file);
  CHECK(program({"train", "toy", "--seed", "2", "--out", run, "--quiet"}).code == success);
  CHECK_THAT(contents(run + "/config.toml"), ContainsSubstring("\nseed = 2\n"));
  // One iteration, or a checkpoint, is something to lose.
  for (const char* file : {"metrics.csv", "timing.csv"}) fs::remove(run + "/" + file);
  CHECK_THAT(program({"train", "toy", "--out", run}).err, ContainsSubstring("holds a run already"));
  fs::remove_all(run + "/checkpoints");
  write_file(run + "/metrics.csv", "iteration,loss,x\n1,9,0\n");
  CHECK_THAT(program({"train", "toy", "--out", run}).err, ContainsSubstring("holds a run already"));
}

TEST_CASE("run folder: a resumed run may grow, not shrink", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  const auto before = all_files(run);
  const Outcome shorter = program({"train", "--resume", run, "--iterations", "20"});
  CHECK(shorter.code == usage);
  CHECK_THAT(shorter.err, ContainsSubstring("has done 25 iterations; a run of 20 cannot be made from it"));
  CHECK(all_files(run) == before);
  CHECK(program({"train", "--resume", run, "--iterations", "25", "--quiet"}).code == success);
}

TEST_CASE("run folder: lost checkpoints are not passed over in silence; a lost timing.csv does not matter",
          "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  const std::string metrics = contents(run + "/metrics.csv");
  fs::remove(run + "/timing.csv");
  write_file(run + "/checkpoints/LATEST", "iteration-000025.safetensors\r\n");  // saved by an editor on Windows
  CHECK(program({"train", "--resume", run, "--iterations", "30", "--quiet"}).code == success);
  CHECK(contents(run + "/metrics.csv").starts_with(metrics));

  const std::string longer = contents(run + "/metrics.csv");
  fs::remove_all(run + "/checkpoints");
  const Outcome lost = program({"train", "--resume", run, "--quiet"});
  CHECK(lost.code == failure);
  CHECK_THAT(lost.err, ContainsSubstring("metrics.csv has rows: they are lost") && ContainsSubstring("trains anew"));
  CHECK(contents(run + "/metrics.csv") == longer);
}

TEST_CASE("run folder: checkpoints are kept by iteration, whatever the length of their names", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run", checkpoints = run + "/checkpoints/";
  REQUIRE(program({"train", "toy", "--out", run, "--iterations", "0", "--quiet"}).code == success);
  // A run at iteration 999 999, about to pass the million.
  std::ofstream rows(run + "/metrics.csv", std::ios::binary);
  rows << "iteration,loss,x\n";
  for (int i = 1; i <= 999'999; ++i) rows << i << ",0,0\n";
  rows.close();
  Tensors state;
  state.add("x", Tensor::scalar(1));
  nn::save_safetensors(checkpoints + "iteration-999999.safetensors", state, {{"iteration", "999999"}});
  write_file(checkpoints + "LATEST", "iteration-999999.safetensors\n");
  write_file(checkpoints + "mine.safetensors", "whatever the user keeps here");
  for (int end : {1'000'000, 1'000'001})
    REQUIRE(program({"train", "--resume", run, "--iterations", std::to_string(end), "--quiet"}).code ==
            (end > 1'000'000 ? usage : success));  // the toy's range ends at a million
  std::set<std::string> names;
  for (const auto& item : fs::directory_iterator(checkpoints)) names.insert(item.path().filename().string());
  CHECK(names == std::set<std::string>{"LATEST", "iteration-000000.safetensors", "iteration-1000000.safetensors",
                                       "iteration-999999.safetensors", "mine.safetensors"});
  CHECK(contents(checkpoints + "LATEST") == "iteration-1000000.safetensors\n");
}

TEST_CASE("run folder: rows with other columns are refused after a resume too", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  std::string metrics = contents(run + "/metrics.csv");
  metrics.replace(0, metrics.find('\n'), "iteration,loss,y");
  write_file(run + "/metrics.csv", metrics);
  const Outcome resumed = program({"train", "--resume", run, "--iterations", "30", "--quiet"});
  CHECK(resumed.code == failure);
  CHECK_THAT(resumed.err, ContainsSubstring("names changed from 'iteration,loss,y' to 'iteration,loss,x'"));
  CHECK(contents(run + "/metrics.csv") == metrics);
}

TEST_CASE("run folder: an empty run's trouble is named by plot", "[app][plot]") {
  TestFolder folder;
  REQUIRE(program({"train", "toy", "--out", folder / "run", "--iterations", "0", "--quiet"}).code == success);
  const Outcome plot = program({"plot", folder / "run"});
  CHECK(plot.code == failure);
  CHECK_THAT(plot.err, ContainsSubstring("has no iteration yet: there is nothing to draw"));
}

TEST_CASE("train: a folder with an algorithm's name is a folder, and one source is given once", "[app][train]") {
  TestFolder folder;
  const fs::path here = fs::current_path();
  REQUIRE(program({"train", "toy", "--out", folder / "m", "--quiet"}).code == success);
  // Another algorithm, whose name is the folder's.
  rl::AlgorithmRow other = toy::row;
  other.name = "other";
  const rl::AlgorithmRow* rows[] = {&toy::row, &other};
  fs::current_path(folder.path);
  const Outcome named = program({"train", "--config", "m/config.toml", "--out", "other", "--quiet"}, rows);
  const Outcome word = program({"train", "--quiet", "other", "--out", "second"}, rows);
  fs::current_path(here);
  CHECK(named.code == success);
  CHECK_THAT(contents(folder / "other/config.toml"), ContainsSubstring("algorithm = \"toy\""));
  CHECK(word.code == success);
  CHECK_THAT(contents(folder / "second/config.toml"), ContainsSubstring("algorithm = \"other\""));

  const std::string config = folder / "m/config.toml";
  using Words = std::vector<std::string>;
  for (const Words& twice : {Words{"train", "--config", config, "--config", config},
                             Words{"train", "--resume", folder / "m", "--resume=" + (folder / "m")},
                             Words{"train", "toy", "--preset", "fast", "--preset", "fast"}}) {
    const Outcome refused = program(twice);
    CHECK(refused.code == usage);
    CHECK_THAT(refused.err, ContainsSubstring("is given 2 times; give it once"));
  }
}

TEST_CASE("sweep: a shorter sweep in a longer one's folder is refused, not reported with its numbers", "[app][sweep]") {
  TestFolder folder;
  const auto sweep = [&](const std::string& iterations) {
    return program({"sweep", "--methods", "toy", "--seeds", "2", "--set", "iterations=" + iterations, "--out",
                    folder / "s", "--quiet"});
  };
  REQUIRE(sweep("8").code == success);
  const std::string run = folder / "s/toy/point-nav-v1/seed-1", config = contents(run + "/config.toml");
  const Outcome shorter = sweep("3");
  CHECK(shorter.code == failure);
  CHECK_THAT(shorter.out, ContainsSubstring("has done 8 iterations; a run of 3 cannot be made from it"));
  CHECK(contents(run + "/config.toml") == config);
  CHECK(read_numbers(run + "/metrics.csv").columns[0].size() == 8);
}

TEST_CASE("sweep: adaptation.csv is computed anew when its run has gone on by another way", "[app][sweep]") {
  TestFolder folder;
  const auto sweep = [&](const std::string& iterations) {
    return program({"sweep", "--methods", "toy", "--seeds", "1", "--adapt", "1", "--set", "iterations=" + iterations,
                    "--out", folder / "s", "--quiet"});
  };
  REQUIRE(sweep("4").code == success);
  const std::string run = folder / "s/toy/point-nav-v1/seed-1";
  const NumberTable before = read_numbers(run + "/adaptation.csv");
  REQUIRE(program({"train", "--resume", run, "--iterations", "8", "--quiet"}).code == success);
  REQUIRE(sweep("8").code == success);
  const NumberTable after = read_numbers(run + "/adaptation.csv");
  CHECK(before.columns[3] == std::vector<double>{4, 4});
  CHECK(after.columns[3] == std::vector<double>{8, 8});
  CHECK(after.columns[2] != before.columns[2]);
}

TEST_CASE("sweep: a metric that does not exist ends it after the first iteration, with the exit code of usage",
          "[app][sweep]") {
  TestFolder folder;
  const auto sweep = [&](const std::string& metric) {
    return program({"sweep", "--methods", "toy", "--seeds", "6", "--metric", metric, "--out", folder / "s", "--quiet"});
  };
  const Outcome wrong = sweep("los");
  CHECK(wrong.code == usage);
  CHECK_THAT(wrong.err, ContainsSubstring("no metric is called 'los'. Did you mean 'loss'?"));
  int rows = 0, runs = 0;
  for (const auto& item : fs::recursive_directory_iterator(folder / "s"))
    if (item.path().filename() == "metrics.csv")
      rows += static_cast<int>(read_numbers(item.path().string()).columns[0].size()), ++runs;
  CHECK(runs >= 1);
  CHECK(rows == runs);
  CHECK(sweep("loss").code == success);
  CHECK(sweep("los").code == usage);  // and where all has finished
}

TEST_CASE("sweep: a + before a digit is part of a number, and quotes in sweep.csv are doubled", "[app][sweep]") {
  TestFolder folder;
  const std::string out = folder / "s";
  REQUIRE(program({"sweep", "--methods", "toy+rate=1e+0+iterations=2+mode=\"momentum\"", "--seeds", "1", "--out", out,
                   "--quiet"}).code == success);
  std::string config;
  for (const auto& item : fs::recursive_directory_iterator(out))
    if (item.path().filename() == "config.toml") config = contents(item.path().string());
  CHECK_THAT(config, ContainsSubstring("rate = 1") && ContainsSubstring("iterations = 2"));
  CHECK_THAT(contents(out + "/sweep.csv"), ContainsSubstring("\"toy+rate=1e+0+iterations=2+mode=\"\"momentum\"\"\",p"));
}

TEST_CASE("progress: a signal that was ignored stays ignored", "[app][train]") {
  struct sigaction ignore {}, before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &ignore, &before);
  {
    const InterruptGuard guard;
    ::raise(SIGINT);
    CHECK_FALSE(guard.requested());
  }
  ::sigaction(SIGINT, &before, nullptr);
}
