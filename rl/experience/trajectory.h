// Trajectories of many tasks, packed as rows: the form in which experience meets mathematics.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "autodiff/tensor.h"

namespace innerloop::rl {

// N trajectories for each of B tasks. The rows of a task are its trajectories one after another, each with its steps in
// order, then padding up to the longest task rounded up to a multiple of 256: so shapes recur, and plans are used
// again. Every tensor is 0 on padding rows.
//
//   rows of one task:   | trajectory 0: t = 0 1 2 … | trajectory 1: t = 0 1 … | … | padding |
//   start                               1 0 0 …                      1 0 …            0
//   continues                           1 1 … 0                      1 … 0            0
struct Trajectories {
  int tasks = 0;                // B
  int per_task = 0;             // N
  Tensor observations;          // (B, rows, observation size): s_t, before the action
  Tensor actions;               // (B, rows, action size): a_t as the policy gave it, before the environment clips it
  Tensor rewards;               // (B, rows, 1): r_t
  Tensor mask;                  // (B, rows, 1): 1 where the row is a step, 0 on padding
  Tensor time;                  // (B, rows, 1): t
  Tensor start;                 // (B, rows, 1): 1 at t = 0
  Tensor continues;             // (B, rows, 1): 1 where the next row is the next step of the same trajectory:
                                //   a = γ·continues makes linear_recurrence(x, a, rows, −1) a discounted sum
  std::vector<int> lengths;     // (B·N): T_n
  std::vector<double> returns;  // (B·N): Σ r_t, undiscounted
  std::vector<std::uint8_t> truncated;  // (B·N): 1 where the time limit cut it, 0 where it ended by itself
  Tensor last_observations;             // (B, N, observation size) f64: what was seen after the last step

  int rows() const { return mask.shape().rows; }
  int lane(int task, int n) const { return task * per_task + n; }
  // Row of the first step of trajectory n.
  int first_row(int task, int n) const;
  // Mean undiscounted return of one task, and of all.
  double mean_return(int task) const;
  double mean_return() const;
  long steps() const;  // all steps of all tasks
  // The observations of one trajectory from the first to the one after the last step: (1, T + 1, observation size) f64.
  Tensor path(int task, int n) const;
  // One trajectory's rows of a column: (1, T, ·) f64.
  Tensor steps_of(const Tensor& column, int task, int n) const;
};

// What every lane (B·N of them) saw, did and earned, by time step. What stands behind a lane's last step is not read.
struct StepRecord {
  std::vector<std::vector<double>> observations, actions, rewards;  // each time step: (B·N, ·)
  std::vector<int> lengths;                                         // (B·N)
  std::vector<std::uint8_t> truncated;                              // (B·N)
  std::vector<double> context{};                                    // (B·N, C): shown beside every observation
};
// The record as rows, of B = tasks and N = per_task; observations are followed by the context.
// last_observations (B·N, O): what was seen after the last steps.
Trajectories packed(const StepRecord& record, int tasks, int per_task, int action_size,
                    std::span<const double> last_observations, Dtype dtype);

// Rows that a task of so many steps gets: the next multiple of 256.
constexpr int padded_rows(int steps) { return (steps + 255) / 256 * 256; }

}  // namespace innerloop::rl
