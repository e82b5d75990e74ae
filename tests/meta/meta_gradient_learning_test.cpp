// Meta-gradients learn what they should, where that is known exactly: the two reward processes.
#include <algorithm>
#include <array>
#include <cmath>

#include "envs/table.h"
#include "meta/meta_gradient_experience.h"
#include "meta/meta_gradient_learner.h"
#include "meta/meta_gradient_optimum.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

struct Run {
  const char* env = "signal-noise-v1";
  double alpha = 0.1, beta = 5;
  int pairs = 100, iterations = 3000;
  bool bilevel = true;
  MetaOptimiser optimiser = MetaOptimiser::sgd;
};

// γ by state is learned where there is signal and noise, λ by state where noise is undone; both from ½.
MetaGradientLearnerConfig config_of(const Run& run) {
  const bool gamma = std::string(run.env) == "signal-noise-v1";
  const envs::Spec& spec = envs::find_env(run.env).spec;
  MetaGradientLearnerConfig c;
  c.spec.value = {.inputs = spec.obs_size, .hidden = {}, .outputs = 1, .biases = false};
  c.spec.time_steps = spec.horizon;
  (gamma ? c.spec.gamma : c.spec.lambda) = 0.5;
  c.learn_gamma = gamma, c.learn_lambda = !gamma;
  c.by_state = true;
  c.learners = run.pairs;
  c.exact = run.pairs > 1;
  c.learning_rate = run.alpha;
  c.beta = run.beta;
  c.meta_optimiser = run.optimiser;
  c.bilevel = run.bilevel;
  return c;
}

// γ or λ on entering states 1, 2, …, averaged over the last fifth of the iterations if θ goes on. β falls to 0 if not.
std::vector<double> learned(const Run& run, std::uint64_t seed) {
  MetaGradientLearner learner(config_of(run), seed);
  const char* name = learner.config().learn_gamma ? "gamma" : "lambda";
  const envs::EnvRow& env = envs::find_env(run.env);
  std::vector<double> sum(static_cast<std::size_t>(env.spec.obs_size));
  int counted = 0;
  for (int i = 0; i < run.iterations; ++i) {
    learner.iterate([&](const ParamValues&, int k) { return collect_process(env, run.pairs, seed, i, k, Dtype::f64); },
                    i, run.bilevel ? 1 - static_cast<double>(i) / run.iterations : 1);
    if (run.bilevel ? i + 1 < run.iterations : i < run.iterations * 4 / 5) continue;
    const std::vector<double> now = learner.parameter(name);
    for (std::size_t s = 0; s < sum.size(); ++s) sum[s] += now[s];
    ++counted;
  }
  for (double& x : sum) x /= counted;
  return sum;
}

double farthest(const std::vector<double>& x, const std::vector<double>& y) {
  double most = 0;
  for (std::size_t s = 1; s < x.size(); ++s) most = std::max(most, std::abs(x[s] - y[s]));
  return most;
}

}  // namespace

// [plain] draws 3·10⁵ pairs, which takes minutes under a sanitizer; the losses and updates it runs have small tests
TEST_CASE("the stochastic meta-gradient of 10⁵ pairs is the population's, within 3 standard errors, at three η",
          "[plain]") {
  const envs::EnvRow& env = envs::find_env("signal-noise-v1");
  constexpr int batches = 50, pairs = 2000;
  const MetaGradientLearnerConfig config = config_of({.pairs = pairs});
  MetaGradientFunctions functions;
  MetaGradientLearner learner(config, 1);
  const ParamValues zero = learner.theta;
  ParamValues scale;
  scale.add("0/value/W1", Tensor::full(zero[0].shape(), config.learning_rate));
  std::uint32_t batch = 0;
  for (const double gamma : {0.3, 0.5, 0.8}) {
    Tensors eta;
    eta.add("gamma", eta_for(gamma, 10, Dtype::f64));
    eta["gamma"].set(0, 4, 0, 1.3);  // not all alike
    std::vector<double> sum(10), squares(10);
    for (int i = 0; i < batches; ++i) {
      const int iteration = static_cast<int>(batch++);
      BatchValues taus;
      const BatchValues tau = collect_process(env, pairs, 1, iteration, 0, Dtype::f64);
      for (std::size_t k = 0; k < tau.count(); ++k) taus.add("0/" + tau.name(k), tau[k]);
      const BatchValues next = collect_process(env, pairs, 1, iteration, 1, Dtype::f64);
      const Tensor g = functions.exact(config.spec, {zero, eta, taus, scale, next})[0]["gamma"];
      for (std::size_t s = 0; s < 10; ++s) {
        const double x = g.at(0, static_cast<int>(s), 0);
        sum[s] += x, squares[s] += x * x;
      }
    }
    // J̄ is half the population's loss and what no γ changes; dγ/dη = γ(1 − γ).
    std::vector<double> x(10), exact(10);
    for (std::size_t s = 0; s < 10; ++s) x[s] = 1 / (1 + std::exp(-eta["gamma"].at(0, static_cast<int>(s), 0)));
    exact = population_gradient(signal_noise(), config.learning_rate, x);
    double noise = 0, largest = 0;
    for (std::size_t s = 1; s < 10; ++s) {
      const double mean = sum[s] / batches, variance = squares[s] / batches - mean * mean;
      const double expected = 0.5 * exact[s] * x[s] * (1 - x[s]);
      INFO("γ = " << gamma << ", state " << s << ": " << mean << " against " << expected);
      CHECK(std::abs(mean - expected) < 3 * std::sqrt(variance / (batches - 1)));
      noise = std::max(noise, std::sqrt(variance / (batches - 1)));
      largest = std::max(largest, std::abs(expected));
    }
    CHECK(5 * noise < largest);  // there is something to compare: the largest is far from 0
  }
}

// Short runs; longer ones: tests/tools/record_meta_gradient.sh.
// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("signal and noise, from v = 0: the learned discounts come within 0.15 of the optimum in 2500 steps",
          "[learning][plain]") {
  const std::vector<double> optimum = population_optimum(signal_noise(), 0.1);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const std::vector<double> gamma = learned({.beta = 12, .iterations = 2500}, seed);
    INFO("seed " << seed << ": " << farthest(gamma, optimum));
    CHECK(farthest(gamma, optimum) < 0.15);
  }
  // With β = 0 they stay ½, which is not the optimum.
  CHECK(farthest(learned({.beta = 0, .iterations = 5}, 1), optimum) == Approx(0.5).margin(1e-9));
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("signal and noise with larger steps of v, α = ½: no discount into noise, none lost into the signal",
          "[learning][plain]") {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    const std::vector<double> gamma =
        learned({.alpha = 0.5, .beta = 0.05, .iterations = 1500, .optimiser = MetaOptimiser::adam}, seed);
    for (std::size_t s = 1; s < gamma.size(); ++s) {
      INFO("seed " << seed << ", entering state " << s << ": " << gamma[s]);
      CHECK((s % 2 == 1 ? gamma[s] > 0.97 : gamma[s] < 0.15));
    }
  }
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("noise undone, from v = 0: λ is near 1 into states whose value misleads, and small into the others",
          "[learning][plain]") {
  const std::vector<double> lambda = learned({.env = "noise-undone-v1", .beta = 40, .iterations = 2500}, 1);
  for (std::size_t s = 1; s < lambda.size(); ++s) {
    INFO("entering state " << s << ": " << lambda[s]);
    CHECK((s % 2 == 1 ? lambda[s] > 0.9 : lambda[s] < 0.35));
  }
}
