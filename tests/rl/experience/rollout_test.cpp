// Rollouts: what is collected, from which random numbers, and that nothing else matters.
#include "rl/experience/rollout.h"

#include <cmath>

#include "envs/table.h"
#include "kernels/philox.h"
#include "kernels/threads.h"
#include "rl/experience/batch.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

nn::PolicySpec point_policy() {
  return {.net = {.inputs = 2, .hidden = {16, 16}, .outputs = 2, .activation = Activation::relu}};
}
nn::PolicySpec discrete_policy(int inputs, int actions) {
  return {.net = {.inputs = inputs, .hidden = {8}, .outputs = actions}, .head = nn::PolicySpec::Head::categorical};
}

std::vector<envs::Task> goals(int count) {
  std::vector<envs::Task> tasks;
  for (int i = 0; i < count; ++i) tasks.push_back({0.1 * (i + 1), -0.05 * i});
  return tasks;
}

bool same(const Trajectories& a, const Trajectories& b) {
  return bitwise_equal(a.observations, b.observations) && bitwise_equal(a.actions, b.actions) &&
         bitwise_equal(a.rewards, b.rewards) && bitwise_equal(a.mask, b.mask) && a.lengths == b.lengths &&
         a.returns == b.returns;
}

// The parameters of `count` tasks, one below the other.
ParamValues stacked(const std::vector<ParamValues>& parts) {
  ParamValues all;
  for (std::size_t k = 0; k < parts[0].count(); ++k) {
    std::vector<double> numbers;
    for (const ParamValues& part : parts)
      for (double x : part[k].to_vector()) numbers.push_back(x);
    const Shape one = parts[0][k].shape();
    all.add(parts[0].name(k),
            Tensor::from({static_cast<int>(parts.size()), one.rows, one.cols}, numbers, parts[0][k].dtype()));
  }
  return all;
}

}  // namespace

TEST_CASE("rollout: the environment, stepped again by hand with the stored actions, gives what is stored") {
  const envs::EnvRow& env = envs::find_env("point-nav-v1");
  const Rollout rollout(env, point_policy());
  const Trajectories all =
      rollout.collect(nn::init_policy(point_policy(), 1), goals(3), 5, {.seed = 4, .iteration = 2});

  for (int task = 0; task < 3; ++task) {
    int row = 0;
    for (int n = 0; n < 5; ++n) {
      REQUIRE(all.first_row(task, n) == row);
      double x = 0, y = 0, sum = 0;
      const int T = all.lengths[static_cast<std::size_t>(all.lane(task, n))];
      for (int t = 0; t < T; ++t, ++row) {
        REQUIRE(all.observations.at(task, row, 0) == x);
        REQUIRE(all.observations.at(task, row, 1) == y);
        x += 0.1 * std::clamp(all.actions.at(task, row, 0), -1.0, 1.0);
        y += 0.1 * std::clamp(all.actions.at(task, row, 1), -1.0, 1.0);
        const double gx = x - 0.1 * (task + 1), gy = y + 0.05 * task;
        REQUIRE(all.rewards.at(task, row, 0) == -std::sqrt(gx * gx + gy * gy));
        sum += all.rewards.at(task, row, 0);
        REQUIRE(all.time.at(task, row, 0) == t);
        REQUIRE(all.start.at(task, row, 0) == (t == 0));
        REQUIRE(all.continues.at(task, row, 0) == (t + 1 < T));
        REQUIRE(all.mask.at(task, row, 0) == 1);
      }
      CHECK(all.returns[static_cast<std::size_t>(all.lane(task, n))] == sum);
      CHECK(all.last_observations.at(task, n, 0) == x);
      CHECK(all.truncated[static_cast<std::size_t>(all.lane(task, n))] == (T == 100 ? 1 : 0));
      CHECK(all.path(task, n).shape() == Shape{1, T + 1, 2});
    }
    for (; row < all.rows(); ++row) REQUIRE(all.mask.at(task, row, 0) == 0);
  }
  CHECK(all.rows() % 256 == 0);
}

