// A test's tags say where it runs, and the comment above it why.
// [plain] reads the repository's text
#include "tests/catch.h"
#include "tests/lint/lint.h"

using namespace innerloop::lint;

namespace {

// A file of one test with this comment above it and these tags; `head` begins the file.
File test_file(const std::string& comment, const std::string& tags, const std::string& head = "// What it holds.\n") {
  const std::string macro =
      "TEST_"
      "CASE";
  return {"tests/nn/a_test.cpp", head + "#include \"a.h\"\n\n" + comment + macro + "(\"a\", \"" + tags + "\") {}\n"};
}
std::size_t tag_findings(const File& file) { return check_tags({file}).size(); }

const std::vector<File>& whole_repository() {
  static const std::vector<File> files = read_repository(".");
  return files;
}

}  // namespace

TEST_CASE("The lint on tags finds [plain] without a reason, and tags that contradict each other", "[plain]") {
  CHECK(tag_findings(test_file("", "[nn]")) == 0);
  CHECK(tag_findings(test_file("// [plain] takes minutes there\n", "[nn][plain]")) == 0);
  CHECK(tag_findings(test_file("// First.\n// [plain] takes minutes there\n", "[plain]")) == 0);
  CHECK(tag_findings(test_file("", "[nn][plain]")) == 1);
  CHECK(tag_findings(test_file("// takes minutes there\n", "[nn][plain]")) == 1);
  CHECK(tag_findings(test_file("// [plain]\n", "[nn][plain]")) == 1);
  CHECK(tag_findings(test_file("// [plain] of another test\n\n", "[nn][plain]")) == 1);

  // A reason at the head of a file is that of all its tests.
  CHECK(tag_findings(test_file("", "[plain]", "// What it holds.\n// [plain] reads text\n")) == 0);
  CHECK(tag_findings(test_file("", "[nn]", "// What it holds.\n// [plain] reads text\n")) == 1);

  CHECK(tag_findings(test_file("", "[learning]")) == 1);
  CHECK(tag_findings(test_file("", "[timing]")) == 1);
  CHECK(tag_findings(test_file("// [plain] trains\n", "[learning][plain]")) == 0);
  CHECK(tag_findings(test_file("// [plain] x\n", "[plain][threads]")) == 1);
  CHECK(tag_findings(test_file("", "[threads][nn]")) == 1);
}

TEST_CASE("The lint on threads compares the files that use them with those that tests name", "[plain]") {
  const File source{"nn/a.cpp", "void f() {\n  parallel_for(3, body);\n}\n"};
  const File named = test_file("// [threads] nn/a.cpp\n", "[nn][threads]");
  CHECK(to_string(check_threads({source, named})) == "");
  CHECK(to_string(check_threads({source})) ==
        "nn/a.cpp:2: parallel_for(: no test tagged [threads] names this file above it\n");
  CHECK(check_threads({source, test_file("// [threads] nn/a.cpp\n", "[nn]")}).size() == 1);
  CHECK(check_threads({source, test_file("", "[nn][threads]")}).size() == 2);
  CHECK(to_string(check_threads({source, test_file("", "[threads]", "// All.\n// [threads] nn/a.cpp\n")})) == "");

  // A header and its source are one; a file that has moved, or uses threads no more, is found.
  CHECK(to_string(check_threads({{"nn/a.h", "std::mutex m;\n"}, named})) == "");
  CHECK(check_threads({{"nn/a.cpp", "void f();\n"}, named}).size() == 1);
  CHECK(check_threads({source, test_file("// [threads] nn/a.cpp, nn/b.cpp\n", "[threads]")}).size() == 1);

  for (const char* use : {"static thread_local int x;", "std::atomic<int> x;", "std::atomic_flag x;", "std::mutex x;",
                          "std::thread t(f);", "std::condition_variable x;"})
    CHECK(check_threads({{"nn/b.h", use}}).size() == 1);
  CHECK(check_threads({{"nn/b.h", "// a mutex, std::mutex\n"}, {"kernels/cuda/b_on_cuda.cpp", "std::mutex x;"},
                       {"tests/nn/b.h", "std::mutex x;"}})
            .empty());
}

TEST_CASE("Every test without sanitizers says why, and no tags contradict each other", "[plain]") {
  CHECK(to_string(check_tags(whole_repository())) == "");
}

TEST_CASE("Every file with threads has a test under the thread sanitizer", "[plain]") {
  CHECK(to_string(check_threads(whole_repository())) == "");
}
