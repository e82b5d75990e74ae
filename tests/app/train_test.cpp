// train: what is left in the run folder, what a failure leaves, and that a resumed run is the run that never stopped.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "app/program.h"
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

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& item : fs::directory_iterator(folder)) names.push_back(item.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace

TEST_CASE("train: leaves config, versions, metrics, timing and the last three checkpoints", "[app][train]") {
  TestFolder folder;
  const Outcome run = program({"train", "toy", "--out", folder / "run", "--iterations", "45"});
  REQUIRE(run.code == success);
  CHECK_THAT(run.err, ContainsSubstring("45/45"));
  CHECK_THAT(run.err, ContainsSubstring("innerloop adapt"));
  CHECK(files_in(folder / "run") ==
        std::vector<std::string>{"checkpoints", "config.toml", "metrics.csv", "run.json", "timing.csv"});
  CHECK(files_in(folder / "run/checkpoints") == std::vector<std::string>{"LATEST", "iteration-000030.safetensors",
                                                                         "iteration-000040.safetensors",
                                                                         "iteration-000045.safetensors"});
  CHECK(contents(folder / "run/checkpoints/LATEST") == "iteration-000045.safetensors\n");
  const NumberTable metrics = read_numbers(folder / "run/metrics.csv");
  CHECK(metrics.names == std::vector<std::string>{"iteration", "loss", "x"});
  CHECK(metrics.columns[0].size() == 45);
  CHECK(metrics.columns[1][0] == 9);  // (0 − 3)², before the first step
}

TEST_CASE("train: the run folder's config runs again to the same files", "[app][train]") {
  TestFolder folder;
  REQUIRE(program({"train", "toy", "--out", folder / "a", "--seed", "5", "--rate", "0.2", "--quiet"}).code == success);
  REQUIRE(program({"train", "--config", folder / "a/config.toml", "--out", folder / "b", "--threads", "2"}).code ==
          success);
  for (const char* file : {"config.toml", "metrics.csv", "checkpoints/iteration-000025.safetensors"})
    CHECK(contents(folder / "a/" + file) == contents(folder / "b/" + file));
  REQUIRE(program({"train", "--config", folder / "a/config.toml", "--out", folder / "c", "--seed", "6"}).code ==
          success);
  CHECK(contents(folder / "a/metrics.csv") != contents(folder / "c/metrics.csv"));
}

TEST_CASE("train: a run that failed and is resumed leaves the same bytes as one that never stopped", "[app][train]") {
  TestFolder folder;
  REQUIRE(program({"train", "toy", "--out", folder / "whole"}).code == success);
  // Fails in iteration 18, when 17 rows are written and the last checkpoint is of iteration 10.
  const Outcome failed = program({"train", "toy", "--out", folder / "cut", "--nan-at", "18"});
  CHECK(failed.code == non_finite);
  CHECK_THAT(failed.err, ContainsSubstring("NaN at iteration 18"));
  CHECK(read_numbers(folder / "cut/metrics.csv").columns[0].size() == 17);
  CHECK(contents(folder / "cut/checkpoints/LATEST") == "iteration-000010.safetensors\n");

  // A half-written last line, as a power cut leaves it, does no harm.
  write_file(folder / "cut/metrics.csv", contents(folder / "cut/metrics.csv") + "18,0.");
  write_file(folder / "cut/config.toml", contents(folder / "whole/config.toml"));
  REQUIRE(program({"train", "--resume", folder / "cut", "--threads", "1", "--quiet"}).code == success);
  CHECK(contents(folder / "cut/metrics.csv") == contents(folder / "whole/metrics.csv"));
  CHECK(contents(folder / "cut/checkpoints/iteration-000025.safetensors") ==
        contents(folder / "whole/checkpoints/iteration-000025.safetensors"));

  // Longer than planned: as if it had been planned so.
  REQUIRE(program({"train", "--resume", folder / "cut", "--iterations", "31"}).code == success);
  REQUIRE(program({"train", "toy", "--out", folder / "longer", "--iterations", "31"}).code == success);
  CHECK(contents(folder / "cut/metrics.csv") == contents(folder / "longer/metrics.csv"));
  CHECK(contents(folder / "cut/config.toml") == contents(folder / "longer/config.toml"));
}

TEST_CASE("train: Ctrl-C finishes the iteration, saves, says how to go on, and exits with 130", "[app][train]") {
  // The signal arrives in the middle of iteration 7.
  struct Interrupted : toy::Trainer {
    using toy::Trainer::Trainer;
    rl::Metrics iterate() override {
      if (iteration() == 6) ::raise(SIGINT);
      return toy::Trainer::iterate();
    }
  };
  rl::AlgorithmRow row = toy::row;
  row.make = [](const rl::OptionValues& values, std::uint64_t seed) -> std::unique_ptr<rl::Trainer> {
    return std::make_unique<Interrupted>(values, seed);
  };
  const rl::AlgorithmRow* rows[] = {&row};
  TestFolder folder;
  std::ostringstream out, err;
  const std::vector<std::string> arguments{"train", "toy", "--out", folder / "run"};
  CHECK(run_program({rows, out, err}, arguments) == interrupted);
  CHECK_THAT(err.str(),
             ContainsSubstring("Stopped after iteration 7. To go on: innerloop train --resume " + (folder / "run")));
  CHECK(contents(folder / "run/checkpoints/LATEST") == "iteration-000007.safetensors\n");

  REQUIRE(program({"train", "--resume", folder / "run"}).code == success);
  REQUIRE(program({"train", "toy", "--out", folder / "whole"}).code == success);
  CHECK(contents(folder / "run/metrics.csv") == contents(folder / "whole/metrics.csv"));
}

TEST_CASE("train: mistakes cost nothing and are named", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  const auto expect = [&](const std::vector<std::string>& arguments, int code, const std::string& message) {
    const Outcome outcome = program(arguments);
    CHECK(outcome.code == code);
    CHECK_THAT(outcome.err, ContainsSubstring(message));
  };
  expect({"trian"}, usage, "no verb is called 'trian'. Did you mean 'train'?");
  expect({"train", "toi"}, usage, "no algorithm is called 'toi'. Did you mean 'toy'?");
  expect({"train", "toy", "--raet", "1", "--out", run}, usage, "Did you mean '--rate'?");
  expect({"train", "toy", "--rate", "7", "--out", run}, usage, "0 to 1");
  expect({"train", "toy", "--env", "point-nav-v9", "--out", run}, usage, "point-nav-v1");
  expect({"train", "--config", folder / "absent.toml"}, failure, "absent.toml: No such file");
  expect({"train", "--resume", folder / "absent"}, failure, "there is no run folder");
  expect({"train", "--resume", folder.path.string()}, failure, "is not a run folder");
  CHECK_FALSE(fs::exists(run));
  write_file(folder / "file", "");
  expect({"train", "toy", "--out", folder / "file/run"}, failure, "cannot make the run folder");
  expect({"train", "toy", "--out", "/proc/innerloop"}, failure, "cannot make the run folder /proc/innerloop");

  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  const std::string metrics = contents(run + "/metrics.csv");
  expect({"train", "toy", "--out", run}, failure, "holds a run already");
  expect({"train", "--resume", run, "--rate", "0.2"}, usage, "--rate cannot be changed");
  CHECK(contents(run + "/metrics.csv") == metrics);
}

TEST_CASE("train: a damaged checkpoint is refused by name", "[app][train]") {
  TestFolder folder;
  const std::string run = folder / "run";
  REQUIRE(program({"train", "toy", "--out", run, "--quiet"}).code == success);
  const std::string file = run + "/checkpoints/iteration-000025.safetensors";
  const std::string whole = contents(file);
  write_file(file, whole.substr(0, whole.size() / 2));
  CHECK_THAT(program({"train", "--resume", run}).err, ContainsSubstring(file + ": "));
  Tensors other;
  other.add("y", Tensor::scalar(1));
  nn::save_safetensors(file, other, {{"iteration", "25"}});
  CHECK_THAT(program({"train", "--resume", run}).err, ContainsSubstring("does not fit this run"));
  nn::save_safetensors(file, other, {{"iteration", "x"}});
  CHECK_THAT(program({"train", "--resume", run}).err, ContainsSubstring("no iteration number"));
  write_file(run + "/checkpoints/LATEST", "../../etc/passwd\n");
  CHECK_THAT(program({"train", "--resume", run}).err, ContainsSubstring("LATEST must hold the name"));
  write_file(run + "/checkpoints/LATEST", "iteration-000020.safetensors\n");
  write_file(run + "/metrics.csv", "iteration,loss,x\n1,2,3\n");
  CHECK_THAT(program({"train", "--resume", run}).err,
             ContainsSubstring("has only 1 rows, but the checkpoint was made after 20"));
}

TEST_CASE("train: a full disk at any point leaves a checkpoint that loads", "[app][train]") {
  // Every write through the run folder fails once the disk is full; before that it is counted.
  static int room = 0;
  const nn::FileCalls filling{nn::system_calls().open,
                              [](int fd, const void* bytes, std::size_t count) -> ssize_t {
                                if (room-- <= 0) return errno = ENOSPC, -1;
                                return ::write(fd, bytes, count);
                              },
                              [](int) { return 0; }, nn::system_calls().close, nn::system_calls().rename};
  std::ostringstream out, err;
  const RunSettings settings = resolve_settings({toy::rows, out, err}, "toy", "", {}, {});
  for (int writes = 4; writes < 30; ++writes) {
    TestFolder folder;
    room = writes;
    toy::Trainer trainer(settings.values, 1), restored(settings.values, 1);
    RunFolder run = RunFolder::create(folder / "run", settings, filling);  // run.json, config.toml
    run.save_checkpoint(trainer);                                          // checkpoint, LATEST
    try {
      for (int i = 1; i <= 10; ++i) {
        run.append(i, trainer.iterate(), 0.5);
        if (i % 3 == 0) run.save_checkpoint(trainer);
      }
      CHECK(writes >= 4 + 2 * 10 + 2 * 3 + 2 - 2);
    } catch (const Error& error) {
      CHECK_THAT(std::string(error.what()), ContainsSubstring("No space left on device"));
    }
    RunFolder::open(folder / "run").resume(restored);
    CHECK(restored.iteration() % 3 == 0);
  }
}

TEST_CASE("metrics: numbers are the shortest that read back the same", "[app][train]") {
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(-40.0) == "-40");
  CHECK(number_text(1.0 / 3) == "0.3333333333333333");
  CHECK(number_text(std::nan("")) == "nan");
  TestFolder folder;
  write_file(folder / "m.csv", "iteration,loss\n1,nan\n2,1e-300\n");
  CHECK(read_numbers(folder / "m.csv").columns[1][1] == 1e-300);
  for (const char* bad : {"a,b\n1\n", "a,b\n1,2,3\n", "a,b\n1,x\n", "a,b\n1,\n"}) {
    write_file(folder / "m.csv", bad);
    CHECK_THROWS_WITH(read_numbers(folder / "m.csv"), ContainsSubstring("m.csv:2: expected 2 numbers"));
  }
}

