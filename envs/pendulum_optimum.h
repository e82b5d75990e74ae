// The optimum of pendulum-v1 by dynamic programming: what a number means there.
//
// Backward induction over 200 steps (Bellman 1957) on a grid of angles and speeds, with bilinear interpolation between
// its points, over a grid of torques. Two numbers are all there is of a state, so the table is small. Two answers come
// out: the table's value of a start, right on average but smeared near the ridge where two ways of swinging up are
// equally good; and the best return that was earned from there in the environment, by plans that begin greedy in the
// table and are then improved step by step (envs/pendulum_plan.h). The latter is a lower bound of the optimum. What it
// may still miss is measured by searching again from a table of half as many points each way.
#pragma once

#include <vector>

namespace innerloop::envs {

struct PendulumGrid {
  int angles = 181, speeds = 161, torques = 21;
};

class PendulumOptimum {
 public:
  // Time and memory grow with the product of the four: about 0.3 s and 23 MB on one core for the default.
  explicit PendulumOptimum(const PendulumGrid& grid = {}, int horizon = 200);

  // The best return from a state with so many steps left (default: a whole episode), from the table.
  double value(double theta, double omega, int steps_left = -1) const;
  // The torque that is greedy in the table: one step in the environment's own dynamics, then the table's value.
  double torque(double theta, double omega, int steps_left) const;
  // The best return of a whole episode that was found: the best plans near the greedy one and near those that begin
  // with a few steps of full or no torque, which decides what the table leaves open at a ridge. Regret of an episode:
  // this minus its return. 15 ms.
  double best_return(double theta, double omega) const;
  // The same of the state that an observation (cos θ, sin θ, ω) shows.
  double best_return(const double* observation) const;
  // Mean of value() over the starts of an episode, θ ~ U[−π, π], ω ~ U[−1, 1], by the midpoint rule.
  double mean_value() const;

  int horizon() const { return horizon_; }
  const PendulumGrid& grid() const { return grid_; }

 private:
  struct Move {  // where one torque leads from one grid point: between which points, and at what price
    int cell;
    float angle_part, speed_part, cost;
  };
  double episode(double theta, double omega, int pushed_steps, double push) const;
  double interpolated(const std::vector<float>& table, double theta, double omega) const;
  float best(const std::vector<float>& table, const Move* moves) const;
  int point(int angle, int speed) const { return angle * grid_.speeds + speed; }

  PendulumGrid grid_;
  int horizon_;
  std::vector<std::vector<float>> tables_;  // by steps left: (angles + 1, speeds), the last angle is the first again
};

// The tool's report: the optimum of an episode, and how far to trust it.
struct PendulumOptimumReport {
  double mean = 0;          // mean_value() on the grid
  double reached_mean = 0;  // mean best_return() over `starts` random starts
  double gap = 0;           // mean of value − best_return over the same starts: error of table and interpolation
  double refinement = 0;    // mean_value() minus that on a grid of half as many points in each direction
  double error = 0;         // of the mean: the larger of the two in size
  double worst = 0;         // of a start: the largest change of its best_return() by that halving, over these starts
};
PendulumOptimumReport pendulum_optimum_report(const PendulumGrid& grid = {}, int starts = 400);
PendulumOptimumReport pendulum_optimum_report(const PendulumOptimum& optimum, int starts);

}  // namespace innerloop::envs
