// Environments that start over by themselves: their episodes are those of VectorEnv, one after the other.
#include "envs/autoreset.h"

#include <cmath>
#include <limits>
#include <memory>

#include "envs/table.h"
#include "envs/vector_env.h"
#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;
using Catch::Matchers::ContainsSubstring;

namespace {

// Some action for a lane, episode and step.
double some_action(const Spec& spec, int lane, std::uint32_t episode, std::uint32_t step) {
  Philox random(7, {.purpose = Purpose::action,
                    .iteration = episode,
                    .trajectory = static_cast<std::uint32_t>(lane),
                    .time_step = step});
  return spec.action_kind == ActionKind::discrete ? random.below(static_cast<std::uint32_t>(spec.action_count))
                                                  : random.uniform(spec.action_low, spec.action_high);
}

}  // namespace

TEST_CASE("autoreset: every episode of every lane is VectorEnv's, ends included, and resumes bit for bit") {
  for (const char* name : {"cartpole-v1", "pendulum-v1", "gridworld-v1"}) {
    const EnvRow& row = find_env(name);
    const int lanes = 3, O = row.spec.obs_size, horizon = 30;
    AutoresetEnv env(row, lanes, 5, horizon);
    std::vector<std::unique_ptr<VectorEnv>> single(lanes);
    const auto start = [&](int lane) {
      const auto id = static_cast<std::uint32_t>(lane);
      const Task task = sample_task(row, 5, Purpose::task, env.episode(lane), id);
      single[static_cast<std::size_t>(lane)] = std::make_unique<VectorEnv>(row, std::vector<Task>{task}, 1, 5, horizon);
      single[static_cast<std::size_t>(lane)]->reset(
          {.purpose = Purpose::reset, .iteration = env.episode(lane), .trajectory = id});
    };
    for (int lane = 0; lane < lanes; ++lane) start(lane);
    int ends = 0;
    for (int t = 0; t < 100; ++t) {
      if (t == 50) {
        const std::vector<double> saved = env.save();
        AutoresetEnv other(row, lanes, 5, horizon);
        other.restore(saved);
        env = other;
      }
      std::vector<double> actions;
      for (int lane = 0; lane < lanes; ++lane)
        actions.push_back(some_action(row.spec, lane, env.episode(lane), env.time_step(lane)));
      env.step(actions);
      for (int lane = 0; lane < lanes; ++lane) {
        CAPTURE(name, lane, t);
        const auto l = static_cast<std::size_t>(lane);
        VectorEnv& alone = *single[l];
        alone.step(std::vector{actions[l]});
        for (int k = 0; k < O; ++k)
          REQUIRE(env.final_observations()[static_cast<std::size_t>(lane * O + k)] ==
                  alone.observations()[static_cast<std::size_t>(k)]);
        REQUIRE(env.rewards()[l] == alone.rewards()[0]);
        REQUIRE(env.ends()[l] == alone.ends()[0]);
        if (alone.all_finished()) {
          ++ends;
          start(lane);
          CHECK(env.time_step(lane) == 0);
        }
        for (int k = 0; k < O; ++k)
          REQUIRE(env.observations()[static_cast<std::size_t>(lane * O + k)] ==
                  single[l]->observations()[static_cast<std::size_t>(k)]);
      }
    }
    CHECK(ends >= 9);
  }
}

TEST_CASE("autoreset: what cannot be done is refused, with its place") {
  const EnvRow& cart = find_env("cartpole-v1");
  CHECK_THROWS_WITH(AutoresetEnv(cart, 0, 1), ContainsSubstring("lanes"));
  AutoresetEnv env(cart, 2, 1);
  CHECK_THROWS_WITH(env.step(std::vector<double>{0, 2}), ContainsSubstring("cartpole-v1, lane 1, episode 0, step 0"));
  CHECK_THROWS_AS(env.step(std::vector<double>{0, std::numeric_limits<double>::quiet_NaN()}), NonFiniteError);
  CHECK_THROWS_WITH(env.step(std::vector<double>{0}), ContainsSubstring("(lanes, action_size)"));
  CHECK_THROWS_WITH(env.restore(std::vector<double>{0}), ContainsSubstring("checkpoint"));
}
