// MAESN's equations by hand, its derivatives by the verifier, and what must hold of its data.
#include "meta/maesn.h"

#include <cmath>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "meta/check_cases.h"
#include "meta/maesn_trainer.h"
#include "meta/maml.h"
#include "tests/catch.h"

using namespace innerloop;
using namespace innerloop::meta;

namespace {

const nn::PolicySpec policy{.net = {.inputs = 4, .hidden = {4}, .outputs = 2}, .log_sigma_init = -0.3};

// A problem's tensors on a graph.
struct OnGraph {
  Graph graph{Dtype::f64, Graph::Mode::eager};
  Params theta;
  Batch supports, query;
  Var task, factor;
  explicit OnGraph(const MaesnProblem& problem) {
    const auto list = [&](const Tensors& values) {
      Vars vars;
      for (std::size_t i = 0; i < values.count(); ++i) vars.add(values.name(i), graph.input(values[i], values.name(i)));
      return vars;
    };
    theta = list(problem.theta), supports = list(problem.supports), query = list(problem.query);
    task = graph.input(problem.task, "task"), factor = graph.input(problem.factor, "factor");
  }
};

MaesnConfig small() {
  MaesnConfig config;
  config.hidden = {8};
  config.task_list = 6;
  config.tasks = 3;
  config.trajectories = 4;
  config.iterations = 3;
  config.dtype = Dtype::f64;
  return config;
}

}  // namespace

