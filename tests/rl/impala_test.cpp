// IMPALA: the loss against A2C's and against plain loops; what lags, and by how much; actors on threads.
#include "rl/impala.h"

#include <cmath>
#include <set>

#include "autodiff/ops.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

ImpalaConfig small(const char* env = "cartpole-v1") {
  ImpalaConfig c;
  c.env = env;
  c.iterations = 4;
  c.updates = 6;
  c.actors = 3;
  c.trajectories = 2;
  c.steps = 15;
  c.hidden = {5};
  c.dtype = Dtype::f64;
  return c;
}

// Parameters that prefer some actions, as a fresh network does not.
ParamValues parameters(const nn::ActorCriticSpec& agent, std::uint64_t seed) {
  return 3.0 * nn::init_actor_critic(agent, seed);
}

ImpalaSpec spec_of(const ImpalaConfig& c) {
  ActorCriticConfig shared;
  shared.env = c.env;
  shared.hidden = c.hidden;
  return {.loss = {.agent = segment_config(shared).agent,
                   .time_steps = c.steps,
                   .value_weight = 0.5,
                   .entropy_weight = 0.02},
          .gamma = c.gamma,
          .lambda = c.lambda,
          .trace = c.trace};
}

double metric_in(const Metrics& metrics, std::string_view name) {
  for (const Metric& m : metrics)
    if (m.name == name) return m.value;
  FAIL("no metric " << name);
  return 0;
}

}  // namespace

TEST_CASE("[IMPALA eq. loss] on the policy's own experience the gradient is A2C's with n-step returns") {
  // Pendulum has time limits, whose last value is bootstrapped, cart-pole ends; the pole falls within 15 steps.
  for (const char* env : {"cartpole-v1", "pendulum-v1"}) {
    INFO(env);
    const ImpalaConfig config = small(env);
    const ImpalaSpec spec = spec_of(config);
    const ParamValues theta = parameters(spec.loss.agent, 1);
    ImpalaActor actor(config, 5, 0, theta);
    for (int k = 0; k < 14; ++k) actor.act();  // pendulum's episodes have 200 steps: one of them ends in the next 15
    const Unroll unroll = actor.act();
    const BatchValues batch = segment_batch(unroll.segments, config.gamma, 1, false);
    const AgentLossSpec rows{.agent = spec.loss.agent, .value_weight = 0.5, .entropy_weight = 0.02};
    const Tensors expected = A2cFunction()(rows, {theta, batch})[0];
    const Tensors found = ImpalaFunctions().gradient(spec, {theta, unroll.batch})[0];
    for (std::size_t k = 0; k < expected.count(); ++k) {
      INFO(expected.name(k));
      CHECK(relative_error(found[expected.name(k)], expected[k]) < 1e-11);
    }
  }
}

TEST_CASE("[IMPALA eq. policy] [IMPALA eq. value] on another policy's experience: as in plain loops over it") {
  ImpalaConfig config = small();
  config.trace = {.rho_bar = 1.3, .c_bar = 1.1, .leak = 0.2};
  config.lambda = 0.9;
  const ImpalaSpec spec = spec_of(config);
  // Far enough from μ that some ratios exceed 1.3.
  const ParamValues mu = parameters(spec.loss.agent, 1), theta = 60.0 * parameters(spec.loss.agent, 2);
  const Unroll unroll = ImpalaActor(config, 5, 0, mu).act();
  const Tensors parts = ImpalaFunctions().gradient(spec, {theta, unroll.batch})[1];

  // V and log π of today's parameters, for what was seen and for what came after.
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params p;
  for (std::size_t k = 0; k < theta.count(); ++k) p.add(theta.name(k), graph.input(theta[k], theta.name(k)));
  const auto seen = [&](const char* name) { return graph.input(unroll.batch[name], name); };
  const auto V = nn::mlp(p, spec.loss.agent.value(), "value", seen("observations")).value().to_vector();
  const auto V_next = nn::mlp(p, spec.loss.agent.value(), "value", seen("next_observations")).value().to_vector();
  const auto log_pi =
      nn::log_prob(p, spec.loss.agent.policy, seen("observations"), seen("actions")).value().to_vector();
  const auto column = [&](const char* name) { return unroll.batch[name].to_vector(); };
  const auto r = column("rewards"), alive = column("not_terminated"), on = column("continues"),
             log_mu = column("log_mu");

  const int N = config.trajectories, rows = config.steps * N;
  const auto weighed = [&](double ratio, double most) { return 0.8 * std::min(ratio, most) + 0.2 * ratio; };
  std::vector<double> v(r.size());
  double policy_loss = 0, value_loss = 0;
  int larger = 0;
  for (int row = rows - 1; row >= 0; --row) {
    const auto i = static_cast<std::size_t>(row), later = i + static_cast<std::size_t>(N);
    const double ratio = std::exp(log_pi[i] - log_mu[i]), next = alive[i] * V_next[i];
    const double v_later = on[i] != 0 ? v[later] : next;
    v[i] = V[i] + weighed(ratio, 1.3) * (r[i] + 0.99 * next - V[i]) +
           0.99 * 0.9 * weighed(ratio, 1.1) * (v_later - next);
    policy_loss -= weighed(ratio, 1.3) * (r[i] + 0.99 * v_later - V[i]) * log_pi[i] / rows;
    value_loss += 0.5 * (v[i] - V[i]) * (v[i] - V[i]) / rows;
    larger += ratio > 1.3;
  }
  CHECK(std::abs(parts["policy_loss"].item() - policy_loss) < 1e-12 * std::abs(policy_loss));
  CHECK(std::abs(parts["value_loss"].item() - value_loss) < 1e-12 * value_loss);
  CHECK(larger > 0);
  CHECK(std::abs(parts["clipped"].item() - static_cast<double>(larger) / rows) < 1e-12);
}

