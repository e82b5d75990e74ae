// Soft actor-critic at work: one update by hand, the temperature, exact optima, determinism, and learning.
#include "rl/sac_trainer.h"

#include <cmath>
#include <map>

#include "autodiff/check_directions.h"
#include "envs/reference.h"
#include "envs/soft_problems.h"
#include "envs/table.h"
#include "kernels/philox.h"
#include "kernels/threads.h"
#include "rl/check_cases.h"
#include "tests/catch.h"
#include "tests/rl/columns.h"
#include "tests/sanitized.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

using Setting = std::pair<const char*, OptionValue>;

OptionValues settings(std::initializer_list<Setting> changed) {
  OptionValues values = default_values(sac.options);
  apply_preset(sac.presets[0], sac.options, values);  // "quick"
  for (const auto& [name, value] : changed) values.set(name, value);
  return values;
}
OptionValue text(const char* word) { return std::string(word); }
std::unique_ptr<Trainer> trained(const OptionValues& values, std::uint64_t seed, Metrics* last = nullptr) {
  auto trainer = sac.make(values, seed);
  while (trainer->iteration() < trainer->iterations()) {
    const Metrics metrics = trainer->iterate();
    if (last != nullptr) *last = metrics;
  }
  return trainer;
}

double metric(const Metrics& metrics, const std::string& name) {
  for (const Metric& m : metrics)
    if (m.name == name) return m.value;
  FAIL("no metric " << name);
  return 0;
}

// A batch of a bandit in one state: any action, the end, and a reward for being near a point.
BatchValues bandit_batch(int rows, std::uint32_t number) {
  Philox random(4, {.purpose = Purpose::check, .iteration = number});
  BatchValues batch;
  batch.add("observations", Tensor::full({1, rows, 1}, 1, Dtype::f32));
  Tensor actions({1, rows, 3}, Dtype::f32), rewards({1, rows, 1}, Dtype::f32);
  for (int row = 0; row < rows; ++row) {
    double distance2 = 0;
    for (int k = 0; k < 3; ++k) {
      const double a = random.uniform(-1, 1);
      actions.set(0, row, k, a);
      distance2 += (a - 0.2 * k) * (a - 0.2 * k);
    }
    rewards.set(0, row, 0, -distance2);
  }
  batch.add("actions", actions);
  batch.add("rewards", rewards);
  batch.add("next_observations", Tensor::full({1, rows, 1}, 1, Dtype::f32));
  batch.add("terminated", Tensor::full({1, rows, 1}, 1, Dtype::f32));
  return batch;
}

const EnvSizes bandit{.observations = 1, .actions = 3, .low = -1, .high = 1};
SacConfig bandit_config(TemperatureLoss loss) {
  SacConfig config;
  config.data.hidden = {16};
  config.data.batch = 64;
  config.temperature_loss = loss;
  config.actor_rate = config.critic_rate = config.temperature_rate = 3e-3;
  config.temperature = 0.1;
  return config;
}

}  // namespace

TEST_CASE("[SAC eq. polyak] after an update the targets have moved by τ of the way, and by nothing else") {
  for (const bool value_network : {false, true}) {
    SacConfig config = bandit_config(TemperatureLoss::log_alpha);
    config.value_network = value_network;
    config.data.tau = 0.25;
    Sac learner(config, bandit, 3);
    const ParamValues before = learner.targets;
    learner.update(bandit_batch(64, 0), 0);
    const ParamValues to = targeted(learner.critics, learner.spec());
    REQUIRE(before.count() == to.count());
    const Tensors expected = 0.75 * before + 0.25 * to;
    CHECK(norm(learner.targets - expected) <= 1e-6 * norm(expected));
    CHECK(norm(to - before) > 0);
  }
}

