// The references for learners with a belief, against independent figures; the authors' goals.
#include "envs/believers.h"

#include <algorithm>
#include <cmath>

#include "envs/oyster_goals.h"
#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

double mean_of(const std::vector<double>& numbers) {
  double mean = 0;
  for (const double x : numbers) mean += x / static_cast<double>(numbers.size());
  return mean;
}

}  // namespace

// A program that shares no code with this one (its own MT19937) printed the goals and these returns.
TEST_CASE("oyster's goals: the square's and the half circle's, drawn and shuffled as NumPy does") {
  const std::vector<Task> square = oyster_square_goals();
  REQUIRE(square.size() == 100);
  CHECK(square[0][0] == Approx(-0.4759506499688366).epsilon(1e-15));
  CHECK(square[0][1] == Approx(-0.6826320556910688).epsilon(1e-15));
  CHECK(square[80][0] == Approx(0.7966378440628668).epsilon(1e-15));
  CHECK(square[99][1] == Approx(0.0948723942233416).epsilon(1e-14));

  // Numbers of the angles k·π/99, in their order.
  const std::vector<Task> half = oyster_semicircle_goals();
  const auto number = [&](std::size_t k) {
    return std::lround(std::atan2(half[k][1], half[k][0]) * 99 / std::acos(-1.0));
  };
  const int first[] = {2, 48, 86, 44, 59}, test[] = {66, 22, 88, 27, 1, 24, 99, 54, 6, 9};
  for (std::size_t k = 0; k < 5; ++k) CHECK(number(k) == first[k]);
  for (std::size_t k = 0; k < 10; ++k) CHECK(number(80 + k) == test[k]);
}

TEST_CASE("oyster's goals: 80 to train on, 20 others to test") {
  for (const char* name : {"point-robot-v1", "semicircle-sparse-v1", "semicircle-dense-v1"}) {
    const EnvRow& env = find_env(name);
    const std::vector<Task> training = official_training_tasks(env), test = reference_tasks(env);
    CHECK(training.size() == 80);
    CHECK(test.size() == 20);
    for (const Task& task : test) CHECK(std::ranges::find(training, task) == training.end());
  }
  CHECK(official_training_tasks(find_env("point-nav-v1")).empty());
}

TEST_CASE("believers on the square: oracle, blind hedge, and the wrong goal") {
  const EnvRow& env = find_env("point-robot-v1");
  const std::vector<Task> official = reference_tasks(env);
  CHECK(std::abs(mean_of(returns_believing(env, official, official, 1, 400)) - -4.62) < 0.15);
  CHECK(std::abs(mean_of(returns_believing(env, official, std::vector<Task>(20, Task{0, 0}), 1, 400)) - -14.35) < 0.15);

  std::vector<Task> fresh, others;
  for (std::uint32_t i = 0; i < 2000; ++i) fresh.push_back(sample_task(env, 1, Purpose::test_task, 0, i));
  others.assign(fresh.begin() + 1, fresh.end());
  others.push_back(fresh[0]);
  CHECK(std::abs(mean_of(returns_believing(env, fresh, fresh, 1, 5)) - -5.163) < 0.15);
  CHECK(std::abs(mean_of(returns_believing(env, fresh, others, 1, 5)) - -20.0) < 0.6);
  const Hedge hedge = blind_hedge(env, fresh, 0.25, 1, 2);
  CHECK(std::abs(hedge.mean_return - -15.861) < 0.5);
  CHECK(std::abs(hedge.goal[0]) <= 0.25);
  CHECK(std::abs(hedge.goal[1]) <= 0.25);
}

