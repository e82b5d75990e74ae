// E-MAML's gradient against the derivative of J_E by enumeration.
#include "meta/e_maml.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/catch.h"
#include "tests/meta/exact_gradients.h"
#include "tests/meta/explorations.h"

using namespace innerloop;
using namespace innerloop::meta;
using namespace innerloop::tests;

namespace {

constexpr double alpha = 0.5;

// Σ_τ̄ p(τ̄) ∇(surrogate): the expectation of the gradient estimate. `shift` is added to every score.
std::vector<double> expected_gradient(const Explorations& all, const EMamlSpec& spec, double shift = 0) {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params theta;
  theta.add("policy/W1", graph.input(table_theta()[0], "theta"));
  Batch supports, query;
  for (std::size_t i = 0; i < all.supports.count(); ++i)
    supports.add(all.supports.name(i), graph.constant(all.supports[i]));
  for (std::size_t i = 0; i < all.query.count(); ++i) {
    const Var value = graph.constant(all.query[i]);
    query.add(all.query.name(i), all.query.name(i) == "scores" ? value + shift : value);
  }
  const Var per_outcome = e_maml_objectives(theta, supports, graph.constant(Tensor::scalar(alpha)), query, spec);
  const Var expected = sum_tasks(per_outcome * graph.constant(all.probabilities));
  return grad(expected, theta)[0].value().to_vector();
}

EMamlSpec program_with(Credit credit, InnerEstimator estimator = InnerEstimator::log_likelihood) {
  return {.inner = {.policy = kTablePolicy, .estimator = estimator, .inner_steps = 1}, .credit = credit};
}

double relative_distance(const std::vector<double>& a, const std::array<double, 4>& b) {
  std::vector<double> difference, reference(b.begin(), b.end());
  for (std::size_t k = 0; k < 4; ++k) difference.push_back(a[k] - b[k]);
  return length(difference) / length(reference);
}

}  // namespace

TEST_CASE("[E-MAML eq. objective] [E-MAML eq. credit] the gradient is that of J_E, by enumeration, for N = 1 and 2") {
  struct Row {
    int N;
    double value, first, third;
  };
  for (const Row row : {Row{1, 2.45902817, .2513684, -.2507064}, Row{2, 2.46719243, .2531320, -.2497435}}) {
    INFO("N = " << row.N);
    CHECK(static_cast<double>(exact_J_E({0.3L, -0.2L, 0.1L, 0.4L}, row.N, alpha)) == Approx(row.value).epsilon(1e-8));
    const std::array<double, 4> exact = exact_J_E_gradient(row.N, alpha);
    CHECK(std::abs(exact[0] - row.first) < 1e-7);
    CHECK(std::abs(exact[2] - row.third) < 1e-7);

    const Explorations all = explore_exactly(row.N, alpha);
    const std::vector<double> g = expected_gradient(all, program_with(Credit::sum));
    for (std::size_t k = 0; k < 4; ++k) CHECK(std::abs(g[k] - exact[k]) < 1e-8);
    // A baseline that the explored trajectories do not touch changes nothing.
    const std::vector<double> shifted = expected_gradient(all, program_with(Credit::sum), -2);
    for (std::size_t k = 0; k < 4; ++k) CHECK(std::abs(shifted[k] - g[k]) < 1e-12);
  }
}

TEST_CASE("what is left of the gradient of J_E without credit, with its mean, and with the exact inner Hessian") {
  const Explorations one = explore_exactly(1, alpha), two = explore_exactly(2, alpha);
  const std::array<double, 4> exact_one = exact_J_E_gradient(1, alpha), exact_two = exact_J_E_gradient(2, alpha);
  // MAML's term and the credit add up, N = 1.
  const std::vector<double> maml = expected_gradient(one, program_with(Credit::none));
  CHECK(std::abs(maml[0] - .0890262) < 1e-6);
  CHECK(std::abs(maml[2] + .2455314) < 1e-6);
  CHECK(relative_distance(maml, exact_one) == Approx(.458).margin(1e-3));
  CHECK(relative_distance(expected_gradient(two, program_with(Credit::none)), exact_two) == Approx(.501).margin(1e-3));
  // The other inner derivatives have a bias that the number of trajectories decides.
  struct Row {
    InnerEstimator estimator;
    double one, two;
  };
  for (const Row row : {Row{InnerEstimator::first_order, .224, .262}, Row{InnerEstimator::likelihood_ratio, .174, .179},
                        Row{InnerEstimator::dice, .235, .098}}) {
    CHECK(relative_distance(expected_gradient(one, program_with(Credit::none, row.estimator)), exact_one) ==
          Approx(row.one).margin(1e-3));
    CHECK(relative_distance(expected_gradient(two, program_with(Credit::none, row.estimator)), exact_two) ==
          Approx(row.two).margin(1e-3));
  }
  // DiCE already holds what the credit adds: both together count it twice.
  CHECK(relative_distance(expected_gradient(one, program_with(Credit::sum, InnerEstimator::dice)), exact_one) ==
        Approx(.22).margin(5e-3));
  CHECK(relative_distance(expected_gradient(two, program_with(Credit::sum, InnerEstimator::dice)), exact_two) ==
        Approx(.40).margin(5e-3));
}

TEST_CASE("the credit does not vanish when advantages are standardised") {
  // Scores are compared between tasks. Centred within a task, as advantages are, each would be 0.
  const std::vector<double> returns{-3, 1, 2.5, 2};
  for (const bool standardise : {false, true}) {
    const std::vector<double> scores = credit_scores(returns, standardise);
    double sum = 0, largest = 0;
    for (double s : scores) sum += s, largest = std::max(largest, std::abs(s));
    CHECK(std::abs(sum) < 1e-12);
    CHECK(largest > 1);
  }
  // Each score is the return less the mean of the others.
  CHECK(credit_scores(returns, false)[0] == Approx(-3 - (1 + 2.5 + 2) / 3));
  CHECK(credit_scores(returns, false)[3] == Approx(2 - (-3 + 1 + 2.5) / 3));
  CHECK(credit_scores({4.0}, true) == std::vector<double>{4.0});
}
