// Environments whose dynamics vary: at the known parameters they are the known environments; their oracles.
#include "envs/varied_dynamics.h"

#include <cmath>

#include "envs/reference.h"
#include "envs/table.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

TEST_CASE("varied dynamics: m = l = 1 is pendulum-v1, m = 0.1 and l = 0.5 is cartpole-v1") {
  struct Nothing {} none;
  Pendulum<double>::State rod{2.0, 0.5}, varied_rod = rod;
  CartPole<double>::State cart{0.01, -0.02, 0.03, 0.04}, varied_cart = cart;
  for (int t = 0; t < 40; ++t) {
    const Pendulum<double>::Action torque{2 * std::sin(0.3 * t)};
    const double r = Pendulum<double>::step({10}, rod, torque, none).reward;
    CHECK(PendulumVaried<double>::step({1, 1}, varied_rod, torque, none).reward == Approx(r).epsilon(1e-12));
    CHECK(varied_rod.omega == Approx(rod.omega).epsilon(1e-12));
    CartPole<double>::step({9.8}, cart, {t % 2}, none);
    CartPoleVaried<double>::step({0.1, 0.5}, varied_cart, {t % 2}, none);
    CHECK(varied_cart.theta == Approx(cart.theta).epsilon(1e-9));
    CHECK(varied_cart.x == Approx(cart.x).epsilon(1e-9));
  }
}

TEST_CASE("varied dynamics: who knows the wind earns 62.2 of 75; who knows the rod swings it up") {
  std::vector<Task> winds, rods;
  for (std::uint32_t k = 0; k < 1000; ++k)
    winds.push_back(sample_task(find_env("wind-v1"), 1, Purpose::test_task, 0, k));
  CHECK(std::abs(reference_returns(find_env("wind-v1"), winds, 1, 2).back().mean - 62.2) < 0.5);
  // The heaviest and the lightest rod, the longest and the shortest.
  for (const Task& rod : {Task{0.6, 0.6}, Task{0.6, 1.2}, Task{1.2, 0.6}, Task{1.2, 1.2}}) {
    const std::vector<ReferenceReturn> rows = reference_returns(find_env("pendulum-varied-v1"), {rod}, 1, 50);
    CHECK(rows.back().mean > rows.front().mean + 500);  // by hand against standing still
  }
}
