// Returns, advantages, baselines and batches against hand-computed numbers.
#include "rl/experience/returns.h"

#include <cmath>

#include "kernels/philox.h"
#include "kernels/require.h"
#include "rl/experience/batch.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;
using namespace innerloop::rl;

namespace {

// Trajectories of given rewards: rewards[task][n] is one trajectory; observation = 10·task + n + 0.1·t, one number.
Trajectories make(const std::vector<std::vector<std::vector<double>>>& rewards) {
  Trajectories all;
  all.tasks = static_cast<int>(rewards.size());
  all.per_task = static_cast<int>(rewards[0].size());
  const Shape shape{all.tasks, 256, 1};
  for (Tensor* column :
       {&all.observations, &all.actions, &all.rewards, &all.mask, &all.time, &all.start, &all.continues})
    *column = Tensor(shape);
  for (int task = 0; task < all.tasks; ++task) {
    int row = 0;
    for (int n = 0; n < all.per_task; ++n) {
      const std::vector<double>& r = rewards[static_cast<std::size_t>(task)][static_cast<std::size_t>(n)];
      all.lengths.push_back(static_cast<int>(r.size()));
      for (std::size_t t = 0; t < r.size(); ++t, ++row) {
        all.observations.set(task, row, 0, 10 * task + n + 0.1 * static_cast<double>(t));
        all.rewards.set(task, row, 0, r[t]);
        all.mask.set(task, row, 0, 1);
        all.continues.set(task, row, 0, t + 1 < r.size());
      }
    }
  }
  return all;
}

std::vector<double> head(const Tensor& column, int count, int task = 0) {
  std::vector<double> numbers;
  for (int row = 0; row < count; ++row) numbers.push_back(column.at(task, row, 0));
  return numbers;
}

const Trajectories two_by_two = make({{{1, 2, 4}, {8, 16}}, {{1}, {3}}});

}  // namespace

TEST_CASE("discounted returns stop at the end of each trajectory and are 0 on padding [returns eq. discounted]") {
  const Tensor G = discounted_returns(two_by_two, 0.5);
  CHECK(head(G, 6) == std::vector<double>{1 + 0.5 * 4, 2 + 0.5 * 4, 4, 16, 16, 0});
  CHECK(head(G, 3, 1) == std::vector<double>{1, 3, 0});
}

TEST_CASE("bootstrapping adds γV after the last step of each trajectory only") {
  Tensor end(two_by_two.rewards.shape());
  end.set(0, 2, 0, 100);
  end.set(0, 1, 0, 7);  // not a last row: never read
  const Tensor G = discounted_returns(two_by_two, 0.5, end);
  CHECK(head(G, 5) == std::vector<double>{3 + 12.5, 4 + 25, 54, 16, 16});
}

TEST_CASE("GAE: λ = 0 is the temporal difference, λ = 1 is return minus value, in between by hand [GAE eq. 16]") {
  Tensor values(two_by_two.rewards.shape());
  const double v[] = {1, -1, 2, 3, 5};
  for (int row = 0; row < 5; ++row) values.set(0, row, 0, v[row]);
  const Tensor td = gae(two_by_two, values, 0.5, 0);
  CHECK(head(td, 6) == std::vector<double>{1 - 0.5 - 1, 2 + 1 + 1, 4 - 2, 8 + 2.5 - 3, 16 - 5, 0});
  const std::vector<double> mc = head(gae(two_by_two, values, 0.5, 1), 5),
                            G = head(discounted_returns(two_by_two, 0.5), 5);
  for (std::size_t row = 0; row < 5; ++row) CHECK(mc[row] == Approx(G[row] - v[row]).epsilon(1e-15));
  // δ = −½, 4, 2 and γλ = ¼:  A_1 = 4 + ½, A_0 = −½ + ¼·4½
  CHECK(head(gae(two_by_two, values, 0.5, 0.5), 3) == std::vector<double>{-0.5 + 0.25 * 4.5, 4.5, 2});
}

TEST_CASE("standardised: mean 0 and deviation 1 over real rows, per task or pooled; padding stays 0") {
  const Tensor z = standardised(two_by_two.rewards, two_by_two.mask);
  double sum = 0, squares = 0;
  for (double x : head(z, 5)) sum += x, squares += x * x;
  CHECK(std::abs(sum) < 1e-14);
  CHECK(squares / 5 == Approx(1).epsilon(1e-7));
  CHECK(head(z, 3, 1) == std::vector<double>{-1 / (1 + 1e-8), 1 / (1 + 1e-8), 0});
  CHECK(z.at(0, 5, 0) == 0);
  const Tensor pooled = standardised(two_by_two.rewards, two_by_two.mask, true);
  CHECK(pooled.at(0, 0, 0) == pooled.at(1, 0, 0));  // both rewards are 1
  // All equal: zeros, not NaN.
  const Trajectories flat = make({{{2, 2}, {2}}});
  CHECK(head(standardised(flat.rewards, flat.mask), 3) == std::vector<double>{0, 0, 0});
}

TEST_CASE("row weights: the three conventions") {
  CHECK(head(row_weights(two_by_two, Weighting::flat_mean), 6) == std::vector<double>{0.2, 0.2, 0.2, 0.2, 0.2, 0});
  CHECK(head(row_weights(two_by_two, Weighting::trajectory_sum), 6) == std::vector<double>{0.5, 0.5, 0.5, 0.5, 0.5, 0});
  CHECK(head(row_weights(two_by_two, Weighting::trajectory_mean), 6) ==
        std::vector<double>{1.0 / 6, 1.0 / 6, 1.0 / 6, 0.25, 0.25, 0});
  CHECK(row_weights(two_by_two, Weighting::flat_mean, true).at(1, 0, 0) == 1.0 / 7);
  CHECK(row_weights(two_by_two, Weighting::trajectory_sum, true).at(1, 0, 0) == 0.25);
}

