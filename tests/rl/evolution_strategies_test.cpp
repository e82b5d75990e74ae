// Evolution strategies on functions whose answers are known: means and covariances in closed form, ranks by hand.
#include "rl/evolution_strategies.h"

#include <cmath>
#include <functional>

#include "kernels/linalg.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::rl;
using Catch::Matchers::ContainsSubstring;
using Vector = std::vector<double>;

namespace {

double dot_of(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

// The estimate of ∇J at φ from the individuals of one generation.
Vector estimate(const std::function<double(const Vector&)>& f, const Vector& phi, const EvolutionConfig& config,
                int generation) {
  const EvolutionStrategy strategy(config, phi, 1, 5);
  std::vector<Vector> directions;
  Vector fitness;
  for (int i = 0; i < config.population; ++i) {
    const Vector x = strategy.individual(generation, i);
    fitness.push_back(f(x));
    if (config.antithetic && i % 2 == 1) continue;
    Vector& epsilon = directions.emplace_back(x);
    for (std::size_t d = 0; d < phi.size(); ++d) epsilon[d] = (x[d] - phi[d]) / config.sigma;
  }
  Vector gradient = evolution_gradient(directions, config.shaping == Shaping::ranks ? centred_ranks(fitness) : fitness,
                                       config.antithetic);
  for (double& g : gradient) g /= config.sigma;
  return gradient;
}

struct Moments {
  Vector mean;                     // (D)
  std::vector<Vector> covariance;  // (D, D), of one estimate
};
Moments moments_of(const std::vector<Vector>& draws) {
  const std::size_t D = draws[0].size();
  const double R = static_cast<double>(draws.size());
  Moments m{Vector(D), std::vector<Vector>(D, Vector(D))};
  for (const Vector& g : draws)
    for (std::size_t d = 0; d < D; ++d) m.mean[d] += g[d] / R;
  for (const Vector& g : draws)
    for (std::size_t a = 0; a < D; ++a)
      for (std::size_t b = 0; b < D; ++b)
        m.covariance[a][b] += (g[a] - m.mean[a]) * (g[b] - m.mean[b]) / (R - 1);
  return m;
}

// (mean − expected)ᵀ (covariance/R)⁻¹ (mean − expected): χ² with D degrees of freedom, whatever the correlations.
double chi_squared(const std::vector<Vector>& draws, const Vector& expected) {
  const Moments m = moments_of(draws);
  const std::size_t D = expected.size();
  Vector matrix, gap, solution(D);
  for (std::size_t a = 0; a < D; ++a) {
    for (std::size_t b = 0; b < D; ++b) matrix.push_back(m.covariance[a][b] / static_cast<double>(draws.size()));
    gap.push_back(m.mean[a] - expected[a]);
  }
  REQUIRE(kernels::solve_spd(static_cast<int>(D), 1, matrix, gap, solution));
  return dot_of(gap, solution);
}

}  // namespace

TEST_CASE("[ES eq. ranks] centred ranks by hand, ties sharing their mean rank") {
  CHECK(centred_ranks(Vector{3, 1, 2}) == Vector{0.5, -0.5, 0});
  CHECK(centred_ranks(Vector{1, 1, 2}) == Vector{-0.25, -0.25, 0.5});
  CHECK(centred_ranks(Vector{7, 7, 7, 7}) == Vector{0, 0, 0, 0});
  CHECK(centred_ranks(Vector{-2}) == Vector{0});
  CHECK(centred_ranks(Vector{0, 5, 5, 5, 9}) == Vector{-0.5, 0, 0, 0, 0.5});
  CHECK_THROWS_WITH(centred_ranks(Vector{0, std::nan(""), 1}), ContainsSubstring("number 1 is not finite"));
}

TEST_CASE("ranks do not change under strictly increasing maps, and turn under decreasing ones") {
  const Vector fitness{0.3, -1, 2, 0.3, 0.7, -1, 5};
  const Vector ranks = centred_ranks(fitness);
  Vector exponential, cubed, negated;
  for (const double f : fitness) {
    exponential.push_back(std::exp(f)), cubed.push_back(f * f * f - 100), negated.push_back(-f);
  }
  CHECK(centred_ranks(exponential) == ranks);
  CHECK(centred_ranks(cubed) == ranks);
  const Vector turned = centred_ranks(negated);
  for (std::size_t i = 0; i < ranks.size(); ++i) CHECK(turned[i] == -ranks[i]);
}

// [plain] statistics of 40 000 generations, whose every access the other tests make
TEST_CASE("[ES eq. gradient] on c + b·(x − φ) the mean is b and the covariance the closed form, single and in pairs",
          "[plain]") {
  const Vector phi{0.5, -1, 2}, b{1, -0.5, 0.25};
  const double c = 3, sigma = 0.5, bb = dot_of(b, b);
  const int V = 4, R = 20000;
  const auto f = [&](const Vector& x) {
    Vector step = x;
    for (std::size_t d = 0; d < 3; ++d) step[d] -= phi[d];
    return c + dot_of(b, step);
  };
  double trace[2] = {0, 0};
  for (const bool pairs : {false, true}) {
    CAPTURE(pairs);
    std::vector<Vector> draws;
    for (int g = 0; g < R; ++g)
      draws.push_back(estimate(
          f, phi, {.population = V, .antithetic = pairs, .sigma = sigma, .shaping = Shaping::raw}, g));
    CHECK(chi_squared(draws, b) < 16.27);  // the 0.999 quantile for 3 coordinates

    // ((c²/σ² + ‖b‖²)I + bbᵀ)/V, and (‖b‖²I + bbᵀ)·2/V.
    const Moments m = moments_of(draws);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = i; j < 3; ++j) {
        const double diagonal = (pairs ? 0 : c * c / (sigma * sigma)) + bb;
        const double expected = ((i == j ? diagonal : 0) + b[i] * b[j]) * (pairs ? 2.0 : 1.0) / V;
        // Its own sampling error, from the spread of the products.
        double spread = 0;
        for (const Vector& g : draws) {
          const double product = (g[i] - b[i]) * (g[j] - b[j]) - m.covariance[i][j];
          spread += product * product / R;
        }
        CHECK(std::abs(m.covariance[i][j] - expected) < 4 * std::sqrt(spread / R));
        if (i == j) trace[pairs] += m.covariance[i][j];
      }
  }
  // Pairs win: c² = 9 is large beside σ²‖b‖² = 0.33.
  CHECK(trace[1] < trace[0] / 10);
}

