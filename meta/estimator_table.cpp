#include "meta/estimator_table.h"

#include <fmt/format.h>

#include <cmath>

#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "envs/tabular.h"
#include "kernels/philox.h"
#include "meta/maml.h"

namespace innerloop::meta {
namespace {

using Env = envs::TwoState<double>;
using Vector4 = std::array<double, 4>;
using Matrix4 = std::array<Vector4, 4>;

constexpr Vector4 start_theta{0.3, -0.2, 0.1, 0.4};  // tabular softmax, ordered (s, a)
constexpr int trajectory_count = 64, steps = 3;

// The estimators in the order of the rows; the last adds E-MAML's credit to log-likelihood.
constexpr InnerEstimator estimators[] = {InnerEstimator::first_order,      InnerEstimator::log_likelihood,
                                         InnerEstimator::likelihood_ratio, InnerEstimator::loaded_dice,
                                         InnerEstimator::dice,             InnerEstimator::taypo_2};
constexpr std::size_t estimator_count = std::size(estimators), credit_row = estimator_count;

std::array<double, 2> policy(const Vector4& theta, int s) {
  const double e0 = std::exp(theta[static_cast<std::size_t>(2 * s)]),
               e1 = std::exp(theta[static_cast<std::size_t>(2 * s + 1)]);
  return {e0 / (e0 + e1), e1 / (e0 + e1)};
}

// ∇J(θ) in closed form: Σ_t d_t(s)·π(a|s)·(Q_t(s, a) − V_t(s)), and J(θ).
struct Exact {
  Vector4 gradient{};
  double value = 0;
};
Exact exact_return(const Vector4& theta, double shift) {
  double q[steps][2][2] = {}, v[steps + 1][2] = {};
  for (int t = steps - 1; t >= 0; --t)
    for (int s = 0; s < 2; ++s) {
      const auto pi = policy(theta, s);
      for (int a = 0; a < 2; ++a) {
        const double p0 = Env::probability_of_0(s, a);
        q[t][s][a] = Env::reward(s, a) + shift + p0 * v[t + 1][0] + (1 - p0) * v[t + 1][1];
        v[t][s] += pi[static_cast<std::size_t>(a)] * q[t][s][a];
      }
    }
  Exact exact{.gradient = {}, .value = v[0][0]};
  double d[2] = {1, 0};  // where one is at step t
  for (int t = 0; t < steps; ++t) {
    double next[2] = {0, 0};
    for (int s = 0; s < 2; ++s) {
      const auto pi = policy(theta, s);
      for (int a = 0; a < 2; ++a) {
        const double p = d[s] * pi[static_cast<std::size_t>(a)], p0 = Env::probability_of_0(s, a);
        exact.gradient[static_cast<std::size_t>(2 * s + a)] += p * (q[t][s][a] - v[t][s]);
        next[0] += p * p0, next[1] += p * (1 - p0);
      }
    }
    d[0] = next[0], d[1] = next[1];
  }
  return exact;
}

// What the library's own objectives say of each of the 64 trajectories at θ.
struct Single {
  double probability = 0;
  Vector4 score{};     // ∇log π(τ)
  Vector4 gradient{};  // ∇Ĵ: the same for all estimators
  std::array<Matrix4, estimator_count> hessian{};
};
std::vector<Single> single_trajectories(double shift) {
  // The trajectories side by side as 64 tasks of three rows, returns to go as advantages.
  std::vector<Single> singles(trajectory_count);
  Tensor observations({trajectory_count, steps, 2}), actions({trajectory_count, steps, 1});
  Tensor to_go({trajectory_count, steps, 1}), begins({trajectory_count, steps, 1});
  for (int code = 0; code < trajectory_count; ++code) {
    Single& one = singles[static_cast<std::size_t>(code)];
    one.probability = 1;
    double rewards[steps];
    int s = 0;
    for (int t = 0; t < steps; ++t) {
      const int a = code >> (2 * t) & 1, next = code >> (2 * t + 1) & 1;
      const auto pi = policy(start_theta, s);
      for (int b = 0; b < 2; ++b)
        one.score[static_cast<std::size_t>(2 * s + b)] += (a == b) - pi[static_cast<std::size_t>(b)];
      const double p0 = Env::probability_of_0(s, a);
      one.probability *= pi[static_cast<std::size_t>(a)] * (next == 0 ? p0 : 1 - p0);
      rewards[t] = Env::reward(s, a) + shift;
      observations.set(code, t, s, 1), actions.set(code, t, 0, a), begins.set(code, t, 0, t == 0);
      s = next;
    }
    for (int t = 0; t < steps; ++t)
      for (int k = t; k < steps; ++k) to_go.set(code, t, 0, to_go.at(code, t, 0) + rewards[k]);
  }

  MamlSpec spec{.policy = {.net = {.inputs = 2, .hidden = {}, .outputs = 2, .biases = false},
                                 .head = nn::PolicySpec::Head::categorical}};
  for (std::size_t e = 0; e < estimator_count; ++e) {
    if (estimators[e] == InnerEstimator::first_order) continue;  // its Hessian is 0
    spec.estimator = estimators[e];
    Graph graph(Dtype::f64, Graph::Mode::eager);
    Params shared("policy/W1", graph.input(Tensor::from({1, 2, 2}, {start_theta.begin(), start_theta.end()}), "theta"));
    const Params theta = broadcast_tasks(shared, trajectory_count);
    Batch batch("observations", graph.constant(observations));
    batch.add("actions", graph.constant(actions));
    batch.add("advantages", graph.constant(to_go));
    batch.add("start", graph.constant(begins));
    batch.add("weights", graph.fill({trajectory_count, steps, 1}, 1));
    const Var objective = inner_objective(theta, batch, spec);
    const Tensor gradient = grad(objective, theta)[0].value();
    for (int column = 0; column < 4; ++column) {
      Tensor unit({trajectory_count, 2, 2});
      for (int i = 0; i < trajectory_count; ++i) unit.set(i, column / 2, column % 2, 1);
      const Var v = graph.constant(unit);
      const Tensor product = hvp(objective, theta.all(), std::span(&v, 1))[0].value();
      for (int i = 0; i < trajectory_count; ++i)
        for (int k = 0; k < 4; ++k) {
          Single& one = singles[static_cast<std::size_t>(i)];
          one.gradient[static_cast<std::size_t>(k)] = gradient.at(i, k / 2, k % 2);
          one.hessian[e][static_cast<std::size_t>(column)][static_cast<std::size_t>(k)] =
              product.at(i, k / 2, k % 2);
        }
    }
  }
  return singles;
}

// The mean over explored trajectories: gradient, Hessians, and the sum of scores.
struct Explored {
  Vector4 gradient{}, score{};
  std::array<Matrix4, estimator_count> hessian{};
  void add(const Single& one, double weight) {
    for (std::size_t k = 0; k < 4; ++k) {
      gradient[k] += weight * one.gradient[k];
      score[k] += one.score[k];
      for (std::size_t e = 0; e < estimator_count; ++e)
        for (std::size_t l = 0; l < 4; ++l) hessian[e][k][l] += weight * one.hessian[e][k][l];
    }
  }
};

// Every estimator's meta-gradient for what was explored: (1 + α∇²Ĵ)∇J(θ'); and that of log-likelihood with the credit
// Σ_n ∇log π(τ̄^n)·(J(θ') − J(θ)).
using Estimates = std::array<Vector4, estimator_count + 1>;
Estimates estimates(const Explored& explored, double shift, double baseline) {
  Vector4 theta_prime = start_theta;
  for (std::size_t k = 0; k < 4; ++k) theta_prime[k] += estimator_table_alpha * explored.gradient[k];
  const Exact after = exact_return(theta_prime, shift);
  Estimates all{};
  for (std::size_t e = 0; e < estimator_count; ++e)
    for (std::size_t k = 0; k < 4; ++k) {
      all[e][k] = after.gradient[k];
      for (std::size_t l = 0; l < 4; ++l)
        all[e][k] += estimator_table_alpha * explored.hessian[e][k][l] * after.gradient[l];
    }
  for (std::size_t k = 0; k < 4; ++k)
    all[credit_row][k] = all[1][k] + explored.score[k] * (after.value - baseline);
  return all;
}

double dot4(const Vector4& a, const Vector4& b) {
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) sum += a[k] * b[k];
  return sum;
}

// Sums over outcomes, each with its probability. Distances are those to the last row, E-MAML's, in the same outcome:
// its mean is ∇J_E.
class Accumulator {
 public:
  void add(const Estimates& g, double weight) {
    for (std::size_t e = 0; e < g.size(); ++e)
      for (std::size_t k = 0; k < 4; ++k) {
        const double off = g[e][k] - g[credit_row][k];
        mean_[e][k] += weight * g[e][k];
        square_[e] += weight * g[e][k] * g[e][k];
        off_square_[e] += weight * off * off;
      }
  }
  // samples: of equal weight; 0: all outcomes there are.
  EstimatorTable table(int trajectories, int samples) const {
    const Vector4& truth = mean_[credit_row];
    const double size = std::sqrt(dot4(truth, truth));
    EstimatorTable table{.trajectories = trajectories, .samples = samples, .rows = {}};
    for (std::size_t e = 0; e <= estimator_count; ++e) {
      Vector4 off{};
      for (std::size_t k = 0; k < 4; ++k) off[k] = mean_[e][k] - truth[k];
      const double mean_square = dot4(mean_[e], mean_[e]), bias = std::sqrt(dot4(off, off));
      const double error = samples == 0 ? 0 : std::sqrt(std::max(0.0, off_square_[e] - bias * bias) / samples);
      table.rows.push_back({.estimator = e == credit_row ? "log-likelihood + credit" : word_for(estimators[e]),
                            .mean = mean_[e],
                            .bias = bias / size,
                            .bias_error = error / size,
                            .cosine = dot4(mean_[e], truth) / (size * std::sqrt(mean_square)),
                            .spread = std::sqrt(std::max(0.0, square_[e] - mean_square)) / size});
    }
    return table;
  }

