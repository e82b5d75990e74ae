#include "rl/experience/trajectory.h"

#include <algorithm>
#include <string>

#include "kernels/require.h"

namespace innerloop::rl {
namespace {

// The rows of one task: its trajectories one after another.
template <class T>
void pack_task(Trajectories& all, int task, const StepRecord& record) {
  const auto cols = static_cast<std::size_t>(all.observations.shape().cols),
             O = static_cast<std::size_t>(all.last_observations.shape().cols), C = cols - O,
             A = static_cast<std::size_t>(all.actions.shape().cols);
  // The row where this task begins in each tensor.
  std::size_t row = static_cast<std::size_t>(task) * static_cast<std::size_t>(all.rows());
  T* const obs = all.observations.mutable_values<T>().data();
  T* const act = all.actions.mutable_values<T>().data();
  T* const reward = all.rewards.mutable_values<T>().data();
  T* const mask = all.mask.mutable_values<T>().data();
  T* const time = all.time.mutable_values<T>().data();
  T* const start = all.start.mutable_values<T>().data();
  T* const continues = all.continues.mutable_values<T>().data();
  for (int n = 0; n < all.per_task; ++n) {
    const auto lane = static_cast<std::size_t>(all.lane(task, n));
    const int length = all.lengths[lane];
    for (int t = 0; t < length; ++t, ++row) {
      const auto step = static_cast<std::size_t>(t);
      for (std::size_t k = 0; k < O; ++k) obs[row * cols + k] = static_cast<T>(record.observations[step][lane * O + k]);
      for (std::size_t k = 0; k < C; ++k) obs[row * cols + O + k] = static_cast<T>(record.context[lane * C + k]);
      for (std::size_t k = 0; k < A; ++k) act[row * A + k] = static_cast<T>(record.actions[step][lane * A + k]);
      reward[row] = static_cast<T>(record.rewards[step][lane]);
      mask[row] = 1;
      time[row] = static_cast<T>(t);
      start[row] = t == 0;
      continues[row] = t + 1 < length;
      all.returns[lane] += record.rewards[step][lane];
    }
  }
}

}  // namespace

Trajectories packed(const StepRecord& record, int tasks, int per_task, int action_size,
                    std::span<const double> last_observations, Dtype dtype) {
  const int lanes = tasks * per_task, O = static_cast<int>(last_observations.size()) / lanes,
            C = static_cast<int>(record.context.size()) / lanes;
  Trajectories all;
  all.tasks = tasks, all.per_task = per_task;
  all.lengths = record.lengths, all.truncated = record.truncated;
  all.returns.assign(static_cast<std::size_t>(lanes), 0);
  all.last_observations = Tensor::from({tasks, per_task, O}, last_observations);
  int longest = 0;
  for (int task = 0; task < tasks; ++task) longest = std::max(longest, all.first_row(task, per_task));
  const int rows = padded_rows(longest);
  all.observations = Tensor({tasks, rows, O + C}, dtype);
  all.actions = Tensor({tasks, rows, action_size}, dtype);
  for (Tensor* column : {&all.rewards, &all.mask, &all.time, &all.start, &all.continues})
    *column = Tensor({tasks, rows, 1}, dtype);
  for (int task = 0; task < tasks; ++task)
    dtype == Dtype::f32 ? pack_task<float>(all, task, record) : pack_task<double>(all, task, record);
  return all;
}

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
  require(task >= 0 && task < tasks && n >= 0 && n < per_task, [&] {
    return "there is no trajectory " + std::to_string(n) + " of task " + std::to_string(task);
  });
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
