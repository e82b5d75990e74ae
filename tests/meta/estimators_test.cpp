// The inner estimators beyond the first four: identities between them, and their spread over single trajectories.
#include <cmath>
#include <functional>
#include <map>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "envs/table.h"
#include "meta/maml.h"
#include "rl/experience/rollout.h"
#include "tests/catch.h"
#include "tests/meta/exact_gradients.h"
#include "tests/meta/explorations.h"

using namespace innerloop;
using namespace innerloop::meta;
using namespace innerloop::tests;

namespace {

using Matrix = std::vector<double>;  // 4 × 4, row by row

// V(s, t) of the fixture's policy.
std::array<std::array<double, 2>, 3> exact_values() {
  constexpr double next_is_0[2][2] = {{0.9, 0.2}, {0.3, 0.6}}, reward[2][2] = {{1, 0}, {-0.5, 2}};
  const std::array<double, 4> theta{0.3, -0.2, 0.1, 0.4};
  std::array<std::array<double, 2>, 3> value{};
  for (std::size_t t = 3; t-- > 0;)
    for (std::size_t s = 0; s < 2; ++s)
      for (std::size_t a = 0; a < 2; ++a) {
        const double next = t == 2 ? 0 : next_is_0[s][a] * value[t + 1][0] + (1 - next_is_0[s][a]) * value[t + 1][1];
        value[t][s] += table_policy(theta, static_cast<int>(s), static_cast<int>(a)) * (reward[s][a] + next);
      }
  return value;
}

// The 64 trajectories as 64 tasks of three rows; advantages are returns to go, less V if there is a baseline.
struct Singles {
  BatchValues batch;
  std::vector<double> probabilities;
  Tensor baseline{Shape{64, 3, 1}};
};
Singles single_trajectories(bool baseline) {
  const auto value = exact_values();
  const std::array<double, 4> theta{0.3, -0.2, 0.1, 0.4};
  Tensor observations({64, 3, 2}), actions({64, 3, 1}), advantages({64, 3, 1}), start({64, 3, 1}), old({64, 3, 1});
  Singles singles;
  int i = 0;
  for (const OneTrajectory& one : all_trajectories()) {
    singles.probabilities.push_back(trajectory_probability(theta, one));
    for (int t = 0; t < 3; ++t) {
      const double b = value[static_cast<std::size_t>(t)][static_cast<std::size_t>(one.s[t])];
      observations.set(i, t, one.s[t], 1);
      actions.set(i, t, 0, one.a[t]);
      advantages.set(i, t, 0, one.to_go[t] - (baseline ? b : 0));
      start.set(i, t, 0, t == 0);
      old.set(i, t, 0, std::log(table_policy(theta, one.s[t], one.a[t])));
      singles.baseline.set(i, t, 0, b);
    }
    ++i;
  }
  singles.batch.add("observations", observations);
  singles.batch.add("actions", actions);
  singles.batch.add("advantages", advantages);
  singles.batch.add("weights", Tensor::full({64, 3, 1}, 1));
  singles.batch.add("start", start);
  singles.batch.add("old_log_prob", old);
  return singles;
}

// The objective's Hessian in each of the 64 trajectories; objective: of per-trajectory parameters (64, 2, 2).
using Objective = std::function<Var(const Params&, const Batch&)>;
std::vector<Matrix> hessians(const Singles& singles, const Objective& objective) {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Params shared;
  shared.add("policy/W1", graph.input(table_theta()[0], "theta"));
  const Params theta = broadcast_tasks(shared, 64);
  Batch batch;
  for (std::size_t i = 0; i < singles.batch.count(); ++i)
    batch.add(singles.batch.name(i), graph.constant(singles.batch[i]));
  batch.add("baseline", graph.constant(singles.baseline));
  const Var value = objective(theta, batch);
  std::vector<Matrix> all(64);
  for (int column = 0; column < 4; ++column) {
    Tensor unit({64, 2, 2});
    for (int i = 0; i < 64; ++i) unit.set(i, column / 2, column % 2, 1);
    const Var v = graph.constant(unit);
    const Tensor h = hvp(value, theta.all(), std::span(&v, 1))[0].value();
    for (int i = 0; i < 64; ++i)
      for (int k = 0; k < 4; ++k) all[static_cast<std::size_t>(i)].push_back(h.at(i, k / 2, k % 2));
  }
  return all;
}
std::vector<Matrix> hessians(const Singles& singles, InnerEstimator estimator, double lambda = 0.5) {
  const MamlSpec spec{.policy = kTablePolicy, .estimator = estimator, .loaded_lambda = lambda};
  return hessians(singles,
                  [&](const Params& theta, const Batch& batch) { return inner_objective(theta, batch, spec); });
}

Matrix mean_of(const std::vector<Matrix>& all, const std::vector<double>& weights) {
  Matrix mean(16);
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t k = 0; k < 16; ++k) mean[k] += weights[i] * all[i][k];
  return mean;
}
// √E‖H − E H‖², Frobenius, of one trajectory.
double spread(const std::vector<Matrix>& all, const std::vector<double>& weights) {
  const Matrix mean = mean_of(all, weights);
  double sum = 0;
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t k = 0; k < 16; ++k) sum += weights[i] * (all[i][k] - mean[k]) * (all[i][k] - mean[k]);
  return std::sqrt(sum);
}
double largest_difference(const std::vector<Matrix>& a, const std::vector<Matrix>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t k = 0; k < 16; ++k) largest = std::max(largest, std::abs(a[i][k] - b[i][k]));
  return largest;
}

