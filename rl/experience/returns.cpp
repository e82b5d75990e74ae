#include "rl/experience/returns.h"

#include <cmath>
#include <string>

#include "kernels/require.h"

namespace innerloop::rl {
namespace {

// y_t = x_t + decay·y_{t+1} within each trajectory, from the back.
void accumulate(std::vector<double>& x, const std::vector<double>& continues, double decay) {
  for (std::size_t row = x.size(); row-- > 0;)
    if (continues[row] != 0) x[row] += decay * x[row + 1];
}

void require_rows(const Tensor& column, const Trajectories& trajectories, const char* what) {
  require(column.shape() == trajectories.rewards.shape(), [&] {
    return std::string(what) + " are " + to_string(column.shape()) + ", the rewards " +
           to_string(trajectories.rewards.shape());
  });
}

}  // namespace

// [returns eq. discounted]  G_t = r_t + γG_{t+1}
Tensor discounted_returns(const Trajectories& trajectories, double gamma, const Tensor& end_values) {
  const std::vector<double> continues = trajectories.continues.to_vector();
  std::vector<double> G = trajectories.rewards.to_vector();
  if (!end_values.empty()) {
    require_rows(end_values, trajectories, "end values");
    const std::vector<double> end = end_values.to_vector();
    for (std::size_t row = 0; row < G.size(); ++row)
      if (continues[row] == 0) G[row] += gamma * end[row];
  }
  accumulate(G, continues, gamma);
  return Tensor::from(trajectories.rewards.shape(), G, trajectories.rewards.dtype());
}

// [GAE eq. 16]  Â_t = Σ_l (γλ)ˡ δ_{t+l} = δ_t + γλÂ_{t+1},  δ_t = r_t + γV(s_{t+1}) − V(s_t)
Tensor gae(const Trajectories& trajectories, const Tensor& values, double gamma, double lambda,
           const Tensor& end_values) {
  require_rows(values, trajectories, "values");
  const std::vector<double> continues = trajectories.continues.to_vector(), mask = trajectories.mask.to_vector();
  const std::vector<double> r = trajectories.rewards.to_vector(), v = values.to_vector();
  std::vector<double> end(r.size());
  if (!end_values.empty()) {
    require_rows(end_values, trajectories, "end values");
    end = end_values.to_vector();
  }

  std::vector<double> A(r.size());
  for (std::size_t row = 0; row < r.size(); ++row) {
    if (mask[row] == 0) continue;
    const double v_tp1 = continues[row] != 0 ? v[row + 1] : end[row];
    A[row] = r[row] + gamma * v_tp1 - v[row];  // δ_t
  }
  accumulate(A, continues, gamma * lambda);
  return Tensor::from(trajectories.rewards.shape(), A, trajectories.rewards.dtype());
}

Tensor standardised(const Tensor& x, const Tensor& mask, bool pooled, double epsilon) {
  require(x.shape() == mask.shape() && x.shape().cols == 1, [&] {
    return "standardised: x is " + to_string(x.shape()) + ", the mask " + to_string(mask.shape());
  });
  std::vector<double> numbers = x.to_vector();
  const std::vector<double> real = mask.to_vector();
  const std::size_t groups = pooled ? 1 : static_cast<std::size_t>(x.shape().tasks), size = numbers.size() / groups;
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t first = group * size, last = first + size;
    double count = 0, sum = 0, squares = 0;
    for (std::size_t row = first; row < last; ++row)
      if (real[row] != 0) sum += numbers[row], ++count;
    if (count == 0) continue;
    const double mean = sum / count;
    for (std::size_t row = first; row < last; ++row)
      if (real[row] != 0) squares += (numbers[row] - mean) * (numbers[row] - mean);
    const double deviation = std::sqrt(squares / count);
    for (std::size_t row = first; row < last; ++row)
      numbers[row] = real[row] != 0 ? (numbers[row] - mean) / (deviation + epsilon) : 0;
  }
  return Tensor::from(x.shape(), numbers, x.dtype());
}

}  // namespace innerloop::rl
