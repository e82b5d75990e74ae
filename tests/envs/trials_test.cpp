// The environments for learners with a memory: what is drawn follows its distribution, and what is paid its definition.
#include <cmath>
#include <numeric>

#include "envs/bandits.h"
#include "envs/grid_navi.h"
#include "envs/random_mdp.h"
#include "envs/reference.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

std::vector<Task> draws(const char* env, std::uint32_t count) {
  std::vector<Task> tasks;
  for (std::uint32_t i = 0; i < count; ++i) tasks.push_back(sample_task(find_env(env), 5, Purpose::task, 0, i));
  return tasks;
}

double earned(const char* env, std::string_view policy, int episodes) {
  const EnvRow& row = find_env(env);
  for (const ReferenceReturn& r : reference_returns(row, reference_tasks(row), 1, episodes))
    if (r.policy.starts_with(policy)) return r.mean;
  FAIL("no policy " << policy);
  return 0;
}

}  // namespace

TEST_CASE("envs: trials are those of the papers") {
  for (const auto& [name, episodes, horizon] : std::vector<std::tuple<const char*, int, int>>{
           {"rl2-bandit-k5-n10-v1", 10, 1}, {"rl2-bandit-k50-n500-v1", 500, 1}, {"gaussian-bandit-k5-n100-v1", 100, 1},
           {"wang-easy-v1", 1, 100}, {"wang-informative-v1", 1, 5}, {"rl2-mdp-v1", 10, 10}, {"two-step-v1", 1, 200},
           {"harlow-v1", 1, 10}, {"grid-navi-v1", 4, 15}, {"maze-v1", 2, 100}, {"maze-5x5-v1", 2, 50},
           {"point-nav-v1", 1, 100}}) {
    CAPTURE(name);
    CHECK(find_env(name).spec.trial_episodes == episodes);
    CHECK(find_env(name).spec.horizon == horizon);
  }
}

TEST_CASE("envs: the best of k uniform arms pays k/(k + 1) on average, a random one ½") {
  for (const auto& [name, k] : std::vector<std::pair<const char*, double>>{
           {"rl2-bandit-k5-n10-v1", 5}, {"rl2-bandit-k10-n10-v1", 10}, {"rl2-bandit-k50-n10-v1", 50}}) {
    CAPTURE(name);
    double best = 0, mean = 0;
    for (const Task& p : draws(name, 4000)) {
      best += *std::max_element(p.begin(), p.end()) / 4000;
      mean += std::accumulate(p.begin(), p.end(), 0.0) / static_cast<double>(p.size()) / 4000;
    }
    CHECK(std::abs(best - k / (k + 1)) < 5 * std::sqrt(k / (k + 2)) / (k + 1) / std::sqrt(4000));
    CHECK(std::abs(mean - .5) < 5 / std::sqrt(12 * k * 4000));
  }
}

TEST_CASE("envs: dependent arms add up to 1, independent ones do not") {
  for (const char* name : {"wang-uniform-v1", "wang-easy-v1", "wang-medium-v1", "wang-hard-v1"})
    for (const Task& p : draws(name, 20)) CHECK(p[0] + p[1] == Approx(1));
  double covariance = 0;
  for (const Task& p : draws("wang-independent-v1", 2000)) covariance += (p[0] - .5) * (p[1] - .5) / 2000;
  CHECK(std::abs(covariance) < 5 / 12.0 / std::sqrt(2000));
}

TEST_CASE("envs: the eleventh arm names the one that pays 5") {
  const EnvRow& row = find_env("wang-informative-v1");
  for (int target = 0; target < 10; ++target) {
    VectorEnv env(row, {{double(target)}}, 1, 1);
    env.reset({.purpose = Purpose::reset});
    env.step(std::vector<double>{10});
    const double said = env.rewards()[0];
    env.step(std::vector<double>{std::round(10 * said) - 1});
    CHECK(env.rewards()[0] == 5);
  }
  CHECK(earned("wang-informative-v1", "oracle", 2) == 25);
  // One of eleven at random: (5 + 9·1 + 0.55)/11 a pull.
  CHECK(std::abs(earned("wang-informative-v1", "random", 400) - 5 * 14.55 / 11) < .15);
}

TEST_CASE("envs: restless odds stay within [0, 1] and move by the task's volatility") {
  for (double volatility : {.02, .1}) {
    const int n = 4000;
    VectorEnv env(find_env("wang-restless-v1"), {{.5, volatility}}, n, 1);
    env.reset({.purpose = Purpose::reset});
    for (int t = 0; t < 9; ++t) env.step(std::vector<double>(n, 0));
    // After nine steps p₁ is N(½, 9σ²) but for what is reflected; the arm that is better then pays E max(p, 1 − p).
    std::vector<double> best(n);
    env.choose(find_env("wang-restless-v1").best, best);
    env.step(best);
    const double paid = std::accumulate(env.rewards().begin(), env.rewards().end(), 0.0) / n;
    const double deviation = 3 * volatility;  // E|x| = σ√(2/π)
    CHECK(std::abs(paid - (.5 + deviation * std::sqrt(2 / 3.14159265))) < (volatility < .05 ? .04 : .05));
  }
}