TEST_CASE("rollout: actions are mean + sigma · Philox noise of their own place") {
  const nn::PolicySpec spec = point_policy();
  ParamValues theta = nn::init_policy(spec, 1);
  for (std::size_t k = 0; k + 1 < theta.count(); ++k) theta[k] = Tensor(theta[k].shape());  // mean 0
  theta["policy/log_sigma"] = Tensor::from({1, 1, 2}, std::vector<double>{0, std::log(2.0)});
  const Trajectories all = Rollout(envs::find_env("point-nav-v1"), spec)
                               .collect(theta, goals(2), 3, {.seed = 4, .iteration = 7, .inner_step = 1});
  for (int task = 0; task < 2; ++task)
    for (int n = 0; n < 3; ++n) {
      Philox random(4, {.purpose = Purpose::action,
                        .inner_step = 1,
                        .iteration = 7,
                        .task = static_cast<std::uint32_t>(task),
                        .trajectory = static_cast<std::uint32_t>(n),
                        .time_step = 2});
      const int row = all.first_row(task, n) + 2;
      CHECK(all.actions.at(task, row, 0) == random.normal());
      CHECK(all.actions.at(task, row, 1) == Approx(2 * random.normal()).epsilon(1e-14));
    }
}

TEST_CASE("rollout: the same bits for 1, 2 and 4 threads, f32 and f64") {
  const Rollout rollout(envs::find_env("point-nav-v1"), point_policy());
  const int before = thread_count();
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    const ParamValues theta = nn::init_policy(point_policy(), 1, dtype);
    set_thread_count(1);
    const Trajectories one = rollout.collect(theta, goals(5), 6, {.seed = 4});
    for (int threads : {2, 4}) {
      set_thread_count(threads);
      CHECK(same(one, rollout.collect(theta, goals(5), 6, {.seed = 4})));
    }
  }
  set_thread_count(before);
}

TEST_CASE("rollout: a task is collected alike alone and beside others, with its own parameters") {
  const Rollout rollout(envs::find_env("point-nav-v1"), point_policy());
  const std::vector<envs::Task> tasks = goals(3);
  std::vector<ParamValues> thetas;
  for (std::uint64_t seed : {1, 2, 3}) thetas.push_back(nn::init_policy(point_policy(), seed));
  const Trajectories together = rollout.collect(stacked(thetas), tasks, 9, {.seed = 4});
  for (int task = 0; task < 3; ++task) {
    const Trajectories alone =
        rollout.collect(thetas[static_cast<std::size_t>(task)], {tasks[static_cast<std::size_t>(task)]}, 9,
                        {.seed = 4, .first_task = static_cast<std::uint32_t>(task)});
    const int steps = alone.first_row(0, 9);
    REQUIRE(together.first_row(task, 9) == steps);
    for (int row = 0; row < steps; ++row) {
      REQUIRE(together.actions.at(task, row, 0) == alone.actions.at(0, row, 0));
      REQUIRE(together.rewards.at(task, row, 0) == alone.rewards.at(0, row, 0));
    }
  }
}

// [threads] rl/experience/rollout.cpp
TEST_CASE("rollout: tasks that threads share give the same bytes as one thread", "[threads]") {
  const Rollout rollout(envs::find_env("point-nav-v1"), point_policy(), 6);
  const ParamValues theta = nn::init_policy(point_policy(), 1);
  const auto collect = [&](int threads) {
    const ThreadCount count(threads);
    return rollout.collect(theta, goals(8), 3, {.seed = 4});
  };
  const Trajectories one = collect(1);
  CHECK(same(collect(2), one));
  CHECK(same(collect(4), one));
}

