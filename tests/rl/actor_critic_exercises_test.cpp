// The answers of exercises in the chapters on actor-critics, as tests.
#include <vector>

#include "rl/actor_critic_config.h"
#include "rl/experience/returns.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;
using Core = nn::ActorCriticSpec::Core;

TEST_CASE("exercise: standardised by minibatches, a good step counts as bad beside a better one") {
  const auto scaled = [](const std::vector<double>& x) {
    const Shape shape{1, static_cast<int>(x.size()), 1};
    return standardised(Tensor::from(shape, x), Tensor::full(shape, 1)).to_vector();
  };
  const std::vector<double> at_once = scaled({4, 2, -2, -4}), first = scaled({4, 2}), second = scaled({-2, -4});
  CHECK((at_once[0] > at_once[1] && at_once[1] > 0 && 0 > at_once[2] && at_once[2] > at_once[3]));
  CHECK(first[1] == Approx(-1));   // 2, better than expected, is now discouraged
  CHECK(second[0] == Approx(1));   // −2, worse than expected, is now encouraged
}

TEST_CASE("exercise: two segments in turn are one of double length: the recurrent state goes on") {
  for (const Core core : {Core::none, Core::lstm, Core::gru}) {
    const auto source = [&](int steps) {
      ActorCriticConfig config;
      config.env = "cartpole-v1", config.core = core, config.core_size = 5, config.hidden = {4}, config.steps = steps;
      config.trajectories = 3, config.dtype = Dtype::f64;
      return SegmentSource(segment_config(config), 1);
    };
    SegmentSource halves = source(30), whole = source(60);
    const ParamValues theta = nn::init_actor_critic(whole.config().agent, 2);
    const Segments first = halves.collect(theta), second = halves.collect(theta), both = whole.collect(theta);
    int ends = 0;
    for (int row = 0; row < 90; ++row)
      for (const auto& [half, beyond] : {std::pair{&first, 0}, std::pair{&second, 90}}) {
        REQUIRE(half->values.at(0, row, 0) == both.values.at(0, row + beyond, 0));
        REQUIRE(half->actions.at(0, row, 0) == both.actions.at(0, row + beyond, 0));
        ends += half->reset.at(0, row, 0) == 1;
      }
    CHECK(ends > 3);  // episodes begin within them too
    // Forgetting at the cut would show: what is remembered there matters to the value.
    if (core != Core::none) {
      double squares = 0;
      for (const double x : second.start[0].to_vector()) squares += x * x;
      CHECK(squares > 1e-4);
    }
  }
}
