// The policy gradient against exact enumeration, and its trainer.
#include "rl/policy_gradient.h"

#include <cmath>

#include "kernels/threads.h"
#include "rl/experience/batch.h"
#include "rl/experience/on_policy.h"
#include "rl/experience/returns.h"
#include "tests/catch.h"
#include "tests/rl/two_state_fixture.h"

using namespace innerloop;
using namespace innerloop::rl;
using innerloop::tests::TwoStateFixture;

namespace {

BatchValues exact_batch(const TwoStateFixture& fixture, const Tensor& advantages) {
  BatchValues batch =
      make_batch(fixture.trajectories, {.gamma = 1, .baseline = BaselineKind::none, .standardise = false});
  batch["weights"] = fixture.weights;
  batch["advantages"] = advantages;
  return batch;
}

std::vector<double> exact_gradient(const Tensor& advantages) {
  const TwoStateFixture fixture;
  return PolicyGradientFunction()(fixture.policy, {fixture.parameters(), exact_batch(fixture, advantages)})[0].flat();
}

OptionValues settings(const AlgorithmRow& row, std::initializer_list<std::pair<const char*, const char*>> changes) {
  OptionValues values = default_values(row.options);
  for (const auto& [name, text] : changes) values.set(name, parse_value(*find_option(row.options, name), text));
  return values;
}

OptionValues tiny() {
  return settings(policy_gradient, {{"env", "two-state-v1"},
                                    {"tasks", "1"},
                                    {"trajectories", "64"},
                                    {"hidden", "[8]"},
                                    {"activation", "tanh"},
                                    {"iterations", "40"},
                                    {"learning_rate", "0.05"}});
}

}  // namespace

TEST_CASE("the exact fixture: J by enumeration") {
  CHECK(TwoStateFixture().expected_return() == Approx(TwoStateFixture::J).epsilon(0).margin(1e-12));
}

TEST_CASE("[PG eq. surrogate] the surrogate is the weighted sum of log-probability times advantage: by hand") {
  const TwoStateFixture fixture;
  const Function<nn::PolicySpec> surrogate(
      "test/surrogate", [](Inputs& in, const nn::PolicySpec& policy) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        Vars out;
        out.add("surrogate", policy_gradient_surrogate(theta, policy, in.next("batch")));
        return {out};
      });
  const Tensor G = discounted_returns(fixture.trajectories, 1);
  double expected = 0;
  for (int row = 0; row < 192; ++row) {
    const std::size_t s = fixture.trajectories.observations.at(0, row, 1) != 0 ? 1 : 0;
    const double z[] = {fixture.theta[2 * s], fixture.theta[2 * s + 1]};
    const double log_pi =
        z[static_cast<int>(fixture.trajectories.actions.at(0, row, 0))] - std::log(std::exp(z[0]) + std::exp(z[1]));
    expected += fixture.weights.at(0, row, 0) * log_pi * G.at(0, row, 0);
  }
  const double value = surrogate(fixture.policy, {fixture.parameters(), exact_batch(fixture, G)})[0][0].item();
  CHECK(value == Approx(expected).epsilon(1e-13));
}

TEST_CASE("[PG eq. gradient] over all trajectories it is the gradient of J, with and without a baseline") {
  const TwoStateFixture fixture;
  const Tensor G = discounted_returns(fixture.trajectories, 1);
  const std::vector<double> g = exact_gradient(G);
  for (std::size_t k = 0; k < 4; ++k) CHECK(g[k] == Approx(TwoStateFixture::gradient[k]).epsilon(0).margin(1e-8));

  // Central differences of J itself, which knows nothing of log-probabilities.
  for (std::size_t k = 0; k < 4; ++k) {
    std::vector<double> up = fixture.theta, down = fixture.theta;
    up[k] += 1e-5;
    down[k] -= 1e-5;
    const double difference = (TwoStateFixture(up).expected_return() - TwoStateFixture(down).expected_return()) / 2e-5;
    CHECK(g[k] == Approx(difference).epsilon(0).margin(1e-9));
  }

  // A baseline that depends on state and time leaves the expectation where it is.
  Tensor A = G;
  for (int row = 0; row < 192; ++row)
    A.set(0, row, 0,
          G.at(0, row, 0) - 5 + 2 * fixture.trajectories.observations.at(0, row, 0) -
              fixture.trajectories.time.at(0, row, 0));
  const std::vector<double> with_baseline = exact_gradient(A);
  for (std::size_t k = 0; k < 4; ++k) CHECK(with_baseline[k] == Approx(g[k]).epsilon(0).margin(1e-13));

  // The whole return in place of the return to go has the same expectation too; the return so far does not.
  Tensor whole = G, so_far = G;
  for (int n = 0; n < 64; ++n)
    for (int t = 0; t < 3; ++t) {
      whole.set(0, 3 * n + t, 0, G.at(0, 3 * n, 0));
      so_far.set(0, 3 * n + t, 0, G.at(0, 3 * n, 0) - G.at(0, 3 * n + t, 0));
    }
  const std::vector<double> of_whole = exact_gradient(whole), of_past = exact_gradient(so_far);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(of_whole[k] == Approx(g[k]).epsilon(0).margin(1e-13));
    CHECK(std::abs(of_past[k]) < 1e-13);  // actions cannot change the past
  }
}

