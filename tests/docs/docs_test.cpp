// Code, tables and console blocks in the chapters are what the repository says today.
// [plain] reads the repository's text
#include "tests/docs/docs.h"

#include "tests/catch.h"

using namespace innerloop;
using docs::same_console;
using lint::File;

namespace {

const std::vector<File> small_repository = {
    {"meta/maml.cpp", "int a;\n  // region: adapt\n  int b;  // [MAML eq. 1]\n\n    int c;\n  // endregion\nint d;\n"},
    {"meta/maml.md", ""},
    {"tests/meta/maml_test.cpp",
     "\nTEST_"
     "CASE(\"[MAML eq. 1] is a step\") {}\n"}};

std::string printed(const std::string& command) { return command + " took 1.5 s\n"; }

// The chapter after rewriting, with the findings (if any) behind it.
std::string rewritten(const std::string& text) {
  std::vector<lint::Finding> findings;
  const std::string result = docs::rewritten({"meta/maml.md", text}, small_repository, printed, findings);
  return result + lint::to_string(findings);
}

}  // namespace

TEST_CASE("A region is what stands between its marks, without the shared indentation", "[plain]") {
  CHECK(docs::region(small_repository[0].text, "adapt") == "int b;  // [MAML eq. 1]\n\n  int c;\n");
  CHECK(docs::region("// region: a\n1\n// region: b\n2\n// endregion\n3\n// endregion\n", "a") == "1\n2\n3\n");
  CHECK_THROWS(docs::region("// region: a\n1\n// endregion\n", "b"));
  CHECK_THROWS(docs::region("// region: a\n1\n", "a"));
}

TEST_CASE("Code in a chapter is replaced by its region of the source", "[plain]") {
  const std::string right =
      "x\n<!-- code: meta/maml.cpp#adapt -->\n```cpp\nint b;  // [MAML eq. 1]\n\n  int c;\n```\ny\n";
  CHECK(rewritten(right) == right);
  CHECK(rewritten("x\n<!-- code: meta/maml.cpp#adapt -->\n```cpp\nint old;\n```\ny\n") == right);
  CHECK(rewritten("x\n<!-- code: meta/maml.cpp#adapt -->\ny\n") == right);
}

TEST_CASE("A block that cannot be made is named with its line", "[plain]") {
  CHECK_THAT(rewritten("x\n<!-- code: meta/maml.cpp#none -->\n"),
             Catch::Matchers::ContainsSubstring("meta/maml.md:2:"));
  CHECK_THAT(rewritten("<!-- code: meta/none.cpp -->\n"), Catch::Matchers::ContainsSubstring("no file meta/none.cpp"));
  CHECK_THAT(rewritten("<!-- code: meta/maml.cpp#adapt -->\n```cpp\n"),
             Catch::Matchers::ContainsSubstring("does not end"));
}

TEST_CASE("A table of equations leads from the tag to the source and to the test", "[plain]") {
  CHECK(rewritten("<!-- equations: meta/maml.cpp -->\n| old |\ny\n") ==
        "<!-- equations: meta/maml.cpp -->\n| equation | source | test |\n|---|---|---|\n"
        "| [MAML eq. 1] | [meta/maml.cpp:3](maml.cpp#L3) | "
        "[tests/meta/maml_test.cpp:2](../tests/meta/maml_test.cpp#L2) |\ny\n");
}

TEST_CASE("A table that the program prints stands in the chapter without a fence", "[plain]") {
  CHECK(rewritten("<!-- table: innerloop list options maml --markdown -->\n| old |\n| older |\ny\n") ==
        "<!-- table: innerloop list options maml --markdown -->\n"
        "innerloop list options maml --markdown took 1.5 s\ny\n");
}

TEST_CASE("A console block is kept while it says the same, and replaced when it does not", "[plain]") {
  const std::string same = "<!-- run: innerloop list -->\n```text\n$ innerloop list\ninnerloop list took 7.25 s\n```\n";
  CHECK(rewritten(same) == same);
  CHECK(rewritten("<!-- run: innerloop list -->\n```text\nold\n```\n") ==
        "<!-- run: innerloop list -->\n```text\n$ innerloop list\ninnerloop list took 1.5 s\n```\n");
}

TEST_CASE("A console block may show the first lines and the last", "[plain]") {
  const auto shown = [](const std::string& directive) {
    std::vector<lint::Finding> findings;
    const auto console = [](const std::string& command) { return command + "\nb\nc\nd\ne\n"; };
    return docs::rewritten({"meta/maml.md", directive}, small_repository, console, findings);
  };
  CHECK(shown("<!-- run: innerloop list (3 lines) -->\n") ==
        "<!-- run: innerloop list (3 lines) -->\n```text\n$ innerloop list\ninnerloop list\nb\n…\ne\n```\n");
  CHECK(shown("<!-- run: innerloop list (5 lines) -->\n") ==
        "<!-- run: innerloop list (5 lines) -->\n```text\n$ innerloop list\ninnerloop list\nb\nc\nd\ne\n```\n");
}

TEST_CASE("Console output: words and whole numbers exactly, times not at all, other numbers to 3 digits", "[plain]") {
  CHECK(same_console("a  b\n", "a b\n"));
  CHECK_FALSE(same_console("a b\n", "a c\n"));
  CHECK_FALSE(same_console("a\n", "a\nb\n"));
  CHECK_FALSE(same_console("20 tasks\n", "21 tasks\n"));
  CHECK_FALSE(same_console("f32\n", "f64\n"));
  CHECK(same_console("took 20 s, 3.5 ms\n", "took 9 s, 12.25 ms\n"));
  CHECK_FALSE(same_console("20 states\n", "9 states\n"));
  CHECK(same_console("return -40.08\n", "return -40.09\n"));
  CHECK_FALSE(same_console("return -40.08\n", "return -40.38\n"));
}

TEST_CASE("Console output: an error may change up to the tolerance beside it, or above it", "[plain]") {
  CHECK(same_console("tanh 3.1e-12 <= 1e-8\n", "tanh 9.9e-9 <= 1e-8\n"));
  CHECK_FALSE(same_console("tanh 3.1e-12 <= 1e-8\n", "tanh 1.1e-8 <= 1e-8\n"));
  CHECK_FALSE(same_console("tanh 3.1e-12 <= 1e-8\n", "tanh 3.2e-12 <= 1e-7\n"));
  CHECK(same_console("tolerance 1e-8\ntanh 3.1e-12\n", "tolerance 1e-8\ntanh 4.0e-11\n"));
  CHECK_FALSE(same_console("tanh 3.1e-12\n", "tanh 4.0e-12\n"));
}

TEST_CASE("The generated parts of the chapters are true (if not: make docs)", "[plain]") {
  const std::vector<File> files = lint::read_repository(".");
  std::vector<lint::Finding> findings;
  for (const File& file : files)
    if (file.path.ends_with(".md")) {
      INFO(file.path);
      CHECK(docs::rewritten(file, files, docs::run_program, findings) == file.text);
    }
  CHECK(lint::to_string(findings) == "");
}
