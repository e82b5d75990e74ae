#include "tests/lint/pattern.h"

#include <regex>

namespace innerloop::lint {

struct Pattern::Implementation {
  std::regex regex;
};

namespace {

Match copied(const std::smatch& found) {
  const auto begin = static_cast<std::size_t>(found.position());
  Match match{begin, begin + static_cast<std::size_t>(found.length()), {}};
  for (const std::ssub_match& group : found) match.groups.push_back(group.str());
  return match;
}

}  // namespace

Pattern::Pattern(const std::string& expression)
    : implementation_(std::make_shared<Implementation>(Implementation{std::regex(expression)})) {}

std::optional<Match> Pattern::search(const std::string& text) const {
  std::smatch found;
  if (!std::regex_search(text, found, implementation_->regex)) return std::nullopt;
  return copied(found);
}

std::optional<Match> Pattern::match(const std::string& text) const {
  std::smatch found;
  if (!std::regex_match(text, found, implementation_->regex)) return std::nullopt;
  return copied(found);
}

std::vector<Match> Pattern::all(const std::string& text) const {
  std::vector<Match> matches;
  for (std::sregex_iterator it(text.begin(), text.end(), implementation_->regex), end; it != end; ++it)
    matches.push_back(copied(*it));
  return matches;
}

std::string Pattern::replace(const std::string& text, const std::string& with) const {
  return std::regex_replace(text, implementation_->regex, with);
}

}  // namespace innerloop::lint
