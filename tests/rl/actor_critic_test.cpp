// Actor-critic: losses by hand, the recurrent core, segments, and learning.
#include "rl/actor_critic.h"

#include <cmath>

#include "autodiff/check_directions.h"
#include "rl/actor_critic_config.h"
#include "rl/check_cases.h"
#include "rl/ppo.h"
#include "tests/catch.h"
#include "tests/rl/agent_batch.h"
#include "tests/sanitized.h"

using namespace innerloop;
using namespace innerloop::rl;
using Core = nn::ActorCriticSpec::Core;

namespace {

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.size() == b.size());
  const std::vector<double> x = a.to_vector(), y = b.to_vector();
  double largest = 0;
  for (std::size_t k = 0; k < x.size(); ++k) largest = std::max(largest, std::abs(x[k] - y[k]));
  return largest;
}

}  // namespace

TEST_CASE("[A2C eq. actor] [A2C eq. critic] [A2C eq. entropy] [A2C eq. loss] by hand on two rows") {
  // No hidden layers, one observation: logits = (w₀, w₁)·s, V = v·s.
  AgentLossSpec config{.agent = {}, .time_steps = 1, .value_weight = 0.5, .entropy_weight = 0.1};
  config.agent = {.observations = 1, .policy = {}, .value_hidden = {}};
  config.agent.policy = {.net = {.inputs = 1, .hidden = {}, .outputs = 2}, .head = nn::PolicySpec::Head::categorical};
  ParamValues theta = nn::init_actor_critic(config.agent, 1);
  theta["policy/W1"] = Tensor::from({1, 1, 2}, std::vector{0.4, -0.2});
  theta["value/W1"] = Tensor::scalar(3);
  BatchValues batch;
  const auto column = [&](const char* name, double first, double second) {
    batch.add(name, Tensor::from({1, 2, 1}, std::vector{first, second}));
  };
  column("observations", 1, -2);
  column("actions", 0, 1);
  column("advantages", 2, -1);
  column("returns", 2.5, -7);
  column("weights", 0.5, 0.5);
  column("reset", 0, 0);

  const auto log_softmax = [](double z, double other) { return z - std::log(std::exp(z) + std::exp(other)); };
  const double first = log_softmax(0.4, -0.2), second = log_softmax(0.4, -0.8);
  const double actor = -0.5 * (first * 2 + second * -1), critic = 0.5 * 0.5 * (0.5 * 0.5 + 1 * 1);
  const auto entropy = [](double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); };
  const std::vector<Tensors> out = A2cFunction()(config, {theta, batch});
  CHECK(out[1]["policy_loss"].item() == Approx(actor).epsilon(1e-13));
  CHECK(out[1]["value_loss"].item() == Approx(critic).epsilon(1e-13));
  CHECK(out[1]["entropy"].item() ==
        Approx(0.5 * (entropy(std::exp(first)) + entropy(std::exp(second)))).epsilon(1e-13));
  // ∂L/∂v = c_v Σ w (V − R) s
  CHECK(out[0]["value/W1"].item() == Approx(0.5 * 0.5 * (0.5 * 1 + 1 * -2)).epsilon(1e-13));
}

TEST_CASE("[PPO eq. 11] advantages: λ = 0 is the TD error, λ = 1 is Monte Carlo, and cuts are not crossed") {
  // One lane: an episode of two steps that terminates, then one that the segment's end cuts.
  Segments s;
  s.slices = s.lanes = 1, s.steps = 5;
  const auto column = [](std::vector<double> x) { return Tensor::from({1, 5, 1}, x); };
  s.rewards = column({1, 2, 3, 4, 5});
  s.values = column({.1, .2, .3, .4, .5});
  s.next_values = column({.2, 0, .4, .5, .6});
  s.continues = column({1, 0, 1, 1, 0});
  const double g = 0.9;
  const std::vector<double> td = segment_advantages(s, g, 0).to_vector();
  const double v[] = {.1, .2, .3, .4, .5}, next[] = {.2, 0, .4, .5, .6};
  for (std::size_t t = 0; t < 5; ++t) CHECK(td[t] == Approx(static_cast<double>(t + 1) + g * next[t] - v[t]));
  const std::vector<double> mc = segment_advantages(s, g, 1).to_vector();
  CHECK(mc[0] == Approx(1 + g * 2 - .1));
  CHECK(mc[1] == Approx(2 - .2));
  CHECK(mc[2] == Approx(3 + g * 4 + g * g * 5 + g * g * g * .6 - .3));
  CHECK(mc[4] == Approx(5 + g * .6 - .5));
  const std::vector<double> between = segment_advantages(s, g, 0.5).to_vector();
  CHECK(between[2] == Approx(td[2] + .45 * (td[3] + .45 * td[4])));
}

