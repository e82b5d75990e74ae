#include "envs/held_out.h"

#include <algorithm>
#include <set>

namespace innerloop::envs {
namespace {
constexpr long most_draws = 2'000'000;  // a second of work
}

HeldOut held_out(const EnvRow& env, std::span<const Task> tests, const TrainingDraws& training) {
  // Draw the tasks of training again, and strike out each that is met.
  std::set<Task> unmet(tests.begin(), tests.end());
  HeldOut result{.tested = static_cast<int>(tests.size()), .at_most = training.at_most};
  result.drawn = training.iterations * training.tasks;
  const long looked_at = std::min(training.iterations, most_draws / std::max(training.tasks, 1));
  result.all_looked_at = looked_at == training.iterations;
  for (long i = 0; i < looked_at && !unmet.empty(); ++i)
    for (int k = 0; k < training.tasks; ++k)
      unmet.erase(sample_task(env, training.seed, Purpose::task, static_cast<std::uint32_t>(i),
                              static_cast<std::uint32_t>(k)));
  for (const Task& test : tests) result.trained += !unmet.contains(test);
  return result;
}

std::string held_out_text(const HeldOut& h) {
  const std::string drawn = std::to_string(h.drawn), tested = std::to_string(h.tested);
  if (h.trained == 0)
    return "new: none of the " + tested + " test tasks is among the " +
           (h.all_looked_at ? (h.at_most ? "at most " : "") + drawn : "first " + std::to_string(most_draws)) +
           " of training";
  return "not all new: " + std::to_string(h.trained) + " of the " + tested + " test tasks " +
         (h.at_most ? "may have been" : "were also") + " trained on";
}

}  // namespace innerloop::envs
