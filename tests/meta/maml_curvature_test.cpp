// The curvature of the post-update KL, and what tasks may and may not share.
#include <algorithm>
#include <cmath>
#include <limits>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "meta/check_cases.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

constexpr InnerEstimator kEstimators[] = {InnerEstimator::first_order, InnerEstimator::log_likelihood,
                                          InnerEstimator::likelihood_ratio, InnerEstimator::dice};

ParamValues random_direction(const ParamValues& theta, std::uint64_t seed) {
  Philox random(seed, {.purpose = Purpose::check, .iteration = 1});
  std::vector<double> numbers(theta.number_count());
  for (double& n : numbers) n = random.normal();
  return theta.with_flat(numbers);
}

Function<MamlProgram> kl_gradient("test/kl_gradient", [](Inputs& in, const MamlProgram& program) -> std::vector<Vars> {
  Params theta = in.next("theta");
  Batch supports = in.next("supports");
  Var alpha = in.next_var("alpha");
  Params theta_prime = adapt_all(theta, supports, alpha, program);
  return {grad(outer_kl(theta_prime, in.next("query"), program), theta)};
});

Function<MamlProgram> kl_hvp("test/kl_hvp", [](Inputs& in, const MamlProgram& program) -> std::vector<Vars> {
  Params theta = in.next("theta");
  Batch supports = in.next("supports");
  Var alpha = in.next_var("alpha");
  Params theta_prime = adapt_all(theta, supports, alpha, program);
  Var kl = outer_kl(theta_prime, in.next("query"), program);
  return {theta.with(hvp(kl, theta.all(), in.next("v").all()))};
});

// The same list with its tasks in another order.
Tensors permuted(const Tensors& list, const std::vector<int>& order) {
  Tensors result;
  for (std::size_t i = 0; i < list.count(); ++i) {
    Tensor t = list[i];
    if (t.shape().tasks > 1)
      for (int task = 0; task < t.shape().tasks; ++task)
        for (int r = 0; r < t.shape().rows; ++r)
          for (int c = 0; c < t.shape().cols; ++c)
            t.set(task, r, c, list[i].at(order[static_cast<std::size_t>(task)], r, c));
    result.add(list.name(i), t);
  }
  return result;
}

BatchValues first_support(const MamlProblem& p) {
  BatchValues batch;
  for (std::size_t i = 0; i < p.supports.count(); ++i)
    if (p.supports.name(i).starts_with("0/")) batch.add(p.supports.name(i).substr(2), p.supports[i]);
  return batch;
}

}  // namespace

TEST_CASE("[MAML eq. curvature] J'FJ v = Hessian-vector product of the post-update KL, all estimators, K = 1, 2, 3") {
  MamlFunctions maml;
  for (int inner_steps : {1, 2, 3})
    for (InnerEstimator estimator : kEstimators) {
      MamlProblem p = make_maml_problem(estimator, inner_steps);
      ParamValues v = random_direction(p.theta, 5);
      Tensors exact = maml.curvature(p.program, {p.theta, p.supports, p.alpha, p.query, v})[0];
      Tensors twice = kl_hvp(p.program, {p.theta, p.supports, p.alpha, p.query, v})[0];
      INFO(name_of(estimator) << ", K = " << inner_steps);
      CHECK(norm(exact - twice) < 1e-10 * norm(exact));
      CHECK(dot(v, exact) > 0);  // positive definite in this direction, by construction

      // Central differences of ∇KL see through stop_gradient: they agree where there is none to see.
      if (estimator != InnerEstimator::log_likelihood) continue;
      double h = 1e-5;
      Tensors forward = kl_gradient(p.program, {p.theta + h * v, p.supports, p.alpha, p.query})[0];
      Tensors backward = kl_gradient(p.program, {p.theta - h * v, p.supports, p.alpha, p.query})[0];
      CHECK(norm(exact - (0.5 / h) * (forward - backward)) < 1e-6 * norm(exact));
    }
}

TEST_CASE("at the old point the post-update KL is zero and so is its gradient") {
  MamlFunctions maml;
  MamlProblem p = make_maml_problem(InnerEstimator::log_likelihood, 2);
  Tensors values = maml.outer(p.program, {p.theta, p.supports, p.alpha, p.query})[0];
  CHECK(std::abs(values["kl"].item()) < 1e-15);
  CHECK(norm(kl_gradient(p.program, {p.theta, p.supports, p.alpha, p.query})[0]) < 1e-14);
}

TEST_CASE("first-order curvature is F alone, second-order curvature is not") {
  MamlFunctions maml;
  MamlProblem first = make_maml_problem(InnerEstimator::first_order, 1),
              second = make_maml_problem(InnerEstimator::log_likelihood, 1);
  ParamValues v = random_direction(first.theta, 5);
  Tensors f = maml.curvature(first.program, {first.theta, first.supports, first.alpha, first.query, v})[0];
  Tensors jfj = maml.curvature(second.program, {second.theta, second.supports, second.alpha, second.query, v})[0];
  CHECK(norm(f - jfj) > 0.01 * norm(jfj));
}