// DiCE as its paper writes it, Σ D_t r_t, with a term for a baseline b_t on each step.
Var written_out(const Params& theta, const Batch& batch, const std::function<Var(Var rho, Var before)>& baseline_term) {
  const Var log_pi = nn::log_prob(theta, kTablePolicy, batch["observations"], batch["actions"]);
  const Var log_rho = log_pi - stop_gradient(log_pi), not_start = 1.0 - batch["start"];
  const Var product = exp(linear_recurrence(log_rho, not_start, 3, +1));
  const Var to_go = batch["advantages"];
  // r_t = G_t − G_{t+1}, and 0 after the last step.
  const Var reward = to_go - shift_rows(not_start * to_go, -1);
  Var objective = product * reward;
  if (baseline_term) {
    const Var before = not_start * shift_rows(product, 1) + batch["start"];
    objective = objective + baseline_term(exp(log_rho), before) * batch["baseline"];
  }
  return sum_all(objective);
}

}  // namespace

TEST_CASE("[MAML eq. loaded-dice] lambda 0 is the likelihood ratio, 1 is DiCE, in every trajectory") {
  const Singles singles = single_trajectories(true);
  CHECK(largest_difference(hessians(singles, InnerEstimator::loaded_dice, 0),
                           hessians(singles, InnerEstimator::likelihood_ratio)) < 1e-12);
  CHECK(largest_difference(hessians(singles, InnerEstimator::loaded_dice, 1),
                           hessians(singles, InnerEstimator::dice)) < 1e-12);
  CHECK(largest_difference(hessians(singles, InnerEstimator::loaded_dice, 0.5),
                           hessians(singles, InnerEstimator::dice)) > 0.1);
}

TEST_CASE("[MAML eq. taypo-2] has DiCE's Hessian in every trajectory") {
  for (const bool baseline : {false, true}) {
    const Singles singles = single_trajectories(baseline);
    CHECK(largest_difference(hessians(singles, InnerEstimator::taypo_2), hessians(singles, InnerEstimator::dice)) <
          1e-12);
  }
}

TEST_CASE("DiCE of advantages is DiCE with the baseline of all orders") {
  // Σ (D_t − D_{t−1})(G_t − b_t) = Σ D_t r_t + Σ D_{t−1}(1 − ρ_t) b_t − (a constant).
  const Singles plain = single_trajectories(false), advantages = single_trajectories(true);
  const std::vector<Matrix> written = hessians(plain, [](const Params& theta, const Batch& batch) {
    return written_out(theta, batch, [](Var rho, Var before) { return before * (1.0 - rho); });
  });
  CHECK(largest_difference(hessians(advantages, InnerEstimator::dice), written) < 1e-12);
  CHECK(largest_difference(hessians(plain, InnerEstimator::dice), hessians(plain, [](const Params& t, const Batch& b) {
          return written_out(t, b, nullptr);
        })) < 1e-12);
}

