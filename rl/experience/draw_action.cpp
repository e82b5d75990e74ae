#include "rl/experience/draw_action.h"

#include <algorithm>
#include <cmath>

#include "autodiff/function.h"

namespace innerloop::rl {

int choose_action(const double* probabilities, int count, double u, bool deterministic) {
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

void draw_action(const nn::PolicySpec& policy, const double* centre, const double* sigma, Philox random,
                 bool deterministic, Dtype dtype, const std::function<std::string()>& where, double* action) {
  const int A = policy.net.outputs;
  if (policy.head == nn::PolicySpec::Head::gaussian) {
    for (int k = 0; k < A; ++k) {
      const double a = deterministic ? centre[k] : centre[k] + sigma[k] * random.normal();
      action[k] = dtype == Dtype::f32 ? static_cast<double>(static_cast<float>(a)) : a;
    }
    return;
  }
  for (int a = 0; a < A; ++a)
    if (!std::isfinite(centre[a]))
      throw NonFiniteError(where() + ": the probability of action " + std::to_string(a) +
                           " is not finite; look at the policy's output and its parameters");
  action[0] = choose_action(centre, A, random.uniform(), deterministic);
}

}  // namespace innerloop::rl
