// The lints on the tags that say under which sanitizers a test runs. tests/README.md explains them.
#include <algorithm>
#include <set>

#include "tests/lint/lint.h"
#include "tests/lint/pattern.h"

namespace innerloop::lint {
namespace {

// The lines of comment that end just above a line (from 1), or that a file begins with, without their slashes.
std::vector<std::string> comment_above(const std::vector<std::string>& lines, int line) {
  std::vector<std::string> comment;
  for (int n = line - 2; n >= 0 && lines[static_cast<std::size_t>(n)].starts_with("//"); --n)
    comment.insert(comment.begin(), trimmed(lines[static_cast<std::size_t>(n)].substr(2)));
  return comment;
}
std::vector<std::string> comment_at_head(const std::vector<std::string>& lines) {
  const auto end = std::find_if(lines.begin(), lines.end(), [](const auto& line) { return !line.starts_with("//"); });
  return comment_above(lines, static_cast<int>(end - lines.begin()) + 1);
}

// What the lines "[plain] ..." of a comment say behind the tag, one string per line.
std::vector<std::string> said_of(const std::string& tag, const std::vector<std::string>& comment) {
  std::vector<std::string> said;
  for (const std::string& line : comment)
    if (line.starts_with(tag)) said.push_back(trimmed(line.substr(tag.size())));
  return said;
}

bool has(const TestCase& test, const std::string& tag) { return test.tags.find(tag) != std::string::npos; }

// A test, with the comments that may explain its tags.
struct Explained {
  TestCase test;
  std::vector<std::string> above, head;
};
std::vector<Explained> explained_tests(const std::vector<File>& files) {
  std::vector<Explained> all;
  for (const File& file : files) {
    const std::vector<TestCase> tests = find_test_cases({file});
    if (tests.empty()) continue;
    const std::vector<std::string> lines = lines_of(file.text);
    for (const TestCase& test : tests)
      all.push_back({test, comment_above(lines, test.line), comment_at_head(lines)});
  }
  return all;
}

// meta/maml.h and meta/maml.cpp are one: meta/maml.
std::string stem(const std::string& path) { return path.substr(0, path.rfind('.')); }

// Where a source uses threads: the line, and the words; line 0 if it does not. What nvcc alone compiles is in no build
// under a sanitizer.
Finding use_of_threads(const File& file) {
  static const Pattern words(
      R"(\bparallel_for\s*\(|\bthread_local\b|)"
      R"(\bstd::(\w*mutex|atomic\w*|j?thread|condition_variable\w*|call_once|async)\b)");
  const bool is_source = file.path.ends_with(".h") || file.path.ends_with(".cpp");
  if (!is_source || file.path.starts_with("tests/") || file.path.ends_with("_on_cuda.cpp")) return {file.path, 0, ""};
  int number = 0;
  for (const std::string& line : lines_of(code_only(file.text))) {
    ++number;
    if (const auto match = words.search(line)) return {file.path, number, (*match)[0]};
  }
  return {file.path, 0, ""};
}

}  // namespace

std::vector<Finding> check_tags(const std::vector<File>& files) {
  std::vector<Finding> findings;
  for (const auto& [test, above, head] : explained_tests(files)) {
    const auto complain = [&, &at = test](const std::string& what) { findings.push_back({at.path, at.line, what}); };
    const bool plain = has(test, "[plain]"), threads = has(test, "[threads]");
    const std::vector<std::string> whole_file = said_of("[plain]", head);
    std::vector<std::string> reasons = said_of("[plain]", above);
    reasons.insert(reasons.end(), whole_file.begin(), whole_file.end());
    if (plain && std::all_of(reasons.begin(), reasons.end(), [](const auto& reason) { return reason.empty(); }))
      complain("tagged [plain], but no comment above says why: // [plain] <reason>");
    if (!plain && !whole_file.empty())
      complain("no build under a sanitizer has this file, as its head says: tag the test [plain]");
    if (plain && threads) complain("[plain] runs under no sanitizer, [threads] under two: one of them");
    if (!plain && (has(test, "[learning]") || has(test, "[timing]")))
      complain("[learning] and [timing] say nothing under a sanitizer, and take long: tag the test [plain] too");
    if (threads && !test.tags.ends_with("[threads]")) complain("[threads] is the last of a test's tags");
  }
  return findings;
}

std::vector<Finding> check_threads(const std::vector<File>& files) {
  std::vector<Finding> findings;
  std::set<std::string> with_threads, named;
  for (const File& file : files)
    if (use_of_threads(file).line > 0) with_threads.insert(stem(file.path));

  for (const auto& [test, above, head] : explained_tests(files)) {
    if (!has(test, "[threads]")) continue;
    std::vector<std::string> said = said_of("[threads]", above);
    if (said.empty()) said = said_of("[threads]", head);
    if (said.empty())
      findings.push_back({test.path, test.line, "no comment above says whose threads: // [threads] <source>, ..."});
    static const Pattern path(R"([^\s,]+)");
    for (const std::string& line : said)
      for (const Match& match : path.all(line)) {
        const std::string& source = match[0];
        named.insert(stem(source));
        if (!with_threads.contains(stem(source)))
          findings.push_back({test.path, test.line, source + " is no source that uses threads"});
      }
  }
  for (const File& file : files)
    if (const Finding use = use_of_threads(file); use.line > 0 && !named.contains(stem(file.path)))
      findings.push_back({file.path, use.line, use.what + ": no test tagged [threads] names this file above it"});
  return findings;
}

}  // namespace innerloop::lint
