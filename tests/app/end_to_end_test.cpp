// The real program, started as a reader starts it: exit codes, streams, and what scripts rely on.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/app/built_program.h"

using Catch::Matchers::ContainsSubstring;

TEST_CASE("the program: exit codes 0, 1 and 2, messages on the error stream only", "[app]") {
  TestFolder folder;
  CHECK(run_innerloop(folder, "").code == 0);
  CHECK(run_innerloop(folder, "--version").out == "innerloop 0.1.0\n");
  for (const char* wrong :
       {"trian", "train mmal", "list evns", "check tahn", "check --fulll tanh", "train --seed 1", "adapt"}) {
    INFO(wrong);
    const Outcome outcome = run_innerloop(folder, wrong);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, ContainsSubstring("innerloop: "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
  }
  CHECK(run_innerloop(folder, "adapt " + (folder / "none")).code == 1);
}

TEST_CASE("the program: a config with a syntax error is named with line and column", "[app]") {
  TestFolder folder;
  write_file(folder / "bad.toml", "algorithm = \"maml\"\nseed == 3\n");
  const Outcome outcome = run_innerloop(folder, "train --config " + (folder / "bad.toml"));
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, ContainsSubstring("bad.toml:2:7: "));
}

TEST_CASE("the program: a folder that cannot be written is refused before the work, with the flag that chooses another",
          "[app]") {
  TestFolder folder;
  const std::string run = folder / "run";
  const std::string tiny = " --tasks 2 --trajectories 2 --hidden 4 --iterations 1 --quiet ";
  REQUIRE(run_innerloop(folder, "train maml" + tiny + "--out " + run).code == 0);
  write_file(folder / "file", "not a folder");
  for (const std::string& out : {std::string("/proc/innerloop"), folder / "file", folder / "file/below"})
    for (const std::string& words : {"adapt " + run, "adapt --json " + run, "plot " + run, "plot --film " + run,
                                    std::string("run"), std::string("sweep --methods maml"), "train maml" + tiny}) {
      INFO(words << " --out " << out);
      const Outcome outcome = run_innerloop(folder, words + " --out " + out);
      CHECK(outcome.code == 1);
      CHECK(outcome.out.empty());
      CHECK_THAT(outcome.err, ContainsSubstring("cannot make the ") && ContainsSubstring("folder " + out) &&
                                  ContainsSubstring(". Choose another one with --out\n"));
      CHECK(std::ranges::count(outcome.err, '\n') == 1);
    }
  CHECK(contents(folder / "file") == "not a folder");
}

TEST_CASE("the program: a full output is a failure, not a silence", "[app]") {
  TestFolder folder;
  const Outcome full = run_innerloop(folder, "list envs", "/dev/full");
  CHECK(full.code == 1);
  CHECK_THAT(full.err, ContainsSubstring("cannot write the results"));
}

TEST_CASE("the program: check passes, and its JSON parses", "[app]") {
  TestFolder folder;
  const Outcome outcome = run_innerloop(folder, "check matmul --json");
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["ok"] == true);
  CHECK(json["reports"].size() >= 10);
  for (const char* list :
       {"list envs --json", "list ops --json", "list algorithms --json", "list envs --reference --json"}) {
    INFO(list);
    CHECK(nlohmann::json::accept(run_innerloop(folder, list).out));
  }
}
