// Classical control against the numbers of Gymnasium's equations, and grids against exact values.
#include <cmath>

#include "envs/classic_control.h"
#include "envs/driver.h"
#include "envs/math.h"
#include "envs/pendulum.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::envs;

namespace {

NoRandom none;

void check_close(std::initializer_list<double> got, std::initializer_list<double> expected, double tolerance) {
  auto e = expected.begin();
  for (double g : got) {
    CAPTURE(g, *e);
    CHECK(std::abs(g - *e++) <= tolerance);
  }
}

}  // namespace

TEST_CASE("pendulum: Gymnasium's trajectory of 200 steps to 1e-10 [pendulum eq. motion] [pendulum eq. reward]") {
  using Env = Pendulum<double>;
  Env::State s{2.0, 0.5};
  double total = 0;
  for (int t = 0; t < 200; ++t) {
    total += Env::step({10}, s, {2 * std::sin(0.3 * t)}, none).reward;
    if (t == 0) check_close({s.theta, s.omega, total}, {2.059098653506, 1.181973070119, -4.025}, 1e-10);
    if (t == 9) check_close({s.theta, s.omega}, {4.012219419965, 5.232527267489}, 1e-10);
    if (t == 9) CHECK(std::abs(total - -79.65658269) <= 1e-8);  // as many digits as there are
  }
  check_close({s.theta, s.omega, total}, {4.571730987863, 1.422182947145, -1307.108671827}, 1e-9);
}

TEST_CASE("cartpole: Gymnasium's trajectory of 20 steps to 1e-10") {
  using Env = CartPole<double>;
  Env::State s{0.01, -0.02, 0.03, 0.04};
  for (int t = 0; t < 20; ++t) {
    CHECK(Env::step({9.8}, s, {t % 2 == 0 ? 1 : 0}, none).reward == 1);
    if (t == 0)
      check_close({s.x, s.v, s.theta, s.omega}, {0.0096, 0.174679195748, 0.0308, -0.243068717960}, 1e-10);
  }
  check_close({s.x, s.v, s.theta, s.omega}, {0.039785561735, -0.025745801300, 0.014776890029, 0.166748306733}, 1e-10);
}

TEST_CASE("mountain car: Gymnasium's trajectory to 1e-4, and its end at step 106") {
  using Env = MountainCarContinuous<double>;
  Env::State s{-0.5, 0};
  double total = 0;
  int t = 0;
  bool terminated = false;
  while (!terminated) {
    const Step<double> out = Env::step({0.0025}, s, {s.v >= 0 ? 1.0 : -1.0}, none);
    total += out.reward;
    terminated = out.terminated;
    ++t;
    if (t == 1) check_close({s.x, s.v}, {-0.498676843004, 0.001323156996}, 1e-10);
    if (t == 20) check_close({s.x, s.v, total}, {-0.285800444, 0.015573302, -2.0}, 1e-4);
  }
  CHECK(t == 106);
  CHECK(std::abs(total - 89.4) <= 1e-9);
  // The action is clipped in the force, not in its cost.
  s = {-0.5, 0};
  CHECK(std::abs(Env::step({0.0025}, s, {3}, none).reward - -0.9) <= 1e-15);
  CHECK(std::abs(s.v - 0.001323156996) <= 1e-10);
}

TEST_CASE("acrobot: Gymnasium's trajectory of 50 steps to 1e-10") {
  using Env = Acrobot<double>;
  Env::State s{0.05, -0.05, 0.02, -0.02};
  const auto check_state = [&](std::initializer_list<double> expected) {
    check_close({s.theta1, s.theta2, s.omega1, s.omega2}, expected, 1e-10);
  };
  for (int t = 0; t < 50; ++t) {
    CHECK(Env::step({9.8}, s, {t % 3}, none).reward == -1);
    if (t == 0) check_state({0.060076177744, -0.078259120467, 0.077706802468, -0.255890614396});
    if (t == 9) check_state({-0.003588121581, -0.004263701045, 0.240883456421, -0.377991223732});
  }
  check_state({-0.019131171500, 0.070915681019, -0.108539455239, 0.102991758069});
}

TEST_CASE("acrobot: the policy by hand gets above the bar, which ends the episode with reward 0") {
  using Env = Acrobot<double>;
  Env::State s{0.05, -0.05, 0.02, -0.02};
  Step<double> out{-1, false};
  int t = 0;
  for (; t < 500 && !out.terminated; ++t) {
    CHECK(out.reward == -1);
    out = Env::step({9.8}, s, Env::best_action({9.8}, s), none);
  }
  CHECK(out.terminated);
  CHECK(out.reward == 0);
  CHECK(-std::cos(s.theta1) - std::cos(s.theta1 + s.theta2) > 1);
}

TEST_CASE("envs: sin_cos and wrap_angle are those of the C library") {
  double worst = 0, worst_float = 0;
  for (int i = -20000; i <= 20000; ++i) {
    const double x = i * 0.0371;
    const SinCos<double> y = sin_cos(x);
    worst = std::max({worst, std::abs(y.sin - std::sin(x)), std::abs(y.cos - std::cos(x))});
    const float f = static_cast<float>(i) * 0.00371f;
    const SinCos<float> z = sin_cos(f);
    worst_float = std::max<double>({worst_float, std::abs(z.sin - std::sin(f)), std::abs(z.cos - std::cos(f))});
    const double wrapped = wrap_angle(x);
    CHECK((wrapped >= -pi<double> && wrapped < pi<double>));
    CHECK(std::abs(std::remainder(wrapped - x, 2 * pi<double>)) < 1e-12);
  }
  CHECK(worst < 2.5e-16);
  CHECK(worst_float < 1.5e-7f);
  static_assert(sin_cos(0.0).sin == 0 && sin_cos(0.0).cos == 1);
  static_assert(floor_of(-0.5) == -1 && floor_of(2.0) == 2 && floor_of(2.7) == 2);
}