TEST_CASE("rollout: the same with the network and the number of trajectories of MAML's experiment, in f32") {
  nn::PolicySpec spec = point_policy();
  spec.net.hidden = {100, 100};
  const Rollout rollout(envs::find_env("point-nav-v1"), spec, 30);
  const ParamValues theta = nn::init_policy(spec, 1, Dtype::f32);
  // Task 0 has its goal beside the start, so its trajectories end early; those of task 1 do not.
  const std::vector<envs::Task> tasks = {{0.0, 0.0}, {0.5, 0.5}};
  const Trajectories together = rollout.collect(theta, tasks, 20, {.seed = 4});
  for (int task : {0, 1}) {
    const Trajectories alone = rollout.collect(theta, {tasks[static_cast<std::size_t>(task)]}, 20,
                                               {.seed = 4, .first_task = static_cast<std::uint32_t>(task)});
    REQUIRE(together.first_row(task, 20) == alone.first_row(0, 20));
    for (int row = 0; row < alone.first_row(0, 20); ++row)
      REQUIRE(together.actions.at(task, row, 0) == alone.actions.at(0, row, 0));
  }
}

TEST_CASE("rollout: other seeds, iterations, inner steps and purposes give other actions; the same place the same") {
  const Rollout rollout(envs::find_env("point-nav-v1"), point_policy(), 5);
  const ParamValues theta = nn::init_policy(point_policy(), 1);
  const auto collect = [&](RolloutPlace place) { return rollout.collect(theta, goals(1), 2, place); };
  const Trajectories base = collect({.seed = 4});
  CHECK(same(base, collect({.seed = 4})));
  for (RolloutPlace other :
       {RolloutPlace{.seed = 5}, RolloutPlace{.seed = 4, .iteration = 1}, RolloutPlace{.seed = 4, .inner_step = 1},
        RolloutPlace{.seed = 4, .first_task = 1}, RolloutPlace{.seed = 4, .test = true}})
    CHECK_FALSE(same(base, collect(other)));
  CHECK(base.lengths == std::vector<int>{5, 5});
}

TEST_CASE("rollout: deterministic evaluation acts by the mean, or by the likeliest action") {
  const ParamValues theta = nn::init_policy(point_policy(), 1);
  const Rollout rollout(envs::find_env("point-nav-v1"), point_policy());
  CHECK(same(rollout.collect(theta, goals(2), 2, {.seed = 4}, true),
             rollout.collect(theta, goals(2), 2, {.seed = 5}, true)));

  nn::PolicySpec spec = discrete_policy(9, 4);
  spec.net.hidden = {};
  ParamValues choice = nn::init_policy(spec, 1);
  choice["policy/b1"] = Tensor::from({1, 1, 4}, std::vector<double>{0, 10, 0, 0});
  const Trajectories all = Rollout(envs::find_env("four-state-v1"), spec).collect(choice, {{3.0}}, 3, {}, true);
  CHECK(all.actions.at(0, 0, 0) == 1);
  CHECK(all.returns == std::vector<double>{1, 1, 1});
}

TEST_CASE("rollout: discrete actions have the policy's frequencies") {
  // two-state-v1, first step, state 0: the policy of the exact fixture gives action 0 with probability σ(0.5).
  nn::PolicySpec spec = discrete_policy(2, 2);
  spec.net.hidden = {};
  ParamValues theta = nn::init_policy(spec, 1);
  theta["policy/W1"] = Tensor::from({1, 2, 2}, std::vector<double>{0.3, -0.2, 0.1, 0.4});
  const int N = 20000;
  const Trajectories all = Rollout(envs::find_env("two-state-v1"), spec).collect(theta, {{0.0}}, N, {.seed = 9});
  double zeros = 0;
  for (int n = 0; n < N; ++n) zeros += all.actions.at(0, 3 * n, 0) == 0;
  CHECK(zeros / N == Approx(1 / (1 + std::exp(-0.5))).margin(4 * 0.5 / std::sqrt(N)));
  // J of the fixture, within four standard errors (a return's deviation is below 2).
  CHECK(all.mean_return() == Approx(2.114555620112371).margin(4 * 2 / std::sqrt(N)));
}

TEST_CASE("rollout: what does not fit is refused in words") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(Rollout(envs::find_env("point-nav-v1"), discrete_policy(2, 2)),
                    ContainsSubstring("use a gaussian policy"));
  CHECK_THROWS_WITH(Rollout(envs::find_env("four-state-v1"), discrete_policy(9, 3)), ContainsSubstring("4 outputs"));
  const Rollout rollout(envs::find_env("point-nav-v1"), point_policy());
  const ParamValues two = stacked({nn::init_policy(point_policy(), 1), nn::init_policy(point_policy(), 2)});
  CHECK_THROWS_WITH(rollout.collect(two, goals(3), 2, {}), ContainsSubstring("one per task"));
}

