// Regular expressions for the lints and tests. pattern.cpp alone includes <regex>, which takes seconds to compile.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace innerloop::lint {

// Where a pattern was found: text[begin, end), counted in bytes, and what its groups hold. Group 0 is the whole match;
// a group that took no part is empty.
struct Match {
  std::size_t begin = 0, end = 0;
  std::vector<std::string> groups;
  const std::string& operator[](std::size_t group) const { return groups.at(group); }
};

// A regular expression in the syntax of ECMAScript. Making one is slow: keep it as a static constant. Copies share it.
class Pattern {
 public:
  explicit Pattern(const std::string& expression);

  // The first match within the text.
  std::optional<Match> search(const std::string& text) const;
  // The match of the text as a whole.
  std::optional<Match> match(const std::string& text) const;
  // All matches that do not overlap, from left to right.
  std::vector<Match> all(const std::string& text) const;
  // The text with all of those replaced; $1 in `with` stands for what group 1 holds.
  std::string replace(const std::string& text, const std::string& with) const;

 private:
  struct Implementation;
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace innerloop::lint
