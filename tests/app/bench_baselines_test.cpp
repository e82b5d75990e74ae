// innerloop bench bandits, innerloop bench mdps: the tables, whatever the number of threads.
#include <sstream>

#include "app/program.h"
#include "kernels/threads.h"
#include "tests/app/toy.h"
#include "tests/catch.h"
#include "tests/sanitized.h"

using namespace innerloop;
using namespace innerloop::app;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string printed(std::vector<std::string> words, int expected = 0) {
  std::ostringstream out, err;
  CHECK(run_program({toy::rows, out, err}, words) == expected);
  return out.str() + err.str();
}

}  // namespace

TEST_CASE("bench bandits, bench mdps: the same bytes for every number of threads", "[app][baselines]") {
  const int threads = thread_count();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"bench", "bandits", "--instances", sanitized ? "4" : "40", "--only", "10, 5"},
        std::vector<std::string>{"bench", "mdps", "--instances", sanitized ? "2" : "3"}}) {
    set_thread_count(1);
    const std::string one = printed(words);
    set_thread_count(2);
    CHECK(printed(words) == one);
    CHECK_THAT(one, ContainsSubstring("published"));
  }
  set_thread_count(threads);
}

TEST_CASE("bench bandits: the published row, ours, and the exact optimum stand below each other", "[app][baselines]") {
  const std::string table = printed({"bench", "bandits", "--instances", "40", "--only", "10, 50"});
  CHECK_THAT(table, ContainsSubstring("10, 50") && ContainsSubstring("6.713951") && ContainsSubstring("9.80"));
  CHECK(table.find("100, ") == std::string::npos);
  CHECK_THAT(printed({"bench", "bandits", "--instances", "40", "--only", "10, 50", "--json"}),
             ContainsSubstring("\"Bayes-optimal\": \"6.713951\""));
}

TEST_CASE("bench: rows and flags that do not exist are refused", "[app][baselines]") {
  CHECK_THAT(printed({"bench", "bandits", "--only", "7, 7"}, 2), ContainsSubstring("'7, 7'"));
  CHECK_THAT(printed({"bench", "ops", "--instances", "5"}, 2), ContainsSubstring("bench bandits and mdps"));
  CHECK_THAT(printed({"bench", "mdps", "--only", "10"}, 2), ContainsSubstring("bench networks"));
}