namespace {

// point-nav-v1 with a fault after the third step.
template <bool bad_reward>
void faulty_step(const envs::Lanes& lanes) {
  envs::find_env("point-nav-v1").step(lanes);
  if (lanes.place.time_step != 3 || lanes.place.task != 1) return;
  (bad_reward ? lanes.rewards : lanes.observations)[bad_reward ? 2 : 4] = std::nan("");
}

}  // namespace

TEST_CASE(
    "rollout: a NaN reward, observation or action is an error that names environment, task, trajectory and step") {
  using Catch::Matchers::ContainsSubstring;
  const ParamValues theta = nn::init_policy(point_policy(), 1);
  envs::EnvRow reward = envs::find_env("point-nav-v1"), observation = reward;
  reward.step = faulty_step<true>;
  observation.step = faulty_step<false>;
  const std::vector<envs::Task> far = {{0.5, 0.5}, {0.5, 0.5}};  // out of reach in four steps
  CHECK_THROWS_WITH(Rollout(reward, point_policy()).collect(theta, far, 3, {}),
                    ContainsSubstring("point-nav-v1, task 1, trajectory 2, step 3: the reward"));
  CHECK_THROWS_AS(Rollout(reward, point_policy()).collect(theta, far, 3, {}), NonFiniteError);
  CHECK_THROWS_WITH(Rollout(observation, point_policy()).collect(theta, far, 3, {}),
                    ContainsSubstring("point-nav-v1, task 1, trajectory 2, step 4: observation 0 is not finite"));
  ParamValues broken = theta;
  broken["policy/b3"].set(0, 0, 1, std::nan(""));
  CHECK_THROWS_WITH(Rollout(envs::find_env("point-nav-v1"), point_policy()).collect(broken, far, 3, {}),
                    ContainsSubstring("action 1 is NaN"));

  // A categorical policy has no action that could be NaN: there it is the probabilities.
  const nn::PolicySpec spec = discrete_policy(2, 2);
  ParamValues table = nn::init_policy(spec, 1);
  table["policy/b2"].set(0, 0, 1, std::nan(""));
  for (bool deterministic : {false, true})
    CHECK_THROWS_WITH(
        Rollout(envs::find_env("two-state-v1"), spec).collect(table, {{0.0}}, 2, {.seed = 1}, deterministic),
        ContainsSubstring("two-state-v1, task 0, trajectory 0, step 0: the probability of action"));
}

TEST_CASE("rollout: trajectories of one step make a finite batch; where all return the same nothing is to be learned") {
  const Rollout rollout(envs::find_env("point-nav-v1"), point_policy(), 1);
  for (Dtype dtype : {Dtype::f32, Dtype::f64})
    for (int N : {1, 5})
      for (bool deterministic : {false, true}) {
        const ParamValues theta = nn::init_policy(point_policy(), 1, dtype);
        const Trajectories all = rollout.collect(theta, goals(3), N, {.seed = 4}, deterministic);
        CHECK(all.lengths == std::vector<int>(static_cast<std::size_t>(3 * N), 1));
        for (Weighting weighting : {Weighting::flat_mean, Weighting::trajectory_sum, Weighting::trajectory_mean}) {
          const BatchValues batch = make_batch(all, {.weighting = weighting});
          CHECK(batch.all_finite());
          double weights = 0, largest = 0;
          for (double w : batch["weights"].to_vector()) weights += w;
          for (double A : batch["advantages"].to_vector()) largest = std::max(largest, std::abs(A));
          CHECK(weights == Approx(3).epsilon(1e-6));
          CHECK((largest > 0.5) == (N > 1 && !deterministic));
          if (N == 1 || deterministic) CHECK(largest < 1e-6);
        }
      }
}
