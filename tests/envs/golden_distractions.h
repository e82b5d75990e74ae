// Golden trajectories of the environments in which the discount matters. Written down by a separate program with its
// own Philox and Box–Muller; where that is one line of arithmetic, here. Random draws as in golden_trajectories.h.
#pragma once

#include <array>

#include "tests/envs/golden_control.h"

namespace innerloop::envs {

// The chain: 100 steps after the first choice, all of them 0 but the one that pays.
inline Golden golden_chain(const std::string& env, int choice, int delay, double reward) {
  Golden g{.env = env, .task = {0.1}, .start = one_hot(7, 6), .steps = {}};
  for (int t = 1; t <= 100; ++t) {
    std::vector<double> seen = one_hot(7, choice);
    seen[5] = t / 100.0;
    seen[6] = t < delay;
    const double action = t == 1 ? choice : t % 5;  // no action but the first does anything
    g.steps.push_back({{action}, t == delay ? reward : 0, t == 100, seen});
  }
  return g;
}

// The tall board: the ball falls in column 1 (the draw of seed 2024), the paddle goes there and waits.
inline Golden golden_tall_catch() {
  const auto seen = [](int row, int paddle) {
    std::vector<double> numbers = one_hot(11, 1);
    numbers[static_cast<std::size_t>(5 + paddle)] = 1;
    numbers[10] = row / 39.0;
    return numbers;
  };
  Golden g{.env = "catch-tall-v1", .task = {1}, .start = seen(0, 2), .steps = {}};
  for (int row = 1; row <= 39; ++row)
    g.steps.push_back({{row == 1 ? 0.0 : 1.0}, row == 39 ? 1.0 : 0.0, row == 39, seen(row, 1)});
  return g;
}

// The cart-pole's own trajectory; the coins of seed 2024 are five tails, four heads, a tail, a head.
inline Golden golden_noisy_cartpole() {
  Golden g = golden_control().front();
  g.env = "noisy-cartpole-v1";
  const std::array<double, 11> rewards{0, 0, 0, 0, 0, 2, 2, 2, 2, 0, 2};
  for (std::size_t t = 0; t < g.steps.size(); ++t) g.steps[t].reward = rewards[t];
  return g;
}

inline const std::vector<Golden>& golden_distractions() {
  static const std::vector<Golden> table = {
      golden_chain("discounting-chain-1-v2", 0, 1, 1.1),
      golden_chain("discounting-chain-3-v2", 2, 10, 1),
      golden_chain("discounting-chain-10-v2", 2, 10, 1.1),
      golden_chain("discounting-chain-30-v2", 3, 30, 1.1),
      golden_chain("discounting-chain-100-v2", 4, 100, 1.1),
      golden_tall_catch(),
      golden_noisy_cartpole(),
      {.env = "signal-noise-v1",
       .task = {0.1},
       .start = one_hot(10, 0),
       .steps =
           {
               {{0}, 1.64493449520482, false, one_hot(10, 1)},
               {{0}, 0.1, false, one_hot(10, 2)},
               {{0}, 0.470534492794697, false, one_hot(10, 3)},
               {{0}, 0.1, false, one_hot(10, 4)},
               {{0}, -1.58676771352799, false, one_hot(10, 5)},
               {{0}, 0.1, false, one_hot(10, 6)},
               {{0}, 0.399928048573821, false, one_hot(10, 7)},
               {{0}, 0.1, false, one_hot(10, 8)},
               {{0}, -0.805157943764118, false, one_hot(10, 9)},
               {{0}, 0.1, true, one_hot(10, 9)},
           }},
      {.env = "noise-undone-v1",
       .task = {1},
       .start = one_hot(9, 0),
       .steps =
           {
               {{0}, 1.64493449520482, false, one_hot(9, 1)},
               {{0}, -1.64493449520482, false, one_hot(9, 2)},
               {{0}, 0.470534492794697, false, one_hot(9, 3)},
               {{0}, -0.470534492794697, false, one_hot(9, 4)},
               {{0}, -1.58676771352799, false, one_hot(9, 5)},
               {{0}, 1.58676771352799, false, one_hot(9, 6)},
               {{0}, 0.399928048573821, false, one_hot(9, 7)},
               {{0}, -0.399928048573821, false, one_hot(9, 8)},
               {{0}, -0.805157943764118, true, one_hot(9, 8)},
           }},
      {.env = "lure-grid-v1",
       .task = {0.5},
       .start = one_hot(49, 0),
       .steps =
           {
               {{0}, -0.1, false, one_hot(49, 0)},
               {{2}, -0.1, false, one_hot(49, 7)},
               {{3}, -0.1, false, one_hot(49, 7)},
               {{1}, -0.1, false, one_hot(49, 8)},
               {{2}, -0.1, false, one_hot(49, 15)},
               {{2}, 0.1, false, one_hot(49, 22)},
               {{2}, 0.1, false, one_hot(49, 29)},
               {{2}, 0.1, false, one_hot(49, 36)},
               {{2}, 0.1, false, one_hot(49, 43)},
               {{2}, -0.1, false, one_hot(49, 43)},
               {{1}, 0.1, false, one_hot(49, 44)},
               {{1}, 0.1, false, one_hot(49, 45)},
               {{1}, 0.1, false, one_hot(49, 46)},
               {{1}, 0.1, false, one_hot(49, 47)},
               {{1}, 0.9, true, one_hot(49, 48)},
           }},
      {.env = "lure-grid-v1",
       .task = {0.5},
       .start = one_hot(49, 0),
       .steps =
           {
               {{1}, -0.1, false, one_hot(49, 1)},
               {{1}, 0.4, true, one_hot(49, 2)},
           }},
      {.env = "catch-v1",
       .task = {1},
       .start = {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0},
       .steps =
           {
               {{0}, 0, false, {0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0.111111111111111}},
               {{0}, 0, false, {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0.222222222222222}},
               {{0}, 0, false, {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0.333333333333333}},
               {{1}, 0, false, {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0.444444444444444}},
               {{2}, 0, false, {0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0.555555555555556}},
               {{2}, 0, false, {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0.666666666666667}},
               {{2}, 0, false, {0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0.777777777777778}},
               {{2}, 0, false, {0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0.888888888888889}},
               {{1}, -1, true, {0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1}},
           }},
  };
  return table;
}

}  // namespace innerloop::envs
