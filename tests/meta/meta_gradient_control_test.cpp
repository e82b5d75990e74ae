// Meta-gradients of control where the answer is known: on the discounting chain only the first of a hundred actions
// does anything, so its five choices can be enumerated.
#include <array>
#include <cmath>
#include <numeric>

#include "autodiff/ops.h"
#include "envs/table.h"
#include "envs/vector_env.h"
#include "meta/meta_gradient_trainer.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

constexpr int choices = 5, horizon = 100;
constexpr std::array<int, choices> delays{1, 3, 10, 30, 100};

std::string chain(int best) { return "discounting-chain-" + std::to_string(delays[std::size_t(best)]) + "-v2"; }

// The choice with index a, paid after delays[a] steps.
double paid(int a, int best) { return a == best ? 1.1 : 1; }

// An episode for each first action, its first row weighed as a policy with these probabilities would meet it. At later
// rows no action matters: their part of any policy gradient is 0 in expectation, and their weight here.
BatchValues all_first_actions(int best, const std::vector<double>& pi) {
  const envs::EnvRow& env = envs::find_env(chain(best));
  const int O = env.spec.obs_size, rows = horizon * choices;
  envs::VectorEnv episodes(env, std::vector(choices, envs::sample_task(env, 1, Purpose::task, 0, 0)), 1, 1);
  episodes.reset({.purpose = Purpose::reset});
  std::vector<double> seen, next, rewards, not_done, actions;
  std::vector<double> act(choices);
  std::iota(act.begin(), act.end(), 0.0);
  for (int t = 0; t < horizon; ++t) {
    seen.insert(seen.end(), episodes.observations().begin(), episodes.observations().end());
    actions.insert(actions.end(), act.begin(), act.end());
    episodes.step(act);
    next.insert(next.end(), episodes.observations().begin(), episodes.observations().end());
    rewards.insert(rewards.end(), episodes.rewards().begin(), episodes.rewards().end());
    for (const envs::End end : episodes.ends()) not_done.push_back(end == envs::End::running);
  }
  std::vector<double> weights(std::size_t(rows), 0.0);
  for (std::size_t a = 0; a < choices; ++a) weights[a] = pi[a] / horizon;
  BatchValues tau;
  const auto add = [&](const char* name, const std::vector<double>& numbers, int cols) {
    tau.add(name, Tensor::from({1, rows, cols}, numbers));
  };
  add("observations", seen, O);
  add("next_observations", next, O);
  add("rewards", rewards, 1);
  add("not_terminated", not_done, 1);
  add("continues", not_done, 1);
  add("weights", weights, 1);
  add("actions", actions, 1);
  return tau;
}

// ∂J̄(τ', θ)/∂θ · ∂f(τ, θ, η)/∂η: the meta-gradient of one step so small that J̄'s gradient at θ' is that at θ. A = 1.
struct SmallStep {
  MetaGradientSpec spec;
  ParamValues theta;
  Tensors eta;
  MetaGradientFunctions functions;

  ParamValues filled(double value) const {
    ParamValues like;
    for (std::size_t k = 0; k < theta.count(); ++k)
      like.add(theta.name(k), Tensor::full(theta[k].shape(), value, theta[k].dtype()));
    return like;
  }
  double meta_gradient(const BatchValues& tau, const BatchValues& tau_next) {
    const ParamValues z = functions.grow(spec, {filled(0), Tensor::scalar(0), theta, eta, tau, filled(1)})[0];
    return functions.along(spec, {z, theta, eta, tau_next})[0]["eta"].item();
  }
};

MetaGradientConfig chain_config(int best, double gamma) {
  MetaGradientConfig c;
  c.env = chain(best);
  c.trajectories = 32, c.steps = horizon, c.hidden = {4};
  c.learn = Learned::gamma, c.gamma = gamma, c.lambda = 1, c.beta = 0;
  c.outer_critic = true, c.entropy_weight = 0.1, c.learning_rate = 5e-3;
  c.dtype = Dtype::f64;
  return c;
}

}  // namespace

