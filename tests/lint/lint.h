// The lints: what the repository promises about its own text, as functions from files to findings.
// They read files, not syntax trees: simple rules that a reader can keep in mind. Each has a test in which it must
// find.
#pragma once

#include <string>
#include <vector>

namespace innerloop::lint {

struct File {
  std::string path;  // from the repository's root, with '/'
  std::string text;
};

struct Finding {
  std::string path;
  int line = 0;  // from 1; 0 means the whole file
  std::string what;
};

// All text files of the repository below `root`: the known folders, the top level and .ci; builds and runs are left
// out.
std::vector<File> read_repository(const std::string& root);

// The same code with comments and the insides of literals turned to blanks; line breaks stay where they are.
std::string code_only(const std::string& text);
// The text without the spaces and line breaks around it.
std::string trimmed(const std::string& text);
// Lines without their line breaks.
std::vector<std::string> lines_of(const std::string& text);
// Findings as "path:line: what", one on each line; empty if there are none.
std::string to_string(const std::vector<Finding>& findings);

// kernels <- autodiff <- nn <- rl <- meta <- app; envs on kernels, seen by rl/experience, meta and app.
// Within rl: training <- experience <- rl. Eigen in tests alone, CLI11 and toml++ in app alone, fmt and nlohmann-json
// in no header.
std::vector<Finding> check_includes(const std::vector<File>& files);
// No header includes itself by way of others.
std::vector<Finding> check_circles(const std::vector<File>& files);
// Files up to 450 lines, lines up to 120 characters, functions up to 60 lines (tables of data within do not count).
std::vector<Finding> check_sizes(const std::vector<File>& files);
// No macros outside kernels/cuda, no relaxed floating point, no library random numbers, no marks of unfinished work.
std::vector<Finding> check_forbidden(const std::vector<File>& files);
// In nn/, rl/ and meta/: the field's words, not the house's. `judge` is a term that meta-gradients' chapter defines.
std::vector<Finding> check_words(const std::vector<File>& files);
// In rl/ and meta/: no row of options writes a default, and nothing but a table reads the values of options or turns a
// word into an enum; what a checkpoint holds is compared with what is needed in rl/training/checkpoint.cpp alone.
std::vector<Finding> check_tables(const std::vector<File>& files);
// No absolute paths of a machine, no private host names, links only to places that outlive a machine.
std::vector<Finding> check_places(const std::vector<File>& files);
// Only the entries that the tree promises at the top level.
std::vector<Finding> check_top_level(const std::vector<std::string>& entries);

// One tagged equation of a source: a comment `// [MAML eq. 1] ...`.
struct Equation {
  std::string tag;   // "[MAML eq. 1]"
  std::string path;  // the source
  int line = 0;
  std::string test;  // the name of the TEST_CASE that holds the tag; empty if there is none
  std::string test_path;
  int test_line = 0;
};
std::vector<Equation> find_equations(const std::vector<File>& files);
// The chapter of a source: meta/maml_update.cpp -> meta/maml_update.md, else meta/maml.md, else meta/README.md.
std::string chapter_of(const std::string& path, const std::vector<File>& files);
// Each tag in a source stands in its chapter and in the name of a test; each tag of a chapter or test stands in a
// source.
std::vector<Finding> check_equations(const std::vector<File>& files);

// A test: its name and tags, literals that follow each other joined.
struct TestCase {
  std::string path;
  int line = 0;
  std::string name, tags;
};
std::vector<TestCase> find_test_cases(const std::vector<File>& files);

// Tags say under which sanitizers a test runs: [plain] has a reason in a line "// [plain] <reason>" of the comment
// above the test, or above all of its file; [learning] and [timing] are [plain]; [threads] is not, and is the last one.
std::vector<Finding> check_tags(const std::vector<File>& files);
// Each source with parallel_for, a mutex, an atomic, a thread or thread_local is named in a line
// "// [threads] <source>, <source>" above a test tagged [threads], or above all of its file; and no other source is.
std::vector<Finding> check_threads(const std::vector<File>& files);

// Each block of a chapter has a mark on the line before it that says where it comes from: "code:" and "run:" (made and
// compared by tests/docs), "compared: tests/x/y_test.cpp" (by that test), "recorded: command" (kept from a run that a
// test cannot repeat) or "drawing". Blocks of commands, ```sh, need none.
std::vector<Finding> check_blocks(const std::vector<File>& files);
// Each command build/tests_x "..." of a chapter selects a test, and each test that is quoted exists: what stands in
// straight quotes after the word test, and among the exercises. "…" in a quoted name stands for what is left out.
std::vector<Finding> check_quoted_tests(const std::vector<File>& files);
// The named chapters have every part, and what may be absent is whole if it is there: quick facts, idea with a picture,
// key equations, equation table, details, what check or the tests say, results with command, time, machine, date,
// when it fails, exercises with a command that checks.
std::vector<Finding> check_parts(const std::vector<File>& files, const std::vector<std::string>& chapters);

}  // namespace innerloop::lint