TEST_CASE("the exact spread of the estimators' Hessian in one trajectory") {
  const Singles plain = single_trajectories(false), advantages = single_trajectories(true);
  const auto of = [](const Singles& singles, InnerEstimator estimator) {
    return spread(hessians(singles, estimator), singles.probabilities);
  };
  CHECK(of(plain, InnerEstimator::log_likelihood) == Approx(1.337).margin(1e-3));
  CHECK(of(advantages, InnerEstimator::log_likelihood) == Approx(1.156).margin(1e-3));
  CHECK(of(plain, InnerEstimator::likelihood_ratio) == Approx(.700).margin(1e-3));
  CHECK(of(advantages, InnerEstimator::likelihood_ratio) == Approx(.376).margin(1e-3));
  CHECK(of(plain, InnerEstimator::dice) == Approx(1.702).margin(1e-3));
  CHECK(of(advantages, InnerEstimator::dice) == Approx(1.600).margin(1e-3));

  // Other baselines for DiCE, all without bias: of the first order only, and TMAML's, with either sign.
  const Matrix exact = mean_of(hessians(plain, InnerEstimator::dice), plain.probabilities);
  struct Row {
    std::function<Var(Var, Var)> term;
    double spread;
  };
  for (const Row& row : {Row{[](Var rho, Var) { return 1.0 - rho; }, 1.882},
                         Row{[](Var rho, Var before) { return -1.0 * (1.0 - before) * (1.0 - rho); }, 1.493},
                         Row{[](Var rho, Var before) { return (1.0 - before) * (1.0 - rho); }, 2.852}}) {
    const std::vector<Matrix> all = hessians(
        plain, [&](const Params& theta, const Batch& batch) { return written_out(theta, batch, row.term); });
    CHECK(spread(all, plain.probabilities) == Approx(row.spread).margin(1e-3));
    const Matrix mean = mean_of(all, plain.probabilities);
    for (std::size_t k = 0; k < 16; ++k) CHECK(std::abs(mean[k] - exact[k]) < 1e-12);
  }
}

TEST_CASE("the spread of 100 000 sampled trajectories is the exact one to 3 %") {
  // Trajectories of the environment itself, each known by its states and actions (the state after the last step does
  // not matter to any estimator).
  const rl::Rollout rollout(envs::find_env("two-state-v1"), kTablePolicy);
  const rl::Trajectories sampled = rollout.collect(table_theta(), {{0.0}, {0.0}}, 50000, {.seed = 1});
  std::map<std::array<int, 5>, int> code_of;
  const std::vector<OneTrajectory> all = all_trajectories();
  for (int i = 0; i < 64; ++i) {
    const OneTrajectory& one = all[static_cast<std::size_t>(i)];
    code_of[{one.s[1], one.s[2], one.a[0], one.a[1], one.a[2]}] = i;
  }
  std::vector<double> frequency(64);
  for (int n = 0; n < 100000; ++n) {
    const int task = n % 2, row = 3 * (n / 2);
    const auto state = [&](int t) { return static_cast<int>(sampled.observations.at(task, row + t, 1)); };
    const auto action = [&](int t) { return static_cast<int>(sampled.actions.at(task, row + t, 0)); };
    frequency[static_cast<std::size_t>(code_of.at({state(1), state(2), action(0), action(1), action(2)}))] += 1e-5;
  }
  for (const bool baseline : {false, true}) {
    const Singles singles = single_trajectories(baseline);
    for (const InnerEstimator estimator :
         {InnerEstimator::log_likelihood, InnerEstimator::likelihood_ratio, InnerEstimator::dice,
          InnerEstimator::loaded_dice, InnerEstimator::taypo_2}) {
      const std::vector<Matrix> h = hessians(singles, estimator);
      CHECK(spread(h, frequency) == Approx(spread(h, singles.probabilities)).epsilon(0.03));
    }
  }
}
