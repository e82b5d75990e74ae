// The curvature of the post-update KL, and what tasks may and may not share.
#include <algorithm>
#include <cmath>
#include <limits>

#include "autodiff/interpreter.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "meta/check_cases.h"
#include "meta/maml_trainer.h"
#include "rl/trpo.h"
#include "tests/catch.h"
#include "tests/meta/exact_gradients.h"

using namespace innerloop;
using namespace innerloop::meta;
using tests::kEstimators;

namespace {

ParamValues random_direction(const ParamValues& theta, std::uint64_t seed) {
  Philox random(seed, {.purpose = Purpose::check, .iteration = 1});
  std::vector<double> numbers(theta.number_count());
  for (double& n : numbers) n = random.normal();
  return theta.with_flat(numbers);
}

Function<MamlSpec> kl_gradient("test/kl_gradient", [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
  Params theta = in.next("theta");
  Batch supports = in.next("supports");
  Var alpha = in.next_var("alpha");
  Params theta_prime = adapt_all(theta, supports, alpha, spec);
  return {grad(outer_kl(theta_prime, in.next("query"), spec), theta)};
});

// F·v summed over tasks, F the Fisher information of each adapted policy in its own parameters: no adaptation in it.
Function<MamlSpec> adapted_fisher(
    "test/adapted_fisher", [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
      Params theta_prime = in.next("theta_prime"), v = in.next("v");
      Batch query = in.next("query");
      const int tasks = theta_prime[0].shape().tasks;
      Params product = rl::fisher_vector_product(theta_prime, spec.policy, query, broadcast_tasks(v, tasks));
      std::vector<Var> sums;
      for (Var p : product.all()) sums.push_back(sum_tasks(p) * (1.0 / tasks));
      return {theta_prime.with(sums)};
    });

// What each task makes of its own copy of θ: one number per task, and one gradient per task.
Function<MamlSpec> inner_gradients(
    "test/inner_gradients", [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
      Params theta_i = in.next("theta_i");
      Vars objective;
      objective.add("objective", inner_objective(theta_i, in.next("support"), spec));
      return {grad(objective[0], theta_i), objective};
    });
Function<MamlSpec> outer_gradients(
    "test/outer_gradients", [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
      Params theta_prime = in.next("theta_prime");
      Vars objective;
      objective.add("objective", outer_objectives(theta_prime, in.next("query"), spec));
      return {grad(sum_tasks(objective[0]), theta_prime), objective};
    });

Function<MamlSpec> kl_hvp("test/kl_hvp", [](Inputs& in, const MamlSpec& spec) -> std::vector<Vars> {
  Params theta = in.next("theta");
  Batch supports = in.next("supports");
  Var alpha = in.next_var("alpha");
  Params theta_prime = adapt_all(theta, supports, alpha, spec);
  Var kl = outer_kl(theta_prime, in.next("query"), spec);
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

BatchValues support_of(const MamlProblem& p, int k) {
  BatchValues batch;
  const std::string prefix = std::to_string(k) + "/";
  for (std::size_t i = 0; i < p.supports.count(); ++i)
    if (p.supports.name(i).starts_with(prefix)) batch.add(p.supports.name(i).substr(prefix.size()), p.supports[i]);
  return batch;
}

// Every task's parameters after all inner steps.
ParamValues adapted(const MamlFunctions& maml, const MamlProblem& p) {
  ParamValues theta_i = p.theta;
  for (int k = 0; k < p.spec.inner_steps; ++k)
    theta_i = maml.adapt_step(p.spec, {theta_i, support_of(p, k), Tensor::scalar(p.alpha.at(0, k, 0))})[0];
  return theta_i;
}

// Per task: whether all its numbers are the same, bit for bit, in both lists.
std::vector<bool> same_tasks(const Tensors& a, const Tensors& b) {
  std::vector<bool> same(3, true);
  for (std::size_t i = 0; i < a.count(); ++i) {
    REQUIRE(a[i].shape().tasks == 3);
    for (int task = 0; task < 3; ++task)
      for (int r = 0; r < a[i].shape().rows; ++r)
        for (int c = 0; c < a[i].shape().cols; ++c)
          if (a[i].at(task, r, c) != b[i].at(task, r, c)) same[static_cast<std::size_t>(task)] = false;
  }
  return same;
}

// (∇KL(θ + h·v) − ∇KL(θ − h·v)) / 2h, in long double by the reference interpreter. Every stop_gradient keeps the value
// that it has at θ: frozen stops are what a derivative means. With `live` they follow θ instead.
std::vector<double> kl_differences(const MamlProblem& p, const ParamValues& v, bool live) {
  Graph graph;
  std::vector<Numbers<long double>> base;
  const auto bind = [&](const Tensors& list) {
    Vars vars;
    for (std::size_t i = 0; i < list.count(); ++i) {
      vars.add(list.name(i), graph.input(list[i].shape(), list.name(i)));
      base.push_back(numbers_of<long double>(list[i]));
    }
    return vars;
  };
  Params theta = bind(p.theta);
  Tensors alpha;
  alpha.add("alpha", p.alpha);
  Batch supports = bind(p.supports), query = bind(p.query);
  Params theta_prime = adapt_all(theta, supports, bind(alpha)[0], p.spec);
  const Params gradient = grad(outer_kl(theta_prime, query, p.spec), theta);

  // The outputs of all stop_gradients at θ.
  NodeNumbers<long double> frozen = evaluate<long double>(graph, base, gradient.all());
  int stops = 0;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (graph.node(id).op == Op::stop_gradient) stops += !frozen[id].empty();  // of those that the gradient depends on
    else frozen[id].clear();
  REQUIRE((stops > 0) == (p.spec.estimator != InnerEstimator::log_likelihood));

  constexpr long double h = 1e-6L;
  const auto gradient_at = [&](long double step) {
    std::vector<Numbers<long double>> moved = base;
    for (std::size_t i = 0; i < p.theta.count(); ++i) {
      const Numbers<long double> direction = numbers_of<long double>(v[i]);
      for (std::size_t n = 0; n < direction.size(); ++n) moved[i][n] += step * direction[n];
    }
    const NodeNumbers<long double> values =
        evaluate<long double>(graph, moved, gradient.all(), live ? nullptr : &frozen);
    std::vector<long double> flat;
    for (Var g : gradient.all()) flat.insert(flat.end(), values[g.id].begin(), values[g.id].end());
    return flat;
  };
  const std::vector<long double> forward = gradient_at(h), backward = gradient_at(-h);
  std::vector<double> slope;
  for (std::size_t n = 0; n < forward.size(); ++n)
    slope.push_back(static_cast<double>((forward[n] - backward[n]) / (2 * h)));
  return slope;
}

}  // namespace

TEST_CASE("[MAML eq. curvature] J'FJ v = Hessian-vector product of the post-update KL, all estimators, K = 1, 2, 3") {
  MamlFunctions maml;
  for (int inner_steps : {1, 2, 3})
    for (InnerEstimator estimator : kEstimators) {
      MamlProblem p = make_maml_problem(estimator, inner_steps);
      ParamValues v = random_direction(p.theta, 5);
      Tensors exact = maml.curvature(p.spec, {p.theta, p.supports, p.alpha, p.query, v})[0];
      Tensors twice = kl_hvp(p.spec, {p.theta, p.supports, p.alpha, p.query, v})[0];
      INFO(name_of(estimator) << ", K = " << inner_steps);
      CHECK(norm(exact - twice) < 1e-10 * norm(exact));
      CHECK(dot(v, exact) > 0);  // positive definite in this direction, by construction

      // Differences of ∇KL with frozen stops share no second derivative with either. Live ones see through the stops:
      // they agree where there is none to see through.
      const ParamValues frozen = exact.with_flat(kl_differences(p, v, false));
      CHECK(norm(exact - frozen) < 1e-8 * norm(exact));
      const ParamValues live = exact.with_flat(kl_differences(p, v, true));
      CHECK((norm(exact - live) < 1e-6 * norm(exact)) == (estimator == InnerEstimator::log_likelihood));
    }
}

TEST_CASE("at the old point the post-update KL is zero and so is its gradient") {
  MamlFunctions maml;
  MamlProblem p = make_maml_problem(InnerEstimator::log_likelihood, 2);
  Tensors values = maml.outer(p.spec, {p.theta, p.supports, p.alpha, p.query})[0];
  CHECK(std::abs(values["kl"].item()) < 1e-15);
  CHECK(norm(kl_gradient(p.spec, {p.theta, p.supports, p.alpha, p.query})[0]) < 1e-14);
}

TEST_CASE("first-order curvature is F alone, second-order curvature is not, for K = 1, 2, 3") {
  MamlFunctions maml;
  for (int inner_steps : {1, 2, 3})
    for (InnerEstimator estimator : kEstimators) {
      MamlProblem p = make_maml_problem(estimator, inner_steps);
      ParamValues v = random_direction(p.theta, 5);
      Tensors curvature = maml.curvature(p.spec, {p.theta, p.supports, p.alpha, p.query, v})[0];
      Tensors f = adapted_fisher(p.spec, {adapted(maml, p), v, p.query})[0];
      INFO(name_of(estimator) << ", K = " << inner_steps);
      const double distance = norm(curvature - f) / norm(curvature);
      if (estimator == InnerEstimator::first_order) CHECK(distance < 1e-12);
      else CHECK(distance > 0.01);
    }
}

TEST_CASE("permuting the tasks permutes each task's results bitwise, and leaves the meta-gradient to rounding") {
  MamlFunctions maml;
  const std::vector<int> order{2, 0, 1};
  const auto permutes = [&](const std::vector<Tensors>& plain, const std::vector<Tensors>& moved) {
    for (std::size_t list = 0; list < plain.size(); ++list)
      CHECK(bitwise_equal(moved[list], permuted(plain[list], order)));
    CHECK_FALSE(bitwise_equal(moved[0], plain[0]));  // the tasks do differ
  };
  for (InnerEstimator estimator : kEstimators) {
    INFO(name_of(estimator));
    MamlProblem p = make_maml_problem(estimator, 2), q = p;
    q.supports = permuted(p.supports, order), q.query = permuted(p.query, order);

    // Two inner steps, the first from the shared θ and the second from each task's own: parameters and objectives.
    ParamValues theta_i = p.theta, moved_i = p.theta;
    for (int k : {0, 1}) {
      const auto plain = maml.adapt_step(p.spec, {theta_i, support_of(p, k), Tensor::scalar(0.5)});
      const auto moved = maml.adapt_step(q.spec, {moved_i, support_of(q, k), Tensor::scalar(0.5)});
      permutes(plain, moved);
      theta_i = plain[0], moved_i = moved[0];
    }

    // Gradients and losses, inner and outer, at parameters that differ from task to task.
    permutes(inner_gradients(p.spec, {theta_i, support_of(p, 1)}),
             inner_gradients(q.spec, {moved_i, support_of(q, 1)}));
    permutes(outer_gradients(p.spec, {theta_i, p.query}), outer_gradients(q.spec, {moved_i, q.query}));

    Tensors g = maml.meta_gradient(p.spec, {p.theta, p.supports, p.alpha, p.query})[0];
    Tensors h = maml.meta_gradient(q.spec, {q.theta, q.supports, q.alpha, q.query})[0];
    CHECK(norm(g - h) < 1e-13 * norm(g));
  }
}

TEST_CASE("two tasks never see each other's parameters or data") {
  // Change task 1's data, or its parameters: what tasks 0 and 2 make of theirs stays the same, bit for bit.
  MamlFunctions maml;
  for (InnerEstimator estimator : kEstimators) {
    INFO(name_of(estimator));
    const MamlProblem p = make_maml_problem(estimator, 1);
    const BatchValues support = support_of(p, 0);
    const ParamValues theta_i = adapted(maml, p);  // each task's own
    BatchValues other_data = support, other_query = p.query;
    for (int row = 0; row < 7; ++row)
      other_data["advantages"].set(1, row, 0, 100 + row), other_query["advantages"].set(1, row, 0, 100 + row);
    ParamValues other_theta = theta_i;
    for (std::size_t i = 0; i < other_theta.count(); ++i)
      for (int r = 0; r < other_theta[i].shape().rows; ++r)
        for (int c = 0; c < other_theta[i].shape().cols; ++c)
          other_theta[i].set(1, r, c, other_theta[i].at(1, r, c) + 0.5);

    const std::vector<bool> all_but_one{true, false, true};
    const Tensor alpha = Tensor::scalar(0.5);
    const auto step = [&](const ParamValues& theta, const BatchValues& data) {
      return maml.adapt_step(p.spec, {theta, data, alpha});
    };
    const auto before = step(theta_i, support), with_data = step(theta_i, other_data),
               with_theta = step(other_theta, support);
    // Parameters or gradients change in task 1 alone; so may values, where the estimator's value depends on anything
    // (the value of likelihood-ratio does not depend on θ, that of DiCE is 0).
    const auto only_task_1 = [&](const std::vector<Tensors>& a, const std::vector<Tensors>& b) {
      CHECK(same_tasks(a[0], b[0]) == all_but_one);
      const std::vector<bool> values = same_tasks(a[1], b[1]);
      CHECK((values[0] && values[2]));
      return !values[1];
    };
    only_task_1(before, with_theta);
    only_task_1(before, with_data);
    const auto outer = outer_gradients(p.spec, {theta_i, p.query});
    const auto outer_theta = outer_gradients(p.spec, {other_theta, p.query});
    const auto outer_data = outer_gradients(p.spec, {theta_i, other_query});
    CHECK(only_task_1(outer, outer_theta));
    CHECK(only_task_1(outer, outer_data));
  }
}

TEST_CASE("three steps of adaptation to a task do not depend on the task beside it") {
  // The whole loop: rollouts, baselines, gradients, and the parameters that later steps begin from.
  rl::OptionValues values = rl::default_values(maml.options);
  values.set("hidden", std::vector<std::int64_t>{8});
  for (const char* estimator : {"first-order", "log-likelihood", "likelihood-ratio", "dice"}) {
    INFO(estimator);
    values.set("estimator", std::string(estimator));
    const auto trainer = maml.make(values, 3);
    const auto returns = [&](const std::vector<double>& goals) {
      return trainer
          ->adapt({.tasks = Tensor::from({1, 2, 2}, goals), .steps = 3, .trajectories = 4, .paths = 0, .seed = 1})
          .returns;
    };
    const Tensor beside_b = returns({0.3, -0.2, 0.1, 0.4}), beside_c = returns({0.3, -0.2, -0.5, -0.5});
    for (int k = 0; k <= 3; ++k) {
      CHECK(beside_b.at(0, 0, k) == beside_c.at(0, 0, k));
      CHECK(beside_b.at(0, 1, k) != beside_c.at(0, 1, k));
      if (k > 0) CHECK(beside_b.at(0, 0, k) != beside_b.at(0, 0, k - 1));  // it does adapt
    }
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
      CHECK(bitwise_equal(maml.outer(q.spec, {q.theta, q.supports, q.alpha, q.query})[0],
                          maml.outer(p.spec, {p.theta, p.supports, p.alpha, p.query})[0]));
      CHECK(bitwise_equal(maml.meta_gradient(q.spec, {q.theta, q.supports, q.alpha, q.query})[0],
                          maml.meta_gradient(p.spec, {p.theta, p.supports, p.alpha, p.query})[0]));
      const ParamValues v = random_direction(p.theta, 5);
      CHECK(bitwise_equal(maml.curvature(q.spec, {q.theta, q.supports, q.alpha, q.query, v})[0],
                          maml.curvature(p.spec, {p.theta, p.supports, p.alpha, p.query, v})[0]));
      CHECK(maml.old_policy(q.spec, {q.theta, q.query})[0].all_finite());
    }
}