// [plain] statistics of 8 000 generations, whose every access the other tests make
TEST_CASE("without a constant, single evaluations beat pairs: twice as many directions", "[plain]") {
  const Vector b{1, 2};
  const auto f = [&](const Vector& x) { return dot_of(b, x); };
  double trace[2];
  for (const bool pairs : {false, true}) {
    std::vector<Vector> draws;
    for (int g = 0; g < 4000; ++g)
      draws.push_back(estimate(f, {0, 0}, {.population = 8, .antithetic = pairs, .shaping = Shaping::raw}, g));
    const Moments m = moments_of(draws);
    trace[pairs] = m.covariance[0][0] + m.covariance[1][1];
  }
  CHECK(trace[1] / trace[0] == Approx(2).epsilon(0.1));
}

TEST_CASE("in pairs a constant, and a quadratic centred at φ = 0, add exactly nothing, by ranks too") {
  const auto quadratic = [](const Vector& x) { return 3 - 2 * x[0] * x[0] + x[1] * x[1]; };
  for (const Shaping shaping : {Shaping::raw, Shaping::ranks}) {
    const EvolutionConfig config{.population = 10, .shaping = shaping};
    for (int g = 0; g < 20; ++g) {
      CHECK(estimate([](const Vector&) { return 0.1; }, {0.3, 7}, config, g) == Vector{0, 0});
      CHECK(estimate(quadratic, {0, 0}, config, g) == Vector{0, 0});
    }
  }
  // Elsewhere to rounding: f(φ + s) and f(φ − s) are rounded apart.
  const Vector phi{0.3, 7};
  const auto centred = [&](const Vector& x) {
    return (x[0] - phi[0]) * (x[0] - phi[0]) + (x[1] - phi[1]) * (x[1] - phi[1]);
  };
  for (const double g : estimate(centred, phi, {.population = 10, .shaping = Shaping::raw}, 0))
    CHECK(std::abs(g) < 1e-13);
  // Not so for single evaluations.
  CHECK(norm([&] {
          Tensors t;
          t.add("g", Tensor::from({1, 1, 2}, estimate(quadratic, {0, 0},
                                                      {.population = 10, .antithetic = false, .shaping = Shaping::raw},
                                                      0)));
          return t;
        }()) > 1);
}

