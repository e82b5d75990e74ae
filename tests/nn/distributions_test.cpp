// Distributions against hand-computed numbers, closed forms, quadrature, Monte Carlo and each other.
#include "nn/distributions.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::nn;

namespace {

Tensor random_tensor(Shape shape, std::uint32_t id, double scale = 1) {
  std::vector<double> numbers;
  for (std::uint32_t row = 0; numbers.size() < shape.size(); ++row) {
    Philox random(7, {.purpose = Purpose::check, .iteration = id, .time_step = row});
    for (int k = 0; k < shape.cols; ++k) numbers.push_back(scale * random.normal());
  }
  return Tensor::from(shape, numbers);
}

struct Eager {
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Var operator()(Shape shape, std::vector<double> numbers) { return graph.input(Tensor::from(shape, numbers), "x"); }
  Var random(Shape shape, std::uint32_t id, double scale = 1) {
    return graph.input(random_tensor(shape, id, scale), "x");
  }
};

double relative(Var a, Var b) { return relative_error(a.value(), b.value()); }

}  // namespace

TEST_CASE("gaussian: log-probability, entropy and KL by hand [Gaussian eq. log-prob] [Gaussian eq. KL]") {
  Eager e;
  // Two dimensions: N(1, 2²) and N(−1, ½²); action (3, −1).
  const Gaussian p{e({1, 1, 2}, {1, -1}), e({1, 1, 2}, {std::log(2.0), std::log(0.5)})};
  const Gaussian q{e({1, 1, 2}, {0, -1}), e({1, 1, 2}, {0, 0})};
  const double log_two_pi = std::log(2 * std::numbers::pi);
  // −½·1² − log 2 − ½ log 2π  +  0 + log 2 − ½ log 2π
  CHECK(log_prob(p, e({1, 1, 2}, {3, -1})).value().item() == Approx(-0.5 - log_two_pi).epsilon(1e-14));
  CHECK(entropy(p).value().item() == Approx(log_two_pi + 1).epsilon(1e-14));  // the logarithms of 2 and ½ cancel
  // KL: −log 2 + (4 + 1)/2 − ½  and  log 2 + ¼/2 − ½
  CHECK(kl(p, q).value().item() == Approx(2.5 - 0.5 + 0.125 - 0.5).epsilon(1e-14));
  CHECK(kl(p, p).value().item() == 0);
}

TEST_CASE("gaussian: one sigma for all states equals a sigma per state") {
  Eager e;
  const Var mean = e.random({2, 3, 2}, 1), log_sigma = e.random({2, 1, 2}, 2, 0.3), action = e.random({2, 3, 2}, 3);
  const Gaussian shared{mean, log_sigma}, full{mean, broadcast_rows(log_sigma, 3)};
  const Gaussian other{e.random({2, 3, 2}, 4), e.random({2, 1, 2}, 5, 0.3)};
  CHECK(relative(log_prob(shared, action), log_prob(full, action)) < 1e-14);
  CHECK(relative(kl(shared, other), kl(full, other)) == 0);
  CHECK(relative(entropy(shared), entropy(full)) == 0);
}

TEST_CASE("gaussian: sampling has the stated mean and deviation, and entropy and KL are expectations under it") {
  Eager e;
  constexpr int n = 200000;
  const Var one_mean = e({1, 1, 1}, {0.7}), one_log_sigma = e({1, 1, 1}, {-0.4});
  const Gaussian p{broadcast_rows(one_mean, n), one_log_sigma};
  const Gaussian q{broadcast_rows(e({1, 1, 1}, {0.1}), n), e({1, 1, 1}, {0.2})};
  const Var x = sample(p, e.random({1, n, 1}, 6));
  const double error = 4 / std::sqrt(n);  // four standard errors, in units of one sample's deviation
  CHECK(std::abs(mean_all(x).value().item() - 0.7) < error * std::exp(-0.4));
  CHECK(std::abs(mean_all(log_prob(p, x)).value().item() + entropy(p).value().at(0, 0, 0)) < error * std::sqrt(0.5));
  const double expected_kl = kl(p, q).value().at(0, 0, 0);
  CHECK(std::abs(mean_all(log_prob(p, x) - log_prob(q, x)).value().item() - expected_kl) < error);
}

TEST_CASE("squashed gaussian: the density of tanh u integrates to one [squashed eq. log-prob]") {
  Eager e;
  // Midpoint rule over a in (−1, 1); the density vanishes at the ends.
  constexpr int n = 20000;
  std::vector<double> u;
  for (int k = 0; k < n; ++k) u.push_back(std::atanh(-1 + (k + 0.5) * 2 / n));
  const SquashedGaussian p{broadcast_rows(e({1, 1, 1}, {0.3}), n), e({1, 1, 1}, {-0.7})};
  const Var density = exp(log_prob(p, e({1, n, 1}, u)));
  CHECK(sum_all(density).value().item() * 2 / n == Approx(1).epsilon(1e-6));
}

