#include "kernels/nearest.h"

#include <algorithm>
#include <vector>

namespace innerloop {
namespace {

// Levenshtein's distance, with one row of the table kept.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_word(std::string_view word, std::span<const std::string> candidates) {
  std::string best;
  std::size_t best_distance = static_cast<std::size_t>(-1);
  for (const std::string& candidate : candidates) {
    std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) best_distance = distance, best = candidate;
  }
  return best_distance <= std::max<std::size_t>(2, best.size() / 3) ? best : "";
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  if (std::string best = nearest_word(word, candidates); !best.empty()) return ". Did you mean '" + best + "'?";
  std::string list;
  for (std::size_t i = 0; i < candidates.size() && i < 12; ++i) list += (i ? ", " : "") + candidates[i];
  if (candidates.size() > 12) list += ", …";
  return list.empty() ? "" : ". There are: " + list;
}

}  // namespace innerloop