 private:
  Estimates mean_{};
  std::array<double, estimator_count + 1> square_{}, off_square_{};
};

// All sets of N trajectories, by their numbers in order, with the probability that they are explored in any order.
void enumerate_outcomes(const std::vector<Single>& singles, int left, int first, int equal, double probability,
                        double weight, const Explored& explored, const auto& visit) {
  if (left == 0) return visit(explored, probability);
  for (int i = first; i < trajectory_count; ++i) {
    // n!/(n_1!·n_2!·…): each more of the same divides by their number.
    const int same = i == first ? equal + 1 : 1;
    Explored more = explored;
    more.add(singles[static_cast<std::size_t>(i)], weight);
    const double with_it = probability * singles[static_cast<std::size_t>(i)].probability / same;
    enumerate_outcomes(singles, left - 1, i, same, with_it, weight, more, visit);
  }
}

// With infinitely many trajectories: the exact inner gradient, the expected Hessians. The truth is DiCE's.
EstimatorTable limit_table(const std::vector<Single>& singles, double shift) {
  Explored expected;
  for (const Single& one : singles) expected.add(one, one.probability);
  Estimates g = estimates(expected, shift, 0);
  constexpr std::size_t dice = 4;
  g[credit_row] = g[dice];
  Accumulator sum;
  sum.add(g, 1);
  EstimatorTable table = sum.table(0, 0);
  table.rows.pop_back();
  return table;
}

}  // namespace

