// RL²: memory through a trial, gradients through it, and the mistakes that published code makes (meta/rl2.md numbers
// them; those that the trial itself rules out are in tests/rl/experience/trial_test.cpp).
#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "envs/table.h"
#include "meta/rl2.h"
#include "rl/experience/agent.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;
using rl::AgentLossSpec;
using Core = nn::ActorCriticSpec::Core;

namespace {

// Nothing is shown but a clock; the third and last step of an episode pays what the task says.
struct PaysLast {
  struct Task { double last_reward; };
  struct State { int t, unused; };
  struct Action { int a; };
  static constexpr envs::Spec spec = {.name = "pays-last",
                                      .summary = "the last step of an episode pays",
                                      .source = "this test",
                                      .task_size = 1,
                                      .obs_size = 1,
                                      .action_kind = envs::ActionKind::discrete,
                                      .action_count = 2,
                                      .horizon = 3,
                                      .best_policy = "none"};
  template <class Random>
  static Task sample_task(Random& random) {
    return {random.uniform()};
  }
  template <class Random>
  static State reset(const Task&, Random&) {
    return {0, 0};
  }
  template <class Random>
  static envs::Step<double> step(const Task& task, State& state, const Action&, Random&) {
    return {++state.t == 3 ? task.last_reward : 0.0, false};
  }
  static void observe(const Task&, const State& state, double* obs) { obs[0] = state.t; }
};

const envs::EnvRow& pays_last() {
  static const envs::EnvRow row = envs::make_row<PaysLast>();
  return row;
}

struct Player {
  rl::TrialConfig trial;
  nn::ActorCriticSpec agent;
  ParamValues theta;

  Player(const envs::EnvRow& env, int episodes, Core core, bool forget = false) {
    trial.env = &env, trial.episodes = episodes, trial.forget = forget;
    agent.core = core, agent.observations = rl::trial_input_size(trial), agent.core_size = 5;
    agent.policy = rl::policy_for(env, {4}, Activation::tanh);
    agent.policy.net.inputs = agent.features();
    theta = nn::init_actor_critic(agent, 1);
    Philox random(3, {.purpose = Purpose::check});
    for (std::size_t k = 0; k < theta.count(); ++k)
      for (double& x : theta[k].mutable_values<double>()) x = 0.5 * random.normal();
  }
  RecurrentAgent make() const { return {trial, agent, Dtype::f64}; }
};

BatchValues batch_of(const rl::Trials& trials, const nn::ActorCriticSpec& agent) {
  BatchValues batch = rl::trial_batch(trials, 0.9, 0.8, false);
  const Tensors start = nn::start_state(agent, trials.slices, trials.lanes, Dtype::f64);
  for (std::size_t k = 0; k < start.count(); ++k) batch.add("state/" + start.name(k), start[k]);
  return batch;
}

// The agent's values and logits on all rows of a batch, as the losses see them.
Tensors said_of(const ParamValues& theta, const AgentLossSpec& loss, const BatchValues& batch) {
  static const Function<AgentLossSpec> said("said", [](Inputs& in, const AgentLossSpec& spec) -> std::vector<Vars> {
    const Params params = in.next("theta");
    const nn::ActorCriticOutput out = rl::run_agent(params, spec, in.next("batch"));
    Vars parts;
    parts.add("value", out.value);
    parts.add("logits", out.policy["logits"]);
    return {parts};
  });
  return said(loss, {theta, batch})[0];
}

ParamValues gradient_of(const ParamValues& theta, const AgentLossSpec& loss, const BatchValues& batch) {
  static const rl::A2cFunction gradient;
  return gradient(loss, {theta, batch})[0];
}

AgentLossSpec loss_of(const Player& player, const rl::Trials& trials, int window = 0) {
  AgentLossSpec loss;
  loss.agent = player.agent, loss.time_steps = trials.steps, loss.window = window;
  return loss;
}

}  // namespace

TEST_CASE("rl2: the last reward of an episode is known at the first step of the next one, and not before") {
  for (const Core core : {Core::lstm, Core::gru}) {
    // Two tasks that differ in the last reward of an episode, seen with the same random numbers.
    const Player player(pays_last(), 2, core);
    const auto play = [&](double last) {
      const rl::Trials trials = player.make().play(player.theta, {envs::Task{last}}, 1, {.seed = 1});
      return said_of(player.theta, loss_of(player, trials), batch_of(trials, player.agent));
    };
    const Tensors poor = play(0), rich = play(1);
    for (int t = 0; t < 3; ++t)
      for (int a = 0; a < 2; ++a) CHECK(poor["logits"].at(0, t, a) == rich["logits"].at(0, t, a));
    CHECK(std::abs(poor["logits"].at(0, 3, 0) - rich["logits"].at(0, 3, 0)) > 1e-3);
    CHECK(std::abs(poor["value"].at(0, 3, 0) - rich["value"].at(0, 3, 0)) > 1e-3);
  }
}

