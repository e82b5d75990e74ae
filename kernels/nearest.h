// The word most like a misspelt one, for error messages.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace innerloop {

// ". Did you mean 'x'?" if some candidate is near (edit distance at most a third of its length, and at least 2), else
// the list of what there is, shortened: ". There are: a, b, c".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);
// The nearest candidate, or "" if none is near.
std::string nearest_word(std::string_view word, std::span<const std::string> candidates);

}  // namespace innerloop