TEST_CASE("squashed gaussian: KL is the integral of p log p/q over the actions") {
  Eager e;
  // Midpoint rule over a in (−1, 1).
  constexpr int n = 40000;
  std::vector<double> u;
  for (int k = 0; k < n; ++k) u.push_back(std::atanh(-1 + (k + 0.5) * 2 / n));
  const Var points = e({1, n, 1}, u);
  const auto squashed = [&](double mean, double log_sigma, int rows) {
    return SquashedGaussian{broadcast_rows(e({1, 1, 1}, {mean}), rows), e({1, 1, 1}, {log_sigma})};
  };
  const Var log_p = log_prob(squashed(0.3, -0.7, n), points), log_q = log_prob(squashed(-0.2, -0.4, n), points);
  const double integral = sum_all(exp(log_p) * (log_p - log_q)).value().item() * 2 / n;
  const Var exact = kl(squashed(0.3, -0.7, 1), squashed(-0.2, -0.4, 1));
  CHECK(exact.value().item() == Approx(integral).epsilon(1e-6));
  CHECK(integral > 0.1);
  CHECK(kl(squashed(0.3, -0.7, 1), squashed(0.3, -0.7, 1)).value().item() == 0);

  // Two dimensions, σ per state: the sum over them, a number per row.
  const Var mean = e.random({2, 3, 2}, 31), other = e.random({2, 3, 2}, 32), log_sigma = e.random({2, 3, 2}, 33, 0.3);
  const Var both = kl(SquashedGaussian{mean, log_sigma}, SquashedGaussian{other, log_sigma});
  CHECK(both.shape() == Shape{2, 3, 1});
  CHECK(relative(both, 0.5 * sum_cols(square((mean - other) * exp(-log_sigma)))) < 1e-14);  // equal σ
}

TEST_CASE("squashed gaussian: the entropy estimate has the mean −∫ p log p, and is finite in saturation") {
  Eager e;
  constexpr int n = 4000;
  for (const auto& [mean, log_sigma] : {std::pair{0.3, -0.7}, {1.2, -0.1}, {0.0, -4.0}}) {
    INFO("mean " << mean << ", log sigma " << log_sigma);
    // Midpoint rule in ε on [−10, 10]. On the left a = tanh u with da = (1 − a²) du, on the right N(ε) dε.
    const double sigma = std::exp(log_sigma), step = 20.0 / n;
    std::vector<double> noise, normal, u, da;
    for (int k = 0; k < n; ++k) {
      const double x = -10 + (k + 0.5) * step;
      noise.push_back(x), normal.push_back(std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi) * step);
      u.push_back(mean + sigma * x), da.push_back(sigma * step / std::pow(std::cosh(u.back()), 2));
    }
    const SquashedGaussian p{broadcast_rows(e({1, 1, 1}, {mean}), n), e({1, 1, 1}, {log_sigma})};
    const Var log_p = log_prob(p, e({1, n, 1}, u));
    const double entropy_of_a = -sum_all(e({1, n, 1}, da) * exp(log_p) * log_p).value().item();
    const Var estimate = entropy_estimate(p, e({1, n, 1}, noise));
    CHECK(sum_all(e({1, n, 1}, normal) * estimate).value().item() == Approx(entropy_of_a).epsilon(1e-10));
  }
  // log(1 − tanh²u) is 2 log 2 − 2|u| far out.
  const SquashedGaussian far{e({1, 1, 1}, {50}), e({1, 1, 1}, {0})};
  CHECK(entropy_estimate(far, e({1, 1, 1}, {0})).value().item() ==
        Approx(0.5 * (std::log(2 * std::numbers::pi) + 1) + 2 * std::log(2.0) - 100).epsilon(1e-14));
}

TEST_CASE("squashed gaussian: finite and with the right slope far in saturation") {
  Eager e;
  const Var u = e({1, 4, 1}, {-40, -15, 15, 40});
  const SquashedGaussian p{e({1, 4, 1}, {0, 0, 0, 0}), e({1, 1, 1}, {0})};
  const Var y = log_prob(p, u);
  // log N(u) − 2 log 2 + 2|u| there; so the slope in u is −u ± 2.
  CHECK(y.value().at(0, 3, 0) ==
        Approx(-800 - 0.5 * std::log(2 * std::numbers::pi) - 2 * std::log(2.0) + 80).epsilon(1e-14));
  const Var slope = grad(sum_all(y), std::span(&u, 1))[0];
  CHECK(slope.value().at(0, 0, 0) == Approx(40 - 2));
  CHECK(slope.value().at(0, 2, 0) == Approx(-15 + 2));
}