TEST_CASE("rl2: training sees what acting saw, and recomputes hidden states with the weights of today") {
  for (const Core core : {Core::lstm, Core::gru}) {
    const Player player(envs::find_env("gridworld-v1"), 2, core);
    const std::vector<envs::Task> tasks{{1}, {2}, {3}, {4}};
    const rl::Trials trials = player.make().play(player.theta, tasks, 2, {.seed = 2});
    const BatchValues batch = batch_of(trials, player.agent);
    const Tensors said = said_of(player.theta, loss_of(player, trials), batch);
    ParamValues moved = player.theta;
    for (double& x : moved["core/U"].mutable_values<double>()) x += 0.1;
    const Tensors later = said_of(moved, loss_of(player, trials), batch);
    double moved_by = 0;
    for (int slice = 0; slice < 2; ++slice)
      for (int row = 0; row < trials.rows(); ++row) {
        if (trials.mask.at(slice, row, 0) == 0) continue;
        REQUIRE(said["value"].at(slice, row, 0) == Approx(trials.values.at(slice, row, 0)).epsilon(1e-12));
        moved_by = std::max(moved_by, std::abs(later["value"].at(slice, row, 0) - said["value"].at(slice, row, 0)));
      }
    CHECK(moved_by > 1e-2);
  }
}

TEST_CASE("rl2: minibatches are of whole trials") {
  // A trial's loss is the same, whichever trials are beside it: gradients of batches of one add up to that of all.
  const Player player(pays_last(), 2, Core::lstm);
  const rl::Trials trials = player.make().play(player.theta, {{0.1}, {0.5}, {0.9}}, 1, {.seed = 2});
  const BatchValues batch = batch_of(trials, player.agent);
  const AgentLossSpec loss = loss_of(player, trials);
  const ParamValues whole = gradient_of(player.theta, loss, batch);
  ParamValues sum;
  for (const int n : {2, 0, 1}) {
    const int one[] = {n};
    const BatchValues alone = rl::choose_sequences(batch, trials.steps, one);
    const ParamValues part = (1.0 / 3) * gradient_of(player.theta, loss, alone);
    sum = sum.count() == 0 ? part : sum + part;
  }
  for (std::size_t k = 0; k < whole.count(); ++k) CHECK(relative_error(whole[k], sum[k]) < 1e-12);
}

TEST_CASE("rl2: minibatches of trials of different lengths weigh steps, and padding nothing") {
  const Player player(envs::find_env("gridworld-v1"), 2, Core::gru);
  const rl::Trials trials = player.make().play(player.theta, {{1}, {2}, {3}}, 1, {.seed = 2});
  const int chosen[] = {2, 0};
  const BatchValues part = rl::choose_sequences(batch_of(trials, player.agent), trials.steps, chosen);
  double sum = 0, largest = 0;
  for (const double w : part["weights"].to_vector()) sum += w, largest = std::max(largest, w);
  CHECK(sum == Approx(1).epsilon(1e-13));
  for (int t = 0; t < trials.steps; ++t)
    for (int n = 0; n < 2; ++n)
      CHECK(part["weights"].at(0, 2 * t + n, 0) == (trials.mask.at(0, 3 * t + chosen[n], 0) != 0 ? largest : 0));
}

TEST_CASE("[BPTT eq. truncated] truncation changes no value, and cuts exactly what lies before the window") {
  for (const Core core : {Core::lstm, Core::gru}) {
    const Player player(pays_last(), 2, core);
    const rl::Trials trials = player.make().play(player.theta, {envs::Task{1}, envs::Task{0.3}}, 1, {.seed = 1});
    BatchValues batch = batch_of(trials, player.agent);
    const Tensors full = said_of(player.theta, loss_of(player, trials), batch);
    for (const int window : {1, 2, 4, 5}) {
      const Tensors cut = said_of(player.theta, loss_of(player, trials, window), batch);
      CHECK(relative_error(full["value"], cut["value"]) < 1e-14);
      CHECK(relative_error(full["logits"], cut["logits"]) < 1e-14);
    }

    // A loss at the last step alone, and an input that is there at the first step alone.
    for (double& w : batch["weights"].mutable_values<double>()) w = 0;
    for (int n = 0; n < 2; ++n) batch["weights"].set(0, 5 * 2 + n, 0, 0.5);
    const int input = player.agent.observations - 1;
    for (int row = 0; row < 12; ++row) batch["observations"].set(0, row, input, row < 2 ? 1 : 0);
    const auto reaches_back = [&](int window) {
      const ParamValues g = gradient_of(player.theta, loss_of(player, trials, window), batch);
      double size = 0;
      for (int k = 0; k < g["core/W"].shape().cols; ++k) size = std::max(size, std::abs(g["core/W"].at(0, input, k)));
      return size;
    };
    CHECK(reaches_back(0) > 1e-6);
    CHECK(reaches_back(6) == reaches_back(0));
    for (const int window : {1, 2, 3, 4, 5}) CHECK(reaches_back(window) == 0);
  }
}

