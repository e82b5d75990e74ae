// The trial: what is shown at the borders of episodes, where memory and credit run on and where they stop. Each of the
// mistakes that published code makes here has a test that fails where it is made (meta/rl2.md lists them).
#include <cmath>

#include "envs/table.h"
#include "rl/experience/draw_action.h"
#include "rl/experience/trial.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;
using Catch::Matchers::ContainsSubstring;

namespace {

// Everything can be read off: observation (task, time in the episode), reward = task + action + time/10. Action 2 ends
// the episode; else the time limit does, after three steps.
struct Readable {
  struct Task { double number; };
  struct State { int t, unused; };
  struct Action { int a; };
  static constexpr envs::Spec spec = {.name = "readable",
                                      .summary = "shows its task and its clock",
                                      .source = "this test",
                                      .task_size = 1,
                                      .obs_size = 2,
                                      .action_kind = envs::ActionKind::discrete,
                                      .action_count = 3,
                                      .horizon = 3,
                                      .terminates = true,
                                      .best_policy = "none"};
  template <class Random>
  static Task sample_task(Random& random) {
    return {10.0 * random.below(5)};
  }
  template <class Random>
  static State reset(const Task&, Random&) {
    return {0, 0};
  }
  template <class Random>
  static envs::Step<double> step(const Task& task, State& state, const Action& action, Random&) {
    const double reward = task.number + action.a + state.t / 10.0;
    ++state.t;
    return {reward, action.a == 2};
  }
  static void observe(const Task& task, const State& state, double* obs) {
    obs[0] = task.number;
    obs[1] = state.t;
  }
};

const envs::EnvRow& readable() {
  static const envs::EnvRow row = envs::make_row<Readable>();
  return row;
}

TrialConfig config_of(int episodes) {
  TrialConfig config;
  config.env = &readable(), config.episodes = episodes;
  return config;
}

// Acts by a script, the same for all trials; V_t = 100 + t.
TrialActor scripted(const std::vector<int>& actions) {
  return [actions, t = 0](const TrialStep& step) mutable {
    const std::size_t lanes = step.random.size();
    const int action = actions.at(static_cast<std::size_t>(t));
    return TrialActions{std::vector<double>(lanes, action), std::vector<double>(lanes, 100.0 + t++)};
  };
}

// Row t of a trial of one slice, as a list.
std::vector<double> row_of(const Tensor& x, int row) {
  std::vector<double> numbers;
  for (int col = 0; col < x.shape().cols; ++col) numbers.push_back(x.at(0, row, col));
  return numbers;
}

using Numbers = std::vector<double>;

}  // namespace

TEST_CASE(
    "[RL² eq. input] the first step of an episode is shown the action, the reward and the end of the one before it") {
  // Episodes: 0 1 1 (time limit), 2 (ends by itself), 0 2.
  const Trials trials =
      play_trials(config_of(3), {{20}}, 1, {.seed = 1}, Dtype::f64, scripted({0, 1, 1, 2, 0, 2}));
  REQUIRE(trials.steps == 6);
  //                                          s        a_{t−1}   r_{t−1} d_{t−1}
  CHECK(row_of(trials.inputs, 0) == Numbers{20, 0,  0, 0, 0,  0, 0});  // nothing was before: the flag is 0
  CHECK(row_of(trials.inputs, 1) == Numbers{20, 1,  1, 0, 0,  20, 0});
  CHECK(row_of(trials.inputs, 2) == Numbers{20, 2,  0, 1, 0,  21.1, 0});
  CHECK(row_of(trials.inputs, 3) == Numbers{20, 0,  0, 1, 0,  21.2, 1});  // after the time limit
  CHECK(row_of(trials.inputs, 4) == Numbers{20, 0,  0, 0, 1,  22, 1});    // after an end of the episode's own
  CHECK(row_of(trials.inputs, 5) == Numbers{20, 1,  1, 0, 0,  20, 0});
  CHECK(trials.ends.to_vector() == Numbers{0, 0, 1, 1, 0, 1});
  CHECK(trials.reset.to_vector() == Numbers{1, 0, 0, 0, 0, 0});  // memory is cleared once
  // What an episode ended with is kept apart from what the next one shows first.
  CHECK(row_of(trials.next_observations, 2) == Numbers{20, 3});
  CHECK(row_of(trials.observations, 3) == Numbers{20, 0});
  CHECK(trials.episode_lengths == std::vector<int>{3, 1, 2});
  CHECK(trials.mean_return(0) == Approx(20 + 21.1 + 21.2));
  CHECK(trials.mean_return() == Approx(20 + 21.1 + 21.2 + 22 + 20 + 22.1));
}

