// The table: names, facts that must agree with behaviour, sampling of tasks, the authors' test goals.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "envs/maml_goals.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("envs: names are unique, versioned, and found; an unknown one gets the nearest") {
  std::set<std::string_view> names;
  for (const EnvRow& row : all_envs()) {
    const std::string_view name = row.spec.name;
    CHECK(names.insert(name).second);
    CHECK(std::isdigit(static_cast<unsigned char>(name.back())));
    CHECK(name.substr(name.size() - 3, 2) == "-v");
    CHECK(&find_env(name) == &row);
  }
  CHECK_THROWS_WITH(find_env("pont-nav-v1"), ContainsSubstring("'pont-nav-v1'") && ContainsSubstring("point-nav-v1"));
  CHECK_THROWS_WITH(find_env(""), ContainsSubstring("no environment"));
}

TEST_CASE("envs: every row is complete") {
  for (const EnvRow& row : all_envs()) {
    const Spec& spec = row.spec;
    CAPTURE(spec.name);
    CHECK(row.sample_task != nullptr);
    CHECK(row.reset != nullptr);
    CHECK(row.step != nullptr);
    CHECK(row.best != nullptr);
    CHECK(!spec.summary.empty());
    CHECK(!spec.source.empty());
    CHECK(!spec.best_policy.empty());
    CHECK(spec.horizon >= 1);
    CHECK(spec.obs_size >= 1);
    if (spec.action_kind == ActionKind::discrete) {
      CHECK(spec.action_size == 1);
      // In a reward process there is nothing to decide.
      CHECK(spec.action_count >= (spec.best_policy == "the only one" ? 1 : 2));
    } else {
      CHECK(spec.action_low < spec.action_high);
    }
  }
}

TEST_CASE("envs: the numbers of point-nav-v1 are those of the official code") {
  const Spec& spec = find_env("point-nav-v1").spec;
  CHECK(spec.horizon == 100);
  CHECK(spec.obs_size == 2);
  CHECK(spec.action_size == 2);
  CHECK(spec.action_low == -1);
  CHECK(spec.action_high == 1);
}

TEST_CASE("envs: tasks drawn depend on their place alone, and fill their range") {
  const EnvRow& env = find_env("point-nav-v1");
  CHECK(sample_task(env, 7, Purpose::task, 3, 5) == sample_task(env, 7, Purpose::task, 3, 5));
  CHECK(sample_task(env, 7, Purpose::task, 3, 5) != sample_task(env, 7, Purpose::task, 3, 6));
  CHECK(sample_task(env, 7, Purpose::task, 3, 5) != sample_task(env, 7, Purpose::task, 4, 5));
  CHECK(sample_task(env, 7, Purpose::task, 3, 5) != sample_task(env, 8, Purpose::task, 3, 5));
  CHECK(sample_task(env, 7, Purpose::task, 3, 5) != sample_task(env, 7, Purpose::test_task, 3, 5));
  CHECK_THROWS_WITH(sample_task(env, 7, Purpose::env, 3, 5), ContainsSubstring("Purpose::task"));

  double low = 1, high = -1, sum = 0;
  for (std::uint32_t i = 0; i < 1000; ++i)
    for (double g : sample_task(env, 1, Purpose::task, 0, i)) {
      low = std::min(low, g);
      high = std::max(high, g);
      sum += g;
    }
  CHECK(low >= -0.5);
  CHECK(low < -0.495);
  CHECK(high < 0.5);
  CHECK(high > 0.495);
  CHECK(std::abs(sum / 2000) < 0.03);  // standard error 0.0065
}

TEST_CASE("envs: where tasks can be listed, drawing gives each of them, about equally often") {
  for (const EnvRow& row : all_envs()) {
    if (row.task_count == 0) continue;
    CAPTURE(row.spec.name);
    const std::vector<Task> all = reference_tasks(row);
    REQUIRE(all.size() == static_cast<std::size_t>(row.task_count));
    std::vector<int> count(all.size(), 0);
    for (std::uint32_t i = 0; i < 400; ++i) {
      const auto found = std::find(all.begin(), all.end(), sample_task(row, 3, Purpose::task, 0, i));
      REQUIRE(found != all.end());
      ++count[static_cast<std::size_t>(found - all.begin())];
    }
    for (int c : count) CHECK(std::abs(c - 400 / row.task_count) <= 40);  // over four standard deviations
  }
}

TEST_CASE("envs: MT19937 gives NumPy's doubles and the authors' 40 test goals") {
  // numpy.random.seed(1); numpy.random.rand(4)
  const std::vector<double> published = {.417022004702574, .7203244934421581, .00011437481734488664,
                                         .30233257263183977};
  CHECK(numpy_uniform(1, 4) == published);

  const std::vector<Task> goals = maml_test_goals();
  REQUIRE(goals.size() == 40);
  const auto check_goal = [&](std::size_t i, double x, double y) {
    CHECK(std::abs(goals[i][0] - x) < 5e-6);
    CHECK(std::abs(goals[i][1] - y) < 5e-6);
  };
  check_goal(0, -.08298, .22032);
  check_goal(1, -.49989, -.19767);
  check_goal(2, -.35324, -.40766);
  check_goal(6, -.29555, .37812);

  double sum_x = 0, sum_y = 0, sum_norm = 0;
  for (const Task& g : goals) sum_x += g[0], sum_y += g[1], sum_norm += std::hypot(g[0], g[1]);
  CHECK(std::abs(sum_x + 2.91737) < 5e-6);
  CHECK(std::abs(sum_y - .21969) < 5e-6);
  CHECK(std::abs(sum_norm / 40 - .4008) < 5e-5);

  CHECK(maml_test_goals(2) != goals);
  CHECK(maml_test_goals(1, 3) == std::vector<Task>(goals.begin(), goals.begin() + 3));
}