TEST_CASE("categorical: an action masked by a logit of -inf adds nothing to entropy, KL and their derivatives") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const double masked = -std::numeric_limits<double>::infinity();
  const auto logits = [&](std::vector<double> z) { return graph.input(Tensor::from({1, 1, 3}, z), "z"); };
  const Var z = logits({1, masked, 2}), two = graph.input(Tensor::from({1, 1, 2}, std::vector<double>{1, 2}), "z");
  const nn::Categorical p{z}, q{logits({0, masked, 0.5})}, short_p{two},
      short_q{graph.input(Tensor::from({1, 1, 2}, std::vector<double>{0, 0.5}), "q")};
  CHECK(nn::entropy(p).value().item() == Approx(0.58220310888).epsilon(1e-10));
  CHECK(nn::kl(p, p).value().item() == 0);
  CHECK(nn::kl(p, q).value().item() == Approx(nn::kl(short_p, short_q).value().item()));
  CHECK(nn::kl(p, nn::Categorical{logits({masked, 0, 0})}).value().item() == std::numeric_limits<double>::infinity());
  CHECK(nn::log_prob(p, graph.input(Tensor::scalar(0), "a")).value().item() == Approx(-1.313261687518));

  // The gradient, and the one of its length: those of the distribution without the action, and 0 for it.
  const auto derivatives = [](Var f, Var x) {
    const Var g = grad(f, std::span(&x, 1))[0];
    std::vector<double> numbers = g.value().to_vector();
    for (double second : grad(sum_all(square(g)), std::span(&x, 1))[0].value().to_vector()) numbers.push_back(second);
    return numbers;
  };
  for (bool of_kl : {false, true}) {
    const std::vector<double> full = derivatives(of_kl ? nn::kl(p, q) : nn::entropy(p), z);
    const std::vector<double> kept = derivatives(of_kl ? nn::kl(short_p, short_q) : nn::entropy(short_p), two);
    const std::vector<double> expected{kept[0], 0, kept[1], kept[2], 0, kept[3]};
    for (std::size_t n = 0; n < full.size(); ++n) CHECK(full[n] == Approx(expected[n]).margin(1e-14));
  }
}

TEST_CASE("categorical: log-probability, entropy and KL by hand [categorical eq. log-prob]") {
  Eager e;
  const Categorical p{e({1, 1, 3}, {std::log(1.0), std::log(2.0), std::log(5.0)})};  // 1/8, 2/8, 5/8
  const Categorical q{e({1, 1, 3}, {3, 3, 3})};
  CHECK(log_prob(p, e({1, 1, 1}, {2})).value().item() == Approx(std::log(0.625)).epsilon(1e-14));
  const double h = -(0.125 * std::log(0.125) + 0.25 * std::log(0.25) + 0.625 * std::log(0.625));
  CHECK(entropy(p).value().item() == Approx(h).epsilon(1e-14));
  CHECK(kl(p, q).value().item() == Approx(std::log(3.0) - h).epsilon(1e-14));  // against the uniform one
  CHECK(kl(p, p).value().item() == 0);
}

TEST_CASE("categorical: logits of a thousand are no trouble") {
  Eager e;
  const Categorical p{e({1, 1, 3}, {1000, 999, -1000})};
  CHECK(log_prob(p, e({1, 1, 1}, {0})).value().item() == Approx(-std::log1p(std::exp(-1.0))).epsilon(1e-13));
  CHECK(entropy(p).value().all_finite());
  CHECK(log_prob(p, e({1, 1, 1}, {2})).value().item() == Approx(-2000 - std::log1p(std::exp(-1.0))));
}

