// The value network as a baseline: what it bootstraps, that it fits, and that it is kept.
#include "rl/experience/value_network.h"

#include <cmath>

#include "rl/experience/returns.h"
#include "rl/trpo.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// Two trajectories of one task: three steps to the end, two steps to the time limit. One observation: x.
Trajectories two_trajectories() {
  Trajectories t;
  t.tasks = 1, t.per_task = 2;
  t.lengths = {3, 2}, t.truncated = {0, 1}, t.returns = {3, 2};
  const auto rows = [](std::vector<double> x) {
    x.resize(256);
    return Tensor::from({1, 256, 1}, x);
  };
  t.observations = rows({.1, .2, .3, .4, .5});
  t.actions = rows({});
  t.rewards = rows({1, 1, 1, 1, 1});
  t.mask = rows({1, 1, 1, 1, 1});
  t.time = rows({0, 1, 2, 0, 1});
  t.start = rows({1, 0, 0, 1, 0});
  t.continues = rows({1, 1, 0, 1, 0});
  t.last_observations = Tensor::from({1, 2, 1}, std::vector{.35, .6});
  return t;
}

}  // namespace

TEST_CASE("value network: what the time limit cuts is bootstrapped from the last observation; an end is not") {
  const Trajectories t = two_trajectories();
  ValueNetworkConfig config{
      .net = {.inputs = 1, .hidden = {}, .outputs = 1}, .gamma = 0.9, .lambda = 1, .fit_steps = 0};
  ValueNetwork network(config, 1, Dtype::f64);
  Tensors saved = save(network);
  saved["baseline/value/W1"] = Tensor::scalar(0.2);  // V = 0.2·x/(1 − γ) = 2x
  load(network, saved);
  const ValueNetwork::Values v = network.predict(t);
  CHECK(v.values.at(0, 1, 0) == Approx(.4));
  CHECK(v.end_values.at(0, 2, 0) == 0);
  CHECK(v.end_values.at(0, 4, 0) == Approx(1.2));
  const Tensor advantages = network.advantages_then_fit(t);
  CHECK(advantages.at(0, 2, 0) == Approx(1 - .6));
  CHECK(advantages.at(0, 4, 0) == Approx(1 + .9 * 1.2 - 1));
  CHECK(advantages.at(0, 3, 0) == Approx(1 + .9 * 1 + .81 * 1.2 - .8));
  CHECK(advantages.at(0, 5, 0) == 0);  // padding
}

TEST_CASE("value network: fitted again and again to the same returns it predicts them") {
  Trajectories t = two_trajectories();
  t.truncated = {0, 0};  // so that the targets with λ = 1 are plain returns
  for (int row = 0; row < 5; ++row) t.observations.set(0, row, 0, row - 2.0);
  ValueNetworkConfig config{.net = {.inputs = 1, .hidden = {16}, .outputs = 1}, .gamma = 0.9, .lambda = 1,
                            .learning_rate = 1e-2, .fit_steps = 2000};
  ValueNetwork network(config, 1, Dtype::f64);
  network.advantages_then_fit(t);
  const Tensor returns = discounted_returns(t, 0.9), values = network.predict(t).values;
  for (int row = 0; row < 5; ++row) CHECK(values.at(0, row, 0) == Approx(returns.at(0, row, 0)).margin(.1));
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("trpo with a value network learns to balance the pole, resumes bit for bit, and learns nothing with no step",
          "[learning][plain]") {
  const auto make = [](const char* delta) {
    OptionValues values = default_values(trpo.options);
    for (const Preset& preset : trpo.presets) apply_preset(preset, trpo.options, values);
    for (const auto& [name, text] : std::initializer_list<std::pair<const char*, const char*>>{
             {"delta", delta}, {"hidden", "[16]"}, {"iterations", "20"}})
      values.set(name, parse_value(*find_option(trpo.options, name), text));
    return trpo.make(values, 1);
  };
  const std::unique_ptr<Trainer> learner = make("0.02"), resumed = make("0.02"), still = make("1e-12");
  double last = 0, unmoved = 0;
  for (int i = 0; i < 20; ++i) {
    if (i == 15) resumed->restore(learner->state(), 15);
    last = learner->iterate()[0].value;
    if (i >= 15) resumed->iterate();
    unmoved = still->iterate()[0].value;
  }
  CHECK(last > 100);
  CHECK(unmoved < 40);
  CHECK(bitwise_equal(learner->state(), resumed->state()));
}
