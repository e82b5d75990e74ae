// `check all` along three sets of random directions: a verifier that cries wolf at one of them is not trusted. 50 of
// them, and random programs: make check-seeds.
#include "app/checks.h"
#include "tests/app/outcome.h"
#include "tests/app/toy.h"
#include "tests/catch.h"

using namespace innerloop;

// [plain] compares numbers; the verifier's own tests go through the same code
TEST_CASE("check all: no false alarm with three seeds", "[app][slow][plain]") {
  for (const char* seed : {"1", "2", "5"}) {  // each of them was one
    const Outcome outcome = toy::program({"check", "all", "--seed", seed});
    INFO(outcome.out.substr(0, 4000));
    CHECK(outcome.code == app::success);
    CHECK_THAT(outcome.out, Catch::Matchers::ContainsSubstring("cases hold, at orders 1 and 2"));
  }
}
