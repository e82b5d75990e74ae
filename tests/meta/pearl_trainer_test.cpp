// PEARL's loop and its adaptation: which data go where, and what a test may see.
#include "meta/pearl_trainer.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

PearlConfig tiny_pearl_run() {
  PearlConfig c;
  c.env = "semicircle-sparse-v1";
  c.reward_env = "semicircle-dense-v1";
  c.train_tasks = 6;
  c.visited_tasks = 2;
  c.initial_episodes = 1;
  c.prior_episodes = 2;
  c.posterior_episodes = 1;
  c.extra_episodes = 2;
  c.capacity = 200;
  c.updates = 3;
  c.meta_batch = 3;
  c.batch = 8;
  c.context = 10;
  c.latent_size = 2;
  c.hidden = c.encoder_hidden = {8};
  return c;
}
constexpr int horizon = 20;

rl::RolloutPlace test_place(std::uint32_t step) { return {.seed = 3, .inner_step = step, .test = true}; }

std::vector<envs::Task> some_tasks(int count) {
  std::vector<envs::Task> tasks;
  for (int k = 0; k < count; ++k)
    tasks.push_back(envs::sample_task(envs::find_env("semicircle-sparse-v1"), 9, Purpose::test_task, 0,
                                      static_cast<std::uint32_t>(k)));
  return tasks;
}

}  // namespace

TEST_CASE("PEARL: a visited task's context is forgotten first; the extra episodes are for the critics alone") {
  PearlTrainer trainer(tiny_pearl_run(), 1);
  for (int i = 0; i < 3; ++i) {
    std::vector<int> before(6);
    for (int task = 0; task < 6; ++task) before[static_cast<std::size_t>(task)] = trainer.context_size(task);
    const rl::Metrics metrics = trainer.iterate();
    CHECK(metrics[0].value == (6 * 1 + (i + 1) * 2 * 5) * horizon);  // steps
    int visited = 0;
    for (int task = 0; task < 6; ++task) {
      const int size = trainer.context_size(task);
      if (size == 3 * horizon) ++visited;  // two from the prior, one from the belief
      else CHECK(size == (i == 0 ? horizon : before[static_cast<std::size_t>(task)]));
    }
    CHECK(visited >= 2);
  }
  // Nothing is forgotten before the iteration named.
  PearlConfig later = tiny_pearl_run();
  later.visited_tasks = 6;
  later.forget_after = 2;
  PearlTrainer forgets(later, 1);
  for (const int episodes : {1 + 3, 1 + 3 + 3, 3}) {
    forgets.iterate();
    CHECK(forgets.context_size(0) == episodes * horizon);
  }
  // Where the context is the whole replay, nothing is forgotten.
  PearlConfig all = tiny_pearl_run();
  all.context_from = ContextFrom::replay;
  all.capacity = 400;
  PearlTrainer keeps(all, 1);
  for (int i = 0; i < 2; ++i) keeps.iterate();
  int total = 0;
  for (int task = 0; task < 6; ++task) total += keeps.context_size(task);
  CHECK(total == (6 + 2 * 2 * 5) * horizon);
}

TEST_CASE("PEARL: an episode is a function of its z; each prior episode of a test has a z of its own") {
  PearlTrainer trainer(tiny_pearl_run(), 1);
  trainer.iterate();
  const rl::AdaptiveLearner learner = trainer.learner();
  CHECK(learner.update_time == rl::UpdateTime::after_episode);
  CHECK(learner.explores_with_mean);
  const std::vector<envs::Task> tasks = some_tasks(2);
  const Tensors known = learner.start(2);
  const rl::Trajectories once = learner.act(known, tasks, 3, test_place(0), true);
  CHECK(bitwise_equal(once.actions, learner.act(known, tasks, 3, test_place(0), true).actions));
  // Start and policy are the same for all, so what differs is z.
  CHECK_FALSE(bitwise_equal(once.path(0, 0), once.path(0, 1)));
  CHECK_FALSE(bitwise_equal(once.path(0, 1), once.path(0, 2)));
  CHECK_FALSE(bitwise_equal(once.path(0, 0), learner.act(known, tasks, 3, test_place(1), true).path(0, 0)));

  // With z at the belief's mean nothing is drawn: all episodes are one.
  PearlConfig mean = tiny_pearl_run();
  mean.sample_latent = false;
  PearlTrainer still(mean, 1);
  still.iterate();
  const rl::AdaptiveLearner same = still.learner();
  const rl::Trajectories all = same.act(same.start(2), tasks, 3, test_place(0), true);
  CHECK(bitwise_equal(all.path(0, 0), all.path(1, 2)));
}

