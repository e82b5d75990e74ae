#include "rl/q_learning.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "autodiff/ops.h"
#include "kernels/philox.h"
#include "kernels/require.h"
#include "rl/check_cases.h"
#include "rl/experience/stream.h"

namespace innerloop::rl {
namespace {

std::span<const double> row_of(const Tensor& table, int state) {
  const auto A = static_cast<std::size_t>(table.shape().cols);
  return table.values<double>().subspan(static_cast<std::size_t>(state) * A, A);
}

bool is_one_hot(std::span<const double> observation) {
  const auto ones = std::ranges::count(observation, 1.0), zeros = std::ranges::count(observation, 0.0);
  return ones == 1 && zeros + 1 == std::ssize(observation);
}
// The state that a one-hot observation stands for.
int state_of(std::span<const double> observation) {
  require(is_one_hot(observation), "q_learning: an observation is not one-hot");
  return static_cast<int>(std::ranges::find(observation, 1.0) - observation.begin());
}

}  // namespace

// region: update
// [Q eq. target]  y = r + γ(1 − d)·max_a' Q(s', a')
double q_target(const Tensor& table, double reward, int next_state, End end, double gamma) {
  if (end == End::terminated) return reward;
  return reward + gamma * std::ranges::max(row_of(table, next_state));
}

// [Q eq. update]  Q(s, a) ← Q(s, a) + α(y − Q(s, a))
void q_update(Tensor& table, int state, int action, double target, double rate) {
  const auto entry = static_cast<std::size_t>(state) * static_cast<std::size_t>(table.shape().cols) +
                     static_cast<std::size_t>(action);
  double& q = table.mutable_values<double>()[entry];
  q += rate * (target - q);
}
// endregion

int best_action(const Tensor& table, int state) {
  const auto row = row_of(table, state);
  return static_cast<int>(std::ranges::max_element(row) - row.begin());
}

Var q_loss(Var table, Var state, Var action, Var target) {
  return 0.5 * sum_all(square(pick_cols(gather_rows(table, state), action) - target));
}

namespace {

struct QConfig {
  std::string env = "gridworld-v1";
  int iterations = 20, steps = 10000;
  double gamma = 0.99;
  double rate = 1, rate_power = 0.6;
  double epsilon = 0.3;
  double initial = 0;
  int evaluation_episodes = 100;
};

class QTrainer : public Trainer {
 public:
  QTrainer(const QConfig& config, std::uint64_t seed) : config_(config), seed_(seed), stream_(config.env, seed) {
    const EnvSizes env = env_sizes(config.env);
    if (!env.discrete)
      throw UsageError("q_learning: " + config.env + " has continuous actions; q_learning needs discrete ones");
    if (!is_one_hot(stream_.observation()))
      throw UsageError("q_learning: the observations of " + config.env + " are not one-hot; use an environment with a "
                       "table of states, as gridworld-v1, or dqn");
    table_ = Tensor::full({1, env.observations, env.actions}, config.initial);
    visits_ = Tensor({1, env.observations, env.actions});
  }

  // region: train
  // One iteration: `steps` steps, each of them an update.
  Metrics iterate() override {
    double error = 0;
    for (int step = 0; step < config_.steps; ++step) {
      // Act: mostly as the table says, sometimes at random.
      const int state = state_of(stream_.observation()), action = choose(state);
      const Transition t = stream_.step(std::array{static_cast<double>(action)});

      // Move the entry towards what the step taught.
      const double y = q_target(table_, t.reward, state_of(t.next_observation), t.end, config_.gamma);
      const double distance = y - table_.at(0, state, action);
      error += distance * distance / config_.steps;
      q_update(table_, state, action, y, rate_of(state, action));
    }
    ++iteration_;
    return metrics(error);
  }
  // endregion

  int iterations() const override { return config_.iterations; }
  void visit(Checkpoint& c) override {
    c("table", table_);
    c("visits", visits_);
    c("", stream_);
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    Tensors table;
    table.add("table", table_);
    return adapt_policy(config_.env, request, table,
                        [this](const Tensors& knowledge, const Tensor& observations, std::span<const Philox> random) {
                          return act(knowledge[0], observations, random);
                        });
  }

