// E-MAML on the fixture of enumeration.h, exactly: a "task" of the batches here is one outcome of exploring, that is N
// trajectories that the policy at θ might have drawn, with the probability that it draws them.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "tests/meta/enumeration.h"

namespace innerloop::tests {

// One of the 64 trajectories: states, actions, returns to go, and the probability of its transitions.
struct OneTrajectory {
  int s[3], a[3];
  double to_go[3];
  double transitions = 1;
};
inline std::vector<OneTrajectory> all_trajectories() {
  constexpr double next_is_0[2][2] = {{0.9, 0.2}, {0.3, 0.6}}, reward[2][2] = {{1, 0}, {-0.5, 2}};
  std::vector<OneTrajectory> all;
  for (int code = 0; code < 64; ++code) {
    OneTrajectory one;
    int s = 0;
    for (int t = 0; t < 3; ++t) {
      const int a = code >> (2 * t) & 1, next = code >> (2 * t + 1) & 1;
      one.s[t] = s, one.a[t] = a, one.to_go[t] = reward[s][a];
      one.transitions *= next == 0 ? next_is_0[s][a] : 1 - next_is_0[s][a];
      s = next;
    }
    for (int t = 1; t >= 0; --t) one.to_go[t] += one.to_go[t + 1];
    all.push_back(one);
  }
  return all;
}

// π(a|s) of a tabular softmax policy, in any real type.
template <class Real>
Real table_policy(const std::array<Real, 4>& theta, int s, int a) {
  const std::size_t row = static_cast<std::size_t>(2 * s);
  const Real e0 = std::exp(theta[row]), e1 = std::exp(theta[row + 1]);
  return (a ? e1 : e0) / (e0 + e1);
}
template <class Real>
Real trajectory_probability(const std::array<Real, 4>& theta, const OneTrajectory& one) {
  Real p = static_cast<Real>(one.transitions);
  for (int t = 0; t < 3; ++t) p *= table_policy(theta, one.s[t], one.a[t]);
  return p;
}
template <class Real>
Real expected_return(const std::array<Real, 4>& theta) {
  Real sum = 0;
  for (const OneTrajectory& one : all_trajectories()) sum += trajectory_probability(theta, one) * one.to_go[0];
  return sum;
}

// An outcome of exploring: which N trajectories, and the number of orders in which they may come.
struct Outcome {
  std::vector<int> trajectories;
  double orders = 1;
};
inline std::vector<Outcome> outcomes(int N) {
  std::vector<Outcome> all;
  for (int i = 0; i < 64; ++i) {
    if (N == 1) all.push_back({{i}, 1});
    for (int j = i; N == 2 && j < 64; ++j) all.push_back({{i, j}, i == j ? 1.0 : 2.0});
  }
  return all;
}
template <class Real>
Real outcome_probability(const std::array<Real, 4>& theta, const Outcome& outcome) {
  static const std::vector<OneTrajectory> all = all_trajectories();
  Real p = static_cast<Real>(outcome.orders);
  for (int n : outcome.trajectories) p *= trajectory_probability(theta, all[static_cast<std::size_t>(n)]);
  return p;
}
// θ + α/N Σ_n Σ_t ∇log π(a_t|s_t)·G_t.
template <class Real>
std::array<Real, 4> adapted(const std::array<Real, 4>& theta, const Outcome& outcome, double alpha) {
  static const std::vector<OneTrajectory> all = all_trajectories();
  std::array<Real, 4> moved = theta;
  const Real step = static_cast<Real>(alpha) / static_cast<Real>(outcome.trajectories.size());
  for (int n : outcome.trajectories) {
    const OneTrajectory& one = all[static_cast<std::size_t>(n)];
    for (int t = 0; t < 3; ++t)
      for (int a = 0; a < 2; ++a)
        moved[static_cast<std::size_t>(2 * one.s[t] + a)] +=
            step * ((a == one.a[t] ? Real(1) : Real(0)) - table_policy(theta, one.s[t], a)) *
            static_cast<Real>(one.to_go[t]);
  }
  return moved;
}

// J_E(θ) = Σ_τ̄ p_θ(τ̄) J(U(θ, τ̄)), by plain loops that share no code with the library.
inline long double exact_J_E(const std::array<long double, 4>& theta, int N, double alpha) {
  long double sum = 0;
  for (const Outcome& outcome : outcomes(N))
    sum += outcome_probability(theta, outcome) * expected_return(adapted(theta, outcome, alpha));
  return sum;
}
// ∇J_E by differences without the h² term: right to about 10⁻¹².
inline std::array<double, 4> exact_J_E_gradient(int N, double alpha) {
  std::array<double, 4> gradient{};
  for (std::size_t k = 0; k < 4; ++k) {
    const auto slope = [&](long double h) {
      std::array<long double, 4> up{0.3L, -0.2L, 0.1L, 0.4L}, down = up;
      up[k] += h, down[k] -= h;
      return (exact_J_E(up, N, alpha) - exact_J_E(down, N, alpha)) / (2 * h);
    };
    gradient[k] = static_cast<double>((4 * slope(1e-3L) - slope(2e-3L)) / 3);
  }
  return gradient;
}

// The batches of all outcomes side by side: supports "0/…" of N·3 rows, and for each the exact data of its adapted
// policy: 192 rows, weighted by their probabilities.
struct Explorations {
  BatchValues supports, query;
  Tensor probabilities;  // (outcomes, 1, 1)
};
inline Explorations explore_exactly(int N, double alpha) {
  const std::vector<OneTrajectory> all = all_trajectories();
  const std::vector<Outcome> every = outcomes(N);
  const std::array<double, 4> theta{0.3, -0.2, 0.1, 0.4};
  const int tasks = static_cast<int>(every.size()), rows = 3 * N;
  Explorations result;
  Tensor observations({tasks, rows, 2}), actions({tasks, rows, 1}), advantages({tasks, rows, 1});
  Tensor start({tasks, rows, 1}), scores({tasks, 1, 1});
  result.probabilities = Tensor({tasks, 1, 1});
  std::vector<BatchValues> queries;
  for (int i = 0; i < tasks; ++i) {
    const Outcome& outcome = every[static_cast<std::size_t>(i)];
    for (int row = 0; row < rows; ++row) {
      const OneTrajectory& one = all[static_cast<std::size_t>(outcome.trajectories[static_cast<std::size_t>(row / 3)])];
      const int t = row % 3;
      observations.set(i, row, one.s[t], 1);
      actions.set(i, row, 0, one.a[t]);
      advantages.set(i, row, 0, one.to_go[t]);
      start.set(i, row, 0, t == 0);
    }
    result.probabilities.set(i, 0, 0, outcome_probability(theta, outcome));
    const std::array<double, 4> moved = adapted(theta, outcome, alpha);
    const Enumeration earned = enumerate({moved.begin(), moved.end()});
    scores.set(i, 0, 0, earned.expected_return);
    queries.push_back(earned.batch);
  }
  result.supports.add("0/observations", observations);
  result.supports.add("0/actions", actions);
  result.supports.add("0/advantages", advantages);
  result.supports.add("0/start", start);
  result.supports.add("0/weights", Tensor::full({tasks, rows, 1}, 1.0 / N));
  for (std::size_t k = 0; k < queries[0].count(); ++k) {
    std::vector<double> numbers;
    for (const BatchValues& query : queries) {
      const std::vector<double> own = query[k].to_vector();
      numbers.insert(numbers.end(), own.begin(), own.end());
    }
    result.query.add(queries[0].name(k), Tensor::from({tasks, 192, queries[0][k].shape().cols}, numbers));
  }
  result.query.add("scores", scores);
  return result;
}

}  // namespace innerloop::tests
