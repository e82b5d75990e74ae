#include "envs/held_out.h"

#include <set>

namespace innerloop::envs {

HeldOut held_out(const EnvRow& env, std::span<const Task> tests, std::uint64_t seed, int iterations, int tasks) {
  std::set<Task> trained;
  HeldOut result{.tested = static_cast<int>(tests.size())};
  for (int i = 0; i < iterations; ++i)
    for (int k = 0; k < tasks; ++k, ++result.drawn)
      trained.insert(
          sample_task(env, seed, Purpose::task, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(k)));
  for (const Task& test : tests) result.trained += trained.contains(test);
  return result;
}

std::string held_out_text(const HeldOut& h) {
  const std::string drawn = std::to_string(h.drawn), tested = std::to_string(h.tested);
  if (h.trained == 0) return "new: none of the " + tested + " test tasks is among the " + drawn + " of training";
  return "not all new: " + std::to_string(h.trained) + " of the " + tested + " test tasks were also trained on";
}

}  // namespace innerloop::envs
