// What can be known of a task, exactly: the posterior over a finite list of tasks, given all that was seen. A policy
// that reads it has no inference left to learn, so what it misses of the optimum is control.
//
//   p(k | τ) ∝ p(k) Π_t p(r_t | s_t, a_t, k):   after each step, what a task would not have paid speaks against it
//
// Where the dynamics are the same in all tasks, states say nothing: only rewards do. Where tasks are a continuum a grid
// of them stands for it; then rewards are compared with an error of the grid's size.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "envs/driver.h"

namespace innerloop::meta {

class ExactBelief {
 public:
  // grid-navi-v1: its 21 goals. semicircle-sparse-v1 and semicircle-dense-v1: the midpoints of 60 arcs. UsageError
  // naming these for any other.
  explicit ExactBelief(const std::string& env);

  int size() const { return static_cast<int>(tasks_.size()); }  // K
  const std::vector<envs::Task>& tasks() const { return tasks_; }
  int index_of(const envs::Task& task) const;  // of the nearest one in the list

  std::vector<double> prior() const;  // 1/K each
  // p ← p · p(r | s, a, k), made to add up to 1. An arc is possible as long as one of its goals is; so the true one
  // always is. Where nothing that is left could have paid that, all tasks that come nearest share what there is.
  void update(std::span<double> p, std::span<const double> s, std::span<const double> a, double r) const;
  // What task k (of an arc, its middle) pays for action a in the state that shows s.
  double reward(int k, std::span<const double> s, std::span<const double> a) const;

 private:
  double miss(int k, std::span<const double> s, std::span<const double> a, double r) const;

  using Reward = double (*)(const envs::Task& task, std::span<const double> s, std::span<const double> a);
  std::vector<envs::Task> tasks_;
  std::vector<std::array<envs::Task, 2>> ends_;  // of arcs; empty where tasks are no continuum
  Reward reward_ = nullptr;
  double error_ = 0;  // of a reward, as the list knows it; 0: none
};

}  // namespace innerloop::meta
