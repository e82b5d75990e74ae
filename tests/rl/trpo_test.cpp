// TRPO: each equation against an independent route, one update, and the trainer.
#include "rl/trpo.h"

#include <cmath>
#include <limits>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "envs/table.h"
#include "kernels/threads.h"
#include "rl/experience/batch.h"
#include "rl/experience/agent.h"
#include "rl/experience/on_policy.h"
#include "rl/experience/returns.h"
#include "rl/policy_gradient.h"
#include "tests/catch.h"
#include "tests/rl/two_state_fixture.h"

using namespace innerloop;
using namespace innerloop::rl;
using innerloop::tests::TwoStateFixture;

namespace {

// A batch collected in an environment, with its padding; weights add up to 1 over all tasks.
struct Problem {
  nn::PolicySpec policy;
  ParamValues theta;
  BatchValues batch;
};
Problem problem(const char* env_name, std::vector<envs::Task> tasks, int trajectories, Dtype dtype = Dtype::f64) {
  const envs::EnvRow& env = envs::find_env(env_name);
  Problem p{.policy = policy_for(env, {7, 5}, Activation::tanh, -0.3), .theta = {}, .batch = {}};
  p.theta = nn::init_policy(p.policy, 5, dtype);
  const Trajectories all = Rollout(env, p.policy, 12).collect(p.theta, tasks, trajectories, {.seed = 3});
  p.batch = make_batch(all, {}, nullptr, true);
  return p;
}
Problem gaussian_problem() { return problem("point-nav-v1", {{0.3, 0.1}, {-0.2, 0.4}}, 6); }
Problem categorical_problem() { return problem("four-state-v1", {{0.0}, {2.0}}, 6); }

// Random numbers in the shapes of theta.
Tensors direction(const ParamValues& theta, std::uint64_t seed) {
  Tensors v;
  for (std::size_t k = 0; k < theta.count(); ++k) {
    std::vector<double> numbers;
    for (int row = 0; row < theta[k].shape().rows; ++row) {
      Philox random(seed, {.purpose = Purpose::check,
                           .iteration = static_cast<std::uint32_t>(k),
                           .time_step = static_cast<std::uint32_t>(row)});
      for (int col = 0; col < theta[k].shape().cols; ++col) numbers.push_back(random.normal());
    }
    v.add(theta.name(k), Tensor::from(theta[k].shape(), numbers, theta[k].dtype()));
  }
  return v;
}

double difference(const Tensors& a, const Tensors& b) { return norm(a - b) / std::max(norm(a), norm(b)); }

}  // namespace

TEST_CASE(
    "[TRPO eq. surrogate] at the old policy its value is the mean advantage and its gradient the policy gradient: "
    "exactly J's") {
  const TwoStateFixture fixture;
  BatchValues batch =
      make_batch(fixture.trajectories, {.gamma = 1, .baseline = BaselineKind::none, .standardise = false});
  batch["weights"] = fixture.weights;
  const TrpoFunctions trpo_functions;
  const ParamValues theta = fixture.parameters();
  const Tensor old_log_prob = trpo_functions.old_policy(fixture.policy, {theta, batch})[1][0];
  const std::vector<Tensors> result = trpo_functions.gradient(fixture.policy, {theta, batch, old_log_prob});
  double mean = 0;
  const Tensor G = discounted_returns(fixture.trajectories, 1);
  for (int row = 0; row < 192; ++row) mean += fixture.weights.at(0, row, 0) * G.at(0, row, 0);
  CHECK(result[1]["objective"].item() == Approx(mean).epsilon(1e-13));
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(result[0].flat()[k] == Approx(TwoStateFixture::gradient[k]).epsilon(0).margin(1e-8));

  // Away from it: the last action's ratio reweights exactly, so L at t = 2 alone is the new policy's reward there given
  // old states.
  std::vector<double> moved = fixture.theta;
  moved[0] += 0.7;
  double expected = 0;
  for (int row = 0; row < 192; ++row) {
    const std::size_t s = fixture.trajectories.observations.at(0, row, 1) != 0 ? 1 : 0;
    const auto log_pi = [&](const std::vector<double>& z) {
      return z[2 * s + static_cast<std::size_t>(fixture.trajectories.actions.at(0, row, 0))] -
             std::log(std::exp(z[2 * s]) + std::exp(z[2 * s + 1]));
    };
    expected += fixture.weights.at(0, row, 0) * std::exp(log_pi(moved) - log_pi(fixture.theta)) * G.at(0, row, 0);
  }
  const std::vector<Tensors> old = trpo_functions.old_policy(fixture.policy, {theta, batch});
  const Tensors point =
      trpo_functions.evaluate(fixture.policy, {fixture.parameters(moved), batch, old[0], old_log_prob})[0];
  CHECK(point["objective"].item() == Approx(expected).epsilon(1e-13));
}

