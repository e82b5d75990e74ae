// The lint on equation tags: source, chapter and test speak of the same equations.
#include <algorithm>
#include <set>

#include "tests/lint/lint.h"
#include "tests/lint/pattern.h"

namespace innerloop::lint {
namespace {

const Pattern tag_pattern(R"(\[[^\[\]]*\beq\. [^\[\]]+\])");

// Folders whose sources hold equations, and whose chapters show them.
bool holds_equations(const std::string& path) {
  static const std::set<std::string> folders = {"kernels", "autodiff", "nn", "envs", "rl", "meta", "app"};
  return folders.contains(path.substr(0, path.find('/')));
}
bool is_source(const std::string& path) { return path.ends_with(".cpp") || path.ends_with(".h"); }

std::vector<std::string> tags_in(const std::string& text) {
  std::vector<std::string> tags;
  for (const Match& match : tag_pattern.all(text)) tags.push_back(match[0]);
  return tags;
}

struct Mention {
  std::string tag, path;
  int line = 0;
  std::string context;  // for tests: the name of the test case
};

// Tags in the comments of the sources. What stands in quotes is an example.
std::vector<Mention> in_sources(const std::vector<File>& files) {
  static const Pattern quoted("\"[^\"]*\"");
  std::vector<Mention> mentions;
  for (const File& file : files) {
    if (!holds_equations(file.path) || !is_source(file.path)) continue;
    int number = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      if (const std::size_t comment = line.find("//"); comment != std::string::npos)
        for (const std::string& tag : tags_in(quoted.replace(line.substr(comment), "")))
          mentions.push_back({tag, file.path, number, ""});
    }
  }
  return mentions;
}

// Tags in the names of test cases. The lints' own tests speak of tags that exist nowhere.
std::vector<Mention> in_tests(const std::vector<File>& files) {
  std::vector<Mention> mentions;
  for (const TestCase& test : find_test_cases(files))
    for (const std::string& tag : tags_in(test.name)) mentions.push_back({tag, test.path, test.line, test.name});
  return mentions;
}

// Whether a chapter's own text holds the tag. Its table of equations does not count: that is made from the source.
bool stands_in(const std::string& tag, const std::string& chapter) {
  const std::vector<std::string> lines = lines_of(chapter);
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return !line.starts_with("|") && line.find(tag) != std::string::npos;
  });
}

}  // namespace

std::string chapter_of(const std::string& path, const std::vector<File>& files) {
  const auto exists = [&](const std::string& name) {
    return std::any_of(files.begin(), files.end(), [&](const File& file) { return file.path == name; });
  };
  const std::size_t slash = path.rfind('/');
  // That of the folder, or of the nearest one around it that has a chapter.
  const auto folder_chapter = [&] {
    std::string folder = path.substr(0, slash);
    while (!exists(folder + "/README.md") && folder.find('/') != std::string::npos)
      folder = folder.substr(0, folder.rfind('/'));
    return folder + "/README.md";
  };
  std::string stem = path.substr(0, path.rfind('.'));
  while (!exists(stem + ".md")) {
    const std::size_t part = stem.rfind('_');
    if (part == std::string::npos || part < slash) return folder_chapter();
    stem = stem.substr(0, part);
  }
  return stem + ".md";
}

std::vector<Equation> find_equations(const std::vector<File>& files) {
  const std::vector<Mention> tests = in_tests(files);
  std::vector<Equation> equations;
  for (const Mention& source : in_sources(files)) {
    Equation equation{source.tag, source.path, source.line, "", "", 0};
    for (const Mention& test : tests)
      if (test.tag == source.tag && equation.test.empty()) {
        equation.test = test.context;
        equation.test_path = test.path;
        equation.test_line = test.line;
      }
    equations.push_back(equation);
  }
  return equations;
}

std::vector<Finding> check_equations(const std::vector<File>& files) {
  std::vector<Finding> findings;
  std::set<std::string> known;
  for (const Equation& equation : find_equations(files)) {
    known.insert(equation.tag);
    const std::string chapter = chapter_of(equation.path, files);
    const auto file = std::find_if(files.begin(), files.end(), [&](const File& f) { return f.path == chapter; });
    if (file == files.end() || !stands_in(equation.tag, file->text))
      findings.push_back({equation.path, equation.line, equation.tag + " does not stand in " + chapter});
    if (equation.test.empty())
      findings.push_back({equation.path, equation.line, "no TEST_CASE has " + equation.tag + " in its name"});
  }
  for (const Mention& test : in_tests(files))
    if (!known.contains(test.tag))
      findings.push_back({test.path, test.line, test.tag + " is tested, but tags no line of a source"});
  for (const File& file : files) {
    if (!holds_equations(file.path) || !file.path.ends_with(".md")) continue;
    int number = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      for (const std::string& tag : tags_in(line))
        if (!known.contains(tag)) findings.push_back({file.path, number, tag + " tags no line of a source"});
    }
  }
  return findings;
}

}  // namespace innerloop::lint
