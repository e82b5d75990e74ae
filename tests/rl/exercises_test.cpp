// Answers to the exercises of rl/README.md and rl/policy_gradient.md.
#include <array>
#include <cmath>

#include "rl/experience/returns.h"
#include "tests/catch.h"
#include "tests/rl/two_state_fixture.h"

using namespace innerloop;
using namespace innerloop::rl;
using namespace innerloop::tests;

TEST_CASE("exercise: GAE of a value of 1 where nothing is earned") {
  TwoStateFixture fixture;
  Trajectories trajectories = fixture.trajectories;
  trajectories.rewards = Tensor(trajectories.rewards.shape());
  const Tensor values = trajectories.mask;  // 1 on every step
  // δ is −1 at the end, whose value is 0, and γ − 1 before it.
  const Tensor delta = gae(trajectories, values, 0.9, 0);
  for (int t = 0; t < 3; ++t) CHECK(delta.at(0, t, 0) == Approx(t == 2 ? -1 : -0.1));
  // λ = 1 gives return minus value: what was promised and did not come is missing in full at every step.
  const Tensor full = gae(trajectories, values, 0.9, 1);
  for (int t = 0; t < 3; ++t) CHECK(full.at(0, t, 0) == Approx(-1));
  // Between them a step is blamed for the promise of the end the less, the further away it is.
  const Tensor between = gae(trajectories, values, 0.9, 0.5);
  CHECK(between.at(0, 1, 0) == Approx(-0.1 + 0.45 * -1));
}

TEST_CASE("exercise: a baseline leaves the expectation and takes variance, the whole return adds some") {
  const TwoStateFixture fixture;
  const Tensor G = discounted_returns(fixture.trajectories, 1);
  // What is earned on average from a state and a time on: the best baseline that knows no more.
  std::array<std::array<double, 2>, 3> sum{}, weight{};
  for (int row = 0; row < 192; ++row) {
    const std::size_t s = fixture.trajectories.observations.at(0, row, 1) != 0 ? 1 : 0;
    const auto t = static_cast<std::size_t>(row % 3);
    sum[t][s] += fixture.weights.at(0, row, 0) * G.at(0, row, 0);
    weight[t][s] += fixture.weights.at(0, row, 0);
  }

  // Mean and total variance of Σ_t ∇log π(a_t|s_t)·Â_t over the 64 trajectories; advantage(row, s, t) is Â_t.
  struct Moments {
    std::array<double, 4> mean{};
    double variance = 0;
  };
  const auto moments_of = [&](auto advantage) {
    Moments moments;
    double squares = 0;
    for (int n = 0; n < 64; ++n) {
      std::array<double, 4> g{};
      for (int t = 0; t < 3; ++t) {
        const int row = 3 * n + t;
        const std::size_t s = fixture.trajectories.observations.at(0, row, 1) != 0 ? 1 : 0;
        const double z0 = std::exp(fixture.theta[2 * s]), z1 = std::exp(fixture.theta[2 * s + 1]);
        const bool second = fixture.trajectories.actions.at(0, row, 0) != 0;
        const double A = advantage(row, s, static_cast<std::size_t>(t));
        g[2 * s] += ((second ? 0 : 1) - z0 / (z0 + z1)) * A;
        g[2 * s + 1] += ((second ? 1 : 0) - z1 / (z0 + z1)) * A;
      }
      for (std::size_t k = 0; k < 4; ++k) {
        moments.mean[k] += fixture.probability[static_cast<std::size_t>(n)] * g[k];
        squares += fixture.probability[static_cast<std::size_t>(n)] * g[k] * g[k];
      }
    }
    moments.variance = squares;
    for (const double m : moments.mean) moments.variance -= m * m;
    return moments;
  };
  const Moments to_go = moments_of([&](int row, std::size_t, std::size_t) { return G.at(0, row, 0); });
  const Moments with_baseline = moments_of(
      [&](int row, std::size_t s, std::size_t t) { return G.at(0, row, 0) - sum[t][s] / weight[t][s]; });
  const Moments whole = moments_of([&](int row, std::size_t, std::size_t) { return G.at(0, row - row % 3, 0); });
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(to_go.mean[k] == Approx(TwoStateFixture::gradient[k]).epsilon(1e-7));
    CHECK(with_baseline.mean[k] == Approx(to_go.mean[k]).epsilon(1e-12));
    CHECK(whole.mean[k] == Approx(to_go.mean[k]).epsilon(1e-12));
  }
  INFO("variance to go " << to_go.variance << ", with baseline " << with_baseline.variance << ", whole "
                         << whole.variance);
  CHECK(with_baseline.variance < 0.5 * to_go.variance);
  CHECK(whole.variance > 1.2 * to_go.variance);
}