TEST_CASE(
    "Fisher product in closed form equals the Hessian of the weighted KL at equal distributions "
    "[Gaussian eq. Fisher]") {
  Eager e;
  const Var weights = e({2, 3, 1}, {0.5, 0.25, 0.25, 1, 0, 2});

  SECTION("gaussian, one sigma for all states") {
    const Var mean = e.random({2, 3, 2}, 11), log_sigma = e.random({2, 1, 2}, 12, 0.3);
    const Gaussian old{e.graph.constant(mean.value()), e.graph.constant(log_sigma.value())}, now{mean, log_sigma};
    const Gaussian v{e.random({2, 3, 2}, 13), e.random({2, 1, 2}, 14)};
    const Gaussian product = fisher_product(now, v, weights);
    const Var x[] = {mean, log_sigma}, t[] = {v.mean, v.log_sigma};
    const std::vector<Var> hessian = hvp(sum_all(weights * kl(old, now)), x, t);
    CHECK(relative(product.mean, hessian[0]) < 1e-14);
    CHECK(relative(product.log_sigma, hessian[1]) < 1e-14);
  }
  SECTION("gaussian, one sigma for all states and tasks") {
    const Var mean = e.random({2, 3, 2}, 21), log_sigma = e.random({1, 1, 2}, 22, 0.3);
    const Gaussian old{e.graph.constant(mean.value()), e.graph.constant(log_sigma.value())}, now{mean, log_sigma};
    const Gaussian v{e.random({2, 3, 2}, 23), e.random({1, 1, 2}, 24)};
    const Gaussian product = fisher_product(now, v, weights);
    const Var x[] = {mean, log_sigma}, t[] = {v.mean, v.log_sigma};
    const std::vector<Var> hessian = hvp(sum_tasks(sum_all(weights * kl(old, now))), x, t);
    CHECK(relative(product.mean, hessian[0]) < 1e-14);
    CHECK(relative(product.log_sigma, hessian[1]) < 1e-14);
  }
  SECTION("gaussian, one state per task, one sigma for all tasks") {
    const Var one_row = e({2, 1, 1}, {0.5, 2});
    const Var mean = e.random({2, 1, 2}, 25), log_sigma = e.random({1, 1, 2}, 26, 0.3);
    const Gaussian old{e.graph.constant(mean.value()), e.graph.constant(log_sigma.value())}, now{mean, log_sigma};
    const Gaussian v{e.random({2, 1, 2}, 27), e.random({1, 1, 2}, 28)};
    const Gaussian product = fisher_product(now, v, one_row);
    const Var x[] = {mean, log_sigma}, t[] = {v.mean, v.log_sigma};
    const std::vector<Var> hessian = hvp(sum_tasks(sum_all(one_row * kl(old, now))), x, t);
    CHECK(relative(product.mean, hessian[0]) < 1e-14);
    REQUIRE(product.log_sigma.shape() == log_sigma.shape());
    CHECK(relative(product.log_sigma, hessian[1]) < 1e-14);
  }
  SECTION("gaussian, sigma per state") {
    const Var mean = e.random({2, 3, 2}, 15), log_sigma = e.random({2, 3, 2}, 16, 0.3);
    const Gaussian old{e.graph.constant(mean.value()), e.graph.constant(log_sigma.value())}, now{mean, log_sigma};
    const Gaussian v{e.random({2, 3, 2}, 17), e.random({2, 3, 2}, 18)};
    const Gaussian product = fisher_product(now, v, weights);
    const Var x[] = {mean, log_sigma}, t[] = {v.mean, v.log_sigma};
    const std::vector<Var> hessian = hvp(sum_all(weights * kl(old, now)), x, t);
    CHECK(relative(product.mean, hessian[0]) < 1e-14);
    CHECK(relative(product.log_sigma, hessian[1]) < 1e-14);
  }
  SECTION("categorical") {
    const Var logits = e.random({2, 3, 4}, 19), v = e.random({2, 3, 4}, 20);
    const Categorical old{e.graph.constant(logits.value())}, now{logits};
    const Var hessian = hvp(sum_all(weights * kl(old, now)), std::span(&logits, 1), std::span(&v, 1))[0];
    CHECK(relative(fisher_product(now, {v}, weights).logits, hessian) < 1e-13);
  }
}

TEST_CASE("the score has mean zero, and its covariance is the Fisher information: by enumeration") {
  Eager e;
  const Var logits = e({1, 1, 3}, {0.2, -1, 0.5});
  const Categorical p{logits};
  const Tensor pi = softmax(logits).value();
  std::vector<double> mean(3), covariance(9);
  for (int a = 0; a < 3; ++a) {
    const Var score = grad(log_prob(p, e({1, 1, 1}, {static_cast<double>(a)})), std::span(&logits, 1))[0];
    for (int i = 0; i < 3; ++i) {
      mean[static_cast<std::size_t>(i)] += pi.at(0, 0, a) * score.value().at(0, 0, i);
      for (int j = 0; j < 3; ++j)
        covariance[static_cast<std::size_t>(3 * i + j)] +=
            pi.at(0, 0, a) * score.value().at(0, 0, i) * score.value().at(0, 0, j);
    }
  }
  for (int j = 0; j < 3; ++j) {
    CHECK(std::abs(mean[static_cast<std::size_t>(j)]) < 1e-15);
    std::vector<double> unit(3);
    unit[static_cast<std::size_t>(j)] = 1;
    const Tensor column = fisher_product(p, {e({1, 1, 3}, unit)}, e({1, 1, 1}, {1})).logits.value();
    for (int i = 0; i < 3; ++i)
      CHECK(column.at(0, 0, i) == Approx(covariance[static_cast<std::size_t>(3 * i + j)]).margin(1e-15));
  }
}