// [plain] statistics of 12 000 generations, whose every access the other tests make
TEST_CASE("raw fitness estimates the gradient of the smoothed function: one χ² over all coordinates", "[plain]") {
  // J(φ) = Σ_d a_d e^{−σ²/2} sin φ_d + φ_0 φ_1.
  const Vector a{1, -2, 0.5, 3}, phi{0.2, 1, -0.7, 2.5};
  const double sigma = 0.7, shrunk = std::exp(-sigma * sigma / 2);
  const auto f = [&](const Vector& x) {
    double sum = x[0] * x[1];
    for (std::size_t d = 0; d < 4; ++d) sum += a[d] * std::sin(x[d]);
    return sum;
  };
  Vector smoothed, sharp;
  for (std::size_t d = 0; d < 4; ++d) {
    const double other = d == 0 ? phi[1] : d == 1 ? phi[0] : 0;
    smoothed.push_back(a[d] * shrunk * std::cos(phi[d]) + other);
    sharp.push_back(a[d] * std::cos(phi[d]) + other);
  }
  for (const bool pairs : {false, true}) {
    std::vector<Vector> draws;
    for (int g = 0; g < 6000; ++g)
      draws.push_back(
          estimate(f, phi, {.population = 8, .antithetic = pairs, .sigma = sigma, .shaping = Shaping::raw}, g));
    CHECK(chi_squared(draws, smoothed) < 18.47);  // 0.999, 4 coordinates
    CHECK(chi_squared(draws, sharp) > 40);        // the test sees what smoothing does
  }
}

TEST_CASE("[ES eq. step] a generation is a pure function of its numbers, and the same after a checkpoint") {
  const EvolutionConfig config{.population = 16, .sigma = 0.3, .learning_rate = 0.1, .final_learning_rate = 0.01};
  const auto f = [](const Vector& x) { return -(x[0] - 1) * (x[0] - 1) - 4 * (x[1] + 2) * (x[1] + 2); };
  const auto step = [&](EvolutionStrategy& s, int g) {
    Vector fitness;
    for (int i = 0; i < config.population; ++i) fitness.push_back(f(s.individual(g, i)));
    s.update(g, fitness);
  };
  EvolutionStrategy strategy(config, Vector{0, 0}, 200, 3);
  for (int g = 0; g < 100; ++g) step(strategy, g);
  EvolutionStrategy resumed(config, Vector{0, 0}, 200, 3);
  load(resumed, save(strategy));
  for (int g = 100; g < 200; ++g) step(strategy, g), step(resumed, g);
  CHECK(strategy.mean() == resumed.mean());
  CHECK(std::abs(strategy.mean()[0] - 1) < 0.1);
  CHECK(std::abs(strategy.mean()[1] + 2) < 0.1);

  // Nothing moves at learning rate 0; weight decay alone pulls to 0.
  EvolutionConfig still = config;
  still.learning_rate = still.final_learning_rate = 0;
  EvolutionStrategy fixed(still, Vector{0.5, 0.5}, 10, 3);
  step(fixed, 0);
  CHECK(fixed.mean() == Vector{0.5, 0.5});
  EvolutionConfig decaying = config;
  decaying.weight_decay = 1;
  EvolutionStrategy pulled(decaying, Vector{0.5, -0.5}, 10, 3);
  pulled.update(0, Vector(16, 1.0));
  CHECK(pulled.mean()[0] == Approx(0.4));
  CHECK(pulled.mean()[1] == Approx(-0.4));
}

TEST_CASE("1/σ matters to weight decay alone: without it the pull to 0 is 1/σ times as strong") {
  const double sigma = 0.01, decay = 0.5;
  for (const bool divided : {true, false}) {
    EvolutionStrategy s({.population = 2, .sigma = sigma, .shaping = Shaping::raw, .divide_by_sigma = divided,
                         .weight_decay = decay, .beta1 = 0},
                        Vector{2}, 1, 9);
    const double epsilon = (s.individual(0, 0)[0] - 2) / sigma;
    const double length = s.update(0, Vector{1, 0});  // u_0 − u_1 = 1
    CHECK(length == Approx(std::abs((divided ? 1 / sigma : 1) * epsilon / 2 - decay * 2)));
  }
}

TEST_CASE("evolution strategies refuse what they cannot use") {
  CHECK_THROWS_WITH(EvolutionStrategy({.population = 7}, Vector{0}, 1, 1), ContainsSubstring("even, not 7"));
  EvolutionStrategy s({.population = 2}, Vector{0}, 1, 1);
  CHECK_THROWS_WITH(s.update(0, Vector{1}), ContainsSubstring("one fitness per individual"));
  CHECK_THROWS_AS(s.update(4, Vector{1, std::nan("")}), NonFiniteError);
  CHECK_THROWS_WITH(evolution_gradient(std::vector<Vector>{{1}}, Vector{1}, true), ContainsSubstring("1 utilities"));
}
