// How an action is drawn from the numbers of a distribution.
#pragma once

#include <algorithm>

namespace innerloop::rl {

// The first action whose cumulative probability exceeds u; the likeliest if deterministic.
inline int choose_action(const double* probabilities, int count, double u, bool deterministic) {
  if (deterministic) return static_cast<int>(std::max_element(probabilities, probabilities + count) - probabilities);
  double cumulative = 0;
  for (int a = 0; a < count; ++a) {
    cumulative += probabilities[a];
    if (u < cumulative) return a;
  }
  // Rounding left a gap at 1: the last action that can happen at all.
  int last = count - 1;
  while (last > 0 && probabilities[last] == 0) --last;
  return last;
}

}  // namespace innerloop::rl