TEST_CASE("permuting the tasks permutes each task's results bitwise, and leaves the meta-gradient to rounding") {
  MamlFunctions maml;
  const std::vector<int> order{2, 0, 1};
  for (InnerEstimator estimator : kEstimators) {
    MamlProblem p = make_maml_problem(estimator, 2);
    Tensors supports = permuted(p.supports, order), query = permuted(p.query, order);

    BatchValues support = first_support(p), shuffled = permuted(support, order);
    auto plain = maml.adapt_step(p.program, {p.theta, support, Tensor::scalar(0.5)});
    auto moved = maml.adapt_step(p.program, {p.theta, shuffled, Tensor::scalar(0.5)});
    CHECK(bitwise_equal(moved[0], permuted(plain[0], order)));  // adapted parameters
    CHECK(bitwise_equal(moved[1], permuted(plain[1], order)));  // objectives

    Tensors g = maml.meta_gradient(p.program, {p.theta, p.supports, p.alpha, p.query})[0];
    Tensors h = maml.meta_gradient(p.program, {p.theta, supports, p.alpha, query})[0];
    CHECK(norm(g - h) < 1e-13 * norm(g));
  }
}

TEST_CASE("two tasks never see each other's parameters or data") {
  // Change task 1's data: what tasks 0 and 2 make of theirs stays the same, bit for bit.
  MamlFunctions maml;
  MamlProblem p = make_maml_problem(InnerEstimator::likelihood_ratio, 1);
  BatchValues support = first_support(p), changed = support;
  for (int row = 0; row < 7; ++row) changed["advantages"].set(1, row, 0, 100 + row);
  ParamValues theta_i;
  for (std::size_t i = 0; i < p.theta.count(); ++i) {
    Tensor copies({3, p.theta[i].shape().rows, p.theta[i].shape().cols});
    for (int task = 0; task < 3; ++task)
      for (int r = 0; r < copies.shape().rows; ++r)
        for (int c = 0; c < copies.shape().cols; ++c) copies.set(task, r, c, p.theta[i].at(0, r, c));
    theta_i.add(p.theta.name(i), copies);
  }
  Tensors before = maml.adapt_step(p.program, {theta_i, support, Tensor::scalar(0.5)})[0];
  Tensors after = maml.adapt_step(p.program, {theta_i, changed, Tensor::scalar(0.5)})[0];
  for (std::size_t i = 0; i < before.count(); ++i)
    for (int task : {0, 1, 2}) {
      bool same = true;
      for (int r = 0; r < before[i].shape().rows; ++r)
        for (int c = 0; c < before[i].shape().cols; ++c)
          same = same && before[i].at(task, r, c) == after[i].at(task, r, c);
      INFO(before.name(i) << ", task " << task);
      CHECK(same == (task != 1));
    }
}

TEST_CASE("what stands in padding rows changes nothing, not even NaN, in no value and no gradient") {
  MamlFunctions maml;
  for (double garbage : {1e200, std::nan(""), -std::numeric_limits<double>::infinity()})
    for (InnerEstimator estimator : kEstimators) {
      const MamlProblem p = make_maml_problem(estimator, 2);
      MamlProblem q = p;
      for (BatchValues* list : {&q.query, &q.supports})
        for (std::size_t i = 0; i < list->count(); ++i)
          for (int task = 0; task < 3 && (*list)[i].shape().rows == 8; ++task)
            for (int c = 0; c < (*list)[i].shape().cols; ++c)
              if (!list->name(i).ends_with("weights")) (*list)[i].set(task, 7, c, garbage);  // the last row is padding
      INFO(name_of(estimator) << ", " << garbage);
      CHECK(bitwise_equal(maml.outer(q.program, {q.theta, q.supports, q.alpha, q.query})[0],
                          maml.outer(p.program, {p.theta, p.supports, p.alpha, p.query})[0]));
      CHECK(bitwise_equal(maml.meta_gradient(q.program, {q.theta, q.supports, q.alpha, q.query})[0],
                          maml.meta_gradient(p.program, {p.theta, p.supports, p.alpha, p.query})[0]));
      const ParamValues v = random_direction(p.theta, 5);
      CHECK(bitwise_equal(maml.curvature(q.program, {q.theta, q.supports, q.alpha, q.query, v})[0],
                          maml.curvature(p.program, {p.theta, p.supports, p.alpha, p.query, v})[0]));
      CHECK(maml.old_policy(q.program, {q.theta, q.query})[0].all_finite());
    }
}
