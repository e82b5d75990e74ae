// Lockstep stepping: ends of both kinds, independence of order, bounds, refusals.
#include <cmath>
#include <limits>

#include "envs/maml_goals.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// Actions of a batch, each drawn at its own place. Continuous ones are three times as wide as the bounds.
std::vector<double> some_actions(const VectorEnv& env, std::uint32_t first_task = 0) {
  const Spec& spec = env.env().spec;
  std::vector<double> actions;
  for (std::uint32_t i = 0; i < env.tasks().size(); ++i)
    for (std::uint32_t n = 0; n < static_cast<std::uint32_t>(env.trajectories()); ++n) {
      Philox random(99, {.purpose = Purpose::action, .task = first_task + i, .trajectory = n,
                         .time_step = static_cast<std::uint32_t>(env.time_step())});
      for (int k = 0; k < spec.action_size; ++k)
        actions.push_back(spec.action_kind == ActionKind::discrete
                              ? random.below(static_cast<std::uint32_t>(spec.action_count))
                              : random.uniform(3 * spec.action_low, 3 * spec.action_high));
    }
  return actions;
}

std::vector<Task> some_tasks(const EnvRow& row, std::uint32_t count) {
  std::vector<Task> tasks;
  for (std::uint32_t i = 0; i < count; ++i) tasks.push_back(sample_task(row, 5, Purpose::task, 0, i));
  return tasks;
}

}  // namespace

TEST_CASE("envs: a goal ends a trajectory, the horizon cuts the others, and each is told apart") {
  // Goals: at the start, half a step away, and never reached by standing still.
  VectorEnv env(find_env("point-nav-v1"), {{0, 0}, {.05, 0}, {.3, .4}}, 1, 1, 3);
  env.reset({.purpose = Purpose::reset});
  const auto flags = [](std::span<const std::uint8_t> f) { return std::vector<int>(f.begin(), f.end()); };
  using Flags = std::vector<int>;
  const auto ends = [](const VectorEnv& e) { return std::vector<End>(e.ends().begin(), e.ends().end()); };
  using Ends = std::vector<End>;

  env.step(std::vector<double>{0, 0, 0, 0, 0, 0});
  CHECK(ends(env) == Ends{End::terminated, End::running, End::running});
  CHECK(flags(env.finished()) == Flags{1, 0, 0});

  // A finished trajectory is left alone: its action is not even read.
  env.step(std::vector<double>{not_a_number, not_a_number, 0, 0, 0, 0});
  CHECK(ends(env) == Ends{End::running, End::running, End::running});
  CHECK(flags(env.finished()) == Flags{1, 0, 0});
  CHECK(env.rewards()[0] == 0);
  CHECK(env.observations()[0] == 0);
  CHECK(env.rewards()[1] == -.05);

  // The last step: the second reaches its goal just in time, which is a termination; the third is truncated.
  env.step(std::vector<double>{1, 1, .5, 0, 1, 1});
  CHECK(ends(env) == Ends{End::running, End::terminated, End::truncated});
  CHECK(flags(env.finished()) == Flags{1, 1, 1});
  CHECK(env.all_finished());
  CHECK(env.time_step() == 3);

  // The observation after a truncation is the last one, not a new start: a value can be bootstrapped from it.
  CHECK(env.observations()[4] == .1);
  CHECK(env.observations()[5] == .1);

  CHECK_THROWS_WITH(env.step(std::vector<double>(6, 0.0)), ContainsSubstring("reset"));
  env.reset({.purpose = Purpose::reset});
  CHECK(flags(env.finished()) == Flags{0, 0, 0});
  CHECK(env.time_step() == 0);
}

TEST_CASE("envs: every environment ends after its horizon, and before it only if it says so") {
  for (const EnvRow& row : all_envs()) {
    CAPTURE(row.spec.name);
    VectorEnv env(row, some_tasks(row, 4), 5, 1);
    env.reset({.purpose = Purpose::reset});
    bool terminated = false;
    while (!env.all_finished()) {
      env.step(some_actions(env));
      for (const End end : env.ends()) terminated |= end == End::terminated;
      REQUIRE(env.time_step() <= row.spec.horizon);
    }
    if (!row.spec.terminates) {
      CHECK(!terminated);
      CHECK(env.time_step() == row.spec.horizon);
      for (const End end : env.ends()) CHECK(end == End::truncated);
    }
  }
}