 private:
  int choose(int state) const {
    const Place place{.purpose = Purpose::action, .iteration = stream_.counter()};
    return choose(table_, state, Philox(seed_, place));
  }
  // At random with probability ε, else the best.
  int choose(const Tensor& table, int state, Philox random) const {
    if (random.uniform() >= config_.epsilon) return best_action(table, state);
    return static_cast<int>(random.below(static_cast<std::uint32_t>(table.shape().cols)));
  }
  // α, or α·n⁻ᵖ at the n-th visit: with ½ < p ≤ 1 the table converges to the optimum.
  double rate_of(int state, int action) {
    const double n = visits_.at(0, state, action) + 1;
    visits_.set(0, state, action, n);
    return config_.rate * std::pow(n, -config_.rate_power);
  }
  // The best action of every state; with random numbers, as in training.
  Tensor act(const Tensor& table, const Tensor& observations, std::span<const Philox> random) const {
    Tensor actions({1, observations.shape().rows, 1});
    const auto O = static_cast<std::size_t>(observations.shape().cols);
    for (int n = 0; n < observations.shape().rows; ++n) {
      const auto row = static_cast<std::size_t>(n);
      const int state = state_of(observations.values<double>().subspan(row * O, O));
      actions.set(0, n, 0, random.empty() ? best_action(table, state) : choose(table, state, random[row]));
    }
    return actions;
  }
  Metrics metrics(double error) {
    const Stream::Episodes episodes = stream_.take_episodes();
    const Tensor returns = evaluate(config_.env, {stream_.task()}, config_.evaluation_episodes, seed_,
                                    [this](const Tensor& seen) { return act(table_, seen, {}); });
    double mean = 0, value = 0;
    for (const double x : returns.to_vector()) mean += x / config_.evaluation_episodes;
    for (int s = 0; s < table_.shape().rows; ++s)
      value += std::ranges::max(row_of(table_, s)) / table_.shape().rows;
    return {{"steps", static_cast<double>(stream_.steps())}, {"return", episodes.mean_return},
            {"length", episodes.mean_length},                {"evaluation", mean},
            {"squared_error", error},                        {"mean_value", value}};
  }

  QConfig config_;
  std::uint64_t seed_;
  Stream stream_;
  Tensor table_, visits_;  // (1, S, A)
};

const Options<QConfig> options =
    Options<QConfig>()
        .add("env", &QConfig::env, "environment with one-hot observations; `innerloop list envs` shows all")
        .add("iterations", &QConfig::iterations, {1, 1e7}, "iterations to do")
        .add("steps", &QConfig::steps, {1, 1e8}, "of the environment, per iteration")
        .add("gamma", &QConfig::gamma, {0, 1}, "discount γ")
        .add("rate", &QConfig::rate, {0, 1}, "step size α")
        .add("rate_power", &QConfig::rate_power, {0, 1}, "α·n⁻ᵖ at the n-th visit of a pair; 0: constant",
             "sums as in the theorem: ½ < p ≤ 1")
        .add("epsilon", &QConfig::epsilon, {0, 1}, "share of random actions")
        .add("initial", &QConfig::initial, {-1e6, 1e6}, "table at the start; high values explore")
        .add("evaluation_episodes", &QConfig::evaluation_episodes, {1, 10000},
             "of the greedy policy, after each iteration");

constexpr SmokeRun smoke[] = {{"table", "steps = 40\nevaluation_episodes = 2"}};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  return std::make_unique<QTrainer>(options.read(values), seed);
}

}  // namespace

const AlgorithmRow q_learning = {
    .name = "q_learning",
    .title = "Q-learning",
    .paper = "Watkins and Dayan 1992",
    .summary = "a table of action values, moved towards reward plus the best of the next state",
    .source = "rl/q_learning.cpp",
    .options = options,
    .presets = {},
    .make = make,
    .checks = q_learning_check_cases,
    .smoke = smoke,
};

}  // namespace innerloop::rl
