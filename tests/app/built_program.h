// The built program, started as a reader starts it: by the shell.
#pragma once

#include <stdlib.h>
#include <sys/wait.h>

#include "tests/app/folder.h"
#include "tests/app/outcome.h"
#include "tests/catch.h"

inline std::string built_program() {
  const char* build = ::getenv("INNERLOOP_BUILD");
  return std::string(build ? build : "build") + "/innerloop";
}

// Runs build/innerloop with these words; `redirect` may send the results elsewhere, `environment` set variables.
inline Outcome run_innerloop(const TestFolder& folder, const std::string& words, const std::string& redirect = "",
                             const std::string& environment = "") {
  REQUIRE(std::filesystem::exists(built_program()));
  const std::string out = folder / "out.txt", err = folder / "err.txt";
  const std::string line =
      environment + " " + built_program() + " " + words + " > " + (redirect.empty() ? out : redirect) + " 2> " + err;
  const int status = ::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, redirect.empty() ? contents(out) : "", contents(err)};
}

inline int exit_status(const TestFolder& folder, const std::string& words) { return run_innerloop(folder, words).code; }