EstimatorTable estimator_table(int trajectories, int samples, double reward_shift) {
  const std::vector<Single> singles = single_trajectories(reward_shift);
  if (trajectories == 0) return limit_table(singles, reward_shift);
  const double baseline = exact_return(start_theta, reward_shift).value, weight = 1.0 / trajectories;
  Accumulator sum;
  if (trajectories <= 3) {
    const double orders = trajectories == 3 ? 6 : trajectories;
    enumerate_outcomes(singles, trajectories, 0, 0, orders, weight, {},
                       [&](const Explored& explored, double probability) {
                         sum.add(estimates(explored, reward_shift, baseline), probability);
                       });
    return sum.table(trajectories, 0);
  }
  Philox random(1, {.purpose = Purpose::check, .iteration = static_cast<std::uint32_t>(trajectories)});
  for (int sample = 0; sample < samples; ++sample) {
    if (sample % 64 == 0)
      random = Philox(1, {.purpose = Purpose::check,
                          .iteration = static_cast<std::uint32_t>(trajectories),
                          .time_step = static_cast<std::uint32_t>(sample / 64)});
    Explored explored;
    for (int n = 0; n < trajectories; ++n) {
      double left = random.uniform();
      std::size_t i = 0;
      while (i + 1 < singles.size() && (left -= singles[i].probability) >= 0) ++i;
      explored.add(singles[i], weight);
    }
    sum.add(estimates(explored, reward_shift, baseline), 1.0 / samples);
  }
  return sum.table(trajectories, samples);
}

std::string estimator_report() {
  std::string text = fmt::format(
      "The meta-gradient on two-state-v1, alpha = {}: each estimator against the gradient of what adapting earns.\n",
      estimator_table_alpha);
  for (const int N : {1, 2, 3, 5, 10, 20, 0}) {
    const EstimatorTable table = estimator_table(N);
    const std::string count =
        N == 0 ? "exact inner gradient" : fmt::format("{} inner trajector{}", N, N == 1 ? "y" : "ies");
    text += fmt::format("\n{}, {}\n{:<26}{:>8}{:>10}{:>9}{:>9}\n", count,
                        table.samples ? fmt::format("{} draws", table.samples) : "enumerated", "estimator", "bias",
                        table.samples ? "±" : "", "cosine", N == 0 ? "" : "spread");
    for (const EstimatorRow& row : table.rows)
      text += fmt::format("{:<26}{:>8.4f}{:>10}{:>9.4f}{:>9}\n", row.estimator, row.bias,
                          table.samples ? fmt::format("{:.4f}", row.bias_error) : "", row.cosine,
                          N == 0 ? "" : fmt::format("{:.3f}", row.spread));
  }
  text += "\nbias of the exact inner gradient's estimators when every reward is shifted\n";
  text += fmt::format("{:<26}{:>8}{:>8}{:>8}{:>8}\n", "estimator", "−1", "0", "+1", "+5");
  std::vector<EstimatorTable> shifted;
  for (const double shift : {-1.0, 0.0, 1.0, 5.0}) shifted.push_back(estimator_table(0, 0, shift));
  for (std::size_t e = 0; e < estimator_count; ++e) {
    text += fmt::format("{:<26}", shifted[0].rows[e].estimator);
    for (const EstimatorTable& table : shifted) text += fmt::format("{:>8.4f}", table.rows[e].bias);
    text += "\n";
  }
  return text;
}

}  // namespace innerloop::meta
