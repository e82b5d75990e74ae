// Reptile's identities: one inner step is joint training; closed forms on quadratics beside MAML and first order.
#include "meta/reptile.h"

#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/check_cases.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

TEST_CASE("[Reptile eq. direction] [Reptile eq. update] one inner step is joint training, exactly") {
  const MamlProblem problem = make_maml_problem(InnerEstimator::first_order, 1);
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params theta;
  for (std::size_t i = 0; i < problem.theta.count(); ++i)
    theta.add(problem.theta.name(i), graph.input(problem.theta[i], problem.theta.name(i)));
  Batch supports;
  for (std::size_t i = 0; i < problem.supports.count(); ++i)
    supports.add(problem.supports.name(i), graph.constant(problem.supports[i]));
  const Var alpha = graph.constant(problem.alpha);
  const Params theta_prime = adapt_all(theta, supports, alpha, problem.spec);
  const Params moved = reptile_step(theta, theta_prime, graph.fill({1, 1, 1}, 0.3));

  // θ + ε·α·∇(mean over tasks of Ĵ_i(θ)), the shared θ being that of all tasks.
  const Var joint = sum_tasks(inner_objective(theta, batch_of_step(supports, 0), problem.spec)) * (1.0 / 3);
  const Params gradient = grad(joint, theta);
  for (std::size_t i = 0; i < theta.count(); ++i) {
    const Tensor expected = (theta[i] + 0.3 * alpha * gradient[i]).value();
    CHECK(relative_error(moved[i].value(), expected) < 1e-14);
    CHECK(relative_error(moved[i].value(), theta[i].value()) > 1e-6);
  }
}

TEST_CASE("on quadratics Reptile, MAML and first order are their closed forms") {
  // J_i(θ) = −½ h_i (θ − c_i)²: after K steps θ_K − c_i = (1 − αh_i)^K (θ − c_i).
  const std::vector<double> h{0.5, 1, 2}, c{-1, 0.5, 3};
  const double alpha = 0.2, start = 0.4;
  for (const int K : {1, 2, 5}) {
    Graph graph(Dtype::f64, Graph::Mode::eager);
    Params theta;
    theta.add("x", graph.input(Tensor::scalar(start), "theta"));
    const Var curvature = graph.constant(Tensor::from({3, 1, 1}, h));
    const Var centre = graph.constant(Tensor::from({3, 1, 1}, c));
    const auto objective = [&](Var x) { return -0.5 * curvature * square(x - centre); };
    Var second = broadcast_tasks(theta["x"], 3), first = second;
    for (int k = 0; k < K; ++k) {
      second = second + alpha * grad(objective(second), std::span(&second, 1))[0];
      first = first + alpha * stop_gradient(grad(objective(first), std::span(&first, 1))[0]);
    }
    double maml = 0, first_order = 0, reptile = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double shrink = std::pow(1 - alpha * h[i], K), to_centre = (c[i] - start) / 3;
      maml += h[i] * shrink * shrink * to_centre;
      first_order += h[i] * shrink * to_centre;
      reptile += (1 - shrink) * to_centre;
    }
    CHECK(grad(sum_tasks(objective(second)) / 3, theta)[0].value().item() == Approx(maml).epsilon(1e-13));
    CHECK(grad(sum_tasks(objective(first)) / 3, theta)[0].value().item() == Approx(first_order).epsilon(1e-13));
    Params theta_prime;
    theta_prime.add("x", second);
    CHECK(reptile_direction(theta, theta_prime)[0].value().item() == Approx(reptile).epsilon(1e-13));
  }
}

TEST_CASE("to first order in alpha the three weigh the same two directions differently") {
  // With ḡ the mean of gradients and ḡ' the mean of H_i g_j (ascent): MAML ḡ + 2Kα ḡ', first order ḡ + Kα ḡ' and
  // Reptile/α = K ḡ + ½K(K − 1)α ḡ', where the data of K inner steps are one objective's and the outer one's the same.
  const std::vector<double> h{0.5, 1, 2}, c{-1, 0.5, 3};
  const double start = 0.4, alpha = 1e-5;
  double g = 0, g_inner = 0;
  for (std::size_t i = 0; i < 3; ++i) g += h[i] * (c[i] - start) / 3, g_inner -= h[i] * h[i] * (c[i] - start) / 3;
  for (const int K : {1, 3}) {
    double maml = 0, first_order = 0, reptile = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double shrink = std::pow(1 - alpha * h[i], K), to_centre = (c[i] - start) / 3;
      maml += h[i] * shrink * shrink * to_centre;
      first_order += h[i] * shrink * to_centre;
      reptile += (1 - shrink) / alpha * to_centre;
    }
    CHECK((maml - g) / alpha == Approx(2 * K * g_inner).epsilon(1e-3));
    CHECK((first_order - g) / alpha == Approx(K * g_inner).epsilon(1e-3));
    CHECK((reptile - K * g) / alpha == Approx(0.5 * K * (K - 1) * g_inner).epsilon(1e-3).margin(1e-3));
  }
}
