// Evolving a loss: the schedule of PPO's weight, the same bytes for every number of threads, what is shared.
#include "meta/epg_trainer.h"

#include <cmath>

#include "envs/table.h"
#include "kernels/threads.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

EpgConfig small_evolution() {
  EpgConfig config;
  config.iterations = 3;
  config.tasks = 2;
  config.inner.updates = 2;
  config.inner.episodes = 1;
  config.inner.buffer = 64;
  config.inner.hidden = {4};
  config.inner.loss_channels = {3, 3};
  config.inner.loss_context = 3, config.inner.loss_hidden = 4;
  config.evolution.population = 4;
  config.evaluation_episodes = 1;
  return config;
}

rl::AdaptRequest few_tasks(const char* env, int count, int steps) {
  rl::AdaptRequest request;
  std::vector<double> numbers;
  for (int i = 0; i < count; ++i)
    for (const double x :
         envs::sample_task(envs::find_env(env), 3, Purpose::test_task, 0, static_cast<std::uint32_t>(i)))
      numbers.push_back(x);
  request.tasks = Tensor::from({1, count, 2}, numbers);
  request.steps = steps;
  request.trajectories = 1;
  return request;
}

}  // namespace

TEST_CASE("PPO's weight falls from 1 in a straight line, and stays at its floor") {
  EpgConfig config;
  config.iterations = 80;
  CHECK(ppo_weight(config, 0) == 1);
  CHECK(ppo_weight(config, 5) == Approx(0.5));
  CHECK(ppo_weight(config, 10) == 0);
  CHECK(ppo_weight(config, 79) == 0);
  config.alpha_floor = 0.5, config.alpha_epochs = 1.0 / 16;  // the official code's other mode
  CHECK(ppo_weight(config, 0) == 1);
  CHECK(ppo_weight(config, 5) == 0.5);
  config.alpha_floor = 0, config.alpha_epochs = 0;
  CHECK(ppo_weight(config, 0) == 0);
}

// [threads] meta/epg_trainer.cpp
TEST_CASE("a population spread over threads leaves the numbers of one thread", "[threads]") {
  const int before = thread_count();
  std::vector<Tensors> states;
  std::vector<std::vector<double>> metrics;
  for (const int threads : {1, 2, 4}) {
    set_thread_count(threads);
    EpgTrainer trainer(small_evolution(), 3);
    std::vector<double> numbers;
    while (trainer.iteration() < trainer.iterations())
      for (const rl::Metric& m : trainer.iterate()) numbers.push_back(m.value);
    metrics.push_back(numbers);
    states.push_back(trainer.state());
  }
  set_thread_count(before);
  for (const std::size_t k : {1u, 2u}) {
    CHECK(metrics[k] == metrics[0]);
    CHECK(bitwise_equal(states[k], states[0]));
  }
}

TEST_CASE("at learning rate 0 the loss stays; otherwise every number of it moves") {
  for (const double rate : {0.0, 0.02}) {
    EpgConfig config = small_evolution();
    config.alpha_epochs = 0;  // PPO's gradient does not depend on φ
    config.evolution.learning_rate = config.evolution.final_learning_rate = rate;
    EpgTrainer trainer(config, 3);
    const std::vector<double> before = trainer.loss().flat();
    trainer.iterate();
    const std::vector<double> after = trainer.loss().flat();
    int moved = 0;
    for (std::size_t k = 0; k < before.size(); ++k) moved += after[k] != before[k];
    CHECK(moved == (rate == 0 ? 0 : static_cast<int>(before.size())));
  }
}

TEST_CASE("where PPO has all the weight, losses cannot differ, and by ranks nothing is learned from them") {
  EpgConfig config = small_evolution();
  config.alpha_floor = 1;
  EpgTrainer trainer(config, 3);
  const std::vector<double> before = trainer.loss().flat();
  const rl::Metrics metrics = trainer.iterate();
  CHECK(trainer.loss().flat() == before);
  for (const rl::Metric& m : metrics)
    if (m.name == "gradient_norm") CHECK(m.value == 0);
}

TEST_CASE("adapt follows a lifetime: every loss begins alike and ends elsewhere; shuffled, the same numbers do too") {
  const rl::AdaptRequest request = few_tasks("mass-right-v1", 3, 2);
  EpgConfig config = small_evolution();
  const auto adapted = [&](std::uint64_t seed) { return EpgTrainer(config, seed).adapt(request); };
  const rl::AdaptReport plain = adapted(1);
  CHECK(plain.returns.shape() == Shape{1, 3, 3});
  CHECK(plain.env_steps.at(0, 0, 2) == 64);
  CHECK(bitwise_equal(adapted(1).returns, plain.returns));
  config.loss_at_test = LossAtTest::shuffled;
  const rl::AdaptReport shuffled = adapted(1);
  config.loss_at_test = LossAtTest::evolved;
  config.test_alpha = 1;
  const rl::AdaptReport ppo = adapted(1);
  for (const rl::AdaptReport* other : {&shuffled, &ppo})
    for (int task = 0; task < 3; ++task) {
      CHECK(other->returns.at(0, task, 0) == plain.returns.at(0, task, 0));
      CHECK(other->returns.at(0, task, 2) != plain.returns.at(0, task, 2));
    }
}

TEST_CASE("the baseline evolves four settings of PPO, and resumes to the same bits") {
  EpgConfig config = small_evolution();
  config.evolve = Evolved::ppo;
  EpgTrainer whole(config, 3), first(config, 3), second(config, 3);
  CHECK(whole.state()["phi"].shape() == Shape{1, 1, 4});
  whole.iterate(), first.iterate();
  second.restore(first.state(), 1);
  whole.iterate(), second.iterate();
  CHECK(bitwise_equal(whole.state(), second.state()));
  CHECK(whole.state()["phi"].at(0, 0, 0) != 0);
}