TEST_CASE("the exact meta-gradient of the chain, by hand: Σ π² times what γ gives a choice times what it is worth") {
  for (int best = 0; best < choices; ++best)
    for (const double gamma : {0.9, 0.97, 0.99}) {
      MetaGradientConfig config = chain_config(best, gamma);
      config.hidden = {};
      MetaGradientTrainer trainer(config, 1);
      SmallStep step{trainer.learner().config().spec, trainer.learner().theta, trainer.learner().eta, {}};
      for (std::size_t k = 0; k < step.theta.count(); ++k)
        if (step.theta.name(k).starts_with("policy/")) step.theta[k] = Tensor::full(step.theta[k].shape(), 0);
      const std::vector<double> pi(choices, 0.2);
      const BatchValues tau = all_first_actions(best, pi);
      const double found = step.meta_gradient(tau, tau);

      // dG/dγ = r(d − 1)γ^(d−2) of each choice, less the policy's mean; r less its mean. Each logit of the first state
      // is a bias plus the weight of the one observation that is 1 there: two equal parts.
      double h_mean = 0, r_mean = 0, sum = 0;
      const auto h = [&](int a) {
        const int d = delays[std::size_t(a)];
        return d == 1 ? 0 : paid(a, best) * (d - 1) * std::pow(gamma, d - 2);
      };
      for (int a = 0; a < choices; ++a) h_mean += 0.2 * h(a), r_mean += 0.2 * paid(a, best);
      for (int a = 0; a < choices; ++a) sum += 0.04 * (h(a) - h_mean) * (paid(a, best) - r_mean);
      const double expected = -2 * gamma * (1 - gamma) * sum / horizon / horizon;
      CAPTURE(best, gamma);
      CHECK(found == Approx(expected).epsilon(1e-9));
      // One step sees no farther than it moves: from 0.9 a larger γ hardly changes what 100 steps are worth, while it
      // makes the delays between look better: where the longest delay pays, the meta-gradient points down.
      if (best == 4) CHECK((expected < 0) == (gamma > 0.95));
      if (best == 3) CHECK(expected < 0);
      if (best == 0) CHECK(expected > 0);
    }
}

// [plain] steps 10⁵ rows many times, which takes minutes under a sanitizer; what it runs has small tests
TEST_CASE("the chain's sampled meta-gradient is the enumerated one in the mean, within 3 standard errors, in training",
          "[plain]") {
  constexpr int pairs = 100, best = 3;
  MetaGradientConfig config = chain_config(best, 0.99);
  config.lambda_bar = 0.9;  // a judge that hears less of the 99 idle steps
  MetaGradientTrainer trainer(config, 1);
  for (int i = 0; i < 150; ++i) trainer.iterate();  // until the judge's values are about right
  SmallStep step{trainer.learner().config().spec, trainer.learner().theta, trainer.learner().eta, {}};
  rl::SegmentConfig segments = rl::segment_config(config.env, nn::ActorCriticSpec::Core::none, 1, config.hidden,
                                                  Activation::tanh, 0);
  segments.lanes = config.trajectories, segments.steps = horizon;
  segments.dtype = Dtype::f64, segments.transitions = true;
  rl::SegmentSource source(segments, 9);

  double sum = 0, squares = 0;
  for (int i = 0; i < pairs; ++i) {
    const BatchValues tau = experience_of(source.collect(step.theta)), next = experience_of(source.collect(step.theta));
    const double x = step.meta_gradient(tau, next);
    sum += x, squares += x * x;
  }
  // π(·|s₀), from the network.
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Vars theta;
  for (std::size_t k = 0; k < step.theta.count(); ++k)
    theta.add(step.theta.name(k), graph.input(step.theta[k], step.theta.name(k)));
  const Var start = graph.input(Tensor::from({1, 1, 7}, std::vector<double>{0, 0, 0, 0, 0, 0, 1}), "s0");
  const std::vector<double> pi =
      softmax(nn::mlp(theta, step.spec.policy.net, "policy", start)).value().to_vector();
  const BatchValues all = all_first_actions(best, pi);
  const double exact = step.meta_gradient(all, all);
  const double mean = sum / pairs, error = std::sqrt((squares / pairs - mean * mean) / (pairs - 1));
  INFO("sampled " << mean << " ± " << error << ", enumerated " << exact);
  CHECK(exact < 0);  // towards a larger γ
  CHECK(std::abs(mean - exact) < 3 * error);
  CHECK(2 * error < std::abs(exact));  // there is something to compare
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("the chain, delay 30, from γ = 0.97: γ passes what the longer delay needs, and stays where β = 0",
          "[learning][plain]") {
  for (const bool learns : {true, false}) {
    MetaGradientConfig config = chain_config(3, 0.97);
    config.dtype = Dtype::f32, config.hidden = {8}, config.iterations = 250;
    config.lambda_bar = 0.9, config.eta_after = 60, config.max_meta_gradient_norm = 1e-6;
    config.beta = learns ? 0.1 : 0;
    MetaGradientTrainer trainer(config, 1);
    for (int i = 0; i < config.iterations; ++i) trainer.iterate();
    const double gamma = trainer.learner().parameter("gamma").front();
    INFO("γ = " << gamma);
    // 1.1 γ²⁹ > 1
    if (learns) CHECK(gamma > std::pow(1 / 1.1, 1.0 / 29));
    else CHECK(gamma == Approx(0.97).margin(1e-6));
  }
}