TEST_CASE("PEARL: a test's belief is that of all it explored, and of nothing else") {
  PearlTrainer trainer(tiny_pearl_run(), 1);
  trainer.iterate();
  const rl::AdaptiveLearner learner = trainer.learner();
  const std::vector<envs::Task> tasks = some_tasks(2);
  const Tensors start = learner.start(2);
  const rl::Trajectories first = learner.act(start, tasks, 1, test_place(0), true),
                         second = learner.act(start, tasks, 1, test_place(1), true);
  const Tensors both = learner.update(learner.update(start, first, 0), second, 1),
                other_order = learner.update(learner.update(start, second, 0), first, 1);
  CHECK(both["episodes"].item() == 2);
  for (const char* name : {"precision", "weighted_mean"}) {
    CHECK(relative_error(both[name], other_order[name]) < 1e-6);
    CHECK(relative_error(both[name], learner.update(start, first, 0)[name]) > 1e-3);
  }
  // Each task's belief is its own: the second one's data do not matter to the first.
  rl::Trajectories mixed = first;
  for (int row = 0; row < horizon; ++row) mixed.rewards.set(1, row, 0, 0.7);
  const Tensors a = learner.update(start, first, 0), b = learner.update(start, mixed, 0);
  for (int k = 0; k < 2; ++k) {
    CHECK(a["precision"].at(0, 0, k) == b["precision"].at(0, 0, k));
    CHECK(a["precision"].at(1, 0, k) != b["precision"].at(1, 0, k));
  }

  // How it is judged changes nothing of what it knows: the same steps, the same exploration.
  rl::AdaptRequest request{.tasks = Tensor({1, 2, 2}), .steps = 3, .trajectories = 1};
  for (int task = 0; task < 2; ++task)
    for (std::size_t k = 0; k < 2; ++k)
      request.tasks.set(0, task, static_cast<int>(k), tasks[static_cast<std::size_t>(task)][k]);
  const rl::AdaptReport explored = trainer.adapt(request);
  CHECK(bitwise_equal(explored.returns, trainer.adapt(request).returns));
  CHECK(explored.env_steps.at(0, 0, 3) == 3 * horizon);
}

TEST_CASE("PEARL: the critics learn from dense rewards, the context shows the sparse ones") {
  const envs::EnvRow &sparse = envs::find_env("semicircle-sparse-v1"), &dense = envs::find_env("semicircle-dense-v1");
  const std::vector<envs::Task> tasks = some_tasks(2);
  const auto straight_up = [](std::span<const double> seen, std::span<const Philox>) {
    std::vector<double> actions;
    for (std::size_t k = 0; k < seen.size(); ++k) actions.push_back(k % 2 == 0 ? 0.01 : 0.08);
    return actions;
  };
  const rl::RolloutPlace place{.seed = 1};
  const rl::Trajectories played = rl::play_episodes(sparse, tasks, 2, place, Dtype::f64, straight_up);
  const Tensor rewards = rl::rewards_in(dense, tasks, played, place);
  CHECK(bitwise_equal(rewards, rl::play_episodes(dense, tasks, 2, place, Dtype::f64, straight_up).rewards));
  CHECK_THROWS_AS(rl::rewards_in(envs::find_env("point-robot-v1"), tasks, played, place), Error);
}

TEST_CASE("PEARL: at learning rate 0 nothing is learned; resumed it continues to the bit; v1 trains too") {
  for (const SacVersion version : {SacVersion::v2, SacVersion::v1}) {
    PearlConfig config = tiny_pearl_run();
    config.sac = version;
    PearlTrainer whole(config, 2), first(config, 2), resumed(config, 2);
    whole.iterate();
    first.iterate();
    resumed.restore(first.state(), 1);
    whole.iterate();
    resumed.iterate();
    CHECK(bitwise_equal(whole.state(), resumed.state()));
    CHECK_FALSE(bitwise_equal(first.pearl().encoder, whole.pearl().encoder));

    config.learning_rate = 0;
    PearlTrainer still(config, 2);
    const ParamValues before = still.pearl().actor;
    still.iterate();
    CHECK(bitwise_equal(before, still.pearl().actor));
  }
}

TEST_CASE("PEARL's references: told the task or nothing, there is no encoder, and what was explored changes nothing") {
  for (const Told told : {Told::task, Told::nothing}) {
    PearlConfig config = tiny_pearl_run();
    config.told = told;
    PearlTrainer trainer(config, 2);
    const ParamValues actor = trainer.pearl().actor, critics = trainer.pearl().critics;
    CHECK(trainer.iterate()[5].value == 0);  // kl
    CHECK(trainer.pearl().encoder.count() == 0);
    CHECK_FALSE(bitwise_equal(trainer.pearl().actor, actor));
    CHECK_FALSE(bitwise_equal(trainer.pearl().critics, critics));
    const rl::AdaptiveLearner learner = trainer.learner();
    const std::vector<envs::Task> tasks = some_tasks(2);
    const Tensors start = learner.start(2);
    const rl::Trajectories first = learner.act(start, tasks, 1, test_place(0), true);
    CHECK(bitwise_equal(learner.act(learner.update(start, first, 0), tasks, 1, test_place(0), true).actions,
                        first.actions));
    // Both start at the origin: only who is told the goals goes different ways.
    CHECK(bitwise_equal(first.path(0, 0), first.path(1, 0)) == (told == Told::nothing));
  }
}

