// The repository keeps its own rules. Each rule is first shown an example that it must catch: a lint that cannot fail
// is none.
// [plain] reads the repository's text
#include "tests/lint/lint.h"

#include <filesystem>

#include "tests/catch.h"

using namespace innerloop::lint;

namespace {

const std::vector<File>& repository() {
  static const std::vector<File> files = read_repository(".");
  return files;
}

// The lines on which a check finds something, in one file.
std::vector<int> lines_found(std::vector<Finding> (*check)(const std::vector<File>&), const std::string& path,
                             const std::string& text) {
  std::vector<int> lines;
  for (const Finding& finding : check({{path, text}})) lines.push_back(finding.line);
  return lines;
}

using Lines = std::vector<int>;

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("Comments and literals are told from code", "[plain]") {
  CHECK(code_only("a // b\nc") == "a     \nc");
  CHECK(code_only("a /* b\n */ c") == "a     \n    c");
  CHECK(code_only(R"(f("{", '{', 1'000) {)") == R"(f(" ", ' ', 1'000) {)");
  CHECK(code_only(R"(f("\"{") {)") == R"(f("   ") {)");
  CHECK(code_only("R\"x({)\" )x\" {") == "R\"        \" {");
}

TEST_CASE("The lint on includes knows the direction of each folder", "[plain]") {
  CHECK(lines_found(check_includes, "kernels/a.cpp", "#include <vector>\n#include \"autodiff/graph.h\"\n") == Lines{2});
  CHECK(lines_found(check_includes, "autodiff/a.h", "#include \"kernels/ops.h\"\n#include \"nn/mlp.h\"\n") == Lines{2});
  CHECK(lines_found(check_includes, "envs/a.h", "#include \"kernels/philox.h\"\n#include \"autodiff/graph.h\"\n") ==
        Lines{2});
  CHECK(lines_found(check_includes, "rl/ppo.cpp", "#include \"envs/table.h\"\n") == Lines{1});
  CHECK(lines_found(check_includes, "rl/experience/rollout.cpp", "#include \"envs/table.h\"\n").empty());
  CHECK(lines_found(check_includes, "rl/experience/a.h", "#include \"rl/training/trainer.h\"\n").empty());
  CHECK(lines_found(check_includes, "rl/experience/a.h", "#include \"rl/ppo.h\"\n") == Lines{1});
  CHECK(lines_found(check_includes, "rl/training/a.h",
                    "#include \"rl/experience/batch.h\"\n#include \"envs/table.h\"\n") == Lines{1, 2});
  CHECK(lines_found(check_includes, "rl/ppo.cpp", "#include \"rl/experience/batch.h\"\n").empty());
  CHECK(lines_found(check_includes, "rl/a.cpp", "#include \"meta/maml.h\"\n") == Lines{1});
  CHECK(lines_found(check_includes, "meta/a.cpp", "#include \"app/options.h\"\n#include \"tests/x.h\"\n") ==
        Lines{1, 2});
  CHECK(lines_found(check_includes, "app/a.cpp", "#include \"meta/maml.h\"\n#include \"envs/table.h\"\n").empty());
  CHECK(lines_found(check_includes, "nn/a.cpp", "#include \"mlp.h\"\n") == Lines{1});
}

TEST_CASE("The lint on includes keeps other people's headers in their places", "[plain]") {
  CHECK(lines_found(check_includes, "tests/kernels/a.cpp", "#include <Eigen/Core>\n").empty());
  CHECK(lines_found(check_includes, "kernels/cpu/a.cpp", "#include <Eigen/Core>\n") == Lines{1});
  CHECK(lines_found(check_includes, "nn/a.h", "#include <fmt/format.h>\n#include <nlohmann/json.hpp>\n") ==
        Lines{1, 2});
  CHECK(lines_found(check_includes, "nn/a.cpp", "#include <fmt/format.h>\n#include <nlohmann/json.hpp>\n").empty());
  CHECK(lines_found(check_includes, "nn/a.cpp", "#include <toml++/toml.h>\n#include <CLI/CLI.hpp>\n") == Lines{1, 2});
  CHECK(lines_found(check_includes, "app/a.cpp", "#include <toml++/toml.h>\n#include <CLI/CLI.hpp>\n").empty());
}

TEST_CASE("The lint on circles finds headers that include each other, however long the way", "[plain]") {
  CHECK(check_circles({{"nn/a.h", "#include \"nn/b.h\"\n"}, {"nn/b.h", "#include \"nn/c.h\"\n"}, {"nn/c.h", ""}})
            .empty());
  const auto circle = check_circles({{"nn/a.h", "#include \"nn/b.h\"\n"},
                                     {"nn/b.h", "#include \"nn/c.h\"\n"},
                                     {"nn/c.h", "#include \"nn/b.h\"\n"}});
  REQUIRE(circle.size() == 1);
  CHECK(circle[0].what == "a circle: nn/b.h -> nn/c.h -> nn/b.h");
}

TEST_CASE("No header of the repository includes itself", "[plain]") {
  CHECK(to_string(check_circles(repository())) == "");
}

TEST_CASE("Every include of the repository points the right way", "[plain]") {
  CHECK(to_string(check_includes(repository())) == "");
}

TEST_CASE("The lint on sizes counts lines, characters and the lines of functions", "[plain]") {
  CHECK(lines_found(check_sizes, "nn/a.cpp", repeated("int x;\n", 450)).empty());
  CHECK(lines_found(check_sizes, "nn/a.cpp", repeated("int x;\n", 451)) == Lines{0});
  CHECK(lines_found(check_sizes, "nn/a.cpp", "\n// " + repeated("θ", 117) + "\n").empty());
  CHECK(lines_found(check_sizes, "nn/a.cpp", "\n// " + repeated("θ", 118) + "\n") == Lines{2});

  const std::string fits = repeated("  f();\n", 58), exceeds = repeated("  f();\n", 59);
  CHECK(lines_found(check_sizes, "nn/a.cpp", "void g() {\n" + fits + "}\n").empty());
  CHECK(lines_found(check_sizes, "nn/a.cpp", "void g() {\n" + exceeds + "}\n") == Lines{1});
  CHECK(lines_found(check_sizes, "nn/a.cpp",
                    "namespace n {\nstruct S {\n  int g() const {\n" + exceeds + "}\n};\n}\n") == Lines{3});
  CHECK(lines_found(check_sizes, "nn/a.cpp",
                    "template <class T>\nint S<T>::g(int a,\n int b) noexcept {\n" + exceeds + "}\n") == Lines{3});
  CHECK(lines_found(check_sizes, "nn/a.cpp", "S::S() : a_(1) {\n" + exceeds + "}\n") == Lines{1});
  // A long lambda makes the function around it long; scopes and tables may be as long as the file.
  CHECK(lines_found(check_sizes, "nn/a.cpp", "void g() {\n  h([&] {\n" + fits + "  });\n}\n") == Lines{1});
  CHECK(lines_found(check_sizes, "nn/a.cpp", "template <class T>\nstruct S {\n" + repeated("int x;\n", 99) + "};\n")
            .empty());
  const std::string table = "= {\n" + repeated("  {\"tanh\", {1, 2}, f(3)},\n", 99) + "};\n";
  CHECK(lines_found(check_sizes, "nn/a.cpp", "const Row rows[] " + table).empty());
  CHECK(lines_found(check_sizes, "nn/a.cpp", "Rows g() {\n  static const Rows rows " + table + "  return rows;\n}\n")
            .empty());
  CHECK(lines_found(check_sizes, "nn/a.cpp",
                    "const Row rows[] = {\n  {\"tanh\", [](int x) {\n" + exceeds + "}},\n};\n") == Lines{2});
}

TEST_CASE("Files, lines and functions stay short", "[plain]") { CHECK(to_string(check_sizes(repository())) == ""); }

TEST_CASE("The lint on forbidden words finds them in code, and in comments only where they count there", "[plain]") {
  CHECK(lines_found(check_forbidden, "nn/a.h", "\n  #define MAX(a, b) a\n") == Lines{2});
  CHECK(lines_found(check_forbidden, "kernels/cuda/a.cu", "#define KERNEL __global__\n").empty());
  CHECK(lines_found(check_forbidden, "kernels/cuda/a.cu", "// no __shared__\n__shared__ float s[4];\nasm(\"\");\n") ==
        Lines{2, 3});
  CHECK(lines_found(check_forbidden, "envs/a.cu", "#include <cuda_runtime.h>\nvolatile int x;\n") == Lines{1, 2});
  CHECK(lines_found(check_forbidden, "kernels/cuda/simt/on_gpu.h", "__shared__ float s[4];\n").empty());
  CHECK(lines_found(check_forbidden, "kernels/cuda/device_on_cuda.cpp", "#include <cuda_runtime.h>\n").empty());
  CHECK(lines_found(check_forbidden, "CMakeLists.txt",
                    "add_compile_options(-ffast"
                    "-math)\n") == Lines{1});
  CHECK(lines_found(check_forbidden, "CMakeLists.txt",
                    "# never -ffast"
                    "-math\n")
            .empty());
  CHECK(lines_found(check_forbidden, "rl/a.cpp", "std::normal_distribution<double> d;\nint x = rand();\n") ==
        Lines{1, 2});
  CHECK(lines_found(check_forbidden, "rl/a.cpp", "// never std::normal_distribution; operand(x)\n").empty());
  CHECK(lines_found(check_forbidden, "rl/README.md",
                    "\nTO"
                    "DO: write\n") == Lines{2});
}

TEST_CASE("No macros, no relaxed arithmetic, nothing marked as unfinished", "[plain]") {
  CHECK(to_string(check_forbidden(repository())) == "");
}

TEST_CASE("The lint on words finds the house's, and lets the field's stand", "[plain]") {
  CHECK(lines_found(check_words, "rl/a.cpp", "follow(target, theta, tau);\npolyak_update(target, theta, tau);\n") ==
        Lines{1});
  CHECK(lines_found(check_words, "rl/a.md", "what follows from that\ntargets that follow slowly\n") == Lines{2});
  CHECK(lines_found(check_words, "meta/pearl.cpp", "const Var goes_on = 1.0 - done;\n") == Lines{1});
  CHECK(lines_found(check_words, "meta/pearl.cpp", "\n// judged by critics\n") == Lines{2});
  CHECK(lines_found(check_words, "meta/meta_gradient.md", "the judge looks at new experience\n").empty());
  CHECK(lines_found(check_words, "rl/a.md", "padding is chosen away\nwalk away\n") == Lines{1});
  CHECK(lines_found(check_words, "rl/a.md", "## Key equations\n## The equations\n") == Lines{2});
  CHECK(lines_found(check_words, "rl/experience/protocol.h", "// The latent before any data.\n") == Lines{1});
  CHECK(lines_found(check_words, "meta/pearl.h", "int latent_size;\n// a latent z\n").empty());
}

TEST_CASE("The chapters and sources of nn, rl and meta say the field's words", "[plain]") {
  CHECK(to_string(check_words(repository())) == "");
}

TEST_CASE("The lint on tables finds defaults in rows, values read by name, words compared and shapes checked",
          "[plain]") {
  CHECK(lines_found(check_tables, "rl/a.cpp", "{.name = \"a\",\n .value = \"1\"}\n") == Lines{2});
  CHECK(lines_found(check_tables, "meta/a.cpp", "c.a = values.real(\"a\");\n") == Lines{1});
  CHECK(lines_found(check_tables, "rl/a.cpp", "x = word == \"lstm\" ? 1 : 2;\n") == Lines{1});
  CHECK(lines_found(check_tables, "rl/a.cpp", "throw Error(\"use the options of the run that wrote it\");\n") ==
        Lines{1});
  CHECK(lines_found(check_tables, "rl/training/checkpoint.cpp", "throw \"use the options of the run that wrote it\";\n")
            .empty());
  CHECK(lines_found(check_tables, "app/a.cpp", "{.value = \"1\"}, v.real(\"a\")\n").empty());
  CHECK(lines_found(check_tables, "rl/a.cpp", ".add(\"a\", &Config::a, {0, 1}, \"help\")\n").empty());
}

TEST_CASE("Every table and checkpoint of the repository is written once", "[plain]") {
  CHECK(to_string(check_tables(repository())) == "");
}

TEST_CASE("The lint on places finds machine paths, hosts and links that may vanish", "[plain]") {
  CHECK(lines_found(check_places, "a.md",
                    "see /ho"
                    "me/someone/x and\n\"/t"
                    "mp/run\"\n") == Lines{1, 2});
  CHECK(lines_found(check_places, "a.md", "meta/work/x, kernels/tmp/y, ../home/z, /usr/local/cuda\n").empty());
  CHECK(lines_found(check_places, "a.md",
                    "box7.inter"
                    "nal\nlocal"
                    "host:80\n") == Lines{1, 2});
  CHECK(lines_found(check_places, "a.md",
                    "https://arxiv.org/abs/1703.03400\nhttps:"
                    "//example.com/x\n") == Lines{2});
}

TEST_CASE("The repository names no machine", "[plain]") { CHECK(to_string(check_places(repository())) == ""); }

TEST_CASE("The lint on the top level finds strangers", "[plain]") {
  CHECK(check_top_level({"README.md", "meta", ".ci", "build-asan"}).empty());
  CHECK(check_top_level({"meta", "scripts", "notes.txt"}).size() == 2);
}

TEST_CASE("The top level holds what it promises", "[plain]") {
  std::vector<std::string> entries;
  for (const auto& entry : std::filesystem::directory_iterator("."))
    entries.push_back(entry.path().filename().string());
  CHECK(to_string(check_top_level(entries)) == "");
}

TEST_CASE("The lint on equations ties source, chapter and test", "[plain]") {
  const File source{"meta/maml.cpp", "// [MAML eq. 1] the step\nint adapt();\n"};
  const File chapter{"meta/maml.md", "The step [MAML eq. 1]\n"};
  const std::string test_case =
      "TEST_"
      "CASE";
  const File test{"tests/meta/maml_test.cpp", "\n" + test_case + "(\"[MAML eq. 1] is one step\", \"[x]\") {}\n"};
  CHECK(to_string(check_equations({source, chapter, test})) == "");
  CHECK(check_equations({source, test}).size() == 1);
  CHECK(check_equations({source, {"meta/maml.md", "| [MAML eq. 1] | maml.cpp:1 |\n"}, test}).size() == 1);
  CHECK(check_equations({source, chapter}).size() == 1);
  CHECK(check_equations({source, {"meta/maml.md", "[MAML eq. 2]\n"}, test}).size() == 2);
  CHECK(check_equations({chapter, test}).size() == 2);
  CHECK(to_string(check_equations({chapter, test})).find("tests/meta/maml_test.cpp:2:") != std::string::npos);

  const std::vector<Equation> equations = find_equations({source, chapter, test});
  REQUIRE(equations.size() == 1);
  CHECK(equations[0].line == 1);
  CHECK(equations[0].test == "[MAML eq. 1] is one step");
  CHECK(equations[0].test_line == 2);
}

TEST_CASE("A source without a chapter of its own belongs to a shorter name's, else to the folder's", "[plain]") {
  const std::vector<File> files = {{"meta/maml.md", ""}, {"meta/README.md", ""}, {"kernels/README.md", ""}};
  CHECK(chapter_of("meta/maml.cpp", files) == "meta/maml.md");
  CHECK(chapter_of("meta/maml_update_rule.cpp", files) == "meta/maml.md");
  CHECK(chapter_of("meta/reptile.h", files) == "meta/README.md");
  CHECK(chapter_of("kernels/cpu/gemm.cpp", files) == "kernels/README.md");
}

TEST_CASE("Every tagged equation stands in its chapter and has a named test", "[plain]") {
  CHECK(to_string(check_equations(repository())) == "");
}

// ---- Chapters -------------------------------------------------------------------------------------------------------
namespace {

const std::string test_case =
    "TEST_"
    "CASE";
const File some_tests{"tests/nn/a_test.cpp",
                      test_case + "(\"sgd: one step, by hand\", \"[nn][slow]\") {}\n" + test_case +
                          "(\n    \"[Adam eq. step] says \\\"yes\\\" \"\n    \"twice\") {}\n"};

std::string found_in(std::vector<Finding> (*check)(const std::vector<File>&), const std::string& chapter) {
  return to_string(check({some_tests, {"nn/README.md", chapter}}));
}

}  // namespace

TEST_CASE("Test cases are read with their names, whole, and their tags", "[plain]") {
  const std::vector<TestCase> tests = find_test_cases({some_tests});
  REQUIRE(tests.size() == 2);
  CHECK(tests[0].name == "sgd: one step, by hand");
  CHECK(tests[0].tags == "[nn][slow]");
  CHECK(tests[1].name == "[Adam eq. step] says \"yes\" twice");
  CHECK(tests[1].line == 2);
}

TEST_CASE("The lint on blocks asks each where it comes from", "[plain]") {
  CHECK(found_in(check_blocks, "```sh\nmake\n```\n<!-- drawing -->\n```\n-->\n```\n").empty());
  CHECK(found_in(check_blocks, "<!-- code: a.h#b -->\n```cpp\n```\n<!-- run: innerloop -->\n```\n```\n").empty());
  CHECK(found_in(check_blocks, "<!-- recorded: innerloop run -->\n```\n```\n").empty());
  CHECK(lines_found(check_blocks, "a.md", "```cpp\nint x;\n```\n\n  ```\n  text\n  ```\n") == Lines{1, 5});
  CHECK(lines_found(check_blocks, "a.md", "<!-- drawing -->\n\n```\n```\n") == Lines{3});
  CHECK(lines_found(check_blocks, "a.md", "<!-- recorded: -->\n```\n```\n") == Lines{2});
  // A test that is said to compare a block must exist, and read the chapter.
  const std::string compared = "<!-- compared: tests/nn/b_test.cpp -->\n```\n```\n";
  CHECK(lines_found(check_blocks, "a.md", compared) == Lines{2});
  CHECK(check_blocks({{"a.md", compared}, {"tests/nn/b_test.cpp", "read(\"b.md\");"}}).size() == 1);
  CHECK(check_blocks({{"a.md", compared}, {"tests/nn/b_test.cpp", "read(\"a.md\");"}}).empty());
}

TEST_CASE("The lint on quoted tests finds commands that run none, and names that nothing has", "[plain]") {
  CHECK(found_in(check_quoted_tests, "`build/tests_nn \"SGD*\"`, `build/tests_nn \"*Adam eq. s*,[slow]\"`\n").empty());
  CHECK(found_in(check_quoted_tests, "`build/tests_nn\n  \"sgd: one\n   step*\"`; `build/tests_nn`\n").empty());
  CHECK_FALSE(found_in(check_quoted_tests, "\n`build/tests_nn \"sgd: one step\"`\n").empty());
  CHECK_FALSE(found_in(check_quoted_tests, "`build/tests_nn \"sgd*,[fast]\"`\n").empty());
  CHECK_FALSE(found_in(check_quoted_tests, "`build/tests_rl \"sgd*\"`\n").empty());

  CHECK(found_in(check_quoted_tests, "the test \"one step\", a \"word\", `\"code\"`\n").empty());
  CHECK(found_in(check_quoted_tests, "\n## Exercises\n\n1. \"[Adam eq. step] … twice\", `x \"y\"`.\n").empty());
  CHECK_FALSE(found_in(check_quoted_tests, "the test \"two steps\"\n").empty());
  CHECK_FALSE(found_in(check_quoted_tests, "\n## Exercises\n\n1. \"twice … [Adam eq. step]\" fails.\n").empty());
}

TEST_CASE("The lint on parts finds each part that a chapter lacks", "[plain]") {
  const std::string whole =
      "# A\n**Quick facts**\n| a |\n## The idea\n<!-- drawing -->\n## Key equations\n$$x$$\n## From equation to line\n"
      "<!-- equations: nn/a.cpp -->\n| e |\n|---|\n| 1 |\n## Implementation details\n\n1. x\n## Is it right?\n"
      "<!-- run: innerloop check layers -->\n## Results\n`innerloop x`, 3 s on an EPYC, 2026-11-21\n## When it fails\n"
      "- x\n## Exercises\n1. a\n   *Check:* `build/tests_nn`\n2. b Check: `innerloop check`\n3. Check: `make test`\n";
  CHECK(to_string(check_parts({{"nn/README.md", whole}}, {"nn/README.md"})) == "");
  CHECK(check_parts({}, {"nn/README.md"}).size() == 1);
  for (const char* part : {"Quick facts", "<!-- drawing -->", "$$x$$", "| 1 |", "1. x", "<!-- run: innerloop check",
                           "innerloop x", "3 s", "EPYC", "2026-11-21", "- x", "3. Check", "`build/tests_nn`"}) {
    INFO(part);
    std::string lacking = whole;
    lacking.replace(lacking.find(part), std::string(part).size(), "");
    CHECK(check_parts({{"nn/README.md", lacking}}, {"nn/README.md"}).size() == 1);
  }
}

TEST_CASE("Every block of a chapter says where it comes from",
          "[plain]") {
  CHECK(to_string(check_blocks(repository())) == "");
}

TEST_CASE("Every test that a chapter quotes exists",
          "[plain]") {
  CHECK(to_string(check_quoted_tests(repository())) == "");
}

TEST_CASE("Every chapter of a folder, and those of the first algorithms, have all their parts", "[plain]") {
  CHECK(to_string(check_parts(repository(),
                              {"kernels/README.md", "autodiff/README.md", "nn/README.md", "envs/README.md",
                               "rl/README.md", "meta/README.md", "app/README.md", "meta/maml.md", "rl/trpo.md",
                               "rl/policy_gradient.md"})) == "");
}
