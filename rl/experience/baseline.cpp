#include "rl/experience/baseline.h"

#include <algorithm>
#include <string>

#include "kernels/linalg.h"
#include "kernels/require.h"
#include "kernels/threads.h"

namespace innerloop::rl {
namespace {

int feature_count(const Trajectories& trajectories) { return 2 * trajectories.observations.shape().cols + 4; }

// φ of every row of one task, (rows, features); padding rows are 0.
std::vector<double> features(const Trajectories& trajectories, const std::vector<double>& observations, int task) {
  const int rows = trajectories.rows(), O = trajectories.observations.shape().cols, F = feature_count(trajectories);
  std::vector<double> all(static_cast<std::size_t>(rows) * static_cast<std::size_t>(F));
  const double* s = observations.data() + static_cast<std::ptrdiff_t>(task) * rows * O;
  int row = 0;
  for (int n = 0; n < trajectories.per_task; ++n)
    for (int t = 0; t < trajectories.lengths[static_cast<std::size_t>(trajectories.lane(task, n))];
         ++t, ++row, s += O) {
      double* phi = all.data() + static_cast<std::ptrdiff_t>(row) * F;
      for (int k = 0; k < O; ++k) {
        const double o = std::clamp(s[k], -10.0, 10.0);
        phi[k] = o;
        phi[O + k] = o * o;
      }
      const double time = t / 100.0;
      phi[2 * O] = time;
      phi[2 * O + 1] = time * time;
      phi[2 * O + 2] = time * time * time;
      phi[2 * O + 3] = 1;
    }
  return all;
}

// The normal equations of one task: ΦᵀΦ (F, F), of which the lower triangle is filled, and ΦᵀG (F).
struct NormalEquations {
  std::vector<double> gram, moment;
};

NormalEquations normal_equations(const Trajectories& trajectories, const std::vector<double>& observations,
                                 const std::vector<double>& returns, int task) {
  const auto F = static_cast<std::size_t>(feature_count(trajectories));
  const std::vector<double> phi = features(trajectories, observations, task);
  NormalEquations sums{std::vector<double>(F * F), std::vector<double>(F)};
  const auto rows = static_cast<std::size_t>(trajectories.rows());
  for (std::size_t row = 0; row < rows; ++row) {
    const double* x = phi.data() + row * F;
    if (x[F - 1] == 0) break;  // the first padding row
    const double G = returns[static_cast<std::size_t>(task) * rows + row];
    for (std::size_t i = 0; i < F; ++i) {
      for (std::size_t j = 0; j <= i; ++j) sums.gram[i * F + j] += x[i] * x[j];
      sums.moment[i] += x[i] * G;
    }
  }
  return sums;
}

// [baseline eq. fit]  (ΦᵀΦ + εI)·w = ΦᵀG
// w of one set of normal equations; ε grows until they can be solved.
std::vector<double> solve_ridge(const NormalEquations& sums) {
  const std::size_t F = sums.moment.size();
  std::vector<double> w(F);
  double ridge = 1e-5;
  for (int attempt = 0; attempt <= 5; ++attempt, ridge *= 10) {
    std::vector<double> matrix = sums.gram;
    for (std::size_t i = 0; i < F; ++i) matrix[i * F + i] += ridge;
    if (kernels::solve_spd(static_cast<int>(F), 1, matrix, sums.moment, w)) return w;
  }
  throw NonFiniteError(
      "the linear baseline cannot be fitted: its normal equations are not finite; look at the rewards and "
      "observations");
}

}  // namespace

Tensor fit_linear_baseline(const Trajectories& trajectories, const Tensor& returns, bool pooled) {
  require(returns.shape() == trajectories.rewards.shape(), [&] {
    return "linear baseline: returns are " + to_string(returns.shape()) + ", the rewards " +
           to_string(trajectories.rewards.shape());
  });
  const int B = trajectories.tasks, F = feature_count(trajectories);
  std::vector<NormalEquations> sums(static_cast<std::size_t>(B));
  const std::vector<double> observations = trajectories.observations.to_vector(), G = returns.to_vector();
  parallel_for(B, [&](int task, int) {
    sums[static_cast<std::size_t>(task)] = normal_equations(trajectories, observations, G, task);
  });
  if (pooled) {
    for (std::size_t task = 1; task < sums.size(); ++task) {
      std::ranges::transform(sums[0].gram, sums[task].gram, sums[0].gram.begin(), std::plus());
      std::ranges::transform(sums[0].moment, sums[task].moment, sums[0].moment.begin(), std::plus());
    }
    sums.resize(1);
  }

  std::vector<double> weights;
  for (const NormalEquations& s : sums) {
    const std::vector<double> w = solve_ridge(s);
    for (int copy = 0; copy < (pooled ? B : 1); ++copy) weights.insert(weights.end(), w.begin(), w.end());
  }
  return Tensor::from({B, F, 1}, weights);
}

Tensor predict_linear_baseline(const Trajectories& trajectories, const Tensor& weights) {
  const int B = trajectories.tasks, F = feature_count(trajectories), rows = trajectories.rows();
  require(weights.shape() == Shape{B, F, 1}, [&] {
    return "linear baseline: the weights are " + to_string(weights.shape()) + ", but " + to_string(Shape{B, F, 1}) +
           " are needed";
  });
  std::vector<double> values(static_cast<std::size_t>(B) * static_cast<std::size_t>(rows));
  const std::vector<double> observations = trajectories.observations.to_vector();
  parallel_for(B, [&](int task, int) {
    const std::vector<double> phi = features(trajectories, observations, task);
    const std::span<const double> w =
        weights.values<double>().subspan(static_cast<std::size_t>(task * F), static_cast<std::size_t>(F));
    for (int row = 0; row < rows; ++row) {
      double value = 0;
      for (int k = 0; k < F; ++k)
        value += phi[static_cast<std::size_t>(row) * w.size() + static_cast<std::size_t>(k)] *
                 w[static_cast<std::size_t>(k)];
      values[static_cast<std::size_t>(task) * static_cast<std::size_t>(rows) + static_cast<std::size_t>(row)] = value;
    }
  });
  return Tensor::from(trajectories.rewards.shape(), values, trajectories.rewards.dtype());
}

namespace {

// The mean return-to-go of each task, or of all: (B, 1, 1).
Tensor mean_returns(const Trajectories& trajectories, const Tensor& returns, bool pooled) {
  const int B = trajectories.tasks;
  std::vector<double> sums(static_cast<std::size_t>(B)), counts(sums.size());
  for (int task = 0; task < B; ++task) {
    const int steps = trajectories.first_row(task, trajectories.per_task);
    const std::size_t group = pooled ? 0 : static_cast<std::size_t>(task);
    for (int row = 0; row < steps; ++row) sums[group] += returns.at(task, row, 0);
    counts[group] += steps;
  }
  for (std::size_t task = 0; task < sums.size(); ++task) {
    const std::size_t group = pooled ? 0 : task;
    sums[task] = group == task ? sums[task] / counts[task] : sums[0];
  }
  return Tensor::from({B, 1, 1}, sums);
}

Tensor spread(const Trajectories& trajectories, const Tensor& means) {
  Tensor values(trajectories.rewards.shape(), trajectories.rewards.dtype());
  for (int task = 0; task < trajectories.tasks; ++task)
    for (int row = 0; row < trajectories.first_row(task, trajectories.per_task); ++row)
      values.set(task, row, 0, means.at(task, 0, 0));
  return values;
}

}  // namespace

Tensor baseline_values(BaselineKind kind, BaselineFit fit, const Trajectories& trajectories, const Tensor& returns,
                       Tensor& weights, bool pooled) {
  require(kind != BaselineKind::network,
          "baseline: a value network estimates advantages itself (rl/experience/value_network.h)");
  if (kind == BaselineKind::none) return Tensor(trajectories.rewards.shape(), trajectories.rewards.dtype());

  // The guess of the previous fit, or of this one; either way this batch's fit is kept.
  const bool linear = kind == BaselineKind::linear;
  const Tensor now =
      linear ? fit_linear_baseline(trajectories, returns, pooled) : mean_returns(trajectories, returns, pooled);
  Tensor used = fit == BaselineFit::same_batch ? now : weights;
  if (used.empty()) used = Tensor(now.shape());
  weights = now;
  return linear ? predict_linear_baseline(trajectories, used) : spread(trajectories, used);
}

Shape baseline_weights_shape(BaselineKind kind, int tasks, int observation_size) {
  if (kind == BaselineKind::linear) return {tasks, 2 * observation_size + 4, 1};
  return kind == BaselineKind::mean ? Shape{tasks, 1, 1} : Shape{0, 0, 0};
}

}  // namespace innerloop::rl