TEST_CASE("progress: live lines at most five times a second, plain lines every ten, the last always", "[app][train]") {
  using namespace std::chrono;
  const auto start = Progress::Clock::now();
  std::ostringstream live, plain, quiet;
  {
    Progress a(live, true, false, "toy", 0, 100), b(plain, false, false, "toy", 0, 100),
        c(quiet, false, true, "toy", 0, 100);
    for (int i = 1; i <= 100; ++i)  // an iteration every 50 ms
      for (Progress* p : {&a, &b, &c}) p->update(i, {{"loss", 0.5}}, start + milliseconds(50 * i));
  }
  CHECK(std::ranges::count(live.str(), '\r') == 26);  // 5 s, five a second, and the last
  CHECK(std::ranges::count(plain.str(), '\n') == 2);  // the first and the last
  CHECK_THAT(plain.str(), ContainsSubstring("toy  1/100  loss 0.5"));
  // Time remaining, until there is none: then the time it took.
  CHECK_THAT(plain.str(), ContainsSubstring(" s left\n"));
  CHECK_THAT(plain.str(), ContainsSubstring("toy  100/100  loss 0.5  in 5 s\n"));
  CHECK_THAT(live.str(), ContainsSubstring(" s left"));
  CHECK(plain.str().find('\x1b') == std::string::npos);
  CHECK(quiet.str().empty());
  CHECK(duration_text(41.6) == "42 s");
  CHECK(duration_text(187) == "3:07 min");
  CHECK(duration_text(7500) == "2:05 h");
}