TEST_CASE("trial: what is shown can be taken away, one thing at a time") {
  const auto third = [](TrialConfig config) {
    return row_of(play_trials(config, {{20}}, 1, {.seed = 1}, Dtype::f64, scripted({0, 2, 1, 2})).inputs, 2);
  };
  TrialConfig config = config_of(2);
  CHECK(third(config) == Numbers{20, 0, 0, 0, 1, 22.1, 1});
  CHECK(trial_input_size(config) == 7);
  config.reward_input = RewardInput::none;
  CHECK(third(config) == Numbers{20, 0, 0, 0, 1, 1});
  config.reward_input = RewardInput::one_hot, config.reward_levels = {20, 21, 22.1};
  CHECK(third(config) == Numbers{20, 0, 0, 0, 1, 0, 0, 1, 1});
  config.flag_input = false;
  CHECK(third(config) == Numbers{20, 0, 0, 0, 1, 0, 0, 1});
  config.action_input = false, config.time_input = true;
  CHECK(third(config) == Numbers{20, 0, 0, 0, 1, 2.0 / 6});
  CHECK(trial_input_size(config) == 6);

  // Cleared at every episode: the recurrent policy that does not adapt.
  config.forget = true;
  CHECK(play_trials(config, {{20}}, 1, {.seed = 1}, Dtype::f64, scripted({0, 2, 1, 2})).reset.to_vector() ==
        Numbers{1, 0, 1, 0});

  config.reward_levels = {20, 22.1};
  CHECK_THROWS_WITH(third(config), ContainsSubstring("which is none of reward_levels"));
}

TEST_CASE("[RL² eq. advantage] advantages cross the ends of episodes and stop at the trial's") {
  Trials trials = play_trials(config_of(3), {{20}}, 1, {.seed = 1}, Dtype::f64, scripted({0, 1, 1, 2, 0, 2}));
  const double gamma = 0.9, lambda = 0.8;
  const std::vector<double> A = trial_advantages(trials, gamma, lambda).to_vector();
  const Numbers r{20, 21.1, 21.2, 22, 20, 22.1};

  // By hand, from the definition: Â_t = Σ_j (γλ)^j δ_{t+j}, with V_6 = 0.
  for (std::size_t t = 0; t < 6; ++t) {
    double sum = 0, factor = 1;
    for (std::size_t j = t; j < 6; ++j, factor *= gamma * lambda) {
      const double next = j < 5 ? 100.0 + static_cast<double>(j) + 1 : 0;
      sum += factor * (r[j] + gamma * next - (100.0 + static_cast<double>(j)));
    }
    CHECK(A[t] == Approx(sum).epsilon(1e-13));
  }

  // Whatever the flags inside the trial say, values and rewards being the same.
  for (double& end : trials.ends.mutable_values<double>()) end = 1 - end;
  CHECK(trial_advantages(trials, gamma, lambda).to_vector() == A);

  // A reward of the last episode reaches the first step, discounted by what lies between.
  trials.rewards.set(0, 5, 0, r[5] + 1);
  CHECK(trial_advantages(trials, gamma, lambda).at(0, 0, 0) - A[0] == Approx(std::pow(gamma * lambda, 5)));
}

