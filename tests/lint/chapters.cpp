// The lints on chapters: every block has a source, every quoted test exists, every chapter has its parts.
#include <algorithm>
#include <cctype>
#include <set>

#include "tests/lint/lint.h"
#include "tests/lint/pattern.h"

namespace innerloop::lint {
namespace {

bool is_chapter(const File& file) { return file.path.ends_with(".md"); }
bool is_test_source(const std::string& path) { return path.starts_with("tests/") && path.ends_with(".cpp"); }

int line_at(const std::string& text, std::size_t place) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(place), '\n'));
}

// The string literals that begin at `at`, blanks and line breaks between them, as one text. `at` moves behind them.
std::string literals_at(const std::string& text, std::size_t& at) {
  std::string value;
  for (at = text.find_first_not_of(" \n", at); at < text.size() && text[at] == '"';
       at = std::min(text.find_first_not_of(" \n", at + 1), text.size()))
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
      value += text[at];
    }
  return value;
}

}  // namespace

std::vector<TestCase> find_test_cases(const std::vector<File>& files) {
  const std::string macro =
      "TEST_"
      "CASE(";
  std::vector<TestCase> tests;
  for (const File& file : files) {
    if (!is_test_source(file.path)) continue;
    for (std::size_t at = file.text.find(macro); at != std::string::npos; at = file.text.find(macro, at)) {
      TestCase test{file.path, line_at(file.text, at), "", ""};
      test.name = literals_at(file.text, at += macro.size());
      if (at < file.text.size() && file.text[at] == ',') test.tags = literals_at(file.text, ++at);
      if (!test.name.empty()) tests.push_back(test);
    }
  }
  return tests;
}

// ---- Blocks ---------------------------------------------------------------------------------------------------------
namespace {

// Why the mark before a block does not hold; empty if it does. What `code` and `run` name is compared by tests/docs.
std::string complaint_about_mark(const std::string& mark, const std::string& chapter, const std::vector<File>& files) {
  static const Pattern made(R"(^<!-- (code|run): .*\S -->$)"), compared(R"(^<!-- compared: (\S+) -->$)"),
      recorded(R"(^<!-- recorded: .*\S -->$)");
  if (mark == "<!-- drawing -->" || made.match(mark) || recorded.match(mark)) return "";
  const auto match = compared.match(mark);
  if (!match) return "a block without a mark before it: code, run, compared, recorded or drawing";
  const std::string& path = (*match)[1];
  const auto test = std::find_if(files.begin(), files.end(), [&](const File& f) { return f.path == path; });
  if (test == files.end()) return "there is no " + path;
  return test->text.find(chapter) == std::string::npos ? path + " does not read " + chapter : "";
}

}  // namespace

std::vector<Finding> check_blocks(const std::vector<File>& files) {
  std::vector<Finding> findings;
  for (const File& file : files) {
    if (!is_chapter(file)) continue;
    bool inside = false;
    int number = 0;
    std::string before;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      const std::string text = trimmed(line);
      if (text.starts_with("```")) {
        // Commands to type need no source: "```sh".
        if (!inside && text != "```sh")
          if (const std::string complaint = complaint_about_mark(before, file.path, files); !complaint.empty())
            findings.push_back({file.path, number, complaint});
        inside = !inside;
      }
      before = text;
    }
  }
  return findings;
}

// ---- Quoted tests ---------------------------------------------------------------------------------------------------
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Line breaks of the chapter within a name are blanks.
std::string one_line(const std::string& text) {
  static const Pattern blanks(R"(\s+)");
  return blanks.replace(text, " ");
}

// One alternative of what Catch takes on its command line: [tags], or a name with * at its ends.
bool selects(const std::string& word, const TestCase& test) {
  // The point in "[.print]" hides a test from those that run by themselves; it is no part of the tag.
  static const Pattern hiding(R"(\[\.)");
  if (word.starts_with('[')) return hiding.replace(lower(test.tags), "[").find(lower(word)) != std::string::npos;
  const bool any_begin = word.starts_with('*'), any_end = word.size() > 1 && word.ends_with('*');
  const std::string part = lower(word.substr(any_begin, word.size() - any_begin - any_end)), name = lower(test.name);
  if (any_begin && any_end) return name.find(part) != std::string::npos;
  return any_begin ? name.ends_with(part) : any_end ? name.starts_with(part) : name == part;
}

// A quoted name: its pieces between ellipses, in order.
bool quotes(const std::string& quoted, const TestCase& test) {
  std::size_t at = 0;
  for (std::size_t begin = 0; begin <= quoted.size();) {
    const std::size_t end = std::min(quoted.find("…", begin), quoted.size());
    const std::string piece = trimmed(quoted.substr(begin, end - begin));
    if ((at = test.name.find(piece, at)) == std::string::npos) return false;
    at += piece.size();
    begin = end + std::string("…").size();
  }
  return true;
}

