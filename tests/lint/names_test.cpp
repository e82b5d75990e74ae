// The names of test cases may hold what CMake and Catch2 take for syntax.
// [plain] tests how CMake lists tests
#include "tests/catch.h"

TEST_CASE("Test names may hold [brackets), \"quotes\", commas; and semicolons", "[plain]") {
  CHECK(Catch::getResultCapture().getCurrentTestName() ==
        "Test names may hold [brackets), \"quotes\", commas; and semicolons");
}
