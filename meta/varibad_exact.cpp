#include "meta/varibad_exact.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "envs/grid_navi.h"
#include "envs/math.h"
#include "envs/point_robot.h"
#include "envs/semicircle.h"
#include "rl/training/options.h"

namespace innerloop::meta {
namespace {

struct NoNumbers {} no_numbers;  // these environments draw none in a step

double grid_reward(const envs::Task& task, std::span<const double> s, std::span<const double> a) {
  using Grid = envs::GridNavi<double>;
  Grid::State state{static_cast<int>(s[0]), static_cast<int>(s[1])};
  return Grid::step({task[0]}, state, {static_cast<int>(a[0])}, no_numbers).reward;
}

template <class Robot>
double robot_reward(const envs::Task& task, std::span<const double> s, std::span<const double> a) {
  typename Robot::State state{s[0], s[1]};
  return Robot::step({task[0], task[1]}, state, {a[0], a[1]}, no_numbers).reward;
}

// The goal at this part of the half circle, 0 … 1.
envs::Task goal_at(double part) {
  const envs::SinCos<double> angle = envs::sin_cos(envs::pi<double> * part);
  return {angle.cos, angle.sin};
}

}  // namespace

ExactBelief::ExactBelief(const std::string& env) {
  constexpr int arc_count = 60;
  const bool sparse = env == envs::SemicircleSparse<double>::spec.name,
             dense = env == envs::SemicircleDense<double>::spec.name;
  if (env == envs::GridNavi<double>::spec.name) {
    for (int goal = 0; goal < envs::GridNavi<double>::task_count; ++goal) tasks_.push_back({double(goal)});
    reward_ = grid_reward;
  } else if (sparse || dense) {
    for (int k = 0; k < arc_count; ++k) {
      tasks_.push_back(goal_at((k + 0.5) / arc_count));
      ends_.push_back({goal_at(1.0 * k / arc_count), goal_at((k + 1.0) / arc_count)});
    }
    reward_ = sparse ? robot_reward<envs::SemicircleSparse<double>> : robot_reward<envs::SemicircleDense<double>>;
    error_ = envs::pi<double> / arc_count;
  } else {
    throw rl::UsageError("no exact belief is known for " + env +
                         "; there is one for grid-navi-v1, semicircle-sparse-v1 and semicircle-dense-v1");
  }
}

int ExactBelief::index_of(const envs::Task& task) const {
  const auto distance = [&](const envs::Task& other) {
    double sum = 0;
    for (std::size_t k = 0; k < task.size(); ++k) sum += (task[k] - other[k]) * (task[k] - other[k]);
    return sum;
  };
  return static_cast<int>(std::ranges::min_element(tasks_, {}, distance) - tasks_.begin());
}

std::vector<double> ExactBelief::prior() const { return std::vector<double>(tasks_.size(), 1.0 / size()); }

double ExactBelief::reward(int k, std::span<const double> s, std::span<const double> a) const {
  return reward_(tasks_[static_cast<std::size_t>(k)], s, a);
}

// How far what task k pays is from what was paid. Of an arc the middle is asked, and its ends: seen from beside the arc
// one is the nearest of its goals and the other the farthest, so that an arc which reaches over the edge of a reward is
// not excluded by it. (Seen from within, no other arc is nearer.)
double ExactBelief::miss(int k, std::span<const double> s, std::span<const double> a, double r) const {
  double least = std::abs(reward(k, s, a) - r);
  if (!ends_.empty())
    for (const envs::Task& end : ends_[static_cast<std::size_t>(k)])
      least = std::min(least, std::abs(reward_(end, s, a) - r));
  return least;
}

// region: filter
// [Bayes eq. filter]  p(k|τ, s, a, r) ∝ p(k|τ)·p(r|s, a, k)
void ExactBelief::update(std::span<double> p, std::span<const double> s, std::span<const double> a, double r) const {
  // How far each task's reward is from the one that was paid, among those that are still possible.
  std::vector<double> misses(p.size());
  double least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < size(); ++k) {
    const std::size_t at = static_cast<std::size_t>(k);
    misses[at] = miss(k, s, a, r);
    if (p[at] > 0) least = std::min(least, misses[at]);
  }

  // A reward that is off by more than the list's error is impossible; one that is nearest never is.
  double sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (misses[k] > std::max(error_, least)) p[k] = 0;
    else if (error_ > 0 && p[k] > 0)
      p[k] *= std::exp(-0.5 * (misses[k] - least) * (misses[k] + least) / (0.25 * error_ * error_));
    sum += p[k];
  }
  for (double& probability : p) probability /= sum;
}
// endregion

}  // namespace innerloop::meta