// The commands `build/tests_x "…"` of a chapter. The program of races is that of the kernels, built another way.
void check_commands(const File& file, const std::vector<TestCase>& tests, std::vector<Finding>& findings) {
  static const Pattern command(R"(build/tests_(\w+)\s+"([^"]*)\")");
  for (const Match& match : command.all(file.text)) {
    const std::string folder = match[1] == "race" ? "cuda" : match[1], argument = one_line(match[2]);
    for (std::size_t begin = 0; begin <= argument.size();) {
      const std::size_t comma = std::min(argument.find(',', begin), argument.size());
      const std::string word = trimmed(argument.substr(begin, comma - begin));
      begin = comma + 1;
      if (std::none_of(tests.begin(), tests.end(), [&](const TestCase& test) {
            return test.path.starts_with("tests/" + folder + "/") && selects(word, test);
          }))
        findings.push_back(
            {file.path, line_at(file.text, match.begin), "build/tests_" + match[1] + " has no test \"" + word + "\""});
    }
  }
}

// The text with code spans and blocks blanked out: quotes in them are code.
std::string without_code(const std::string& text) {
  static const Pattern code(R"(```[^`]*```|`[^`]*`)");
  std::string result = text;
  for (const Match& match : code.all(text))
    for (std::size_t i = match.begin; i < match.end; ++i)
      if (char& c = result[i]; c != '\n') c = ' ';
  return result;
}

// "Names" in straight quotes: what follows the word test, and all of them among the exercises.
void check_names(const File& file, const std::vector<TestCase>& tests, std::vector<Finding>& findings) {
  static const Pattern quoted(R"re((\btests? )?"([^"]+)")re");
  const std::string text = without_code(file.text);
  const std::size_t exercises = text.find("\n## Exercises");
  for (const Match& match : quoted.all(text)) {
    if (match[1].empty() && match.begin < exercises) continue;
    const std::string name = one_line(match[2]);
    if (std::none_of(tests.begin(), tests.end(), [&](const TestCase& test) { return quotes(name, test); }))
      findings.push_back({file.path, line_at(text, match.begin), "no test is called \"" + name + "\""});
  }
}

}  // namespace

std::vector<Finding> check_quoted_tests(const std::vector<File>& files) {
  const std::vector<TestCase> tests = find_test_cases(files);
  std::vector<Finding> findings;
  for (const File& file : files) {
    if (!is_chapter(file)) continue;
    check_commands(file, tests, findings);
    check_names(file, tests, findings);
  }
  return findings;
}

// ---- The parts of a chapter -----------------------------------------------------------------------------------------
namespace {

struct Section {
  std::string title, text;
};

// The chapter's sections; the first, without a title, is what stands before them.
std::vector<Section> sections_of(const std::string& text) {
  std::vector<Section> sections(1);
  bool inside = false;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("```")) inside = !inside;
    if (!inside && line.starts_with("## "))
      sections.push_back({line.substr(3), ""});
    else
      sections.back().text += line + "\n";
  }
  return sections;
}

// What a section must hold, as a pattern, and in words.
struct Part {
  const char *title, *pattern, *words;
};

const Part parts[] = {
    {"", "[Qq]uick facts[^]*\n\\|", "a table of quick facts"},
    {"The idea", "<!-- drawing -->|!\\[", "a picture"},
    {"Key equations", "\\$\\$", "an equation"},
    {"From equation to line", "<!-- equations: [^\n]*-->\n\\|[^\n]*\n\\|[^\n]*\n\\|", "a generated table of equations"},
    {"Implementation details", "\n1\\. ", "a numbered list"},
    {"Is it right", "<!-- run: innerloop check |`build/tests_", "what `check` says, or which tests"},
    {"Results", "`[^`]*(innerloop|build/|make )", "the command"},
    {"Results", "\\d (ns|µs|ms|s|min)\\b", "a time"},
    {"Results", "EPYC|Xeon|Ryzen|Core", "the machine"},
    {"Results", "\\d{4}-\\d\\d-\\d\\d", "a date"},
    {"When it fails", "\n(- |\\*|\\|)", "cases"},
};

// Each numbered exercise, with the lines that belong to it.
std::vector<std::string> exercises_of(const std::string& section) {
  std::vector<std::string> exercises;
  static const Pattern number(R"(^\d+\. .*)");
  for (const std::string& line : lines_of(section)) {
    if (number.match(line))
      exercises.push_back(line + "\n");
    else if (!exercises.empty())
      exercises.back() += line + "\n";
  }
  return exercises;
}

void check_exercises(const File& file, const std::string& section, std::vector<Finding>& findings) {
  static const Pattern check(R"(Check:[^]*`(sh |cmp |make |innerloop |build/)[^`]*`)");
  const std::vector<std::string> exercises = exercises_of(section);
  if (exercises.size() < 3) findings.push_back({file.path, 0, "fewer than three exercises"});
  for (std::size_t i = 0; i < exercises.size(); ++i)
    if (!check.search(exercises[i]))
      findings.push_back({file.path, 0, "exercise " + std::to_string(i + 1) + " has no command after \"Check:\""});
}

}  // namespace

std::vector<Finding> check_parts(const std::vector<File>& files, const std::vector<std::string>& chapters) {
  std::vector<Finding> findings;
  for (const std::string& path : chapters) {
    const auto file = std::find_if(files.begin(), files.end(), [&](const File& f) { return f.path == path; });
    if (file == files.end()) {
      findings.push_back({path, 0, "there is no such chapter"});
      continue;
    }
    const std::vector<Section> sections = sections_of(file->text);
    const auto text_of = [&](const std::string& title) {
      std::string text;
      for (const Section& section : sections)
        if (title.empty() ? section.title.empty() : section.title.starts_with(title)) text += "\n" + section.text;
      return text;
    };
    // A section stands only where there is something to say: but for the picture, the failures and the exercises.
    const auto may_be_absent = [&](const std::string& title) {
      static const std::set<std::string> always = {"", "The idea", "When it fails"};
      return !always.contains(title) && text_of(title).empty();
    };
    for (const Part& part : parts)
      if (!may_be_absent(part.title) && !Pattern(part.pattern).search(text_of(part.title)))
        findings.push_back({path, 0,
                            (*part.title ? "section \"" + std::string(part.title) + "\"" : "the beginning") +
                                std::string(" lacks ") + part.words});
    check_exercises(*file, text_of("Exercises"), findings);
  }
  return findings;
}

}  // namespace innerloop::lint