TEST_CASE("rl2: episode by episode, as the protocol plays it, a trial is the same trial") {
  for (const bool forget : {false, true})
    for (const Core core : {Core::lstm, Core::gru}) {
      CAPTURE(forget);
      const envs::EnvRow& env = envs::find_env("gridworld-v1");
      const Player player(env, 3, core, forget);
      const RecurrentAgent agent = player.make();
      const std::vector<envs::Task> tasks{{11}, {12}, {13}};
      const rl::Trials trials = agent.play(player.theta, tasks, 1, {.seed = 4, .test = true});

      rl::AdaptRequest request;
      request.tasks = Tensor::from({1, 3, 1}, std::vector<double>{11, 12, 13});
      request.steps = 2, request.trajectories = 1, request.seed = 4;
      const rl::AdaptReport report = rl::AdaptationProtocol{request}.run(agent.learner(player.theta));
      for (int e = 0; e < 3; ++e)
        for (int task = 0; task < 3; ++task)
          CHECK(report.returns.at(0, task, e) ==
                Approx(trials.episode_returns[static_cast<std::size_t>(3 * e + task)]).epsilon(1e-12));
    }
}

TEST_CASE("rl2: a memory that has been handed out stays as it is") {
  const Player player(pays_last(), 2, Core::lstm);
  const RecurrentAgent agent = player.make();
  const rl::AdaptiveLearner learner = agent.learner(player.theta);
  const std::vector<envs::Task> tasks{envs::Task{1}, envs::Task{0}};
  const Tensors start = learner.start(2);
  const rl::Trajectories explored = learner.act(start, tasks, 1, {.seed = 1}, false);
  const Tensors first = learner.update(start, explored, 0);
  Tensors copy;
  for (std::size_t k = 0; k < first.count(); ++k)
    copy.add(first.name(k), Tensor::from(first[k].shape(), first[k].to_vector(), first[k].dtype()));
  const Tensors second = learner.update(first, learner.act(first, tasks, 1, {.seed = 2}, false), 1);
  CHECK(bitwise_equal(first, copy));
  CHECK_FALSE(bitwise_equal(first, second));
  for (const double x : start["h"].to_vector()) CHECK(x == 0);
}

TEST_CASE("rl2: trials cut into slices are the same trials, and give the same gradient but for rounding") {
  const auto first_updates = [](const char* slices) {
    rl::OptionValues values = rl::default_values(rl2.options);
    for (const auto& [name, text] :
         {std::pair{"tasks", "12"}, {"core_size", "6"}, {"dtype", "f64"}, {"slices", slices}})
      values.set(name, rl::parse_value(*rl::find_option(rl2.options, name), text));
    const std::unique_ptr<rl::Trainer> trainer = rl2.make(values, 1);
    std::vector<rl::Metrics> all;
    for (int i = 0; i < 3; ++i) all.push_back(trainer->iterate());
    return all;
  };
  const std::vector<rl::Metrics> whole = first_updates("1");
  for (const char* slices : {"2", "4", "12"}) {
    const std::vector<rl::Metrics> cut = first_updates(slices);
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (std::size_t k = 0; k < whole[i].size(); ++k) {
        INFO(slices << " slices, update " << i << ": " << whole[i][k].name);
        CHECK(std::abs(cut[i][k].value - whole[i][k].value) <= 1e-10 * std::max(1.0, std::abs(whole[i][k].value)));
      }
  }
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("rl2: five arms and ten pulls are learned, but not at learning rate 0, nor by one that sees no rewards",
          "[learning][plain]") {
  // Mean return of the trials of the last fifty updates. Chance is 5, the best there is 6.659988.
  const auto trained = [](std::initializer_list<std::pair<const char*, const char*>> settings) {
    rl::OptionValues values = rl::default_values(rl2.options);
    for (const auto& [name, text] : settings)
      values.set(name, rl::parse_value(*rl::find_option(rl2.options, name), text));
    const std::unique_ptr<rl::Trainer> trainer = rl2.make(values, 1);
    double sum = 0;
    while (trainer->iteration() < trainer->iterations()) {
      const bool counts = trainer->iteration() >= trainer->iterations() - 50;
      const double mean = trainer->iterate()[0].value;
      if (counts) sum += mean / 50;
    }
    return sum;
  };
  // 3 200 trials: a standard error of 0.04.
  CHECK(trained({{"iterations", "1400"}, {"anneal", "false"}, {"anneal_entropy", "false"}}) > 5.9);
  CHECK(std::abs(trained({{"iterations", "60"}, {"learning_rate", "0"}}) - 5) < 0.16);
  CHECK(std::abs(trained({{"iterations", "300"}, {"reward_input", "none"}}) - 5) < 0.16);
}
