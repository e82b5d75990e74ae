// The stream of transitions: ends, first observations, and a state that can be taken away and brought back.
#include "rl/experience/stream.h"

#include <cmath>

#include "envs/table.h"
#include "kernels/require.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

std::vector<double> copy(std::span<const double> numbers) { return {numbers.begin(), numbers.end()}; }

}  // namespace

TEST_CASE("stream: what follows an action is never the next episode's first observation") {
  // Pushing right without end: the pole falls; every episode terminates long before the horizon.
  Stream stream("cartpole-v1", 3);
  int ends = 0;
  for (int step = 0; step < 200; ++step) {
    const std::vector<double> before = copy(stream.observation());
    const Transition t = stream.step(std::vector{1.0});
    CHECK(copy(t.observation) == before);
    if (t.end == End::running) {
      CHECK(copy(t.next_observation) == copy(stream.observation()));
      continue;
    }
    ++ends;
    CHECK(t.end == End::terminated);
    CHECK(std::abs(t.next_observation[2]) > 0.2095);     // fallen
    CHECK(std::abs(stream.observation()[2]) <= 0.05);    // upright again
    CHECK(t.reward == 1);
  }
  CHECK(ends >= 15);
  const Stream::Episodes episodes = stream.take_episodes();
  CHECK(episodes.mean_return == episodes.mean_length);
  CHECK(stream.take_episodes().mean_return == episodes.mean_return);  // none ended since: the last ones
}

TEST_CASE("stream: the time limit truncates, at the horizon and nowhere else") {
  Stream stream("pendulum-v1", 1);
  for (int step = 1; step <= 601; ++step)
    CHECK(stream.step(std::vector{0.5}).end == (step % 200 == 0 ? End::truncated : End::running));
  CHECK(stream.take_episodes().mean_length == 200);
  Stream shorter("pendulum-v1", 1, 7);
  for (int step = 1; step <= 21; ++step)
    CHECK((shorter.step(std::vector{0.5}).end == End::truncated) == (step % 7 == 0));
}

TEST_CASE("stream: taken away in the middle of an episode and brought back, it goes on bit for bit") {
  for (const char* env : {"pendulum-v1", "cartpole-v1", "gridworld-v1"}) {
    INFO(env);
    Stream whole(env, 5);
    const std::vector<double> action{env == std::string("pendulum-v1") ? 0.3 : 1.0};
    for (int step = 0; step < 37; ++step) whole.step(action);
    Stream resumed(env, 5);
    load(resumed, save(whole));
    CHECK(resumed.steps() == 37);
    for (int step = 0; step < 300; ++step) {
      const Transition a = whole.step(action), b = resumed.step(action);
      REQUIRE(copy(a.next_observation) == copy(b.next_observation));
      REQUIRE(a.reward == b.reward);
      REQUIRE(a.end == b.end);
    }
  }
  Stream other("cartpole-v1", 1);
  CHECK_THROWS_AS(load(other, save(Stream("pendulum-v1", 1))), Error);
}

TEST_CASE("stream: an action that is not finite is refused, and says where") {
  Stream stream("pendulum-v1", 1);
  stream.step(std::vector{0.0});
  CHECK_THROWS_WITH(stream.step(std::vector{std::nan("")}),
                    Catch::Matchers::ContainsSubstring("pendulum-v1, step 1: the action is not finite"));
}

TEST_CASE("evaluate: returns are those of stepping; finished episodes earn nothing more") {
  const ActFunction right = [](const Tensor& observations) {
    return Tensor::full({1, observations.shape().rows, 1}, 1);
  };
  const std::vector<envs::Task> tasks{{9.8}, {9.8}};
  const Tensor returns = evaluate("cartpole-v1", tasks, 3, 1, right);
  REQUIRE(returns.shape() == Shape{1, 2, 3});
  for (int task = 0; task < 2; ++task)
    for (int n = 0; n < 3; ++n) CHECK((returns.at(0, task, n) >= 8 && returns.at(0, task, n) <= 11));
}