TEST_CASE("trial: shorter ones are padded with rows that weigh nothing") {
  // Trial 0 ends its episodes at once, trial 1 by the time limit.
  const TrialActor act = [](const TrialStep& step) {
    TrialActions out{{}, std::vector<double>(step.random.size(), 7)};
    for (std::size_t n = 0; n < step.random.size(); ++n) out.actions.push_back(n == 0 ? 2 : 1);
    return out;
  };
  const Trials trials = play_trials(config_of(2), {{10}, {20}}, 1, {.seed = 1}, Dtype::f64, act);
  REQUIRE(trials.steps == 6);
  CHECK(trials.total_steps() == 8);
  CHECK(trials.mask.to_vector() == Numbers{1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(trials.mean_length(0) == 2);

  const BatchValues batch = trial_batch(trials, 0.9, 0.8, true);
  double weights = 0, mean = 0;
  for (int row = 0; row < 12; ++row) {
    const double w = batch["weights"].at(0, row, 0);
    weights += w;
    mean += w * batch["advantages"].at(0, row, 0);
    if (trials.mask.at(0, row, 0) == 0) {
      CHECK(w == 0);
      for (const char* name : {"observations", "actions", "advantages", "returns", "reset"})
        for (const double x : row_of(batch[name], row)) CHECK(x == 0);
    }
  }
  CHECK(weights == Approx(1).epsilon(1e-14));
  CHECK(std::abs(mean) < 1e-13);

  // The last step of the short trial has no next value, though rows follow it.
  const Tensor A = trial_advantages(trials, 0.9, 0.8);
  CHECK(A.at(0, 2, 0) == Approx(12.0 - 7));
  CHECK(A.at(0, 0, 0) == Approx(12.0 + 0.9 * 7 - 7 + 0.72 * 5));
}

TEST_CASE("trial: cut into slices, or with other tasks beside it, a trial stays the same") {
  const auto draws = [](const TrialStep& step) {
    TrialActions out{{}, std::vector<double>(step.random.size())};
    for (Philox random : step.random) out.actions.push_back(random.below(3));
    return out;
  };
  const std::vector<envs::Task> tasks{{0}, {10}, {20}, {30}};
  const RolloutPlace place{.seed = 5, .iteration = 3};
  const Trials whole = play_trials(config_of(4), tasks, 1, place, Dtype::f64, draws),
               halves = play_trials(config_of(4), tasks, 2, place, Dtype::f64, draws);
  CHECK(whole.episode_returns == halves.episode_returns);
  for (int n = 0; n < 4; ++n)
    for (int t = 0; t < whole.steps; ++t)
      for (int k = 0; k < 7; ++k)
        REQUIRE(whole.inputs.at(0, t * 4 + n, k) == halves.inputs.at(n / 2, t * 2 + n % 2, k));

  RolloutPlace third = place;
  third.first_task = 2;
  const Trials alone = play_trials(config_of(4), {{20}}, 1, third, Dtype::f64, draws);
  for (int e = 0; e < 4; ++e)
    CHECK(alone.episode_returns.at(static_cast<std::size_t>(e)) ==
          whole.episode_returns.at(static_cast<std::size_t>(4 * e + 2)));

  CHECK_THROWS_WITH(play_trials(config_of(4), tasks, 3, place, Dtype::f64, draws),
                    ContainsSubstring("4 trials cannot be cut into 3 slices"));
}

TEST_CASE("drawing actions: where all are equally likely, each is drawn equally often") {
  // Code that draws a probability and then looks up whose it is always finds the first of equals.
  nn::PolicySpec policy;
  policy.net.outputs = 4, policy.head = nn::PolicySpec::Head::categorical;
  const double probabilities[4] = {0.25, 0.25, 0.25, 0.25};
  int counts[4] = {};
  const int draws = 4000;
  for (int k = 0; k < draws; ++k) {
    double action = -1;
    draw_action(policy, probabilities, nullptr,
                Philox(1, {.purpose = Purpose::action, .iteration = static_cast<std::uint32_t>(k)}), false, Dtype::f64,
                [] { return std::string("here"); }, &action);
    ++counts[static_cast<int>(action)];
  }
  // Four standard deviations of a binomial count: 4·√(4000·¼·¾) = 110.
  for (const int count : counts) CHECK(std::abs(count - draws / 4) < 110);
}
