#include "meta/meta_gradient_experience.h"

#include <algorithm>
#include <vector>

#include "envs/table.h"
#include "envs/vector_env.h"

namespace innerloop::meta {

BatchValues collect_process(const envs::EnvRow& env, int learners, std::uint64_t seed, int iteration, int k,
                            Dtype dtype) {
  const int T = env.spec.horizon, O = env.spec.obs_size;
  envs::VectorEnv episodes(env, std::vector(static_cast<std::size_t>(learners), envs::sample_task(
                                                env, seed, Purpose::task, 0, 0)), 1, seed);
  episodes.reset({.purpose = Purpose::reset, .inner_step = static_cast<std::uint32_t>(k),
                  .iteration = static_cast<std::uint32_t>(iteration)});
  const auto size = [&](int cols) { return static_cast<std::size_t>(learners * T * cols); };
  std::vector<double> seen(size(O)), next(size(O)), rewards(size(1)), not_done(size(1));
  const std::vector<double> actions(static_cast<std::size_t>(learners));
  for (int t = 0; t < T; ++t) {
    const auto write = [&](std::vector<double>& to) {
      for (int b = 0; b < learners; ++b)
        std::copy_n(episodes.observations().begin() + b * O, O, to.begin() + (b * T + t) * O);
    };
    write(seen);
    episodes.step(actions);
    write(next);
    for (int b = 0; b < learners; ++b) {
      const auto row = static_cast<std::size_t>(b * T + t), lane = static_cast<std::size_t>(b);
      rewards[row] = episodes.rewards()[lane];
      not_done[row] = episodes.ends()[lane] == envs::End::running;
    }
  }
  BatchValues tau;
  const auto add = [&](const char* name, const std::vector<double>& numbers, int cols) {
    tau.add(name, Tensor::from({learners, T, cols}, numbers, dtype));
  };
  add("observations", seen, O);
  add("next_observations", next, O);
  add("rewards", rewards, 1);
  add("not_terminated", not_done, 1);
  add("continues", not_done, 1);
  tau.add("weights", Tensor::full({learners, T, 1}, 1, dtype));
  return tau;
}

BatchValues experience_of(const rl::Segments& s) {
  const Shape column = s.rewards.shape();
  BatchValues tau;
  tau.add("observations", s.observations);
  tau.add("next_observations", s.next_observations);
  tau.add("rewards", s.rewards);
  tau.add("not_terminated", s.not_terminated);
  tau.add("continues", s.continues);
  tau.add("weights", Tensor::full(column, 1.0 / static_cast<double>(column.size()), s.rewards.dtype()));
  tau.add("actions", s.actions);
  return tau;
}

}  // namespace innerloop::meta