TEST_CASE("[TRPO eq. kl] zero at the old policy, half vᵀFv beside it, KL(old‖new) and not the reverse") {
  for (const Problem& p : {gaussian_problem(), categorical_problem()}) {
    const TrpoFunctions f;
    const std::vector<Tensors> old = f.old_policy(p.policy, {p.theta, p.batch});
    const auto kl_at = [&](const ParamValues& theta) {
      return f.evaluate(p.policy, {theta, p.batch, old[0], old[1][0]})[0]["kl"].item();
    };
    CHECK(kl_at(p.theta) == 0);
    const Tensors v = direction(p.theta, 1);
    const double half_vFv = 0.5 * dot(v, f.fisher(p.policy, {p.theta, p.batch, v})[0]);
    CHECK(kl_at(p.theta + 1e-4 * v) == Approx(1e-8 * half_vFv).epsilon(1e-2));
  }
  // Two states of the table: KL(p‖q) = Σ p log p/q, weighted by how often each state is met.
  const TwoStateFixture fixture;
  BatchValues batch = make_batch(fixture.trajectories, {.baseline = BaselineKind::none});
  batch["weights"] = fixture.weights;
  const TrpoFunctions f;
  const std::vector<Tensors> old = f.old_policy(fixture.policy, {fixture.parameters(), batch});
  const std::vector<double> moved{1, -1, 0.1, 0.4};
  const double p0 = 1 / (1 + std::exp(-0.5)), q0 = 1 / (1 + std::exp(-2.0));
  double visits = 0;
  for (int row = 0; row < 192; ++row)
    visits += fixture.weights.at(0, row, 0) * fixture.trajectories.observations.at(0, row, 0);
  const double expected = visits * (p0 * std::log(p0 / q0) + (1 - p0) * std::log((1 - p0) / (1 - q0)));
  CHECK(f.evaluate(fixture.policy, {fixture.parameters(moved), batch, old[0], old[1][0]})[0]["kl"].item() ==
        Approx(expected).epsilon(1e-13));
}

TEST_CASE(
    "[TRPO eq. fisher] the Fisher product is the Hessian of the KL at the old policy, symmetric and never negative") {
  const Function<nn::PolicySpec> kl_hessian(
      "test/kl_hessian", [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const Batch batch = in.next("batch");
        const nn::DistributionVars old = in.next("old");
        const Params v = in.next("v");
        return {theta.with(hvp(trpo_kl(theta, policy, batch, old), theta.all(), v.all()))};
      });
  for (const Problem& p : {gaussian_problem(), categorical_problem()}) {
    const TrpoFunctions f;
    const Tensors old = f.old_policy(p.policy, {p.theta, p.batch})[0];
    const Tensors v = direction(p.theta, 1), u = direction(p.theta, 2);
    const Tensors Fv = f.fisher(p.policy, {p.theta, p.batch, v})[0], Fu = f.fisher(p.policy, {p.theta, p.batch, u})[0];
    CHECK(norm(Fv) > 1e-3);
    CHECK(difference(Fv, kl_hessian(p.policy, {p.theta, p.batch, old, v})[0]) < 1e-10);
    CHECK(dot(u, Fv) == Approx(dot(v, Fu)).epsilon(1e-10));
    CHECK(dot(v, Fv) > 0);
    // What stays the same may be marked so; the numbers do not change.
    f.fisher(p.policy, {fixed(p.theta), fixed(p.batch), u});
    CHECK(bitwise_equal(f.fisher(p.policy, {fixed(p.theta), fixed(p.batch), v})[0], Fv));
  }
}

