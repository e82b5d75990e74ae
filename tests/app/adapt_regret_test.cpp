// The expected regret of a bandit's trial, by the arms that were pulled.
#include <cmath>
#include <sstream>

#include "app/adapt.h"
#include "app/algorithms.h"
#include "meta/bandit_baselines.h"
#include "meta/rl2.h"
#include "tests/app/folder.h"
#include "tests/catch.h"

using namespace innerloop;

TEST_CASE("adapt: of a bandit's trials the regret of the arms pulled is told, whatever they paid") {
  rl::OptionValues values = rl::default_values(meta::rl2.options);
  values.set("env", std::string("wang-medium-v1"));
  values.set("core_size", std::int64_t{4});
  std::vector<app::Learner> learners;
  learners.push_back({.label = "rl2", .env = "wang-medium-v1", .trainer = meta::rl2.make(values, 1)});
  std::ostringstream out, err;
  const app::Context context{app::all_algorithms(), out, err, false};
  constexpr int tasks = 40;
  const app::AdaptResults results =
      app::adapt_learners(context, learners, {.steps = 0, .tasks = tasks, .trajectories = 1, .pictures = tasks});

  // The arms are worth ¼ and ¾: half of the pulls of an untrained network miss ½ each.
  const std::vector<double>& regrets = results.rows.at(0).regrets;
  REQUIRE(regrets.size() == tasks);
  double mean = 0;
  for (const rl::Path& path : results.paths) {
    const envs::Task& arms = results.tasks[static_cast<std::size_t>(path.task)];
    const double worse = arms[0] > arms[1] ? 1 : 0;
    double missed = 0;
    for (const double arm : path.actions.to_vector()) missed += arm == worse ? 0.5 : 0;
    CHECK(regrets[static_cast<std::size_t>(path.task)] == Approx(missed).margin(1e-12));
    mean += missed / tasks;
  }
  CHECK(results.paths.size() == tasks);
  CHECK(std::abs(mean - 25) < 3);
  const TestFolder folder;
  app::write_adapt_files(results, folder.path.string());
  const std::string picture = contents(folder / "trial.dat");
  CHECK(picture.find("100 ") != std::string::npos);
  CHECK(app::adapt_table(results).find("expected regret of a trial, by the arms that were pulled: ") !=
        std::string::npos);

  // What the pulls are worth adds up to what is not regret.
  REQUIRE(results.rows[0].earned.size() == 100);
  double worth = 0;
  for (const double pull : results.rows[0].earned) worth += pull;
  CHECK(worth == Approx(75 - mean).margin(1e-9));

  // Only where tasks are arms.
  CHECK(meta::tasks_are_arms("rl2-bandit-k5-n10-v1"));
  CHECK_FALSE(meta::tasks_are_arms("wang-restless-v1"));
  CHECK_FALSE(meta::tasks_are_arms("wang-informative-v1"));
  CHECK_FALSE(meta::tasks_are_arms("pendulum-v1"));
}
