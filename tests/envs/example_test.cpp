// The worked example of the chapter: a new environment, from the definition to a trajectory.
#include "envs/driver.h"
#include "envs/vector_env.h"
#include "tests/catch.h"

namespace innerloop::envs {
namespace {

// region: example
// coin-v1: two coins; heads pays 1. A task says how often each shows heads. The observation is the last reward.
template <class Real>
struct Coins {
  struct Task { Real p0, p1; };
  struct State { Real last_reward; };
  struct Action { int coin; };

  static constexpr Spec spec = {
      .name = "coin-v1",
      .summary = "two coins with hidden odds; heads pays 1",
      .source = "the chapter on environments",
      .task_size = 2,
      .obs_size = 1,
      .action_kind = ActionKind::discrete,
      .action_count = 2,
      .horizon = 10,
      .random_step = true,
      .best_policy = "oracle (the better coin)",
  };

  template <class Random>
  static constexpr Task sample_task(Random& random) {
    const double p0 = random.uniform();
    return {static_cast<Real>(p0), static_cast<Real>(random.uniform())};
  }

  template <class Random>
  static constexpr State reset(const Task&, Random&) { return {0}; }

  template <class Random>
  static constexpr Step<Real> step(const Task& task, State& state, const Action& action, Random& random) {
    const Real p = action.coin == 0 ? task.p0 : task.p1;
    state.last_reward = random.uniform() < p ? Real(1) : Real(0);
    return {state.last_reward, false};
  }

  static constexpr void observe(const Task&, const State& state, Real* obs) { obs[0] = state.last_reward; }

  static constexpr Action best_action(const Task& task, const State&) { return {task.p0 >= task.p1 ? 0 : 1}; }
};
// endregion

}  // namespace

// region: example_use
TEST_CASE("envs: the chapter's example becomes a row and is stepped like the others") {
  const EnvRow row = make_row<Coins<double>>();         // in the library: one line in envs/list.h
  VectorEnv env(row, {{1, 0}, {0, 1}}, 2, /*seed=*/1);  // two tasks: only coin 0 pays, only coin 1 pays
  env.reset({.purpose = Purpose::reset});
  env.step(std::vector<double>{0, 1, 0, 1});            // (2 tasks, 2 trajectories, 1)
  const std::vector<double> rewards(env.rewards().begin(), env.rewards().end());
  CHECK(rewards == std::vector<double>{1, 0, 0, 1});
  CHECK(std::vector<double>(env.observations().begin(), env.observations().end()) == rewards);
  CHECK(row.still == nullptr);
  CHECK(row.task_count == 0);
}
// endregion

}  // namespace innerloop::envs
