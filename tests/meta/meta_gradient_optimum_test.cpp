// The exact optimum of one update on the reward processes, and the stochastic meta-gradient against its exact value.
#include "meta/meta_gradient_optimum.h"

#include <array>
#include <cmath>

#include "kernels/philox.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

TEST_CASE("[meta-gradient eq. population] the loss of a process of two states, by hand") {
  // ε, then 2: G₀ = ε + 2x, G₁ = 2; the mean is 2 in both. With α = ½: (2 − x)² + ¼ + (2 − 1)².
  const RewardProcess p{.mean = {0, 2}, .loading = {{1}, {0}}};
  CHECK(population_loss(p, 0.5, std::array{1.0, 0.25}) == Approx(1.75 * 1.75 + 0.25 + 1));
  CHECK(population_gradient(p, 0.5, std::array{1.0, 0.25})[1] == Approx(-2 * 1.75));
  CHECK(population_optimum(p, 0.5)[1] == 1);
  CHECK_THROWS_WITH(population_loss(p, 0.5, std::array{1.0}), Catch::Matchers::ContainsSubstring("2 states"));
}

TEST_CASE("signal and noise: the optimal discounts for three step sizes, and what fixed ones lose") {
  struct Row {
    double alpha;
    std::array<double, 9> gamma;
    double best, one, zero;
  };
  for (const Row& row : {Row{0.01, {1, 1, 1, 1, 1, 1, 1, 1, 1}, 1.08061, 1.08061, 1.09751},
                         Row{0.1, {1, 0.655, 1, 0.633, 1, 0.552, 1, 0.394, 1}, 1.06938, 1.14100, 1.12050},
                         Row{0.5, {1, 0.096, 1, 0.081, 1, 0.057, 1, 0.033, 1}, 2.06590, 6.52500, 2.21250}}) {
    const std::vector<double> x = population_optimum(signal_noise(), row.alpha);
    INFO("α = " << row.alpha);
    for (std::size_t s = 1; s < 10; ++s) CHECK(x[s] == Approx(row.gamma[s - 1]).margin(1e-3));
    CHECK(population_loss(signal_noise(), row.alpha, x) == Approx(row.best).margin(1e-5));
    CHECK(population_loss(signal_noise(), row.alpha, std::vector<double>(10, 1)) == Approx(row.one).margin(1e-5));
    CHECK(population_loss(signal_noise(), row.alpha, std::vector<double>(10, 0)) == Approx(row.zero).margin(1e-5));
  }
}

TEST_CASE("the optimum is lower than a thousand random discounts, and its gradient points out of the box or is 0") {
  for (const RewardProcess& p : {signal_noise(), noise_undone()})
    for (const double alpha : {0.05, 0.1, 0.3}) {
      const std::vector<double> best = population_optimum(p, alpha), slope = population_gradient(p, alpha, best);
      const double least = population_loss(p, alpha, best);
      for (std::size_t s = 1; s < best.size(); ++s)
        CHECK((best[s] == 0 ? slope[s] >= -1e-9 : best[s] == 1 ? slope[s] <= 1e-9 : std::abs(slope[s]) < 1e-9));
      std::vector<double> x(best.size());
      for (std::uint32_t trial = 0; trial < 1000; ++trial) {
        Philox random(1, {.purpose = Purpose::check, .time_step = trial});
        for (double& d : x) d = random.uniform();
        CHECK(population_loss(p, alpha, x) >= least);
      }
    }
}

TEST_CASE("noise undone: no variance is left where each noise meets its opposite, but for the last") {
  const std::vector<double> best = population_optimum(noise_undone(), 0.1);
  for (std::size_t s : {1, 3, 5, 7}) CHECK(best[s] == Approx(1).margin(1e-9));
  CHECK(best[8] == 0);
}
