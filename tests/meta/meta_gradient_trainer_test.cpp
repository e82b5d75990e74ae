// The trainer of meta-gradients: it resumes bit for bit in every mode, and what it is asked for must fit.
#include "meta/meta_gradient_trainer.h"

#include <cmath>

#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;
using Catch::Matchers::ContainsSubstring;

namespace {

// Small settings of every mode.
std::vector<MetaGradientConfig> modes() {
  MetaGradientConfig control{.env = "catch-v1", .iterations = 6, .trajectories = 3, .steps = 12, .hidden = {4}};
  MetaGradientConfig process{.env = "signal-noise-v1", .agent = MetaAgent::td, .iterations = 6, .trajectories = 1,
                             .learn = Learned::gamma, .by_state = true, .gamma = 0.5, .lambda = 1, .mu = 0.5,
                             .optimiser = InnerOptimiser::sgd, .learning_rate = 0.1};
  std::vector<MetaGradientConfig> all{control, process};
  all.push_back(control);
  all.back().mode = MetaGradientMode::exact, all.back().updates = 3, all.back().outer_critic = true;
  all.push_back(control);
  all.back().embedding = 3, all.back().learn = Learned::lambda, all.back().anneal_gamma = true;
  all.push_back(control);
  all.back().learn = Learned::none, all.back().env = "pendulum-v1", all.back().optimiser = InnerOptimiser::sgd;
  all.push_back(process);
  all.back().mode = MetaGradientMode::exact, all.back().trajectories = 4, all.back().meta_steps = 2;
  all.push_back(all.back());
  all.back().bilevel = true, all.back().updates = 2, all.back().anneal_beta = true;
  return all;
}

}  // namespace

TEST_CASE("meta_gradient: stopped and resumed, every mode leaves the bytes of a run that never stopped") {
  for (const MetaGradientConfig& config : modes()) {
    MetaGradientTrainer whole(config, 3), first(config, 3), second(config, 3);
    for (int i = 0; i < 5; ++i) whole.iterate();
    for (int i = 0; i < 2; ++i) first.iterate();
    second.restore(first.state(), 2);
    for (int i = 0; i < 3; ++i) second.iterate();
    CHECK(bitwise_equal(whole.state(), second.state()));
    CHECK(whole.state().all_finite());
    // Another seed is another run.
    MetaGradientTrainer other(config, 4);
    for (int i = 0; i < 5; ++i) other.iterate();
    CHECK_FALSE(bitwise_equal(whole.state(), other.state()));
  }
}

TEST_CASE("meta_gradient: with β = 0 η stays, with α = 0 θ stays, and both move otherwise") {
  const MetaGradientConfig control = modes()[0];
  const auto after = [](MetaGradientConfig config, double alpha, double beta) {
    config.learning_rate = alpha, config.beta = beta;
    MetaGradientTrainer trainer(config, 1);
    for (int i = 0; i < 3; ++i) trainer.iterate();
    return std::pair(trainer.learner().theta, trainer.learner().eta);
  };
  const MetaGradientTrainer fresh(control, 1);
  CHECK(bitwise_equal(after(control, 1e-2, 0).second, fresh.learner().eta));
  CHECK(bitwise_equal(after(control, 0, 1e-2).first, fresh.learner().theta));
  CHECK_FALSE(bitwise_equal(after(control, 1e-2, 1e-2).second, fresh.learner().eta));
  CHECK_FALSE(bitwise_equal(after(control, 1e-2, 1e-2).first, fresh.learner().theta));
}

TEST_CASE("meta_gradient: an annealed γ ends where it should, by hand and without a meta-gradient") {
  MetaGradientConfig config = modes()[0];
  config.learn = Learned::none, config.anneal_gamma = true, config.gamma = 0.5, config.gamma_end = 0.9;
  config.iterations = 4;
  MetaGradientTrainer trainer(config, 1);
  std::vector<double> gamma;
  for (int i = 0; i < 4; ++i) {
    for (const rl::Metric& m : trainer.iterate())
      if (m.name == "gamma") gamma.push_back(m.value);
  }
  for (int i = 0; i < 4; ++i) CHECK(gamma[static_cast<std::size_t>(i)] == Approx(0.5 + 0.1 * i).epsilon(1e-6));
}

TEST_CASE("meta_gradient: settings that do not go together are refused, and a step too large stops with its number") {
  MetaGradientConfig control = modes()[0], process = modes()[1];
  process.env = "catch-v1";
  CHECK_THROWS_WITH(MetaGradientTrainer(process, 1), ContainsSubstring("there is something to decide"));
  process = modes()[1];
  process.trajectories = 2;
  CHECK_THROWS_WITH(MetaGradientTrainer(process, 1), ContainsSubstring("mode = exact"));
  control.updates = 2;
  CHECK_THROWS_WITH(MetaGradientTrainer(control, 1), ContainsSubstring("updates must be 1"));
  control = modes()[0];
  control.anneal_gamma = true;
  CHECK_THROWS_WITH(MetaGradientTrainer(control, 1), ContainsSubstring("not both"));

  process = modes()[1];
  process.learning_rate = 1000;  // v doubles and redoubles until it is not a number
  process.dtype = Dtype::f32, process.iterations = 100;
  MetaGradientTrainer diverging(process, 1);
  const auto run = [&] { for (int i = 0; i < 100; ++i) diverging.iterate(); };
  CHECK_THROWS_WITH(run(), ContainsSubstring("meta_gradient, iteration ") && ContainsSubstring("is not finite"));
  CHECK(diverging.learner().eta.all_finite());
}
