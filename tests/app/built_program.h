// The built program, started as a reader starts it: by the shell.
#pragma once

#include <stdlib.h>
#include <sys/wait.h>

#include "tests/app/folder.h"
#include "tests/catch.h"

struct Outcome {
  int code;
  std::string out, err;
};

// Runs build/innerloop with these words; `redirect` may send the results elsewhere, `environment` set variables.
inline Outcome run_innerloop(const TestFolder& folder, const std::string& words, const std::string& redirect = "",
                             const std::string& environment = "") {
  const char* build = ::getenv("INNERLOOP_BUILD");
  const std::string program = std::string(build ? build : "build") + "/innerloop";
  REQUIRE(std::filesystem::exists(program));
  const std::string out = folder / "out.txt", err = folder / "err.txt";
  const std::string line =
      environment + " " + program + " " + words + " > " + (redirect.empty() ? out : redirect) + " 2> " + err;
  const int status = ::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, redirect.empty() ? contents(out) : "", contents(err)};
}