TEST_CASE("envs: the two-step task moves and pays with the stated probabilities, and flips one time in 40") {
  for (const auto& [name, common, flip] :
       std::vector<std::tuple<const char*, double, double>>{{"two-step-v1", .75, 0}, {"two-step-flip-v1", .8, .025}}) {
    CAPTURE(name);
    const int n = 20000;
    VectorEnv env(find_env(name), {{0.0}}, n, 1);
    env.reset({.purpose = Purpose::reset});
    env.step(std::vector<double>(n, 0));
    double in_good = 0, good_paid = 0, bad_paid = 0;
    const std::vector<double> stage(env.observations().begin(), env.observations().end());
    for (double r : env.rewards()) REQUIRE(r == 0);
    env.step(std::vector<double>(n, 1));
    for (std::size_t i = 0; i < n; ++i) {
      in_good += stage[3 * i + 1];
      good_paid += stage[3 * i + 1] * env.rewards()[i];
      bad_paid += stage[3 * i + 2] * env.rewards()[i];
      REQUIRE(env.observations()[3 * i] == 1);
    }
    CHECK(std::abs(in_good / n - common) < 5 * std::sqrt(common * (1 - common) / n));
    CHECK(std::abs(good_paid / in_good - .9) < 5 * .3 / std::sqrt(in_good));
    CHECK(std::abs(bad_paid / (n - in_good) - .1) < 5 * .3 / std::sqrt(n - in_good));
    // The oracle's choice shows whether the good state has changed.
    std::vector<double> best(n);
    env.choose(find_env(name).best, best);
    CHECK(std::abs(std::accumulate(best.begin(), best.end(), 0.0) / n - flip) <= 5 * std::sqrt(flip / n));
  }
}

TEST_CASE("envs: Harlow's objects differ, swap sides by chance, and the first trial is a guess") {
  double right = 0;
  std::uint32_t id = 0;
  for (const Task& objects : draws("harlow-v1", 500)) {
    CHECK(!std::equal(objects.begin(), objects.begin() + 6, objects.begin() + 6));
    VectorEnv env(find_env("harlow-v1"), {objects}, 1, 1);
    env.reset({.purpose = Purpose::reset, .task = id++});
    right += std::equal(objects.begin(), objects.begin() + 6, env.observations().begin() + 6);
    env.step(std::vector<double>{0});
    const bool left = std::equal(objects.begin(), objects.begin() + 6, env.observations().begin());
    env.step(std::vector<double>{left ? 0.0 : 1.0});
    CHECK(env.rewards()[0] == 1);
  }
  CHECK(std::abs(right / 500 - .5) < 5 * .5 / std::sqrt(500));
}

TEST_CASE("envs: a random process has rows of probabilities, flat Dirichlet, and rewards N(1, 1)") {
  using Env = RandomMdp<double>;
  double reward = 0, squares = 0, largest = 0;
  const int tasks = 40, rows = tasks * 50;
  for (const Task& task : draws("rl2-mdp-v1", tasks)) {
    for (int i = 0; i < 50; ++i) {
      reward += task[static_cast<std::size_t>(i)] / rows;
      squares += std::pow(task[static_cast<std::size_t>(i)] - 1, 2) / rows;
      const auto row = task.begin() + 50 + i * Env::states;
      CHECK(std::accumulate(row, row + Env::states, 0.0) == Approx(1));
      CHECK(*std::min_element(row, row + Env::states) >= 0);
      largest += *std::max_element(row, row + Env::states) / rows;
    }
  }
  CHECK(std::abs(reward - 1) < 5 / std::sqrt(rows));
  CHECK(std::abs(squares - 1) < 5 * std::sqrt(2.0 / rows));
  // The largest of ten gaps of the unit interval: (1 + ½ + … + 1/10)/10 on average.
  CHECK(std::abs(largest - .29290) < .01);
}

TEST_CASE("envs: GridNavi's goals are the 21 cells away from the start, and the way to one earns 16.1 − 1.1·d") {
  using Env = GridNavi<double>;
  int distance = 0;
  for (int i = 0; i < 21; ++i) {
    const Env::State goal = Env::goal_of(Env::task(i));
    CHECK((goal.x >= 2 || goal.y >= 2));
    CHECK(goal.x < 5);
    CHECK(goal.y < 5);
    for (int j = 0; j < i; ++j) {
      const Env::State other = Env::goal_of(Env::task(j));
      CHECK((other.x != goal.x || other.y != goal.y));
    }
    distance += goal.x + goal.y;
    VectorEnv env(find_env("grid-navi-v1"), {{double(i)}}, 1, 1);
    env.reset({.purpose = Purpose::reset});
    double sum = 0;
    std::vector<double> best(1);
    while (!env.all_finished()) {
      env.choose(env.env().best, best);
      env.step(best);
      sum += env.rewards()[0];
    }
    CHECK(sum == Approx(16.1 - 1.1 * (goal.x + goal.y)));
  }
  CHECK(distance == 96);
  CHECK(earned("grid-navi-v1", "oracle", 2) == Approx(11.0714285714));
}