TEST_CASE("policy gradient of one policy per task: each task's gradient is its own") {
  const TwoStateFixture fixture;
  const BatchValues one = exact_batch(fixture, discounted_returns(fixture.trajectories, 1));
  BatchValues two;
  ParamValues thetas;
  for (std::size_t k = 0; k < one.count(); ++k) {
    std::vector<double> numbers = one[k].to_vector();
    const std::vector<double> copy = numbers;
    for (double x : copy) numbers.push_back(one.name(k) == "advantages" ? 3 * x : x);
    two.add(one.name(k), Tensor::from({2, one[k].shape().rows, one[k].shape().cols}, numbers));
  }
  thetas.add("policy/W1", Tensor::from({2, 2, 2}, std::vector<double>{0.3, -0.2, 0.1, 0.4, 0.3, -0.2, 0.1, 0.4}));
  const PolicyGradientFunction gradient;
  const std::vector<double> g = gradient(fixture.policy, {thetas, two})[0].flat();
  const std::vector<double> shared = gradient(fixture.policy, {fixture.parameters(), two})[0].flat();
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(g[4 + k] == Approx(3 * g[k]).epsilon(1e-13));
    CHECK(shared[k] == Approx(g[k] + g[4 + k]).epsilon(1e-13));
  }
}

// [plain] trains until something is learned, which takes minutes under a sanitizer
TEST_CASE("policy gradient learns the two-state problem, and learns nothing at learning rate 0", "[learning][plain]") {
  const std::unique_ptr<Trainer> trainer = policy_gradient.make(tiny(), 1);
  double first = 0, last = 0;
  while (trainer->iteration() < trainer->iterations()) {
    last = trainer->iterate()[0].value;
    if (trainer->iteration() == 1) first = last;
  }
  CAPTURE(first, last);
  CHECK(first < 2.75);
  CHECK(last > 3);  // the best possible is 3.23

  OptionValues frozen = tiny();
  frozen.set("learning_rate", 0.0);
  const std::unique_ptr<Trainer> still = policy_gradient.make(frozen, 1);
  const Tensors before = still->state();
  double sum = 0;
  for (int i = 0; i < 40; ++i) sum += still->iterate()[0].value;
  for (std::size_t k = 0; k < 4; ++k) CHECK(bitwise_equal(still->state()[k], before[k]));
  CHECK(sum / 40 < 2.75);
}

TEST_CASE("policy gradient: the same bits for 1, 2 and 4 threads, and after save and restore; names of metrics stay") {
  const int threads_before = thread_count();
  Tensors reference;
  for (int threads : {1, 2, 4}) {
    set_thread_count(threads);
    const std::unique_ptr<Trainer> trainer = policy_gradient.make(tiny(), 3);
    for (int i = 0; i < 4; ++i) trainer->iterate();
    if (threads == 1) reference = trainer->state();
    CHECK(bitwise_equal(reference, trainer->state()));
  }
  set_thread_count(threads_before);

  for (const char* fit : {"same-batch", "previous-batch"}) {
    OptionValues values = tiny();
    values.set("baseline_fit", std::string(fit));
    const std::unique_ptr<Trainer> a = policy_gradient.make(values, 3), b = policy_gradient.make(values, 3);
    for (int i = 0; i < 2; ++i) a->iterate();
    b->restore(a->state(), a->iteration());
    const Metrics of_a = a->iterate(), of_b = b->iterate();
    REQUIRE(of_a.size() == of_b.size());
    for (std::size_t k = 0; k < of_a.size(); ++k) {
      CHECK(of_a[k].name == of_b[k].name);
      CHECK(of_a[k].value == of_b[k].value);
    }
    CHECK(bitwise_equal(a->state(), b->state()));
  }
  const std::unique_ptr<Trainer> other =
      policy_gradient.make(settings(policy_gradient, {{"hidden", "[9]"}, {"env", "two-state-v1"}}), 3);
  CHECK_THROWS_WITH(other->restore(reference, 4), Catch::Matchers::ContainsSubstring("policy/W1"));
}

TEST_CASE("adapting a policy: returns after 0 … K steps for each task, a path at each, the policy untouched") {
  const std::unique_ptr<Trainer> trainer = policy_gradient.make(
      settings(policy_gradient, {{"env", "point-nav-v1"}, {"hidden", "[16]"}, {"adapt_rate", "0.5"}, {"dtype", "f64"}}),
      1);
  const Tensors before = trainer->state();
  AdaptRequest request{
      .tasks = Tensor::from({1, 2, 2}, std::vector<double>{0.3, 0.3, -0.4, 0.1}), .steps = 2, .trajectories = 10};
  const AdaptReport report = trainer->adapt(request);
  CHECK(report.returns.shape() == Shape{1, 2, 3});
  REQUIRE(report.paths.size() == 6);
  CHECK(report.paths[5].task == 1);
  CHECK(report.paths[5].step == 2);
  CHECK(bitwise_equal(trainer->state(), before));
  CHECK(bitwise_equal(trainer->adapt(request).returns, report.returns));
  // The second task alone is adapted to as beside the first, but for its number, which its random numbers depend on.
  request.seed = 2;
  CHECK_FALSE(bitwise_equal(trainer->adapt(request).returns, report.returns));
}