TEST_CASE(
    "recurrent agent: with a reset at every step, sequences and independent rows are the same, for A2C and PPO; else "
    "they differ") {
  for (const Core core : {Core::lstm, Core::gru}) {
    const int T = 5, N = 3;
    const AgentLossSpec sequences = small_agent(core, T), rows = small_agent(core, 1);
    const ParamValues theta = nn::init_actor_critic(sequences.agent, 3);
    const Function<AgentLossSpec> agent("test/agent", &trace_agent);
    const A2cFunction gradient;
    const PpoFunctions ppo_functions;
    const auto segments = [&](const Tensor& values, int lanes, int steps) {
      Segments s;
      s.slices = 1, s.lanes = lanes, s.steps = steps;
      s.values = values;
      s.rewards = wave(values.shape(), 0.4);
      s.next_values = wave(values.shape(), 0.8);
      s.continues = Tensor(values.shape());  // every step is an episode of its own
      return segment_advantages(s, 0.99, 0.95);
    };
    for (const bool reset : {true, false}) {
      const BatchValues as_sequences = small_batch(sequences, N, reset), as_rows = small_batch(rows, T * N, reset);
      const Tensors a = agent(sequences, {theta, as_sequences})[0], b = agent(rows, {theta, as_rows})[0];
      const double logits = largest_difference(a["logits"], b["logits"]);
      const double values = largest_difference(a["value"], b["value"]);
      const double advantages =
          largest_difference(segments(a["value"], N, T), segments(b["value"], T * N, 1));
      const Tensors ga = gradient(sequences, {theta, as_sequences})[0], gb = gradient(rows, {theta, as_rows})[0];
      const double gradients = norm(ga - gb);
      const double ppo_gradients = norm(ppo_functions.gradient(sequences, {theta, as_sequences})[0] -
                                        ppo_functions.gradient(rows, {theta, as_rows})[0]);
      const double old_log_prob =
          largest_difference(ppo_functions.old_log_prob(sequences, {theta, as_sequences})[0][0],
                             ppo_functions.old_log_prob(rows, {theta, as_rows})[0][0]);
      CAPTURE(static_cast<int>(core), reset, logits, values, advantages, gradients, ppo_gradients, old_log_prob);
      if (reset) {
        CHECK(logits < 1e-12);
        CHECK(values < 1e-12);
        CHECK(advantages < 1e-12);
        CHECK(gradients < 1e-12);
        CHECK(ppo_gradients < 1e-12);
        CHECK(old_log_prob < 1e-12);
      } else {
        CHECK(logits > 1e-4);
        CHECK(values > 1e-3);
        CHECK(advantages > 1e-3);
        CHECK(gradients > 1e-3);
        CHECK(ppo_gradients > 1e-3);
        CHECK(old_log_prob > 1e-4);
      }
    }
  }
}

TEST_CASE("recurrent agent: gradients through 24 steps against finite differences") {
  for (const Core core : {Core::lstm, Core::gru}) {
    const AgentLossSpec config = small_agent(core, 24);
    const ParamValues theta = nn::init_actor_critic(config.agent, 3);
    const BatchValues batch = small_batch(config, 1, false);
    const A2cFunction f;
    const auto value = [&](const ParamValues& at) {
      const Tensors parts = f(config, {at, batch})[1];
      return parts["policy_loss"].item() + 0.5 * parts["value_loss"].item() - 0.01 * parts["entropy"].item();
    };
    const std::vector<double> g = f(config, {theta, batch})[0].flat(), x = theta.flat();
    double largest = 0, worst = 0;
    for (double entry : g) largest = std::max(largest, std::abs(entry));
    for (std::size_t k = 0; k < x.size(); ++k) {
      // Richardson: differences at h and h/2 combined.
      const auto difference = [&](double h) {
        std::vector<double> up = x, down = x;
        up[k] += h, down[k] -= h;
        return (value(theta.with_flat(up)) - value(theta.with_flat(down))) / (2 * h);
      };
      worst = std::max(worst, std::abs((4 * difference(1e-3) - difference(2e-3)) / 3 - g[k]));
    }
    CHECK(worst < 1e-8 * largest);
    // The first step's observation reaches the last step's loss: gradient flows through all of them.
    BatchValues last_only = batch;
    Tensor weights(batch["weights"].shape());
    weights.set(0, 23, 0, 1);
    last_only["weights"] = weights;
    const Tensors whole = f(config, {theta, last_only})[0];
    last_only["reset"].set(0, 23, 0, 1);  // cut before the last step
    CHECK(norm(f(config, {theta, last_only})[0] - whole) > 1e-3 * norm(whole));
  }
}

TEST_CASE("all losses of this folder on tiny nets: along 64 random directions, and every coordinate") {
  const int directions = sanitized ? 3 : 64;  // each makes the same accesses
  for (const auto algorithm : {policy_gradient_check_cases, trpo_check_cases, a2c_check_cases, ppo_check_cases,
                               impala_check_cases, q_learning_check_cases, dqn_check_cases, sac_check_cases})
    for (const CheckCase& c : algorithm()) {
      CAPTURE(c.name);
      const CheckReport full = run_check_along(c, directions);
      CAPTURE(full.sentence);
      CHECK(full.ok);
      for (const CheckRow& row : full.rows)
        CHECK(row.checked == row.shape.tasks * row.shape.rows * row.shape.cols);
      CHECK(full.levels.back().finding == "0 of " + std::to_string(directions - 1) + " random directions fail");
    }
}
