#include "envs/pendulum_optimum.h"

#include <algorithm>
#include <cmath>

#include "envs/driver.h"
#include "envs/pendulum.h"
#include "envs/pendulum_plan.h"
#include "kernels/require.h"
#include "kernels/threads.h"

namespace innerloop::envs {
namespace {

using Env = Pendulum<double>;
constexpr Env::Task task{10};
constexpr double max_speed = Env::max_speed, max_torque = Env::max_torque;

double torque_number(int k, int torques) { return -max_torque + 2 * max_torque * k / (torques - 1); }

// A position on a regular grid: the point below, and how far beyond it.
struct Place1d {
  int index;
  double part;
};
Place1d place_of(double x, double low, double spacing, int points) {
  const double at = std::clamp((x - low) / spacing, 0.0, static_cast<double>(points - 1));
  const int index = std::min(static_cast<int>(at), points - 2);
  return {index, at - index};
}

}  // namespace

PendulumOptimum::PendulumOptimum(const PendulumGrid& grid, int horizon) : grid_(grid), horizon_(horizon) {
  require(grid.angles >= 4 && grid.speeds >= 4 && grid.torques >= 2 && horizon >= 1,
          "pendulum optimum: at least 4 angles, 4 speeds, 2 torques and 1 step are needed");
  const int states = grid.angles * grid.speeds;
  const double angle_step = 2 * pi<double> / grid.angles, speed_step = 2 * max_speed / (grid.speeds - 1);

  // Where every torque leads from every grid point, and at what price: the environment's own step, once.
  std::vector<Move> moves(static_cast<std::size_t>(states) * static_cast<std::size_t>(grid.torques));
  parallel_for(grid.angles, [&](int i, int) {
    NoRandom none;
    Move* move = moves.data() + static_cast<std::ptrdiff_t>(i) * grid.speeds * grid.torques;
    for (int j = 0; j < grid.speeds; ++j)
      for (int k = 0; k < grid.torques; ++k, ++move) {
        Env::State s{-pi<double> + i * angle_step, -max_speed + j * speed_step};
        const double reward = Env::step(task, s, {torque_number(k, grid.torques)}, none).reward;
        const Place1d angle = place_of(wrap_angle(s.theta), -pi<double>, angle_step, grid.angles + 1);
        const Place1d speed = place_of(s.omega, -max_speed, speed_step, grid.speeds);
        *move = {point(angle.index, speed.index), static_cast<float>(angle.part), static_cast<float>(speed.part),
                 static_cast<float>(-reward)};
      }
  });

  // V_0 = 0;  V_n(s) = max_u r(s, u) + V_{n−1}(s').
  const std::size_t size = static_cast<std::size_t>((grid.angles + 1) * grid.speeds);
  tables_.assign(static_cast<std::size_t>(horizon) + 1, std::vector<float>(size));
  for (std::size_t n = 1; n < tables_.size(); ++n) {
    parallel_for(grid.angles, [&](int i, int) {
      for (int j = 0; j < grid.speeds; ++j)
        tables_[n][static_cast<std::size_t>(point(i, j))] =
            best(tables_[n - 1], moves.data() + static_cast<std::ptrdiff_t>(point(i, j)) * grid.torques);
    });
    std::copy_n(tables_[n].begin(), grid.speeds, tables_[n].end() - grid.speeds);
  }
}

float PendulumOptimum::best(const std::vector<float>& table, const Move* moves) const {
  float highest = -1e30f;
  for (int k = 0; k < grid_.torques; ++k) {
    const Move& move = moves[k];
    const float *low = table.data() + move.cell, *high = low + grid_.speeds;
    const float below = low[0] + move.speed_part * (low[1] - low[0]);
    const float above = high[0] + move.speed_part * (high[1] - high[0]);
    highest = std::max(highest, below + move.angle_part * (above - below) - move.cost);
  }
  return highest;
}

double PendulumOptimum::interpolated(const std::vector<float>& table, double theta, double omega) const {
  const Place1d angle =
      place_of(wrap_angle(theta), -pi<double>, 2 * pi<double> / grid_.angles, grid_.angles + 1);
  const Place1d speed = place_of(omega, -max_speed, 2 * max_speed / (grid_.speeds - 1), grid_.speeds);
  const auto at = [&](int i, int j) -> double { return table[static_cast<std::size_t>(point(i, j))]; };
  const double below = at(angle.index, speed.index) +
                       speed.part * (at(angle.index, speed.index + 1) - at(angle.index, speed.index));
  const double above = at(angle.index + 1, speed.index) +
                       speed.part * (at(angle.index + 1, speed.index + 1) - at(angle.index + 1, speed.index));
  return below + angle.part * (above - below);
}

double PendulumOptimum::value(double theta, double omega, int steps_left) const {
  if (steps_left < 0) steps_left = horizon_;
  require(steps_left <= horizon_, "pendulum optimum: the table has no more than its horizon of steps");
  return interpolated(tables_[static_cast<std::size_t>(steps_left)], theta, omega);
}

double PendulumOptimum::torque(double theta, double omega, int steps_left) const {
  NoRandom none;
  const auto q = [&](double u) {
    Env::State s{theta, omega};
    const double reward = Env::step(task, s, {u}, none).reward;
    return reward + value(s.theta, s.omega, steps_left - 1);
  };
  // The best of the table's torques, then of finer ones about it.
  double best_torque = 0, highest = -1e300;
  const auto look_at = [&](double u) {
    if (const double here = q(u); here > highest) highest = here, best_torque = u;
  };
  for (int k = 0; k < grid_.torques; ++k) look_at(torque_number(k, grid_.torques));
  const double spacing = 2 * max_torque / (grid_.torques - 1), centre = best_torque;
  for (int k = -5; k <= 5; ++k) look_at(std::clamp(centre + spacing * k / 6, -max_torque, max_torque));
  return best_torque;
}

// Some steps with a given torque, then greedily to the end; and the best plan near that one.
double PendulumOptimum::episode(double theta, double omega, int pushed_steps, double push) const {
  NoRandom none;
  Env::State s{theta, omega};
  std::vector<double> torques;
  for (int left = horizon_; left > 0; --left) {
    torques.push_back(horizon_ - left < pushed_steps ? push : torque(s.theta, s.omega, left));
    Env::step(task, s, {torques.back()}, none);
  }
  return improved(pendulum_plan(theta, omega, std::move(torques))).earned;
}

double PendulumOptimum::best_return(double theta, double omega) const {
  double best = episode(theta, omega, 0, 0);
  for (int steps : {3, 6, 9, 12})
    for (double push : {-max_torque, 0.0, max_torque}) best = std::max(best, episode(theta, omega, steps, push));
  return best;
}

double PendulumOptimum::best_return(const double* observation) const {
  return best_return(std::atan2(observation[1], observation[0]), observation[2]);
}

double PendulumOptimum::mean_value() const {
  const int angles = 720, speeds = 40;
  double sum = 0;
  for (int i = 0; i < angles; ++i)
    for (int j = 0; j < speeds; ++j)
      sum += value(-pi<double> + 2 * pi<double> * (i + 0.5) / angles, -1 + 2.0 * (j + 0.5) / speeds);
  return sum / (angles * speeds);
}

PendulumOptimumReport pendulum_optimum_report(const PendulumGrid& grid, int starts) {
  return pendulum_optimum_report(PendulumOptimum(grid), starts);
}

PendulumOptimumReport pendulum_optimum_report(const PendulumOptimum& fine, int starts) {
  const PendulumGrid& grid = fine.grid();
  const PendulumOptimum coarse({(grid.angles + 1) / 2, (grid.speeds + 1) / 2, grid.torques}, fine.horizon());
  PendulumOptimumReport report;
  report.mean = fine.mean_value();
  report.refinement = report.mean - coarse.mean_value();

  // The same starts as the environment's own resets, one trajectory each.
  const auto size = static_cast<std::size_t>(starts);
  std::vector<double> table(size), earned(size), coarsely(size);
  parallel_for(starts, [&](int n, int) {
    Philox random(1, {.purpose = Purpose::test_reset, .trajectory = static_cast<std::uint32_t>(n)});
    const Env::State s = Env::reset(task, random);
    table[static_cast<std::size_t>(n)] = fine.value(s.theta, s.omega);
    earned[static_cast<std::size_t>(n)] = fine.best_return(s.theta, s.omega);
    coarsely[static_cast<std::size_t>(n)] = coarse.best_return(s.theta, s.omega);
  });
  for (std::size_t n = 0; n < size; ++n) {
    report.reached_mean += earned[n] / starts;
    report.gap += (table[n] - earned[n]) / starts;
    report.worst = std::max(report.worst, std::abs(earned[n] - coarsely[n]));
  }
  report.error = std::max(std::abs(report.gap), std::abs(report.refinement));
  return report;
}

}  // namespace innerloop::envs
