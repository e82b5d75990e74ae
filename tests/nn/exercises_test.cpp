// Answers to the exercises of nn/README.md.
#include <cmath>
#include <vector>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "nn/distributions.h"
#include "nn/optimizer.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::nn;

TEST_CASE("exercise: digits of a small KL") {
  const auto kl_of = [](double d) {
    Graph graph(Dtype::f64, Graph::Mode::eager);
    const Var mean = graph.input(Tensor::scalar(0.0), "mean");
    const Var p = graph.input(Tensor::scalar(d), "log σ of p"), q = graph.input(Tensor::scalar(0.0), "log σ of q");
    return kl(Gaussian{mean, p}, Gaussian{mean, q}).value().item();
  };
  // expm1(2d) is rounded at the size of 2d, so ε/d of d² is lost: 13, 10 and 7 digits are left.
  const auto error = [](double kl, double d) {
    return std::abs(kl / (d * d * (1 + 2 * d / 3 + d * d / 3 + 2 * d * d * d / 15)) - 1);
  };
  for (double d : {1e-3, 1e-6, 1e-9}) {
    INFO(d);
    CHECK(error(kl_of(d), d) < 0x1p-52 / d);
  }
  CHECK(kl_of(0) == 0);
  // exp(2d) is rounded at the size of 1, so ε/d² is lost: at 10⁻⁹ nothing is left.
  const auto with_exp = [](double d) { return 0.5 * (std::exp(2 * d) - 1 - 2 * d); };
  CHECK(error(with_exp(1e-6), 1e-6) > 1e-6);
  CHECK(error(with_exp(1e-9), 1e-9) > 0.5);
}

TEST_CASE("exercise: the Laplace distribution") {
  // log p(a) = −|a − μ|/b − log 2b, entropy 1 + log 2b, Fisher information diag(1/b², 1) in (μ, log b).
  const double mu = 0.3, log_b = -0.4, b = std::exp(log_b);
  const int points = 40000;
  const double width = 60 * b / points;
  std::vector<double> actions;
  for (int i = 0; i < points; ++i) actions.push_back(mu - 30 * b + (i + 0.5) * width);

  Graph graph(Dtype::f64, Graph::Mode::eager);
  const Var a = graph.input(Tensor::from({1, points, 1}, actions), "a");
  const Var mean = graph.input(Tensor::scalar(mu), "μ"), scale = graph.input(Tensor::scalar(log_b), "log b");
  const Var log_p = -(abs(a - mean) * exp(-scale)) - scale - std::log(2.0);
  // One number per action is the derivative in a parameter that all share: the score, by forward mode.
  const Var one = graph.fill({1, 1, 1}, 1), output[] = {log_p};
  const auto score = [&](Var parameter) {
    return jvp(output, std::vector<Var>{parameter}, std::vector<Var>{one})[0];
  };
  const auto expectation = [&](Var x) { return sum_all(exp(log_p) * x).value().item() * width; };
  CHECK(expectation(graph.fill({1, points, 1}, 1)) == Approx(1).epsilon(1e-5));
  CHECK(expectation(-log_p) == Approx(1 + std::log(2 * b)).epsilon(1e-5));
  CHECK(expectation(square(score(mean))) == Approx(1 / (b * b)).epsilon(1e-5));
  CHECK(expectation(square(score(scale))) == Approx(1).epsilon(1e-4));
  CHECK(std::abs(expectation(score(mean) * score(scale))) < 1e-9);
}

TEST_CASE("exercise: momentum of 0.9 takes a constant gradient ten times as far, once some twenty steps are made") {
  const double beta = 0.9, rate = 0.1;
  ParamValues theta, gradient;
  theta.add("x", Tensor::scalar(1.0));
  gradient.add("x", Tensor::scalar(2.0));
  ParamValues v = 0.0 * gradient;
  for (int n = 1; n <= 60; ++n) {
    v = beta * v + gradient;
    const ParamValues next = theta - rate * v;
    const double step = theta["x"].item() - next["x"].item();
    CHECK(step == Approx(rate * 2.0 * (1 - std::pow(beta, n)) / (1 - beta)));
    if (n == 22) CHECK(step > 0.9 * rate * 2.0 / (1 - beta));
    theta = next;
  }
}