TEST_CASE(
    "linear baseline: recovers a return that is linear in its features, and clips observations at ±10 "
    "[baseline eq. fit]") {
  // Many random observations; G = 2o − ½o² + 3t/100 + 1, with o clipped.
  Trajectories all =
      make({{std::vector<double>(60), std::vector<double>(70)}, {std::vector<double>(50), std::vector<double>(40)}});
  Tensor G(all.rewards.shape());
  for (int task = 0; task < 2; ++task) {
    Philox random(3, {.purpose = Purpose::check, .task = static_cast<std::uint32_t>(task)});
    int row = 0;
    for (int n = 0; n < 2; ++n)
      for (int t = 0; t < all.lengths[static_cast<std::size_t>(all.lane(task, n))]; ++t, ++row) {
        const double o = row == 7 ? 25 : random.uniform(-3, 3), clipped = std::min(o, 10.0);
        all.observations.set(task, row, 0, o);
        G.set(task, row, 0, 2 * clipped - 0.5 * clipped * clipped + 0.03 * t + 1 + task);
      }
  }
  const Tensor weights = fit_linear_baseline(all, G);
  CHECK(weights.shape() == Shape{2, 6, 1});
  CHECK(weights.at(0, 0, 0) == Approx(2).epsilon(1e-4));
  CHECK(weights.at(0, 1, 0) == Approx(-0.5).epsilon(1e-4));
  CHECK(weights.at(1, 5, 0) == Approx(2).epsilon(1e-2));
  CHECK(relative_error(predict_linear_baseline(all, weights), G) < 1e-4);
  CHECK(predict_linear_baseline(all, weights).at(1, 95, 0) == 0);

  // Pooled: one set of weights, by the sum of the normal equations.
  const Tensor pooled = fit_linear_baseline(all, G, true);
  CHECK(pooled.at(0, 5, 0) == pooled.at(1, 5, 0));
  CHECK(pooled.at(0, 5, 0) > 1.01);
  CHECK(pooled.at(0, 5, 0) < 1.99);
}

// [threads] rl/experience/baseline.cpp
TEST_CASE("linear baseline: fit and prediction have the same bits on 1, 2 and 4 threads", "[threads]") {
  const Trajectories all = make({{{1, 2, 3}, {4}}, {{5, 6}, {7}}, {{8}, {9, 1}}, {{2}, {3}}, {{4, 4, 4}, {5}}});
  const auto fitted = [&](int threads) {
    const ThreadCount count(threads);
    const Tensor weights = fit_linear_baseline(all, discounted_returns(all, 0.9));
    return predict_linear_baseline(all, weights);
  };
  const Tensor one = fitted(1);
  CHECK(bitwise_equal(fitted(2), one));
  CHECK(bitwise_equal(fitted(4), one));
}

TEST_CASE("linear baseline: data that determine nothing still give finite weights") {
  const Trajectories all = make({{{1}, {1}}});
  const Tensor weights = fit_linear_baseline(all, discounted_returns(all, 1));
  CHECK(weights.all_finite());
  CHECK(predict_linear_baseline(all, weights).at(0, 0, 0) == Approx(1).epsilon(1e-4));
  Trajectories broken = make({{{std::nan("")}, {1}}});
  CHECK_THROWS_AS(fit_linear_baseline(broken, discounted_returns(broken, 1)), NonFiniteError);
}

TEST_CASE("baseline: on the same batch, or with the fit of the batch before, which starts at 0") {
  const Tensor G = discounted_returns(two_by_two, 1);
  Tensor state;
  CHECK(head(baseline_values(BaselineKind::mean, BaselineFit::same_batch, two_by_two, G, state), 6) ==
        std::vector<double>{11.4, 11.4, 11.4, 11.4, 11.4, 0});  // (7 + 6 + 4 + 24 + 16)/5
  state = Tensor();
  CHECK(head(baseline_values(BaselineKind::mean, BaselineFit::previous_batch, two_by_two, G, state), 5) ==
        std::vector<double>(5, 0.0));
  CHECK(state.at(1, 0, 0) == 2);
  CHECK(baseline_values(BaselineKind::mean, BaselineFit::previous_batch, two_by_two, G, state).at(1, 1, 0) == 2);
  Tensor none;
  CHECK(baseline_values(BaselineKind::none, BaselineFit::same_batch, two_by_two, G, none).to_vector() ==
        std::vector<double>(512, 0.0));
}

TEST_CASE("a batch: the estimator's names, and advantages by GAE from the baseline") {
  AdvantageConfig config{.gamma = 0.5, .lambda = 1, .baseline = BaselineKind::none, .standardise = false};
  const BatchValues batch = make_batch(two_by_two, config);
  for (const char* name : {"observations", "actions", "advantages", "mask", "weights"}) CHECK(batch.contains(name));
  CHECK(bitwise_equal(batch["advantages"], discounted_returns(two_by_two, 0.5)));
  config.standardise = true;
  CHECK(bitwise_equal(make_batch(two_by_two, config)["advantages"],
                      standardised(discounted_returns(two_by_two, 0.5), two_by_two.mask)));
  // The linear baseline leaves less to explain than none.
  config = {.standardise = false};
  double with = 0, without = 0;
  for (double a : make_batch(two_by_two, config)["advantages"].to_vector()) with += a * a;
  config.baseline = BaselineKind::none;
  for (double a : make_batch(two_by_two, config)["advantages"].to_vector()) without += a * a;
  CHECK(with < 0.1 * without);
}
