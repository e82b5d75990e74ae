// MAML's equations against an exact enumeration, finite differences and each other.
#include "meta/maml.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/meta/exact_gradients.h"

using namespace innerloop;
using namespace innerloop::meta;
using namespace innerloop::tests;

TEST_CASE("[MAML eq. 4] J and its gradient on the enumeration") {
  Enumeration all = enumerate(table_theta().flat());
  CHECK(std::abs(all.expected_return - 2.114555620112371) < 1e-12);
  const double expected[] = {.42698394, -.42698394, -.47325013, .47325013};
  for (InnerEstimator estimator : kEstimators)
    for (std::size_t k = 0; k < 4; ++k) CHECK(std::abs(inner_derivatives(estimator).gradient[k] - expected[k]) < 1e-7);
}

TEST_CASE("Hessians: [MAML eq. log-likelihood] H2, [MAML eq. likelihood-ratio] H1 + H2, [MAML eq. dice] exact") {
  struct Row {
    InnerEstimator estimator;
    double h00, h01, h11;
  };
  for (Row row : {Row{InnerEstimator::log_likelihood, -.784272, 0, -.250511},
                  Row{InnerEstimator::likelihood_ratio, -.104576, 0, -.070460},
                  Row{InnerEstimator::dice, .017551, .170812, -.103114}}) {
    auto h = inner_derivatives(row.estimator).hessian;
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) {
        double size = i / 2 == j / 2 ? (i < 2 ? row.h00 : row.h11) : row.h01;
        CHECK(std::abs(h[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] - (i % 2 == j % 2 ? size : -size)) <
              1e-6);
      }
  }
}

TEST_CASE("shifting every reward changes the Hessian of log-likelihood, not those of likelihood ratio and DiCE") {
  const double shifts[] = {-1, 0, 1, 5}, h2[] = {.713, 1.647, 3.992, 13.379};
  for (int k = 0; k < 4; ++k) {
    CHECK(std::abs(frobenius(inner_derivatives(InnerEstimator::log_likelihood, shifts[k]).hessian) - h2[k]) < 5e-4);
    for (InnerEstimator estimator : {InnerEstimator::likelihood_ratio, InnerEstimator::dice}) {
      auto shifted = inner_derivatives(estimator, shifts[k]).hessian, plain = inner_derivatives(estimator).hessian;
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 4; ++j) CHECK(std::abs(shifted[i][j] - plain[i][j]) < 1e-10);
    }
  }
}

TEST_CASE("[MAML eq. 1] [MAML eq. adapt] the four meta-gradients of J(theta + alpha grad J)") {
  struct Row {
    InnerEstimator estimator;
    double first, third;
  };
  for (Row row : {Row{InnerEstimator::first_order, .34292500, -.34452803},
                  Row{InnerEstimator::log_likelihood, .07397859, -.25821994},
                  Row{InnerEstimator::likelihood_ratio, .30706316, -.32025264},
                  Row{InnerEstimator::dice, .29009430, -.25042691}}) {
    std::vector<double> g = ExactMetaProblem(row.estimator, 0.5).gradient();
    INFO("estimator " << static_cast<int>(row.estimator));
    CHECK(std::abs(g[0] - row.first) < 1e-6);
    CHECK(std::abs(g[1] + row.first) < 1e-6);
    CHECK(std::abs(g[2] - row.third) < 1e-6);
    CHECK(std::abs(g[3] + row.third) < 1e-6);
  }
}