TEST_CASE("[TRPO eq. step] the step has ½sᵀFs = δ and the direction of x; no step where xᵀFx is not positive") {
  const Problem p = gaussian_problem();
  const TrpoFunctions f;
  const auto fisher = [&](const Tensors& v) { return f.fisher(p.policy, {p.theta, p.batch, v})[0]; };
  const Tensors x = direction(p.theta, 4), s = trust_region_step(x, dot(x, fisher(x)), {.delta = 0.01});
  CHECK(0.5 * dot(s, fisher(s)) == Approx(0.01).epsilon(1e-12));
  CHECK(dot(s, x) == Approx(norm(s) * norm(x)).epsilon(1e-12));
  for (double refused : {-1.0, 0.0, std::nan("")}) CHECK(norm(trust_region_step(x, refused, {.delta = 0.01})) == 0);
}

TEST_CASE("one CG iteration of TRPO is its Fisher product and the recurrence; the forward pass is done once") {
  for (const Problem& p : {gaussian_problem(), categorical_problem()}) {
    const TrpoFunctions f;
    const double damping = 1e-2;
    const Tensor tensor = Tensor::scalar(damping);
    Tensors x = 0.0 * p.theta, r = direction(p.theta, 6), q = r, state = cg_start(r, 0);
    for (int k = 0; k < 5; ++k) {
      const Tensors Aq = f.fisher(p.policy, {p.theta, p.batch, q})[0] + damping * q;
      const double rr = dot(r, r), step = rr / dot(q, Aq);
      x = x + step * q, r = r - step * Aq;
      q = r + (dot(r, r) / rr) * q;
      state = f.cg_iteration(p.policy, {fixed(p.theta), fixed(p.batch), fixed(tensor), state})[0];
      for (std::size_t i = 0; i < x.count(); ++i)
        CHECK(relative_error(state["x/" + x.name(i)], x[i]) < 1e-10);
    }
    // "kept": computed once for all iterations, as long as θ and the batch are the same tensors.
    CHECK(f.cg_iteration.describe_plan().find("kept while its inputs stay the same") != std::string::npos);
  }
}

TEST_CASE(
    "one TRPO update: the full step has KL δ to second order, the accepted one improves within δ, the input stays") {
  for (const Problem& p : {gaussian_problem(), categorical_problem()}) {
    const TrpoFunctions f;
    const TrpoConfig config{
        .delta = 1e-3, .cg_iterations = 20, .cg_damping = 1e-2};  // so few rows leave F nearly singular
    const ParamValues before = p.theta.with_flat(p.theta.flat());
    const TrpoStep step = trpo_update(p.theta, p.policy, p.batch, f, config);
    const Tensors Fs = f.fisher(p.policy, {p.theta, p.batch, step.full_step})[0] + config.cg_damping * step.full_step;
    CHECK(0.5 * dot(step.full_step, Fs) == Approx(1e-3).epsilon(1e-6));
    CHECK(step.search.accepted);
    CHECK(step.search.point.objective > step.objective_before);
    CHECK(step.search.point.kl <= 1e-3);
    CHECK(step.search.point.kl > 5e-4);
    CHECK(bitwise_equal(p.theta, before));
  }
}

