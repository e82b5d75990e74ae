// The real program, started as a reader starts it: exit codes, streams, and what scripts rely on.
#include <stdlib.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "tests/app/folder.h"
#include "tests/catch.h"

using Catch::Matchers::ContainsSubstring;

namespace {

struct Outcome {
  int code;
  std::string out, err;
};

// Runs build/innerloop with these words, by the shell; `redirect` may send the results elsewhere.
Outcome innerloop(const TestFolder& folder, const std::string& words, const std::string& redirect = "") {
  const char* build = ::getenv("INNERLOOP_BUILD");
  const std::string program = std::string(build ? build : "build") + "/innerloop";
  REQUIRE(std::filesystem::exists(program));
  const std::string out = folder / "out.txt", err = folder / "err.txt";
  const std::string line = program + " " + words + " > " + (redirect.empty() ? out : redirect) + " 2> " + err;
  const int status = ::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, redirect.empty() ? contents(out) : "", contents(err)};
}

}  // namespace

TEST_CASE("the program: exit codes 0, 1 and 2, messages on the error stream only", "[app]") {
  TestFolder folder;
  CHECK(innerloop(folder, "").code == 0);
  CHECK(innerloop(folder, "--version").out == "innerloop 0.1.0\n");
  for (const char* wrong :
       {"trian", "train mmal", "list evns", "check tahn", "check --fulll tanh", "train --seed 1", "adapt"}) {
    INFO(wrong);
    const Outcome outcome = innerloop(folder, wrong);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, ContainsSubstring("innerloop: "));
    CHECK(std::ranges::count(outcome.err, '\n') == 1);
  }
  CHECK(innerloop(folder, "adapt " + (folder / "none")).code == 1);
}

TEST_CASE("the program: a config with a syntax error is named with line and column", "[app]") {
  TestFolder folder;
  write_file(folder / "bad.toml", "algorithm = \"maml\"\nseed == 3\n");
  const Outcome outcome = innerloop(folder, "train --config " + (folder / "bad.toml"));
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.err, ContainsSubstring("bad.toml:2:7: "));
}

TEST_CASE("the program: a full output is a failure, not a silence", "[app]") {
  TestFolder folder;
  const Outcome full = innerloop(folder, "list envs", "/dev/full");
  CHECK(full.code == 1);
  CHECK_THAT(full.err, ContainsSubstring("cannot write the results"));
}

TEST_CASE("the program: check passes, and its JSON parses", "[app]") {
  TestFolder folder;
  const Outcome outcome = innerloop(folder, "check matmul --json");
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["ok"] == true);
  CHECK(json["reports"].size() >= 10);
  for (const char* list :
       {"list envs --json", "list ops --json", "list algorithms --json", "list envs --reference --json"}) {
    INFO(list);
    CHECK(nlohmann::json::accept(innerloop(folder, list).out));
  }
}
