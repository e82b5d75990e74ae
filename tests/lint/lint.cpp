#include "tests/lint/lint.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace innerloop::lint {
namespace {

namespace fs = std::filesystem;

// Where a literal that opens at `begin` ends (the place after its last quote). Raw literals have no escapes.
std::size_t end_of_literal(const std::string& text, std::size_t begin) {
  if (text[begin] == '"' && begin > 0 && text[begin - 1] == 'R') {
    const std::size_t open = text.find('(', begin);
    const std::string close = ")" + text.substr(begin + 1, open - begin - 1) + "\"";
    const std::size_t end = text.find(close, open);
    return end == std::string::npos ? text.size() : end + close.size();
  }
  std::size_t i = begin + 1;
  while (i < text.size() && text[i] != text[begin] && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

// An apostrophe between digits or letters separates digits (1'000); anywhere else it opens a character.
bool opens_literal(const std::string& text, std::size_t i) {
  if (text[i] == '"') return true;
  return text[i] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1])));
}

}  // namespace

std::vector<File> read_repository(const std::string& root) {
  static const std::set<std::string> folders = {"autodiff", "nn",  "rl",    "meta", "envs",
                                                "kernels",  "app", "tests", ".ci"};
  std::vector<File> files;
  const auto read = [&](const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    // Pictures and other binary files hold a zero byte; lints are about text.
    if (text.view().find('\0') == std::string_view::npos)
      files.push_back({fs::relative(path, root).generic_string(), text.str()});
  };
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_regular_file() && entry.path().filename() != ".git") read(entry.path());
    if (!entry.is_directory() || !folders.contains(entry.path().filename().string())) continue;
    for (const auto& below : fs::recursive_directory_iterator(entry.path()))
      if (below.is_regular_file()) read(below.path());
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n"), end = text.find_last_not_of(" \t\n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::string code_only(const std::string& text) {
  std::string result = text;
  const auto blank = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      if (result[i] != '\n') result[i] = ' ';
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    if (text.compare(i, 2, "//") == 0) {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (text.compare(i, 2, "/*") == 0) {
      const std::size_t close = text.find("*/", i + 2);
      end = close == std::string::npos ? text.size() : close + 2;
      blank(i, end);
    } else if (opens_literal(text, i)) {
      end = end_of_literal(text, i);
      if (end > i + 2) blank(i + 1, end - 1);
    }
    i = end;
  }
  return result;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string to_string(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings)
    text += finding.path + ":" + std::to_string(finding.line) + ": " + finding.what + "\n";
  return text;
}

std::vector<Finding> check_top_level(const std::vector<std::string>& entries) {
  static const std::set<std::string> promised = {
      "Makefile", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "autodiff", "nn", "rl",
      "meta",     "envs",           "kernels",           "tests",   "app"};
  // What builds and runs leave there, and git ignores.
  static const std::set<std::string> left_over = {"runs", "Testing", "compile_commands.json"};
  std::vector<Finding> findings;
  for (const std::string& entry : entries)
    if (!promised.contains(entry) && !left_over.contains(entry) && !entry.starts_with("build") && entry[0] != '.')
      findings.push_back({entry, 0, "does not belong to the top level"});
  return findings;
}

}  // namespace innerloop::lint