TEST_CASE("live differences equal the log-likelihood gradient and differ from the other three as tabulated") {
  // The value of θ + α·∇Ĵ(θ) is the same for all four, so differences of it are too: they see the derivative of what
  // is written as log-likelihood, and none of what the other three cut or add.
  struct Row {
    InnerEstimator estimator;
    double first, third;  // of the gradient minus the live differences
    double relative;      // the distance between the two over the length of the gradient
  };
  for (Row row : {Row{InnerEstimator::log_likelihood, 0, 0, 0},
                  Row{InnerEstimator::first_order, .26894641, -.08630809, .58106},
                  Row{InnerEstimator::likelihood_ratio, .23308457, -.06203270, .54363},
                  Row{InnerEstimator::dice, .21611571, .00779303, .56429}}) {
    const ExactMetaProblem problem(row.estimator, 0.5);
    const std::vector<double> gradient = problem.gradient(), live = problem.live_differences();
    INFO("estimator " << static_cast<int>(row.estimator));
    CHECK(std::abs(live[0] - .07397859) < 1e-8);
    CHECK(std::abs(live[2] + .25821994) < 1e-8);
    CHECK(std::abs(gradient[0] - live[0] - row.first) < 2e-8);
    CHECK(std::abs(gradient[2] - live[2] - row.third) < 2e-8);
    std::vector<double> difference;
    for (std::size_t k = 0; k < 4; ++k) difference.push_back(gradient[k] - live[k]);
    CHECK(std::abs(length(difference) / length(gradient) - row.relative) < 1e-5);
  }
}

TEST_CASE("alpha = 0 gives the plain policy gradient") {
  const double expected[] = {.42698394, -.42698394, -.47325013, .47325013};
  for (InnerEstimator estimator : kEstimators) {
    const std::vector<double> g = ExactMetaProblem(estimator, 0).gradient();
    for (std::size_t k = 0; k < 4; ++k) CHECK(std::abs(g[k] - expected[k]) < 1e-7);
  }
}

TEST_CASE("exercise: the log-likelihood Hessian vanishes with the exact baseline") {
  // Advantages in place of returns to go: Q(s, a, t) − V(s, t), by backward induction over three steps.
  const std::vector<double> theta = table_theta().flat();
  constexpr double next_is_0[2][2] = {{0.9, 0.2}, {0.3, 0.6}}, reward[2][2] = {{1, 0}, {-0.5, 2}};
  double value[4][2] = {}, quality[3][2][2] = {};
  for (int t = 2; t >= 0; --t)
    for (int s = 0; s < 2; ++s) {
      double e0 = std::exp(theta[static_cast<std::size_t>(2 * s)]),
             e1 = std::exp(theta[static_cast<std::size_t>(2 * s + 1)]);
      for (int a = 0; a < 2; ++a)
        quality[t][s][a] = reward[s][a] + next_is_0[s][a] * value[t + 1][0] + (1 - next_is_0[s][a]) * value[t + 1][1];
      value[t][s] = (e0 * quality[t][s][0] + e1 * quality[t][s][1]) / (e0 + e1);
    }
  Enumeration all = enumerate(theta);
  for (int row = 0; row < 192; ++row) {
    int t = row % 3, s = all.batch["observations"].at(0, row, 1) == 1,
        a = static_cast<int>(all.batch["actions"].at(0, row, 0));
    all.batch["advantages"].set(0, row, 0, quality[t][s][a] - value[t][s]);
  }
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params params;
  params.add("policy/W1", graph.input(table_theta()[0], "theta"));
  Batch support;
  for (std::size_t i = 0; i < all.batch.count(); ++i) support.add(all.batch.name(i), graph.constant(all.batch[i]));
  Var objective =
      inner_objective(params, support, {.policy = kTablePolicy, .estimator = InnerEstimator::log_likelihood});
  Var v = graph.constant(Tensor::from({1, 2, 2}, std::vector<double>{1, -2, 0.5, 3}));
  for (double h : hvp(objective, params.all(), std::span(&v, 1))[0].value().to_vector()) CHECK(std::abs(h) < 1e-12);
  CHECK(std::abs(grad(objective, params)[0].value().at(0, 0, 0) - .42698394) < 1e-7);  // the gradient is what it was
}

TEST_CASE("exercise: MAML on a quadratic") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var theta = graph.input(Tensor::scalar(0.5), "theta");
  auto objective = [](Var x) { return -0.5 * square(x - 2.0); };  // c = 2
  Var inner = grad(objective(theta), std::span(&theta, 1))[0];
  Var theta_prime = theta + 0.3 * inner;
  CHECK(std::abs(grad(objective(theta_prime), std::span(&theta, 1))[0].value().item() - 0.7 * 0.7 * 1.5) < 1e-15);
  // First-order MAML leaves out one factor (1 − α).
  CHECK(std::abs(grad(objective(theta + 0.3 * stop_gradient(inner)), std::span(&theta, 1))[0].value().item() -
                 0.7 * 1.5) < 1e-15);
}

