// The chapter's tables say what the program says. To renew them: build/tests_envs "[print]"
#include <fmt/core.h>

#include <fstream>
#include <sstream>

#include "envs/reference.h"
#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop::envs;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string chapter() {
  std::ostringstream text;
  text << std::ifstream("envs/README.md").rdbuf();
  return text.str();
}

std::string table_of_environments() {
  std::string table = "| name | task | observation | action | horizon | ends by itself | source |\n";
  table += "|---|---|---|---|---|---|---|\n";
  for (const EnvRow& row : all_envs()) {
    const Spec& s = row.spec;
    const std::string action = s.action_kind == ActionKind::discrete
                                   ? fmt::format("one of {}", s.action_count)
                                   : fmt::format("{} in [{}, {}]", s.action_size, s.action_low, s.action_high);
    const std::string tasks = row.task_count > 0 ? fmt::format("{} of {}", s.task_size, row.task_count)
                                                 : fmt::format("{}, a continuum", s.task_size);
    table += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", s.name, tasks, s.obs_size, action, s.horizon,
                         s.terminates ? "yes" : "no", s.source);
  }
  return table;
}

std::string table_of_returns() {
  std::string table = "| environment | policy | return | steps |\n|---|---|---|---|\n";
  for (const EnvRow& row : all_envs())
    for (const ReferenceReturn& r : reference_returns(row, reference_tasks(row), 1))
      table += fmt::format("| `{}` | {} | {:.3f} ± {:.3f} | {:.2f} |\n", row.spec.name, r.policy, r.mean,
                           r.standard_error, r.mean_length);
  return table;
}

}  // namespace

TEST_CASE("envs: the chapter's table of environments is that of the program") {
  CHECK_THAT(chapter(), ContainsSubstring(table_of_environments()));
}

TEST_CASE("envs: the chapter's reference returns are what stepping gives") {
  CHECK_THAT(chapter(), ContainsSubstring(table_of_returns()));
}

TEST_CASE("envs: print the chapter's tables", "[.print]") {
  fmt::print("{}\n{}", table_of_environments(), table_of_returns());
}
