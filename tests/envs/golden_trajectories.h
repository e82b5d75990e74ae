// One golden trajectory, or more, for every environment in the table.
//
// The numbers come from a separate program that was written from the definitions, with its own Philox; it shares no
// code with envs/. Where a line can be derived by hand, its comment does so. Random draws are those of seed 2024, task
// 0, trajectory 0.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace innerloop::envs {

struct GoldenStep {
  std::vector<double> action;
  double reward;
  bool terminated;
  std::vector<double> observation;
};

struct Golden {
  std::string env;
  std::vector<double> task;
  std::vector<double> start;  // the first observation
  std::vector<GoldenStep> steps;
};

constexpr std::uint64_t golden_seed = 2024;

inline const std::vector<Golden>& golden_trajectories() {
  static const std::vector<Golden> table = {
      {.env = "point-nav-v1",
       .task = {0.3, 0.4},
       .start = {0, 0},
       .steps =
           {
               // ‖(0.3, 0.4)‖ = ½: standing still earns minus the distance
               {{0, 0}, -0.5, false, {0, 0}},
               // p = (0.05, 0.1)
               {{0.5, 1}, -0.390512483795333, false, {0.05, 0.1}},
               // 3 is clipped to 1: p = (0.15, 0.2), so d = (0.15, 0.2), ‖d‖ = ¼
               {{3, 1}, -0.25, false, {0.15, 0.2}},
               // p = (0.25, 0.3)
               {{1, 1}, -0.111803398874989, false, {0.25, 0.3}},
               // p = (0.3, 0.4) is the goal: reward 0, the end
               {{0.5, 1}, -0, true, {0.3, 0.4}},
           }},
      {.env = "point-nav-v1",
       .task = {-0.259, 0.1},
       .start = {0, 0},
       .steps =
           {
               {{-1, 1}, -0.159, false, {-0.1, 0.1}},
               // p = (−0.2, 0.1)
               {{-1, 0}, -0.059, false, {-0.2, 0.1}},
               // p = (−0.25, 0.1): |Δx| = 0.009 < 0.01, so the end, although the distance is not 0
               {{-0.5, 0}, -0.00900000000000001, true, {-0.25, 0.1}},
           }},
      {.env = "point-nav-squared-v1",
       .task = {0.3, 0.4},
       .start = {0, 0},
       .steps =
           {
               // 0.3² + 0.4² = ¼
               {{0, 0}, -0.25, false, {0, 0}},
               // p = (0.05, 0.1): 0.25² + 0.3² = 0.1525
               {{0.5, 1}, -0.1525, false, {0.05, 0.1}},
               // 0.15² + 0.2² = 0.0625
               {{3, 1}, -0.0625, false, {0.15, 0.2}},
               // 0.05² + 0.1² = 0.0125
               {{1, 1}, -0.0125, false, {0.25, 0.3}},
               // the goal
               {{0.5, 1}, -0, true, {0.3, 0.4}},
           }},
      {.env = "point-nav-oracle-v1",
       .task = {0.3, 0.4},
       .start = {0, 0, 0.3, 0.4},
       .steps =
           {
               // as point-nav-v1, and the goal beside the position: p = (0.1, 0.1), ‖d‖² = 0.04 + 0.09
               {{1, 2}, -0.360555127546399, false, {0.1, 0.1, 0.3, 0.4}},
               // p = (0.15, 0.1), ‖d‖² = 0.0225 + 0.09
               {{0.5, 0}, -0.335410196624968, false, {0.15, 0.1, 0.3, 0.4}},
           }},
      {.env = "point-nav-raw-v1",
       .task = {0.3, 0.4},
       .start = {0, 0},
       .steps =
           {
               {{0, 0}, -0.5, false, {0, 0}},
               // p = (0.05, 0.1)
               {{0.05, 0.1}, -0.390512483795333, false, {0.05, 0.1}},
               // 3 is clipped to 0.1: p = (0.15, 0.2), ‖d‖ = ¼
               {{3, 0.1}, -0.25, false, {0.15, 0.2}},
               // p = (0.14, 0.22)
               {{-0.01, 0.02}, -0.240831891575846, false, {0.14, 0.22}},
           }},
      {.env = "point-nav-scale10-v1",
       .task = {0.3, 0.4},
       .start = {0, 0},
       .steps =
           {
               {{0, 0}, -0.5, false, {0, 0}},
               // a tenth of the action counts: p = (0.05, 0.1)
               {{5, 10}, -0.390512483795333, false, {0.05, 0.1}},
               // 30 is clipped to 10: p = (0.15, 0.2), ‖d‖ = ¼
               {{30, 10}, -0.25, false, {0.15, 0.2}},
               // p = (0.16, 0.18)
               {{1, -2}, -0.260768096208106, false, {0.16, 0.18}},
           }},
      {.env = "four-state-v1",
       .task = {0},
       .start = {0, 0, 0, 0, 1, 0, 0, 0, 0},
       .steps =
           {
               // left of the centre is the goal of task 0
               {{0}, 1, true, {0, 0, 0, 1, 0, 0, 0, 0, 0}},
           }},
      {.env = "four-state-v1",
       .task = {1},
       .start = {0, 0, 0, 0, 1, 0, 0, 0, 0},
       .steps =
           {
               // right: the goal of task 1
               {{2}, 1, true, {0, 0, 0, 0, 0, 1, 0, 0, 0}},
           }},
      {.env = "four-state-v1",
       .task = {2},
       .start = {0, 0, 0, 0, 1, 0, 0, 0, 0},
       .steps =
           {
               // up: the goal of task 2
               {{3}, 1, true, {0, 1, 0, 0, 0, 0, 0, 0, 0}},
           }},
      {.env = "four-state-v1",
       .task = {3},
       .start = {0, 0, 0, 0, 1, 0, 0, 0, 0},
       .steps =
           {
               // down: the goal of task 3
               {{1}, 1, true, {0, 0, 0, 0, 0, 0, 0, 1, 0}},
           }},
      {.env = "four-state-v1",
       .task = {3},
       .start = {0, 0, 0, 0, 1, 0, 0, 0, 0},
       .steps =
           {
               // a hole: nothing earned, the end
               {{3}, 0, true, {0, 1, 0, 0, 0, 0, 0, 0, 0}},
           }},
      {.env = "two-state-v1",
       .task = {0},
       .start = {1, 0},
       .steps =
           {
               // rewards follow from the state that is left and the action: r(0, 1) = 0
               {{1}, 0, false, {0, 1}},
               {{1}, 2, false, {0, 1}},
               {{0}, -0.5, false, {0, 1}},
           }},
      {.env = "two-state-v1",
       .task = {5},
       .start = {1, 0},
       .steps =
           {
               // the task shifts every reward: r(0, 0) + 5 = 6
               {{0}, 6, false, {1, 0}},
               {{1}, 5, false, {0, 1}},
               {{1}, 7, false, {1, 0}},
           }},
      {.env = "promp-1d-v1",
       .task = {-1},
       .start = {-0.633881114533152},
       .steps =
           {
               // at the goal: e⁰ = 1
               {{-1}, 1, false, {-1}},
               // e^(−0.4) = 0.670320…
               {{1}, 0.670320046035639, false, {1}},
               // 7 is clipped to 2: e^(−0.9) = 0.406569…
               {{7}, 0.406569659740599, false, {2}},
               // e^(−0.1) = 0.904837…
               {{0}, 0.90483741803596, false, {0}},
               // e^(−0.025)
               {{-1.5}, 0.975309912028333, false, {-1.5}},
           }},
      {.env = "promp-corner-v1",
       .task = {2, 2},
       .start = {-0.0633881114533152, -0.197650941247452},
       .steps =
           {
               // still in the centre: |x| + |y| < ½ pays nothing
               {{10, 10}, 0, false, {0.136611888546685, 0.00234905875254809}},
               // outside, in the goal's quadrant: paid by progress
               {{10, 10}, 0.282652133479701, false, {0.336611888546685, 0.202349058752548}},
               // 20 is clipped to 10
               {{20, 5}, 0.207843126524557, false, {0.536611888546685, 0.302349058752548}},
               // going back costs what it gained
               {{-5, 0}, -0.066534571464945, false, {0.436611888546685, 0.302349058752548}},
               // still in the quadrant
               {{0, -20}, -0.150854958270736, false, {0.436611888546685, 0.102349058752548}},
               // y < 0: another corner is nearer, nothing is paid
               {{0, -10}, 0, false, {0.436611888546685, -0.0976509412474519}},
               // nor here
               {{-3, 0}, 0, false, {0.376611888546685, -0.0976509412474519}},
           }},
      {.env = "promp-corner-v1",
       .task = {-2, 2},
       .start = {-0.0633881114533152, -0.197650941247452},
       .steps =
           {
               // in the centre
               {{-10, 10}, 0, false, {-0.263388111453315, 0.00234905875254809}},
               {{-10, 10}, 0.282071923389605, false, {-0.463388111453315, 0.202349058752548}},
               {{10, 10}, 0.00516774190302272, false, {-0.263388111453315, 0.402349058752548}},
           }},
      {.env = "promp-corner-dense-v1",
       .task = {2, -2},
       .start = {-0.0633881114533152, -0.197650941247452},
       .steps =
           {
               // a step of (0.2, −0.2)
               {{10, -10}, -2.45758779293655, false, {0.136611888546685, -0.397650941247452}},
               // 20 is clipped to 10: (−0.08, 0.2)
               {{-4, 20}, -2.65051306001768, false, {0.0566118885466848, -0.197650941247452}},
           }},
      {.env = "promp-corner-dense-squared-v1",
       .task = {2, -2},
       .start = {-0.0633881114533152, -0.197650941247452},
       .steps =
           {
               // a step of (0.2, −0.2)
               {{10, -10}, -6.03973775999073, false, {0.136611888546685, -0.397650941247452}},
               // 20 is clipped to 10: (−0.08, 0.2)
               {{-4, 20}, -7.02521948132428, false, {0.0566118885466848, -0.197650941247452}},
           }},
  };
  return table;
}

}  // namespace innerloop::envs