TEST_CASE("envs: numbers do not depend on which tasks are stepped together, nor in which order") {
  for (const EnvRow& row : all_envs()) {
    CAPTURE(row.spec.name);
    const std::vector<Task> tasks = some_tasks(row, 4);
    const int n = 3;
    VectorEnv all(row, tasks, n, 1);
    VectorEnv late(row, {tasks[2], tasks[3]}, n, 1);
    VectorEnv early(row, {tasks[0], tasks[1]}, n, 1);

    // Together; and in two groups, the second first, each told the id of its first task.
    all.reset({.purpose = Purpose::reset, .inner_step = 1, .iteration = 8});
    late.reset({.purpose = Purpose::reset, .inner_step = 1, .iteration = 8, .task = 2});
    early.reset({.purpose = Purpose::reset, .inner_step = 1, .iteration = 8});
    while (!all.all_finished()) {
      const std::vector<double> late_actions = some_actions(late, 2), early_actions = some_actions(early);
      all.step(some_actions(all));
      if (!late.all_finished()) late.step(late_actions);
      if (!early.all_finished()) early.step(early_actions);

      std::vector<double> joined(early.observations().begin(), early.observations().end());
      joined.insert(joined.end(), late.observations().begin(), late.observations().end());
      REQUIRE(joined == std::vector<double>(all.observations().begin(), all.observations().end()));
      std::vector<int> ends(early.finished().begin(), early.finished().end());
      ends.insert(ends.end(), late.finished().begin(), late.finished().end());
      REQUIRE(ends == std::vector<int>(all.finished().begin(), all.finished().end()));
    }
  }
}

TEST_CASE("envs: random starts and steps differ between iterations, inner steps, trajectories, training and testing") {
  const EnvRow& row = find_env("promp-corner-v1");
  VectorEnv env(row, {{2, 2}}, 2, 1);
  const auto start = [&](const Place& place) {
    env.reset(place);
    return env.observations()[0];
  };
  const double first = start({.purpose = Purpose::reset});
  CHECK(env.observations()[0] != env.observations()[2]);
  const double second_trajectory = env.observations()[2];
  CHECK(start({.purpose = Purpose::reset, .trajectory = 1}) == second_trajectory);
  CHECK(start({.purpose = Purpose::reset, .iteration = 1}) != first);
  CHECK(start({.purpose = Purpose::reset, .inner_step = 1}) != first);
  CHECK(start({.purpose = Purpose::reset, .task = 1}) != first);
  CHECK(start({.purpose = Purpose::test_reset}) != first);
  CHECK(start({.purpose = Purpose::reset}) == first);
  CHECK_THROWS_WITH(env.reset({.purpose = Purpose::action}), ContainsSubstring("Purpose::reset"));
  CHECK_THROWS_WITH(env.reset({.purpose = Purpose::reset, .time_step = 1}), ContainsSubstring("time_step"));
}

TEST_CASE("envs: an action beyond the bounds moves no further than one at the bound") {
  for (const EnvRow& row : all_envs()) {
    if (row.spec.action_kind == ActionKind::discrete) continue;
    if (row.spec.name == "mountain-car-continuous-v0") continue;  // Gymnasium's price is that of the action as given
    CAPTURE(row.spec.name);
    const std::vector<Task> tasks = some_tasks(row, 1);
    const auto step_with = [&](double a) {
      VectorEnv env(row, tasks, 1, 1);
      env.reset({.purpose = Purpose::reset});
      env.step(std::vector<double>(static_cast<std::size_t>(row.spec.action_size), a));
      std::vector<double> seen(env.observations().begin(), env.observations().end());
      seen.push_back(env.rewards()[0]);
      return seen;
    };
    CHECK(step_with(50) == step_with(row.spec.action_high));
    CHECK(step_with(-1e300) == step_with(row.spec.action_low));
    CHECK(step_with(row.spec.action_high) != step_with(.9 * row.spec.action_high));
  }
}