TEST_CASE("PEARL: an annealed learning rate falls to 0: an update after the last one moves nothing") {
  PearlConfig config = tiny_pearl_run();
  config.iterations = 1;
  config.anneal = true;
  PearlTrainer trainer(config, 2);
  const ParamValues before = trainer.pearl().actor;
  trainer.iterate();
  const ParamValues trained = trainer.pearl().actor, encoder = trainer.pearl().encoder;
  CHECK_FALSE(bitwise_equal(trained, before));
  trainer.iterate();
  CHECK(bitwise_equal(trainer.pearl().actor, trained));
  CHECK(bitwise_equal(trainer.pearl().encoder, encoder));
}

TEST_CASE("PEARL: λ grows from a tenth over the iterations named, and is then what it is") {
  PearlConfig config = tiny_pearl_run();
  config.updates = 1;
  config.kl_weight = 5;
  PearlTrainer at_once(config, 2);
  config.kl_rise = 1;
  PearlTrainer rising(config, 2);
  config.kl_weight = 0.5;
  config.kl_rise = 0;
  PearlTrainer tenth(config, 2);
  const auto apart = [](const PearlTrainer& a, const PearlTrainer& b) {
    double most = 0;
    for (std::size_t k = 0; k < a.pearl().encoder.count(); ++k)
      most = std::max(most, relative_error(a.pearl().encoder[k], b.pearl().encoder[k]));
    return most;
  };
  for (PearlTrainer* trainer : {&at_once, &rising, &tenth}) trainer->iterate();
  CHECK(apart(rising, tenth) < 1e-6);
  CHECK(apart(rising, at_once) > 1e-5);
  for (PearlTrainer* trainer : {&rising, &tenth}) trainer->iterate();
  CHECK(apart(rising, tenth) > 1e-5);
}

TEST_CASE("PEARL: training and test tasks do not overlap") {
  PearlConfig config = tiny_pearl_run();
  config.train_tasks = 200;
  for (const bool official : {false, true}) {
    config.official_tasks = official;
    const PearlTrainer trainer(config, 1);
    CHECK(trainer.tasks().size() == (official ? 80 : 200));
    for (const envs::Task& test : envs::reference_tasks(envs::find_env(config.env)))
      CHECK(std::ranges::find(trainer.tasks(), test) == trainer.tasks().end());
  }
  config.env = "point-nav-v1";
  config.reward_env = "";
  CHECK_THROWS_AS(PearlTrainer(config, 1), rl::UsageError);
  config.env = "cartpole-v1";
  CHECK_THROWS_AS(PearlTrainer(config, 1), rl::UsageError);
}

// [plain] two updates of networks of 300 units, a minute under a sanitizer; the same code runs in small above
TEST_CASE("PEARL: the official sizes run: two updates of the whole preset", "[plain]") {
  rl::OptionValues values = rl::default_values(meta::pearl.options);
  const rl::Preset* sizes = nullptr;
  for (const rl::Preset& preset : meta::pearl.presets)
    if (preset.name == std::string("official-sizes")) sizes = &preset;
  REQUIRE(sizes != nullptr);
  rl::apply_preset(*sizes, meta::pearl.options, values);
  // All of it but for how often it updates and how much it collects before.
  values.set("updates", std::int64_t{2});
  values.set("capacity", std::int64_t{100});
  for (const char* few : {"initial_episodes", "prior_episodes", "extra_episodes"}) values.set(few, std::int64_t{1});
  const std::unique_ptr<rl::Trainer> trainer = meta::pearl.make(values, 1);
  const Tensors before = trainer->state();
  const rl::Metrics metrics = trainer->iterate();
  for (const rl::Metric& metric : metrics) CHECK(std::isfinite(metric.value));
  const Tensors after = trainer->state();
  CHECK(after["encoder/W1"].shape() == Shape{1, 5, 200});
  CHECK(after["actor/W1"].shape() == Shape{1, 7, 300});
  for (const char* moved : {"encoder/W1", "critics/q1/W1", "critics/q2/W1", "value/v/W1", "actor/W1"})
    CHECK_FALSE(bitwise_equal(after[moved], before[moved]));
}
