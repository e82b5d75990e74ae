#include "app/equations.h"

#include <algorithm>
#include <cctype>

namespace innerloop::app {
namespace {

struct Line {
  int number;
  std::string_view text;
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back({number, text.substr(0, end)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// What follows "//" on a line that is nothing but a comment; false if it is none.
bool comment_on(std::string_view line, std::string_view& comment) {
  line = trimmed(line);
  if (!line.starts_with("//")) return false;
  comment = trimmed(line.substr(2));
  return true;
}

// "[MAML eq. 1]" at the start of `text`: the paper's short name, then where in the paper.
std::string_view tag_at(std::string_view text) {
  if (!text.starts_with('[')) return "";
  const std::string_view tag = text.substr(1, std::min(text.find(']'), text.size()) - 1);
  if (1 + tag.size() >= text.size()) return "";
  for (const char* place : {" eq. ", " alg. ", " section ", " appendix "})
    if (tag.find(place) != std::string_view::npos) return tag;
  return "";
}

void collect_equations(const SourceText& source, std::vector<Equation>& equations) {
  bool inside = false;  // the comment being read belongs to the last equation
  for (const Line& line : lines_of(source.text)) {
    std::string_view comment;
    if (!comment_on(line.text, comment)) {
      inside = false;
    } else if (const std::string_view tag = tag_at(comment); !tag.empty()) {
      equations.push_back({std::string(tag),
                           std::string(trimmed(comment.substr(tag.size() + 2))),
                           std::string(source.path),
                           line.number,
                           {}});
      inside = true;
    } else if (inside && !comment.empty()) {
      if (!equations.back().text.empty()) equations.back().text += '\n';
      equations.back().text += comment;
    }
  }
}

// The text of the string literal that begins at `open`, with the literals that follow it directly: "a" "b" is ab.
std::string literal_at(std::string_view text, std::size_t open) {
  std::string literal;
  while (open < text.size() && text[open] == '"') {
    const std::size_t close = std::min(text.find('"', open + 1), text.size());
    literal += text.substr(open + 1, close - open - 1);
    open = std::min(text.find_first_not_of(" \n", std::min(close + 1, text.size())), text.size());
  }
  return literal;
}

// TEST_CASE("name …", with the name possibly on the next line.
void collect_tests(const SourceText& source, std::vector<Equation>& equations) {
  const std::string_view start = "TEST_CASE(";
  for (std::size_t at = source.text.find(start); at != std::string_view::npos; at = source.text.find(start, at + 1)) {
    const std::string name = literal_at(source.text, source.text.find('"', at));
    const auto line = 1 + std::ranges::count(source.text.substr(0, at), '\n');
    for (Equation& equation : equations)
      if (name.find('[' + equation.tag + ']') != std::string::npos)
        equation.tests.push_back(
            std::string(source.path).append(":").append(std::to_string(line)).append(" ").append(name));
  }
}

// The equations of the sources that `belongs` says yes to, headers first, with the tests that hold them.
template <class Belongs>
std::vector<Equation> collect(std::span<const SourceText> sources, Belongs belongs) {
  std::vector<Equation> equations;
  for (const char* ending : {".h", ".cpp"})
    for (const SourceText& text : sources)
      if (text.path.ends_with(ending) && belongs(text.path)) collect_equations(text, equations);
  for (const SourceText& text : sources)
    if (text.path.starts_with("tests/")) collect_tests(text, equations);
  return equations;
}

}  // namespace

std::vector<Equation> find_equations(std::string_view source, std::span<const SourceText> sources) {
  // "meta/maml.cpp" stands for meta/maml.h, meta/maml.cpp, meta/maml_trainer.cpp …; headers come first.
  const std::string_view stem = source.substr(0, source.rfind('.'));
  return collect(sources, [&](std::string_view path) {
    return path.starts_with(stem) && (path[stem.size()] == '.' || path[stem.size()] == '_');
  });
}

std::vector<Equation> find_folder_equations(std::string_view folder, std::span<const SourceText> sources) {
  return collect(sources, [&](std::string_view path) { return path.substr(0, path.find('/')) == folder; });
}

}  // namespace innerloop::app