TEST_CASE("envs: rewards have the sign and range that the definitions give") {
  for (const EnvRow& row : all_envs()) {
    CAPTURE(row.spec.name);
    const std::string_view name = row.spec.name;
    VectorEnv env(row, some_tasks(row, 4), 5, 1);
    env.reset({.purpose = Purpose::reset});
    while (!env.all_finished()) {
      const std::vector<std::uint8_t> before(env.finished().begin(), env.finished().end());
      env.step(some_actions(env));
      for (std::size_t lane = 0; lane < before.size(); ++lane) {
        const double r = env.rewards()[lane];
        if (before[lane]) REQUIRE(r == 0);
        else if (name.starts_with("point-nav") || name.find("dense") != name.npos) REQUIRE(r < 0);  // minus a distance
        else if (name == "four-state-v1") REQUIRE((r == 0 || r == 1));
        else if (name == "promp-1d-v1") REQUIRE((r >= std::exp(-.9) - 1e-15 && r <= 1));  // (s − g)² ≤ 9
        else if (name == "promp-corner-v1") REQUIRE(std::abs(r) <= .2 * std::sqrt(2) + 1e-12);  // a diagonal step
        else if (name == "promp-momentum-v1") REQUIRE((r >= 0 && r <= 2));  // 2 − distance
        else if (name == "promp-walls-v1") REQUIRE(r < 0);
        else if (name == "wheeled-sparse-v1") REQUIRE((r <= 0 && r >= -2.1));  // −2 and two wheels at full speed
        else if (name == "pusher-sparse-v1") REQUIRE((r <= 0 && r >= -5 * std::hypot(.95, .5)));
        else if (name == "cartpole-v1") REQUIRE(r == 1);
        else if (name.starts_with("pendulum-")) REQUIRE((r <= 0 && r >= -(10 + 6.4 + .004)));  // π², 0.1·8², 0.001·2²
        else if (name.starts_with("mountain-car")) REQUIRE((r >= -.1 * 9 && r <= 100));
        else if (name == "acrobot-v1") REQUIRE((r == 0 || r == -1));
        else if (name == "gridworld-v1") REQUIRE((r == 1 || r == -1 || r == -.04));
        else if (name == "point-robot-v1") REQUIRE(r <= 0);
        else if (name == "semicircle-sparse-v1") REQUIRE((r == 0 || (r >= .8 && r <= 1)));
        else if (name == "grid-navi-v1") REQUIRE((r == 1 || r == -.1));
        else if (name == "harlow-v1") REQUIRE((r == 1 || r == -1));
        else if (name == "wang-informative-v1") REQUIRE((r == 5 || (r >= .1 && r <= 1)));
        else if (name == "gaussian-bandit-k5-n100-v1") REQUIRE((r > -5 && r < 6));  // mean in [0, 1], 5 deviations
        else if (name == "rl2-mdp-v1") REQUIRE((r > -9 && r < 11));                 // N(1, 1) and N(0, 1), 5 of each
        else if (name.starts_with("maze")) REQUIRE((r == 1 || r == -.01));
        else if (name == "soft-lqr-v1") REQUIRE((r <= 0 && r >= -(21 * 21 + 4)));  // |s| ≤ 1 + 10·2
        else if (name == "soft-two-state-v1") REQUIRE((r == 1 || r == 0 || r == -.1));
        else if (name == "signal-noise-v1") REQUIRE((r == .1 || std::abs(r) < 8.6));  // the largest normal there is
        else if (name == "noise-undone-v1") REQUIRE(std::abs(r) < 8.6);
        else if (name.starts_with("discounting-chain")) REQUIRE((r == 0 || r == 1 || r == 1.1));
        else if (name == "lure-grid-v1") REQUIRE((std::abs(r) == .1 || r == .4 || r == .6 || r == .9 || r == 1.1));
        else if (name == "noisy-cartpole-v1") REQUIRE((r == 0 || r == 2));
        else if (name.starts_with("mass-") || name.starts_with("unicycle-"))
          REQUIRE(std::abs(r) <= 1 + 1e-12);  // progress of a step
        else if (name.starts_with("catch")) REQUIRE((r == 0 || r == 1 || r == -1));
        else REQUIRE((r == 1 || r == 0 || r == -.5 || r == 2));
      }
    }
  }
}