TEST_CASE("believers on the half circle: exact Thompson sampling, and the bound without information") {
  // Another program, which after a hit still holds goals for possible that would have paid about the same, gave these
  // figures. Here whoever was paid knows the goal, and is a little faster; the errors of both are about 0.1.
  const std::vector<double> curve = thompson_sampling(12, 1, 500, 20, 1);
  const double expected[] = {1.51, 3.21, 4.79, 6.30, 7.73, 9.11, 10.30, 11.44, 12.29, 12.94, 13.25, 13.33};
  for (std::size_t k = 0; k < 12; ++k) {
    CHECK(curve[k] > expected[k] - 0.2);
    CHECK(curve[k] < expected[k] + 0.4);
  }

  // In the end both know the goal, and earn what the oracle earns.
  const std::vector<double> official = thompson_sampling(16, 5, 500, 20, 1);
  for (std::size_t k = 0; k < 5; ++k) CHECK(std::abs(official[k] - 1.5) < 0.2);
  CHECK(std::abs(official[5] - 8.08) < 0.4);
  CHECK(std::abs(official[15] - 13.382) < 0.05);

  CHECK(std::abs(semicircle_prior_bound(2000) - 1.689) < 0.005);
}

// [plain] 40 × 60 episodes of arithmetic that other tests step through
TEST_CASE("the ideal blind prior of the wheeled robot: draws agree with an average over the half circle", "[plain]") {
  const EnvRow& env = find_env("wheeled-sparse-v1");
  const std::vector<Task> tasks = reference_tasks(env);
  double mean = 0;
  std::vector<double> of_goal;
  for (int k = 0; k < 60; ++k) {
    const double angle = std::acos(-1.0) * (k + 0.5) / 60;
    const Task goal{2 * std::cos(angle), 2 * std::sin(angle)};
    of_goal.push_back(mean_of(returns_believing(env, tasks, std::vector<Task>(tasks.size(), goal), 1, 1)));
    mean += of_goal.back() / 60;
  }
  const double drawn = blind_prior(env, tasks, 50, 1);
  CHECK(std::abs(drawn - mean) < 4);  // 2000 draws of a spread of about 45: a standard error of 1
  // A program that shares no code with this one has −170.5 where both goals are anywhere on the half circle.
  CHECK(std::abs(mean + 170.5) < 3);
}

TEST_CASE("the ideal blind prior of corners and walls: the mean over the four goals, and poorer than knowing") {
  for (const char* name : {"promp-corner-v1", "promp-momentum-v1", "promp-walls-v1"}) {
    INFO(name);
    const EnvRow& env = find_env(name);
    const std::vector<Task> tasks = reference_tasks(env);
    double mean = 0;
    for (const double x : {-2.0, 2.0})
      for (const double y : {-2.0, 2.0}) {
        std::vector<Task> believed = tasks;  // of the walls, with their gaps
        for (Task& task : believed) task[0] = x, task[1] = y;
        mean += mean_of(returns_believing(env, tasks, believed, 1, 4)) / 4;
      }
    const double oracle = mean_of(returns_believing(env, tasks, tasks, 1, 4));
    CHECK(mean < oracle);
    // 400 draws of one goal in four: a standard error of about 0.02 of what knowing the goal is worth.
    CHECK(std::abs(blind_prior(env, tasks, 400 / static_cast<int>(tasks.size()), 1) - mean) < 0.1 * (oracle - mean));
  }
}

TEST_CASE("a task imagined for the pusher: the blocks stay, and the goal lies in the lane of the one to push") {
  const EnvRow& env = find_env("pusher-sparse-v1");
  const Task world = reference_tasks(env)[3];
  std::vector<int> chosen(5);
  for (std::uint32_t k = 0; k < 50; ++k) {
    const Task imagined = imagined_task(env, world, 1, k);
    CHECK(std::equal(world.begin() + 3, world.end(), imagined.begin() + 3));
    const auto block = static_cast<std::size_t>(imagined[0]);
    ++chosen.at(block);
    CHECK(std::floor((imagined[2] + 0.5) / 0.2) == std::floor((world[8 + block] + 0.5) / 0.2));
    CHECK(imagined[1] >= 0.75);
    CHECK(imagined[1] <= 0.95);
  }
  for (const int times : chosen) CHECK(times > 0);
  // Whoever believes in the world itself is the oracle; in another task, poorer.
  const double oracle = mean_of(returns_believing(env, {world}, {world}, 1, 1));
  CHECK(blind_prior(env, {world}, 10, 1) < oracle - 50);
}