TEST_CASE("TRPO and policy gradient: what stands in padding rows changes nothing, not even NaN") {
  for (const Problem& p : {gaussian_problem(), categorical_problem()})
    for (double garbage : {1e200, std::nan(""), -std::numeric_limits<double>::infinity()}) {
      const TrpoFunctions f;
      const int rows = p.batch["weights"].shape().rows;
      BatchValues batch = p.batch;
      int padding = 0;
      const auto spoil = [&](Tensors& list) {
        for (std::size_t i = 0; i < list.count(); ++i)
          for (int task = 0; task < list[i].shape().tasks && list[i].shape().rows == rows; ++task)
            for (int row = 0; row < rows; ++row)
              for (int c = 0; c < list[i].shape().cols && p.batch["weights"].at(task, row, 0) == 0; ++c)
                if (list.name(i) != "weights") list[i].set(task, row, c, garbage), ++padding;
      };
      spoil(batch);
      REQUIRE(padding > 1000);
      std::vector<Tensors> old = f.old_policy(p.policy, {p.theta, p.batch});
      CHECK(bitwise_equal(f.old_policy(p.policy, {p.theta, batch})[0], old[0]));
      std::vector<Tensors> spoilt = old;
      spoil(spoilt[0]), spoil(spoilt[1]);

      CHECK(bitwise_equal(f.gradient(p.policy, {p.theta, batch, spoilt[1][0]})[0],
                          f.gradient(p.policy, {p.theta, p.batch, old[1][0]})[0]));
      const ParamValues there = p.theta + 0.01 * direction(p.theta, 2);
      CHECK(bitwise_equal(f.evaluate(p.policy, {there, batch, spoilt[0], spoilt[1][0]})[0],
                          f.evaluate(p.policy, {there, p.batch, old[0], old[1][0]})[0]));
      const Tensors v = direction(p.theta, 3);
      CHECK(bitwise_equal(f.fisher(p.policy, {p.theta, batch, v})[0], f.fisher(p.policy, {p.theta, p.batch, v})[0]));
      CHECK(bitwise_equal(trpo_update(p.theta, p.policy, batch, f, {}).search.theta,
                          trpo_update(p.theta, p.policy, p.batch, f, {}).search.theta));
      const PolicyGradientFunction gradient;
      CHECK(bitwise_equal(gradient(p.policy, {p.theta, batch})[0], gradient(p.policy, {p.theta, p.batch})[0]));
    }
}

TEST_CASE("one TRPO update: nothing to gain, nothing moves; NaN advantages are an error") {
  Problem p = gaussian_problem();
  const TrpoFunctions f;
  p.batch["advantages"] = Tensor(p.batch["advantages"].shape());
  const TrpoStep step = trpo_update(p.theta, p.policy, p.batch, f, {});
  CHECK_FALSE(step.search.accepted);
  CHECK(bitwise_equal(step.search.theta, p.theta));
  p.batch["advantages"].set(0, 3, 0, std::nan(""));
  CHECK_THROWS_AS(trpo_update(p.theta, p.policy, p.batch, f, {}), NonFiniteError);
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("TRPO learns the two-state problem, the same bits for 1 and 4 threads and after save and restore",
          "[learning][plain]") {
  OptionValues values = default_values(trpo.options);
  for (const auto& [name, text] : std::initializer_list<std::pair<const char*, const char*>>{
           {"env", "two-state-v1"}, {"tasks", "1"}, {"trajectories", "64"}, {"hidden", "[8]"}, {"iterations", "30"}})
    values.set(name, parse_value(*find_option(trpo.options, name), text));
  const int before = thread_count();
  Tensors reference;
  for (int threads : {1, 4}) {
    set_thread_count(threads);
    std::unique_ptr<Trainer> trainer = trpo.make(values, 1);
    double first = 0, last = 0;
    for (int i = 0; i < 30; ++i) {
      if (i == 15) {
        // Killed and resumed.
        std::unique_ptr<Trainer> resumed = trpo.make(values, 1);
        if (threads == 4) resumed->restore(trainer->state(), 15), trainer = std::move(resumed);
      }
      const Metrics metrics = trainer->iterate();
      last = metrics[0].value;
      if (i == 0) first = last;
      CHECK(metrics[3].value <= 0.01);
      CHECK(metrics[2].value >= 0);
    }
    CHECK(last > first + 0.4);
    CHECK(last > 2.7);
    if (threads == 1) reference = trainer->state();
    CHECK(bitwise_equal(reference, trainer->state()));
  }
  set_thread_count(before);

  // With the trust region closed nothing is learned. One batch's mean return moves by about 0.25 by chance alone, so
  // ten iterations are compared with ten.
  values.set("delta", 1e-12);
  std::unique_ptr<Trainer> closed = trpo.make(values, 1);
  double first = 0, last = 0;
  for (int i = 0; i < 30; ++i) {
    const double value = closed->iterate()[0].value;
    if (i < 10) first += value / 10;
    if (i >= 20) last += value / 10;
  }
  CHECK(std::abs(last - first) < 0.2);
}
