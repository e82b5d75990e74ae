#include "tests/docs/docs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>

#include "tests/lint/pattern.h"

namespace innerloop::docs {

using lint::File;
using lint::Finding;
using lint::lines_of;
using lint::Match;
using lint::Pattern;

namespace {

const File& file_at(const std::string& path, const std::vector<File>& files) {
  const auto file = std::find_if(files.begin(), files.end(), [&](const File& f) { return f.path == path; });
  if (file == files.end()) throw std::runtime_error("there is no file " + path);
  return *file;
}

std::string without_shared_indentation(const std::vector<std::string>& lines) {
  std::size_t shared = std::string::npos;
  for (const std::string& line : lines) shared = std::min(shared, line.find_first_not_of(' '));
  std::string text;
  for (const std::string& line : lines) text += (line.size() > shared ? line.substr(shared) : "") + "\n";
  return text;
}

}  // namespace

std::string region(const std::string& text, const std::string& name) {
  if (name.empty()) return text;
  static const Pattern mark(R"(^\s*//\s*(region:\s*(\S+)|endregion)\s*$)");
  std::vector<std::string> kept;
  int depth = 0;  // of regions inside the one that is wanted
  for (const std::string& line : lines_of(text)) {
    const auto match = mark.match(line);
    if (!match) {
      if (depth > 0) kept.push_back(line);
    } else if (const std::string& begun = (*match)[2]; !begun.empty()) {
      if (depth > 0 || begun == name) ++depth;
    } else if (depth > 0 && --depth == 0) {
      return without_shared_indentation(kept);
    }
  }
  throw std::runtime_error("there is no region " + name + (depth > 0 ? " that ends" : ""));
}

// ---- Console output -------------------------------------------------------------------------------------------------
namespace {

struct Token {
  std::string text;
  bool number = false;
  bool time = false;  // a number before a unit of time
  bool whole() const { return number && text.find_first_of(".e") == std::string::npos; }
  bool error() const { return number && text.find("e-") != std::string::npos; }
  double value() const { return std::strtod(text.c_str(), nullptr); }
};

// Numbers and what is between them, blanks left out. A digit inside a word (f32, x2) belongs to the word.
std::vector<Token> tokens_of(const std::string& line) {
  static const Pattern token(R"(([A-Za-z_][\w]*)|([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)|([^\s]))");
  static const Pattern unit(R"(^ ?(ns|us|µs|ms|s|min|h)(?![A-Za-z0-9_/]))");
  std::vector<Token> tokens;
  for (const Match& match : token.all(line)) {
    Token found{match[0], !match[2].empty()};
    found.time = found.number && unit.search(line.substr(match.end));
    tokens.push_back(found);
  }
  return tokens;
}

// Compares one line; `tolerance` is the largest unchanged error so far, and is updated from this line first.
bool same_line(const std::vector<Token>& recorded, const std::vector<Token>& now, double& tolerance) {
  if (recorded.size() != now.size()) return false;
  double on_this_line = 0.0;
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i].error() && now[i].text == recorded[i].text) on_this_line = std::max(on_this_line, now[i].value());
  if (on_this_line > 0.0) tolerance = on_this_line;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const Token &a = recorded[i], &b = now[i];
    if (a.text == b.text || (a.time && b.time)) continue;
    if (!a.number || !b.number) return false;
    if (a.error() || b.error()) {
      if (std::abs(b.value()) > tolerance) return false;
    } else if (a.whole() && b.whole()) {
      return false;
    } else if (std::abs(a.value() - b.value()) > 0.005 * std::max(std::abs(a.value()), std::abs(b.value()))) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool same_console(const std::string& recorded, const std::string& now) {
  const std::vector<std::string> before = lines_of(recorded), after = lines_of(now);
  if (before.size() != after.size()) return false;
  double tolerance = 0.0;
  for (std::size_t i = 0; i < after.size(); ++i)
    if (!same_line(tokens_of(before[i]), tokens_of(after[i]), tolerance)) return false;
  return true;
}

std::string run_program(const std::string& command) {
  // The place of the build stands for its name; nothing in a chapter is handed to a shell as more than words.
  static const Pattern words(R"(^(innerloop|build/bench/[a-z_]+)( [A-Za-z0-9_./=,:-]+)*$)");
  if (!words.match(command)) throw std::runtime_error("not a plain command of innerloop or of a benchmark: " + command);
  const char* build = std::getenv("INNERLOOP_BUILD");
  const std::string name = command.substr(0, command.find(' '));
  const std::string place = (build ? build : "build") + (name == "innerloop" ? "/" + name : name.substr(5));
  const std::string line = "NO_COLOR=1 COLUMNS=100 '" + place + "'" + command.substr(name.size()) + " 2>&1";
  FILE* pipe = popen(line.c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  if (pclose(pipe) != 0) throw std::runtime_error(command + " failed:\n" + output);
  return output;
}

// ---- Blocks ---------------------------------------------------------------------------------------------------------
namespace {

std::string link(const std::string& path, int line, const std::string& chapter) {
  const std::string from = std::filesystem::path(chapter).parent_path().generic_string();
  const std::string to = std::filesystem::path(path).lexically_relative(from.empty() ? "." : from).generic_string();
  const std::string number = std::to_string(line);
  return "[" + path + ":" + number + "](" + to + "#L" + number + ")";
}

std::string equation_table(const std::string& sources, const File& chapter, const std::vector<File>& files) {
  std::string table = "| equation | source | test |\n|---|---|---|\n";
  for (const lint::Equation& equation : lint::find_equations(files)) {
    if ((" " + sources + " ").find(" " + equation.path + " ") == std::string::npos) continue;
    table += "| " + equation.tag + " | " + link(equation.path, equation.line, chapter.path) + " | ";
    table += equation.test.empty() ? "" : link(equation.test_path, equation.test_line, chapter.path);
    table += " |\n";
  }
  return table;
}

// "innerloop check maml (3 lines)": the command, and how many lines of its output a chapter shows; 0: all.
std::pair<std::string, std::size_t> command_and_lines(const std::string& argument) {
  static const Pattern shortened(R"(^(.*\S) \((\d+) lines\)$)");
  const auto match = shortened.match(argument);
  if (!match) return {argument, 0};
  return {(*match)[1], std::stoul((*match)[2])};
}

// The first lines and the last one of a text, so many in all; "…" stands for what is between them.
std::string shortened(const std::string& text, std::size_t count) {
  const std::vector<std::string> lines = lines_of(text);
  if (count == 0 || lines.size() <= count) return text;
  std::string kept;
  for (std::size_t i = 0; i + 1 < count; ++i) kept += lines[i] + "\n";
  return kept + "…\n" + lines.back() + "\n";
}

// What the directive `kind: argument` stands for, without fences. `recorded` is what the chapter holds now.
std::string made(const std::string& kind, const std::string& argument, const std::string& recorded, const File& chapter,
                 const std::vector<File>& files, const Console& console) {
  if (kind == "equations") return equation_table(argument, chapter, files);
  if (kind == "table") return console(argument);
  if (kind == "code") {
    const std::size_t hash = argument.find('#');
    return region(file_at(argument.substr(0, hash), files).text,
                  hash == std::string::npos ? "" : argument.substr(hash + 1));
  }
  const auto [command, count] = command_and_lines(argument);
  const std::string now = "$ " + command + "\n" + shortened(console(command), count);
  return same_console(recorded, now) ? recorded : now + (now.ends_with('\n') ? "" : "\n");
}

// The generated block after line `at`: a fenced one or a table. `end` is the line after it.
struct Block {
  std::string opening, text;
  std::size_t end;
};

Block block_at(const std::vector<std::string>& lines, std::size_t at, bool fenced) {
  Block block{"", "", at};
  if (!fenced) {
    while (block.end < lines.size() && lines[block.end].starts_with("|")) block.text += lines[block.end++] + "\n";
  } else if (at < lines.size() && lines[at].starts_with("```")) {
    block.opening = lines[at];
    for (block.end = at + 1; block.end < lines.size() && lines[block.end] != "```"; ++block.end)
      block.text += lines[block.end] + "\n";
    if (block.end == lines.size()) throw std::runtime_error("the block does not end");
    ++block.end;
  }
  return block;
}

}  // namespace

std::string rewritten(const File& chapter, const std::vector<File>& files, const Console& console,
                      std::vector<Finding>& findings) {
  static const Pattern directive(R"(^<!-- (code|run|table|equations): (.*\S) -->$)");
  const std::vector<std::string> lines = lines_of(chapter.text);
  std::string result;
  for (std::size_t i = 0; i < lines.size();) {
    const std::string line = lines[i++];
    result += line + "\n";
    const auto match = directive.match(line);
    if (!match) continue;
    const std::string &kind = (*match)[1], &argument = (*match)[2];
    try {
      const bool fenced = kind == "code" || kind == "run";
      const Block block = block_at(lines, i, fenced);
      const std::string opening = !block.opening.empty() ? block.opening : kind == "code" ? "```cpp" : "```text";
      const std::string text = made(kind, argument, block.text, chapter, files, console);
      result += fenced ? opening + "\n" + text + "```\n" : text;
      i = block.end;
    } catch (const std::exception& error) {
      findings.push_back({chapter.path, static_cast<int>(i), error.what()});
    }
  }
  return result;
}

}  // namespace innerloop::docs