TEST_CASE("exercise: K steps on a quadratic") {
  // J(θ) = −½(θ − c)²: θ_K − c = (1 − α)^K (θ − c). Second order carries (1 − α)^2K, first order (1 − α)^K.
  for (int K : {1, 2, 3, 5}) {
    Graph graph(Dtype::f64, Graph::Mode::eager);
    Var theta = graph.input(Tensor::scalar(0.5), "theta");
    auto objective = [](Var x) { return -0.5 * square(x - 2.0); };
    Var second = theta, first = theta;
    for (int k = 0; k < K; ++k) {
      second = second + 0.3 * grad(objective(second), std::span(&second, 1))[0];
      first = first + 0.3 * stop_gradient(grad(objective(first), std::span(&first, 1))[0]);
    }
    CHECK(grad(objective(second), std::span(&theta, 1))[0].value().item() ==
          Approx(std::pow(0.7, 2 * K) * 1.5).epsilon(1e-13));
    CHECK(grad(objective(first), std::span(&theta, 1))[0].value().item() ==
          Approx(std::pow(0.7, K) * 1.5).epsilon(1e-13));
  }
}

TEST_CASE("MAML: the outer objective is the average over tasks, not their sum") {
  // The same query for three tasks whose tables differ.
  Graph graph(Dtype::f64, Graph::Mode::eager);
  const auto three = [&](const Tensor& t, double spread) {
    std::vector<double> numbers;
    for (int task = 0; task < 3; ++task)
      for (double x : t.to_vector()) numbers.push_back(x + spread * task * static_cast<double>(numbers.size() % 2));
    return graph.constant(Tensor::from({3, t.shape().rows, t.shape().cols}, numbers));
  };
  Params theta_prime;
  theta_prime.add("policy/W1", three(table_theta()[0], 0.3));
  const BatchValues values = enumerate(table_theta().flat()).batch;
  Batch query;
  for (std::size_t i = 0; i < values.count(); ++i) query.add(values.name(i), three(values[i], 0));
  const MamlSpec spec{.policy = kTablePolicy};
  const std::vector<double> each = outer_objectives(theta_prime, query, spec).value().to_vector();
  REQUIRE(each.size() == 3);
  CHECK(std::abs(each[0] - each[2]) > 1e-3);
  CHECK(outer_objective(theta_prime, query, spec).value().item() == Approx((each[0] + each[1] + each[2]) / 3));
}

TEST_CASE("exercise: the derivative with respect to the step size") {
  // d/dα J(θ + α·g) = ⟨∇J(θ'), g⟩: the outer gradient along the inner one, first order only, for every estimator.
  for (InnerEstimator estimator : kEstimators) {
    const MamlSpec spec{.policy = kTablePolicy, .estimator = estimator};
    Graph graph(Dtype::f64, Graph::Mode::eager);
    Params theta;
    theta.add("policy/W1", graph.input(table_theta()[0], "theta"));
    Var alpha = graph.input(Tensor::scalar(0.5), "alpha");
    auto batch_of = [&](const std::vector<double>& at) {
      const BatchValues values = enumerate(at).batch;
      Batch batch;
      for (std::size_t i = 0; i < values.count(); ++i) batch.add(values.name(i), graph.constant(values[i]));
      return batch;
    };
    const Batch support = batch_of(table_theta().flat());
    Params theta_prime = adapt(theta, support, alpha, spec);
    const Batch query = batch_of(theta_prime[0].value().to_vector());
    Var J = outer_objective(theta_prime, query, spec);
    const double by_alpha = grad(J, std::span(&alpha, 1))[0].value().item();
    const std::vector<double> outer = grad(J, theta_prime)[0].value().to_vector();
    const std::vector<double> inner = grad(inner_objective(theta, support, spec), theta)[0].value().to_vector();
    double along = 0;
    for (std::size_t k = 0; k < 4; ++k) along += outer[k] * inner[k];
    CHECK(by_alpha == Approx(along).epsilon(1e-13));
    CHECK(along > 0.1);  // a longer step would earn more
  }
}
