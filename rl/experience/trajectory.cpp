#include "rl/experience/trajectory.h"

#include "kernels/require.h"

namespace innerloop::rl {

int Trajectories::first_row(int task, int n) const {
  int row = 0;
  for (int k = 0; k < n; ++k) row += lengths[static_cast<std::size_t>(lane(task, k))];
  return row;
}

double Trajectories::mean_return(int task) const {
  double sum = 0;
  for (int n = 0; n < per_task; ++n) sum += returns[static_cast<std::size_t>(lane(task, n))];
  return sum / per_task;
}

double Trajectories::mean_return() const {
  double sum = 0;
  for (double r : returns) sum += r;
  return sum / static_cast<double>(returns.size());
}

long Trajectories::steps() const {
  long sum = 0;
  for (int length : lengths) sum += length;
  return sum;
}

Tensor Trajectories::path(int task, int n) const {
  require(task >= 0 && task < tasks && n >= 0 && n < per_task,
          "there is no trajectory " + std::to_string(n) + " of task " + std::to_string(task));
  const int T = lengths[static_cast<std::size_t>(lane(task, n))], size = last_observations.shape().cols;
  const int first = first_row(task, n);
  Tensor path({1, T + 1, size});
  for (int t = 0; t <= T; ++t)
    for (int k = 0; k < size; ++k)
      path.set(0, t, k, t < T ? observations.at(task, first + t, k) : last_observations.at(task, n, k));
  return path;
}

Tensor Trajectories::steps_of(const Tensor& column, int task, int n) const {
  const int T = lengths[static_cast<std::size_t>(lane(task, n))], cols = column.shape().cols;
  const int first = first_row(task, n);
  Tensor steps({1, T, cols});
  for (int t = 0; t < T; ++t)
    for (int k = 0; k < cols; ++k) steps.set(0, t, k, column.at(task, first + t, k));
  return steps;
}

}  // namespace innerloop::rl