TEST_CASE(
    "SAC: simultaneous and sequential updates differ in the actor alone; a delayed actor rests, then takes d steps") {
  SacConfig config = bandit_config(TemperatureLoss::log_alpha);
  Sac sequential(config, bandit, 3);
  config.simultaneous = true;
  Sac simultaneous(config, bandit, 3);
  config.simultaneous = false;
  config.policy_delay = 2;
  Sac delayed(config, bandit, 3);
  const ParamValues start = delayed.actor;
  // The first step of Adam has the gradient's sign only, so two are taken.
  for (std::uint32_t k = 0; k < 2; ++k) {
    sequential.update(bandit_batch(64, k), k);
    simultaneous.update(bandit_batch(64, k), k);
  }
  CHECK(norm(sequential.actor - simultaneous.actor) > 0);

  delayed.update(bandit_batch(64, 1), 1);  // an odd update: critics only
  CHECK(bitwise_equal(delayed.actor, start));
  delayed.update(bandit_batch(64, 2), 2);
  CHECK_FALSE(bitwise_equal(delayed.actor, start));
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("SAC: the temperature brings the entropy to its target within 0.1 nat, through α and log α",
          "[learning][plain]") {
  for (const TemperatureLoss loss : {TemperatureLoss::log_alpha, TemperatureLoss::alpha}) {
    Sac learner(bandit_config(loss), bandit, 3);
    double entropy = 0;
    const int updates = 6000, counted = 1000;
    for (std::uint32_t k = 0; k < updates; ++k) {
      learner.update(bandit_batch(64, k), k);
      // It begins with more entropy than asked for, so the temperature falls first.
      if (k == 50) CHECK(learner.alpha() < 0.1);
      if (k >= updates - counted) entropy += learner.entropy() / counted;
    }
    INFO("entropy " << entropy << ", alpha " << learner.alpha());
    CHECK(std::abs(entropy + 3) <= 0.1);
  }
  // With step 0 nothing moves.
  SacConfig config = bandit_config(TemperatureLoss::log_alpha);
  config.actor_rate = config.critic_rate = config.temperature_rate = 0;
  Sac idle(config, bandit, 3);
  for (std::uint32_t k = 0; k < 100; ++k) idle.update(bandit_batch(64, k), k);
  CHECK(idle.alpha() == Approx(0.1));
  CHECK(std::abs(idle.entropy() + 3) > 0.1);
}

namespace {

// The policy of a trainer on soft-lqr-v1, as N(−Ks, σ²): K from least squares over s in [−1, 1], σ² from the means.
struct LearnedLqr { double K = 0, variance = 0; };
LearnedLqr learned_lqr(const OptionValues& values, std::uint64_t seed) {
  const auto trainer = trained(values, seed);
  const SacConfig config = sac_options().read(values);
  Sac learner(config, env_sizes(config.data.env), seed);
  const Tensors state = trainer->state();
  for (std::size_t k = 0; k < learner.actor.count(); ++k)
    learner.actor[k] = state["actor/" + learner.actor.name(k)];
  const int rows = 41;
  Tensor s({1, rows, 1}, Dtype::f32);
  for (int row = 0; row < rows; ++row) s.set(0, row, 0, -1 + 0.05 * row);
  const Tensor mean = learner.act(learner.actor, s, Tensor({1, rows, 1}, Dtype::f32));
  double ss = 0, sa = 0;
  for (int row = 0; row < rows; ++row) {
    ss += s.at(0, row, 0) * s.at(0, row, 0);
    sa += s.at(0, row, 0) * mean.at(0, row, 0);
  }
  // a − mode = σ(s)·ε with one ε per row: 400 draws of each state.
  double variance = 0;
  for (std::uint32_t draw = 0; draw < 400; ++draw) {
    const Tensor a = learner.act(s, {.purpose = Purpose::check, .iteration = draw});
    for (int row = 0; row < rows; ++row) {
      const double d = a.at(0, row, 0) - mean.at(0, row, 0);
      variance += d * d / (400 * rows);
    }
  }
  return {-sa / ss, variance};
}

// The mean of the critics (actor_value = mean): their minimum, which is the default, bends Q, and the learned variance
// with it, by some 15 %, so that this exact optimum holds for that setting alone.
OptionValues lqr_settings(double rate) {
  return settings({{"env", text("soft-lqr-v1")}, {"squash", false}, {"temperature_loss", text("fixed")},
                   {"temperature", 0.2}, {"gamma", 0.9}, {"actor_value", text("mean")}, {"actor_rate", rate},
                   {"critic_rate", rate}, {"iterations", whole(20)}, {"tau", 0.01},
                   {"evaluation_episodes", whole(1)}});
}

}  // namespace

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("SAC learns the soft LQR: gain within 5 %, variance within 10 %; at rate 0 it does not",
          "[learning][plain]") {
  const envs::LqrOptimum exact = envs::soft_lqr_optimum(1, 1, 1, 1, 0.9, 0.2);
  for (const std::uint64_t seed : {1, 2}) {
    const LearnedLqr learned = learned_lqr(lqr_settings(3e-4), seed);
    INFO("seed " << seed << ": K " << learned.K << " for " << exact.K << ", variance " << learned.variance << " for "
                 << exact.variance);
    CHECK(std::abs(learned.K / exact.K - 1) <= 0.05);
    CHECK(std::abs(learned.variance / exact.variance - 1) <= 0.10);
  }
  OptionValues idle = lqr_settings(0);
  idle.set("iterations", whole(1));
  CHECK(std::abs(learned_lqr(idle, 1).K / exact.K - 1) > 0.05);
}

TEST_CASE(
    "SAC: bits do not depend on the number of threads, and a run taken away and brought back goes on bit for bit") {
  const OptionValues values = settings({{"env", text("pendulum-v1")}, {"hidden", std::vector<std::int64_t>{8}},
                                        {"batch", whole(16)}, {"steps", whole(130)}, {"iterations", whole(4)},
                                        {"evaluation_episodes", whole(2)}});
  const int threads = thread_count();
  set_thread_count(1);
  const Tensors one = trained(values, 7)->state();
  set_thread_count(3);
  const Tensors three = trained(values, 7)->state();
  set_thread_count(threads);
  CHECK(bitwise_equal(one, three));

  // In the middle of an episode, in the middle of the buffer.
  auto first = sac.make(values, 7);
  first->iterate();
  first->iterate();
  auto second = sac.make(values, 7);
  second->restore(first->state(), 2);
  second->iterate();
  second->iterate();
  CHECK(bitwise_equal(second->state(), one));
}

TEST_CASE("SAC: a finite loss with a gradient that is not stops the run before it moves anything") {
  // Critics that hardly look at the state, errors of 5e17: the loss is about 3e35, the gradient 5e17 · 1e24.
  Sac learner(bandit_config(TemperatureLoss::log_alpha), bandit, 3);
  for (const char* name : {"q1/W1", "q2/W1"})
    for (float& w : learner.critics[name].mutable_values<float>()) w *= 1e-12f;
  BatchValues batch = bandit_batch(64, 0);
  batch["observations"] = Tensor::full({1, 64, 1}, 1e24, Dtype::f32);
  batch["rewards"] = Tensor::full({1, 64, 1}, 5e17, Dtype::f32);
  const ParamValues before = learner.critics, actor = learner.actor;
  CHECK_THROWS_WITH(learner.update(batch, 4),
                    Catch::Matchers::ContainsSubstring("sac, update 4: gradient of the critics is not finite"));
  CHECK(bitwise_equal(learner.critics, before));
  CHECK(bitwise_equal(learner.actor, actor));
}

TEST_CASE("SAC: every preset trains; settings that mean nothing here are refused") {
  for (const Preset& preset : sac.presets) {
    INFO(preset.name);
    OptionValues values = default_values(sac.options);
    apply_preset(preset, sac.options, values);
    values.set("hidden", std::vector<std::int64_t>{8});
    values.set("batch", whole(8));
    values.set("steps", whole(60));
    values.set("learning_starts", whole(20));
    values.set("iterations", whole(1));
    values.set("capacity", whole(50));
    Metrics metrics;
    trained(values, 1, &metrics);
    for (const Metric& m : metrics) CHECK(std::isfinite(m.value));
  }
  CHECK_THROWS_AS(sac.make(settings({{"env", text("cartpole-v1")}}), 1), UsageError);
}

TEST_CASE("SAC: each preset changes these settings and no other") {
  // Everything that a preset could change, as its own source has it: another value here is another algorithm there.
  const std::map<std::string, std::map<std::string, std::string>> pinned = {
      {"quick",
       {{"hidden", "[64, 64]"}, {"batch", "100"}, {"actor_rate", "0.001"}, {"critic_rate", "0.001"},
        {"temperature_rate", "0.001"}, {"learning_starts", "100"}}},
      {"paper-v1",
       {{"value_network", "true"}, {"temperature_loss", "\"fixed\""}, {"actor_value", "\"first\""},
        {"simultaneous", "true"}, {"reward_scale", "5"}, {"log_prob", "\"epsilon\""}}},
      {"softlearning",
       {{"actor_value", "\"mean\""}, {"log_sigma", "\"softplus\""}, {"temperature_loss", "\"alpha\""}}},
      {"sb3", {{"log_prob", "\"epsilon\""}, {"learning_starts", "100"}}},
      {"cleanrl",
       {{"log_sigma", "\"tanh\""}, {"log_prob", "\"epsilon\""}, {"entropy_units", "\"environment\""},
        {"temperature_loss", "\"alpha\""}, {"critic_factor", "1"}, {"critic_rate", "0.001"},
        {"temperature_rate", "0.001"}, {"policy_delay", "2"}, {"learning_starts", "5000"}}}};
  // The defaults that they leave.
  const std::map<std::string, std::string> defaults = {
      {"env", "\"pendulum-v1\""}, {"iterations", "20"}, {"steps", "1000"}, {"hidden", "[256, 256]"},
      {"activation", "\"relu\""}, {"batch", "256"}, {"capacity", "1000000"}, {"learning_starts", "1000"},
      {"updates", "1"}, {"update_every", "1"}, {"gamma", "0.99"}, {"tau", "0.005"}, {"evaluation_episodes", "10"},
      {"dtype", "\"f32\""}, {"actor_rate", "3e-04"}, {"critic_rate", "3e-04"}, {"temperature_rate", "3e-04"},
      {"temperature", "1"}, {"temperature_loss", "\"log_alpha\""}, {"entropy_per_action", "-1"},
      {"entropy_units", "\"action\""}, {"squash", "true"}, {"log_sigma", "\"clamp\""}, {"log_prob", "\"exact\""},
      {"actor_value", "\"minimum\""}, {"critic_factor", "0.5"}, {"reward_scale", "1"}, {"value_network", "false"},
      {"simultaneous", "false"}, {"policy_delay", "1"}};
  REQUIRE(sac.presets.size() == pinned.size());
  REQUIRE(sac.options.size() == defaults.size());
  for (const Preset& preset : sac.presets) {
    INFO(preset.name);
    REQUIRE(pinned.contains(preset.name));
    OptionValues values = default_values(sac.options);
    apply_preset(preset, sac.options, values);
    for (const auto& [name, value] : values.all()) {
      const auto& changed = pinned.at(preset.name);
      INFO(name);
      CHECK(to_text(value) == (changed.contains(name) ? changed.at(name) : defaults.at(name)));
    }
  }
}

TEST_CASE("off-policy losses: their gradients along 64 random directions") {
  for (const auto algorithm : {q_learning_check_cases, dqn_check_cases, sac_check_cases}) {
    REQUIRE_FALSE(algorithm().empty());
    for (const CheckCase& subject : algorithm()) {
      const CheckReport report = run_check_along(subject, sanitized ? 3 : 64,
                                                 {.seed = 1, .second_order = false, .f32 = false});
      INFO(report.sentence);
      CHECK(report.ok);
    }
  }
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("SAC learns Pendulum in 6 000 steps; at rate 0 it does not", "[learning][plain]") {
  Metrics metrics;
  OptionValues values = settings({{"iterations", whole(6)}, {"evaluation_episodes", whole(50)}});
  trained(values, 1, &metrics);
  INFO("mean return " << metric(metrics, "evaluation"));
  CHECK(metric(metrics, "evaluation") >= -200);
  CHECK(metric(metrics, "evaluation") <= -100);  // far above the optimum of −138 would be a wrong environment
  for (const char* rate : {"actor_rate", "critic_rate", "temperature_rate"}) values.set(rate, 0.0);
  values.set("iterations", whole(2));
  trained(values, 1, &metrics);
  CHECK(metric(metrics, "evaluation") < -700);
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("SAC learns two actions at once: the semicircle to within 10 % of its oracle; at rate 0 it does not",
          "[learning][plain]") {
  const envs::EnvRow& env = envs::find_env("semicircle-dense-v1");
  for (const std::uint64_t seed : {1, 2}) {
    const envs::Task goal = envs::sample_task(env, seed, Purpose::task, 0, 0);
    const double oracle = envs::reference_returns(env, {goal}, seed, 2).back().mean;
    OptionValues values = settings({{"env", text("semicircle-dense-v1")}, {"hidden", std::vector<std::int64_t>{32, 32}},
                                    {"batch", whole(64)}, {"steps", whole(500)}, {"iterations", whole(12)},
                                    {"gamma", 0.9}, {"temperature", 0.1}, {"evaluation_episodes", whole(1)}});
    Metrics metrics;
    trained(values, seed, &metrics);
    INFO("seed " << seed << ": return " << metric(metrics, "evaluation") << ", oracle " << oracle);
    CHECK(metric(metrics, "evaluation") >= 1.1 * oracle);
    CHECK(metric(metrics, "evaluation") <= oracle + 1e-9);
    for (const char* rate : {"actor_rate", "critic_rate", "temperature_rate"}) values.set(rate, 0.0);
    values.set("iterations", whole(1));
    trained(values, seed, &metrics);
    CHECK(metric(metrics, "evaluation") < 2 * oracle);
  }
}
