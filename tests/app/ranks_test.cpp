// The program on several ranks: what one process computes, to the byte. Ranks are more than there are cores, and the
// tests may run as root, so mpirun is told to allow both.
//
// [plain] starts the built program under mpirun, which the sanitizers' libraries do not survive
#include <algorithm>
#include <chrono>
#include <string>

#include "tests/app/built_program.h"
#include "tests/app/folder.h"
#include "tests/catch.h"

using Catch::Matchers::ContainsSubstring;

namespace {

const std::string as_anyone = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ";

// Open MPI writes "[host:1] …" beside what the program says.
Outcome run_ranks(const TestFolder& folder, int ranks, const std::string& words) {
  return run_innerloop(folder, words, "",
                       as_anyone + "mpirun --oversubscribe --bind-to none -n " + std::to_string(ranks));
}

const std::string small_epg = "train epg --tasks 2 --population 6 --updates 2 --episodes 1 --buffer 64 --hidden 4 "
                              "--loss-context 4 --checkpoint-every 1 --iterations 3 --quiet --threads 1 ";
const std::string small_maml = "train maml --outer adam --tasks 5 --trajectories 3 --hidden 8 --inner-steps 2 "
                               "--checkpoint-every 1 --iterations 3 --quiet --threads 1 ";

void check_same_files(const std::string& one, const std::string& other) {
  for (const char* file : {"/config.toml", "/metrics.csv", "/checkpoints/iteration-000003.safetensors"}) {
    INFO(file);
    CHECK_FALSE(contents(one + file).empty());
    CHECK(contents(one + file) == contents(other + file));
  }
}

}  // namespace

TEST_CASE("ranks: EPG and MAML leave the bytes of one process on 1, 2 and 4 ranks", "[app][mpi][slow][plain]") {
  TestFolder folder;
  for (const std::string& train : {small_epg, small_maml}) {
    INFO(train);
    const std::string alone = folder / "alone" + train.substr(6, 3);
    REQUIRE(run_innerloop(folder, train + "--out " + alone).code == 0);
    for (const int ranks : {1, 2, 4}) {
      CAPTURE(ranks);
      const std::string together = alone + std::to_string(ranks);
      const Outcome outcome = run_ranks(folder, ranks, train + "--out " + together);
      INFO(outcome.err);
      REQUIRE(outcome.code == 0);
      check_same_files(alone, together);
    }
  }
}

TEST_CASE("ranks: a sweep's cells are shared out, and its table is that of one process", "[app][mpi][slow][plain]") {
  TestFolder folder;
  const std::string sweep = "sweep --quiet --seeds 3 --adapt 1 --parallel 1 --envs two-state-v1 --methods "
                            "\"policy_gradient+iterations=2 policy_gradient+iterations=2+learning_rate=0.3\" --out ";
  const std::string alone = folder / "alone";
  const Outcome one = run_innerloop(folder, sweep + alone);
  INFO(one.err);
  REQUIRE(one.code == 0);
  for (const int ranks : {1, 2, 4}) {
    CAPTURE(ranks);
    const std::string together = alone + std::to_string(ranks);
    const Outcome outcome = run_ranks(folder, ranks, sweep + together);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    CHECK(contents(together + "/sweep.csv") == contents(alone + "/sweep.csv"));
    CHECK(outcome.out == one.out);
  }
}

TEST_CASE("ranks: one that cannot go on says so and ends all; the checkpoint goes on, on another number of ranks",
          "[app][mpi][slow][plain]") {
  TestFolder folder;
  const std::string alone = folder / "alone", killed = folder / "killed";
  const std::string train = small_epg + "--iterations 100 ";
  REQUIRE(run_innerloop(folder, train + "--out " + alone).code == 0);

  // A rank is killed in the middle. mpirun is told nothing: it notices.
  const std::string command = as_anyone + "mpirun --oversubscribe --bind-to none -n 2 " + built_program() + " " +
                              train + "--out " + killed + " > " + (folder / "out.txt") + " 2> " + (folder / "err.txt") +
                              " & pid=$!; while [ $(cat " + killed + "/metrics.csv 2> /dev/null | wc -l) -lt 5 ] && "
                              "kill -0 $pid 2> /dev/null; do sleep 0.02; done; "
                              "kill -9 $(ps -o pid= --ppid $pid | tail -1); wait $pid";
  const int status = ::system(command.c_str());
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) != 0);
  CHECK_THAT(contents(folder / "err.txt"), ContainsSubstring("signal 9"));
  CHECK(std::ranges::count(contents(killed + "/metrics.csv"), '\n') < 101);  // it had not ended

  const Outcome resumed = run_ranks(folder, 3, "train --resume " + killed + " --quiet --threads 1");
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  for (const char* file : {"/metrics.csv", "/checkpoints/iteration-000100.safetensors"})
    CHECK(contents(alone + file) == contents(killed + file));

  // An error of the program: its own words, with the rank, and its exit status.
  const Outcome twice = run_ranks(folder, 2, small_epg + "--out " + alone);
  CHECK(twice.code == 1);
  CHECK_THAT(twice.err, ContainsSubstring("innerloop: rank 0: " + alone + " holds a run already"));
  const Outcome trpo = run_ranks(folder, 2, "train maml --tasks 2 --iterations 1 --quiet --out " + (folder / "trpo"));
  CHECK(trpo.code == 1);
  CHECK_THAT(trpo.err, ContainsSubstring("maml on several ranks needs outer = adam"));
}