TEST_CASE("envs: the two-state process moves with the stated probabilities") {
  // Five standard errors of 20 000 draws: 5·√(p(1 − p)/n) ≤ 0.018.
  const int n = 20000;
  VectorEnv env(find_env("two-state-v1"), {{0}}, n, 1);
  for (int a : {0, 1}) {
    env.reset({.purpose = Purpose::reset, .iteration = static_cast<std::uint32_t>(a)});
    const std::vector<double> actions(static_cast<std::size_t>(n), a);
    env.step(actions);
    std::vector<double> s(env.observations().begin(), env.observations().end());
    env.step(actions);
    double from0 = 0, stay0 = 0, from1 = 0, move0 = 0;
    for (std::size_t i = 0; i < s.size(); i += 2) {
      from0 += s[i];
      stay0 += s[i] * env.observations()[i];
      from1 += s[i + 1];
      move0 += s[i + 1] * env.observations()[i];
    }
    CHECK(std::abs(from0 / n - (a == 0 ? .9 : .2)) < .018);
    CHECK(std::abs(stay0 / from0 - (a == 0 ? .9 : .2)) < 5 * std::sqrt(.25 / from0));
    CHECK(std::abs(move0 / from1 - (a == 0 ? .3 : .6)) < 5 * std::sqrt(.25 / from1));
  }
}

TEST_CASE("envs: an action that is not finite is refused with its place, and nothing moves") {
  VectorEnv env(find_env("point-nav-v1"), maml_test_goals(1, 4), 3, 1);
  env.reset({.purpose = Purpose::reset, .task = 10});
  std::vector<double> actions(4 * 3 * 2, .5);
  env.step(actions);
  const std::vector<double> before(env.observations().begin(), env.observations().end());
  actions[(2 * 3 + 1) * 2 + 1] = not_a_number;
  CHECK_THROWS_AS(env.step(actions), NonFiniteError);
  CHECK_THROWS_WITH(env.step(actions),
                    ContainsSubstring("point-nav-v1, task 12, trajectory 1, step 1: action 1 is NaN"));
  actions[(2 * 3 + 1) * 2 + 1] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(env.step(actions), ContainsSubstring("infinite"));
  CHECK(before == std::vector<double>(env.observations().begin(), env.observations().end()));
  CHECK(env.time_step() == 1);
}

TEST_CASE("envs: a NaN reward is refused with its place") {
  EnvRow broken = find_env("point-nav-v1");
  broken.step = [](const Lanes& lanes) {
    for (int n = 0; n < lanes.count; ++n) lanes.rewards[n] = n == 1 ? not_a_number : 0;
  };
  VectorEnv env(broken, {{0, 0}}, 2, 1);
  env.reset({.purpose = Purpose::reset});
  CHECK_THROWS_WITH(env.step(std::vector<double>(4, 0.0)),
                    ContainsSubstring("point-nav-v1, task 0, trajectory 1, step 0: the reward is not finite"));
}

TEST_CASE("envs: other mistakes are refused with what is wrong and what is right") {
  const EnvRow& point = find_env("point-nav-v1");
  const EnvRow& grid = find_env("four-state-v1");
  const std::vector<Task> task = {{0, 0}};
  CHECK_THROWS_WITH(VectorEnv(point, std::vector<Task>(), 1, 1), ContainsSubstring("at least one task"));
  CHECK_THROWS_WITH(VectorEnv(point, task, 0, 1), ContainsSubstring("trajectories per task is 0"));
  CHECK_THROWS_WITH(VectorEnv(point, task, 1, 1, -2), ContainsSubstring("horizon is -2"));
  CHECK_THROWS_WITH(VectorEnv(point, std::vector<Task>({{0, 0}, {0}}), 1, 1),
                    ContainsSubstring("task 1 has 1 numbers"));
  CHECK_THROWS_AS(VectorEnv(point, std::vector<Task>({{0, not_a_number}}), 1, 1), NonFiniteError);

  VectorEnv env(grid, {{0}}, 1, 1);
  CHECK_THROWS_WITH(env.step(std::vector<double>{0}), ContainsSubstring("reset"));
  env.reset({.purpose = Purpose::reset});
  CHECK_THROWS_WITH(env.step(std::vector<double>{0, 0}), ContainsSubstring("2 numbers given"));
  for (double a : {4.0, -1.0, 1.5}) CHECK_THROWS_WITH(env.step(std::vector<double>{a}), ContainsSubstring("0 … 3"));
  std::vector<double> actions(1);
  CHECK_THROWS_WITH(env.choose(grid.still, actions), ContainsSubstring("not defined"));
}