TEST_CASE("MAESN's derivatives pass every level of the verifier: policy, means, spreads, step sizes") {
  for (const CheckCase& c : maesn_check_cases()) {
    const CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
}

TEST_CASE("[MAESN eq. latent-objective] [MAESN eq. adapt] the inner step is the score function's, by hand") {
  const MaesnSpec spec{.policy = policy};
  const MaesnProblem problem = make_maesn_problem(spec);
  OnGraph on(problem);
  const Batch support = batch_of_step(on.supports, 0);
  const Params before = task_state(on.theta, on.task, spec);
  const Params after = adapt_latents(before, support, on.factor, spec);
  for (int i = 0; i < 3; ++i)
    for (int d = 0; d < 2; ++d) {
      const double mean = before["latent/mean"].value().at(i, 0, d);
      const double log_sigma = before["latent/log_sigma"].value().at(i, 0, d), sigma = std::exp(log_sigma);
      double slope_mean = 0, slope_sigma = 0;
      for (int row : {0, 3}) {  // where the episodes begin
        const double x = (support["observations"].value().at(i, row, 2 + d) - mean) / sigma;
        const double advantage = support["latent_advantages"].value().at(i, row, 0);
        slope_mean += advantage * x / sigma;
        slope_sigma += advantage * (x * x - 1);
      }
      const double step_mean = 0.8 * problem.theta["alpha/latent/mean"].at(0, 0, d);
      const double step_sigma = 0.8 * problem.theta["alpha/latent/log_sigma"].at(0, 0, d);
      CHECK(after["latent/mean"].value().at(i, 0, d) == Approx(mean + step_mean * slope_mean).epsilon(1e-12));
      CHECK(after["latent/log_sigma"].value().at(i, 0, d) ==
            Approx(log_sigma + step_sigma * slope_sigma).epsilon(1e-12));
    }
  // The policy stays, and nothing flows through z: the adapted latents do not depend on the policy.
  for (std::size_t i = 0; i < after.count(); ++i)
    if (after.name(i).starts_with("policy/")) CHECK(after[i].id == before[i].id);
  const Var sum = sum_tasks(sum_all(after["latent/mean"] + after["latent/log_sigma"]));
  const Params slopes = grad(sum, on.theta);
  for (std::size_t i = 0; i < slopes.count(); ++i)
    if (slopes.name(i).starts_with("policy/"))
      for (double x : slopes[i].value().to_vector()) CHECK(x == 0);
}

TEST_CASE("[MAESN eq. adapt-policy] with adapt_policy θ takes MAML's inner step, with step sizes of its own") {
  const MaesnSpec spec{.policy = policy, .adapt_policy = true};
  const MaesnProblem problem = make_maesn_problem(spec);
  OnGraph on(problem);
  const Params after = adapt_state(on.theta, on.supports, on.task, on.factor, spec);
  Params both;  // the policy and its step sizes, as Meta-SGD has them
  for (std::size_t i = 0; i < on.theta.count(); ++i) {
    const std::string& name = on.theta.name(i);
    if (name.starts_with("policy/") || name.starts_with("alpha/policy/")) both.add(name, on.theta[i]);
  }
  const Params maml = adapt_all(both, on.supports, on.factor,
                                {.policy = policy, .inner_steps = 1, .step_sizes = StepSizes::learned});
  for (std::size_t i = 0; i < maml.count(); ++i)
    if (maml.name(i).starts_with("policy/"))
      CHECK(relative_error(after[maml.name(i)].value(), maml[i].value()) < 1e-14);
}

TEST_CASE("[MAESN eq. prior] [MAESN eq. objective] the KL acts on the latents before the update") {
  MaesnSpec with{.policy = policy, .kl_weight = 0.7}, without = with;
  without.kl_weight = 0;
  const MaesnProblem problem = make_maesn_problem(with);
  OnGraph on(problem);
  const auto value = [&](const MaesnSpec& p) {
    return maesn_objective(on.theta, on.supports, on.task, on.factor, on.query, p).value().item();
  };
  double prior = 0;  // of rows 0, 2 and 4 of the table, as they stand there
  for (int task : {0, 2, 4})
    for (int d = 0; d < 2; ++d) {
      const double mean = problem.theta["latent/mean"].at(0, task, d), log_sigma =
          problem.theta["latent/log_sigma"].at(0, task, d);
      prior += (0.5 * (std::exp(2 * log_sigma) + mean * mean - 1) - log_sigma) / 3;
    }
  CHECK(value(without) - value(with) == Approx(0.7 * prior).epsilon(1e-12));
}

TEST_CASE("[MAESN eq. latent] one task's latents move nobody else's") {
  const MaesnSpec spec{.policy = policy};
  const MaesnProblem problem = make_maesn_problem(spec);
  OnGraph on(problem);
  const Var objective = maesn_objective(on.theta, on.supports, on.task, on.factor, on.query, spec);
  const Params slopes = grad(objective, on.theta);
  for (const char* name : {"latent/mean", "latent/log_sigma"})
    for (int task = 0; task < 5; ++task)
      for (int d = 0; d < 2; ++d) CHECK((slopes[name].value().at(0, task, d) != 0) == (task % 2 == 0));

  // z = μ + σε in each row.
  const Params state = task_state(on.theta, on.task, spec);
  const Tensor z = latent_of(state, on.query["noise"], spec).value();
  for (int row : {0, 5}) {
    const double mean = problem.theta["latent/mean"].at(0, 2, 1), noise = problem.query["noise"].at(1, row, 1);
    CHECK(z.at(1, row, 1) == Approx(mean + std::exp(problem.theta["latent/log_sigma"].at(0, 2, 1)) * noise));
  }
}

TEST_CASE("MAESN draws z once for each episode, from N(0, 1) in a new task, and adapts the latents alone") {
  const MaesnTrainer trainer(small(), 3);
  const rl::AdaptiveLearner learner = trainer.learner();
  const std::vector<envs::Task> tasks{{0.0, 2.0}, {2.0, 0.0}};
  const Tensors start = learner.start(2);
  const rl::Trajectories explored = learner.act(start, tasks, 50, {.seed = 1, .test = true}, false);
  double sum = 0, squares = 0;
  for (int task : {0, 1})
    for (int n = 0; n < 50; ++n) {
      const int row = explored.first_row(task, n);
      for (int d = 0; d < 2; ++d) {
        const double z = explored.observations.at(task, row, 4 + d);
        for (int t = 1; t < 100; ++t) REQUIRE(explored.observations.at(task, row + t, 4 + d) == z);
        if (n > 0) CHECK(z != explored.observations.at(task, row - 1, 4 + d));
        sum += z / 200, squares += z * z / 200;
      }
    }
  CHECK(std::abs(sum) < 0.25);          // 200 draws: standard error 0.07
  CHECK(std::abs(squares - 1) < 0.35);  // 0.1
  const Tensors after = learner.update(start, explored, 0);
  for (std::size_t i = 0; i < after.count(); ++i)
    CHECK(bitwise_equal(after[i], start[i]) == !after.name(i).starts_with("latent/"));
}

TEST_CASE("MAESN refuses a test environment of another kind, and more tasks than there are") {
  MaesnConfig config = small();
  config.test_env = "cartpole-v1";
  CHECK_THROWS_WITH(MaesnTrainer(config, 1), Catch::Matchers::ContainsSubstring("cartpole-v1"));
  config = small();
  config.tasks = 7;
  CHECK_THROWS_WITH(MaesnTrainer(config, 1), Catch::Matchers::ContainsSubstring("task_list"));
}
