#include "rl/q_learning.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "autodiff/ops.h"
#include "kernels/philox.h"
#include "kernels/require.h"
#include "rl/rollout_stream.h"

namespace innerloop::rl {
namespace {

std::span<const double> row_of(const Tensor& table, int state) {
  const auto A = static_cast<std::size_t>(table.shape().cols);
  return table.values<double>().subspan(static_cast<std::size_t>(state) * A, A);
}

// The state that a one-hot observation stands for.
int state_of(std::span<const double> observation) {
  const auto one = std::ranges::find(observation, 1.0);
  require(
      one != observation.end() && std::ranges::count(observation, 0.0) + 1 == std::ssize(observation),
      "q_learning: the observation is not one-hot; use an environment with a table of states, as gridworld-v1, or dqn");
  return static_cast<int>(one - observation.begin());
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
  double rate = 0.1, rate_power = 0;
  double epsilon = 0.3;
  double initial = 0;
  int evaluation_episodes = 100;
};

class QTrainer : public Trainer {
 public:
  QTrainer(const QConfig& config, std::uint64_t seed) : config_(config), seed_(seed), stream_(config.env, seed) {
    const EnvSizes env = env_sizes(config.env);
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

  int iteration() const override { return iteration_; }
  int iterations() const override { return config_.iterations; }
  Tensors state() const override {
    Tensors state;
    state.add("table", table_);
    state.add("visits", visits_);
    stream_.save(state);
    return state;
  }
  void restore(const Tensors& state, int iteration) override {
    require(state["table"].shape() == table_.shape(), "checkpoint: the table is " + to_string(state["table"].shape()) +
                                                          ", this run needs " + to_string(table_.shape()));
    table_ = state["table"];
    visits_ = state["visits"];
    stream_.load(state);
    iteration_ = iteration;
  }
  AdaptReport adapt(const AdaptRequest& request) const override {
    Tensors table;
    table.add("table", table_);
    return adapt_policy(config_.env, request, table,
                        [this](const Tensors& latent, const Tensor& observations, std::span<const Philox> random) {
                          return act(latent[0], observations, random);
                        });
  }

 private:
  int choose(int state) const {
    const Place place{.purpose = Purpose::action, .iteration = static_cast<std::uint32_t>(stream_.steps())};
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
  int iteration_ = 0;
};

constexpr Option options[] = {
    {.name = "env",
     .type = OptionType::text,
     .value = "gridworld-v1",
     .help = "environment with one-hot observations; `innerloop list envs` shows all"},
    {.name = "iterations",
     .type = OptionType::integer,
     .value = "20",
     .low = 1,
     .high = 1e7,
     .help = "iterations to do"},
    {.name = "steps",
     .type = OptionType::integer,
     .value = "10000",
     .low = 1,
     .high = 1e8,
     .help = "of the environment, per iteration"},
    {.name = "gamma", .value = "0.99", .low = 0, .high = 1, .help = "discount γ"},
    {.name = "rate", .value = "1", .low = 0, .high = 1, .help = "step size α"},
    {.name = "rate_power",
     .value = "0.6",
     .low = 0,
     .high = 1,
     .help = "α·n⁻ᵖ at the n-th visit of a pair; 0: constant",
     .paper = "sums as in the theorem: ½ < p ≤ 1"},
    {.name = "epsilon", .value = "0.3", .low = 0, .high = 1, .help = "share of random actions"},
    {.name = "initial", .value = "0", .low = -1e6, .high = 1e6, .help = "table at the start; high values explore"},
    {.name = "evaluation_episodes",
     .type = OptionType::integer,
     .value = "100",
     .low = 1,
     .high = 10000,
     .help = "of the greedy policy, after each iteration"},
};

std::unique_ptr<Trainer> make(const OptionValues& values, std::uint64_t seed) {
  const QConfig config{.env = values.text("env"),
                       .iterations = values.integer("iterations"),
                       .steps = values.integer("steps"),
                       .gamma = values.real("gamma"),
                       .rate = values.real("rate"),
                       .rate_power = values.real("rate_power"),
                       .epsilon = values.real("epsilon"),
                       .initial = values.real("initial"),
                       .evaluation_episodes = values.integer("evaluation_episodes")};
  if (!env_sizes(config.env).discrete)
    throw UsageError("q_learning: " + config.env + " has continuous actions; q_learning needs discrete ones");
  return std::make_unique<QTrainer>(config, seed);
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
};

}  // namespace innerloop::rl
