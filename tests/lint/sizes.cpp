// The lint on sizes. Functions are found by their braces: good enough for code that clang-format has laid out.
#include <algorithm>

#include "tests/lint/lint.h"
#include "tests/lint/pattern.h"

namespace innerloop::lint {
namespace {

constexpr int max_file_lines = 450, max_line_characters = 120, max_function_lines = 60;

enum class Kind { scope, function, data, block };

struct Brace {
  Kind kind;
  int line;            // of the opening brace
  int data_lines = 0;  // lines of the tables within, which do not count
  std::string head;    // what stands before the brace
};

// The head without the template parameters, attributes and words that may come before `struct` or a return type.
std::string without_prefix(std::string head) {
  static const Pattern word(R"(^(\[\[[^\]]*\]\]|inline|export|static|constexpr|typedef|friend)\s*)");
  while (true) {
    if (head.starts_with("template")) {
      std::size_t i = head.find('<');
      for (int depth = 0; i < head.size(); ++i) {
        depth += head[i] == '<' ? 1 : head[i] == '>' ? -1 : 0;
        if (depth == 0) break;
      }
      head = trimmed(head.substr(std::min(i + 1, head.size())));
    } else if (std::string shorter = word.replace(head, ""); shorter != head) {
      head = shorter;
    } else {
      return head;
    }
  }
}

// What a brace opens, from the text between the last ; { or } and it.
Kind kind_of(const std::string& head, bool inside_function) {
  static const Pattern scope(R"(^(namespace|struct|class|union|enum|extern)\b)");
  static const Pattern data(R"((=|\breturn|,|\(|\{|=\s*[\w:<>, ]+|^)$)");
  static const Pattern declared(R"(^(static |constexpr |const )+[^()=]*$)");
  if (scope.search(without_prefix(head))) return Kind::scope;
  if (data.search(head) || declared.search(head)) return head.empty() ? Kind::block : Kind::data;
  if (inside_function) return Kind::block;
  return head.find('(') != std::string::npos ? Kind::function : Kind::scope;
}

void check_functions(const File& file, std::vector<Finding>& findings) {
  const std::string code = code_only(file.text);
  std::vector<Brace> open;
  std::string head;
  int line = 1;
  const auto inside = [&](Kind kind) {
    return std::any_of(open.begin(), open.end(), [&](const Brace& brace) { return brace.kind == kind; });
  };
  for (std::size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '\n') ++line;
    if (c == '#' && trimmed(head).empty()) {  // a preprocessor line says nothing about braces
      i = std::min(code.find('\n', i), code.size()) - 1;
    } else if (c == '{') {
      // A lambda in a table is a function of its own; one in a function belongs to that function.
      const bool counted_already = inside(Kind::function);
      open.push_back({kind_of(trimmed(head), counted_already), line, 0, trimmed(head)});
      head.clear();
    } else if (c == '}' && !open.empty()) {
      const Brace brace = open.back();
      open.pop_back();
      const int length = line - brace.line + 1;
      if (brace.kind == Kind::function && length - brace.data_lines > max_function_lines)
        findings.push_back({file.path, brace.line,
                            "a function of " + std::to_string(length - brace.data_lines) + " lines; " +
                                std::to_string(max_function_lines) + " are allowed"});
      if (!open.empty()) open.back().data_lines += brace.kind == Kind::data ? length - 1 : brace.data_lines;
      head.clear();
    } else if (c == ';') {
      head.clear();
    } else {
      head += c;
    }
  }
}

// Characters, not bytes: the bytes that continue a UTF-8 character do not count.
int characters(const std::string& line) {
  return static_cast<int>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::vector<Finding> check_sizes(const std::vector<File>& files) {
  static const Pattern code(R"(.*\.(h|cpp|cu|cuh)$)");
  std::vector<Finding> findings;
  for (const File& file : files) {
    if (!code.match(file.path)) continue;
    const std::vector<std::string> lines = lines_of(file.text);
    if (static_cast<int>(lines.size()) > max_file_lines)
      findings.push_back(
          {file.path, 0, std::to_string(lines.size()) + " lines; " + std::to_string(max_file_lines) + " are allowed"});
    for (std::size_t i = 0; i < lines.size(); ++i)
      if (characters(lines[i]) > max_line_characters)
        findings.push_back(
            {file.path, static_cast<int>(i) + 1, "a line of " + std::to_string(characters(lines[i])) + " characters"});
    if (!file.path.starts_with("tests/")) check_functions(file, findings);
  }
  return findings;
}

}  // namespace innerloop::lint