TEST_CASE("IMPALA: with correction = none the experience counts as the policy's own, whatever its ratios") {
  const ImpalaConfig config = small();
  ImpalaSpec spec = spec_of(config);
  const ParamValues mu = parameters(spec.loss.agent, 1), theta = parameters(spec.loss.agent, 2);
  BatchValues batch = ImpalaActor(config, 5, 0, mu).act().batch;
  const ImpalaFunctions functions;
  const Tensors corrected = functions.gradient(spec, {theta, batch})[0];
  spec.correction = Correction::none;
  const Tensors plain = functions.gradient(spec, {theta, batch})[0];
  CHECK(relative_error(corrected["policy/W1"], plain["policy/W1"]) > 0.01);
  spec.correction = Correction::v_trace;
  batch["log_mu"] = functions.behaviour(spec.loss, {theta, batch})[0][0];
  const Tensors own = functions.gradient(spec, {theta, batch})[0];
  CHECK(relative_error(own["policy/W1"], plain["policy/W1"]) < 1e-13);
}

TEST_CASE("IMPALA: actors in turn are as many updates behind as there are others, and each has its own experience") {
  for (const int actors : {1, 3}) {
    ImpalaConfig config = small();
    config.actors = actors;
    ImpalaTrainer trainer(config, 7);
    const Metrics first = trainer.iterate(), second = trainer.iterate();
    // The first round began with the first parameters: 0, 1, 2 behind, then 2, 2, 2.
    CHECK(metric_in(first, "lag") == (actors == 1 ? 0 : 1.5));
    CHECK(metric_in(second, "lag") == actors - 1);
    CHECK(metric_in(second, "steps") == 2 * 6 * 2 * 15);
    if (actors == 1) CHECK(std::abs(metric_in(second, "kl")) < 1e-15);
    if (actors == 3) CHECK(metric_in(second, "kl") > 0);
  }
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (int k = 0; k < 20; ++k) seeds.insert(actor_seed(seed, k));
  CHECK(seeds.size() == 400);
  CHECK(actor_seed(3, 0) == 3);
}

TEST_CASE("IMPALA refuses ρ̄ < c̄, and says so") {
  ImpalaConfig config = small();
  config.trace = {.rho_bar = 0.5, .c_bar = 1};
  CHECK_THROWS_WITH(ImpalaTrainer(config, 1),
                    Catch::Matchers::ContainsSubstring("rho_bar must not be smaller than c_bar"));
}

// [threads] rl/impala_trainer.cpp
TEST_CASE("IMPALA with actors on threads learns from all that was acted, and stands still between iterations",
          "[threads]") {
  for (const int threads : {1, 2, 5}) {  // five threads for three actors: two have nothing to do
    ImpalaConfig config = small();
    config.actor_threads = threads;
    ImpalaTrainer trainer(config, 7);
    Metrics metrics;
    for (int k = 0; k < 3; ++k) metrics = trainer.iterate();
    CHECK(metric_in(metrics, "steps") == 3 * 6 * 2 * 15);
    CHECK(metric_in(metrics, "lag") >= 0);
    CHECK(metric_in(metrics, "lag") < 6);  // nobody began to act before the iteration did
    CHECK(trainer.theta().all_finite());

    // A checkpoint goes on in turns, or on threads.
    config.actor_threads = 0;
    ImpalaTrainer other(config, 7);
    other.restore(trainer.state(), trainer.iteration());
    CHECK(bitwise_equal(other.state(), trainer.state()));
    CHECK(metric_in(other.iterate(), "steps") == 4 * 6 * 2 * 15);
  }
}

// [threads] rl/impala_trainer.cpp
TEST_CASE("IMPALA with actors on threads: what goes wrong in one, or in the learner, comes out of iterate",
          "[threads]") {
  ImpalaConfig config = small();
  config.actor_threads = 2;
  config.descent.learning_rate = 1e200;  // the first update ruins θ; then no action is finite
  ImpalaTrainer trainer(config, 7);
  CHECK_THROWS_AS([&] {
    for (int k = 0; k < 4; ++k) trainer.iterate();
  }(), Error);
}

// [plain] trains, 60 000 steps of a tiny environment: a sanitizer sees the same code in the tests above
TEST_CASE("IMPALA learns to catch with experience three updates old, and not at learning rate 0", "[plain][learning]") {
  const auto trained = [](double learning_rate) {
    ImpalaConfig config = small("catch-v1");
    config.actors = 4;
    config.trajectories = 4;
    config.steps = 18;
    config.updates = 20;
    config.iterations = 40;
    config.hidden = {32};
    config.dtype = Dtype::f32;
    config.descent.learning_rate = learning_rate;
    ImpalaTrainer trainer(config, 1);
    double late = 0;
    for (int k = 0; k < config.iterations; ++k) {
      const Metrics metrics = trainer.iterate();
      if (k >= 35) late += metric_in(metrics, "return") / 5;
    }
    return late;
  };
  CHECK(trained(1e-2) > 0.8);  // 1 is the most there is
  CHECK(trained(0) < 0.2);
}
