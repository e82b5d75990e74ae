// Golden trajectories of the environments for learners with a memory: bandits, a random process, the two-step task,
// Harlow's task, the grid of VariBAD.
//
// By a separate program, written from the definitions, with its own Philox. Random draws as in golden_trajectories.h.
#pragma once

#include "tests/envs/golden_control.h"

namespace innerloop::envs {

// k arms with means 1/(k + 1), 2/(k + 1), …, one pull.
inline Golden golden_bandit(const std::string& env, int k, int arm, double reward) {
  Golden golden{.env = env, .task = {}, .start = {0}, .steps = {{{double(arm)}, reward, true, {0}}}};
  for (int i = 0; i < k; ++i) golden.task.push_back((i + 1.0) / (k + 1.0));
  return golden;
}

// Mean rewards ((7s + 3a) mod 11)/4 − ½; transition probabilities proportional to (3s + 5a + 7s') mod 9 + 1.
inline std::vector<double> golden_process() {
  std::vector<double> task;
  for (int s = 0; s < 10; ++s)
    for (int a = 0; a < 5; ++a) task.push_back((7 * s + 3 * a) % 11 / 4.0 - 0.5);
  for (int s = 0; s < 10; ++s)
    for (int a = 0; a < 5; ++a) {
      int sum = 0;
      for (int next = 0; next < 10; ++next) sum += (3 * s + 5 * a + 7 * next) % 9 + 1;
      for (int next = 0; next < 10; ++next)
        task.push_back(((3 * s + 5 * a + 7 * next) % 9 + 1) / static_cast<double>(sum));
    }
  return task;
}

inline const std::vector<Golden>& golden_trials() {
  static const std::vector<Golden> table = {
      // The first uniform number is 0.741992, against 4/6, 7/11 and 41/51.
      golden_bandit("rl2-bandit-k5-n10-v1", 5, 3, 0),
      golden_bandit("rl2-bandit-k5-n100-v1", 5, 3, 0),
      golden_bandit("rl2-bandit-k5-n500-v1", 5, 3, 0),
      golden_bandit("rl2-bandit-k10-n10-v1", 10, 6, 0),
      golden_bandit("rl2-bandit-k10-n100-v1", 10, 6, 0),
      golden_bandit("rl2-bandit-k10-n500-v1", 10, 6, 0),
      golden_bandit("rl2-bandit-k50-n10-v1", 50, 40, 1),
      golden_bandit("rl2-bandit-k50-n100-v1", 50, 40, 1),
      golden_bandit("rl2-bandit-k50-n500-v1", 50, 40, 1),
      {.env = "gaussian-bandit-k5-n100-v1",
       .task = {0.1, 0.2, 0.3, 0.4, 0.5},
       .start = {0},
       .steps =
           {
               // 0.3 and the first normal number, 1.644934
               {{2}, 1.94493449520482, true, {0}},
           }},
      {.env = "wang-independent-v1",
       .task = {0.3, 0.8},
       .start = {0},
       .steps =
           {
               // u = 0.741992 against 0.3
               {{0}, 0, false, {0.01}},
               // u = 0.801061 against 0.8
               {{1}, 0, false, {0.02}},
               // u = 0.596029 against 0.8
               {{1}, 1, false, {0.03}},
           }},
      {.env = "wang-uniform-v1",
       .task = {0.35, 0.65},
       .start = {0},
       .steps =
           {
               // u = 0.741992 against 0.65
               {{1}, 0, false, {0.01}},
               // u = 0.801061 against 0.35
               {{0}, 0, false, {0.02}},
           }},
      {.env = "wang-easy-v1",
       .task = {0.1, 0.9},
       .start = {0},
       .steps =
           {
               // u = 0.741992 against 0.1
               {{0}, 0, false, {0.01}},
               // u = 0.801061 against 0.9
               {{1}, 1, false, {0.02}},
           }},
      {.env = "wang-medium-v1",
       .task = {0.75, 0.25},
       .start = {0},
       .steps =
           {
               // u = 0.741992 against 0.75
               {{0}, 1, false, {0.01}},
               // u = 0.801061 against 0.25
               {{1}, 0, false, {0.02}},
           }},
      {.env = "wang-hard-v1",
       .task = {0.4, 0.6},
       .start = {0},
       .steps =
           {
               // u = 0.741992 against 0.6
               {{1}, 0, false, {0.01}},
               // u = 0.801061 against 0.4
               {{0}, 0, false, {0.02}},
           }},
      {.env = "wang-informative-v1",
       .task = {6},
       .start = {0},
       .steps =
           {
               // the seventh arm pays: 0.7 says so
               {{10}, 0.7, false, {0.2}},
               // one of the nine others
               {{0}, 1, false, {0.4}},
               // the target
               {{6}, 5, false, {0.6}},
           }},
      {.env = "wang-restless-v1",
       .task = {0.55, 0.1},
       .start = {0},
       .steps =
           {
               // u = 0.741992 against p₁ = 0.550000
               {{0}, 0, false, {0.01}},
               // u = 0.801061 against p₁ = 0.558166
               {{1}, 1, false, {0.02}},
               // u = 0.596029 against p₁ = 0.740340
               {{0}, 1, false, {0.03}},
               // u = 0.845245 against p₁ = 0.739882
               {{1}, 1, false, {0.04}},
               // u = 0.779609 against p₁ = 0.488559
               {{1}, 1, false, {0.05}},
           }},
      {.env = "rl2-mdp-v1",
       .task = golden_process(),
       .start = one_hot(10, 0),
       .steps =
           {
               // mean -0.5; u = 0.885176 leads from 0 to 7
               {{0}, 1.14493449520482, false, one_hot(10, 7)},
               // mean 0.25; u = 0.908024 leads from 7 to 7
               {{3}, 1.74305521822823, false, one_hot(10, 7)},
               // mean 1; u = 0.749598 leads from 7 to 8
               {{4}, 1.4705344927947, false, one_hot(10, 8)},
               // mean 0.5; u = 0.533756 leads from 8 to 6
               {{1}, 2.38062196227208, false, one_hot(10, 6)},
           }},
      {.env = "two-step-v1",
       .task = {0},
       .start = {1, 0, 0},
       .steps =
           {
               // u = 0.741992: the common transition
               {{0}, 0, false, {0, 1, 0}},
               // u = 0.801061 against 0.9
               {{0}, 1, false, {1, 0, 0}},
               // u = 0.596029: the common transition
               {{1}, 0, false, {0, 0, 1}},
               // u = 0.845245 against 0.1
               {{0}, 0, false, {1, 0, 0}},
               // u = 0.779609: the rare transition
               {{0}, 0, false, {0, 0, 1}},
               // u = 0.385512 against 0.1
               {{1}, 0, false, {1, 0, 0}},
           }},
      {.env = "two-step-flip-v1",
       .task = {1},
       .start = {1, 0, 0},
       .steps =
           {
               // u = 0.741992: the common transition
               {{0}, 0, false, {0, 1, 0}},
               // u = 0.801061 against 0.1
               {{1}, 0, false, {1, 0, 0}},
               // u = 0.596029: the common transition
               {{1}, 0, false, {0, 0, 1}},
               // u = 0.845245 against 0.9
               {{0}, 1, false, {1, 0, 0}},
               // u = 0.779609: the common transition
               {{1}, 0, false, {0, 0, 1}},
               // u = 0.385512 against 0.9
               {{0}, 1, false, {1, 0, 0}},
           }},
      {.env = "harlow-v1",
       .task = {1, 1, 1, -1, -1, 1, -1, 1, -1, -1, 1, 1},
       .start = {1, 1, 1, -1, -1, 1, -1, 1, -1, -1, 1, 1},
       .steps =
           {
               // the good one was on the left
               {{0}, 1, false, {-1, 1, -1, -1, 1, 1, 1, 1, 1, -1, -1, 1}},
               // the good one was on the right
               {{1}, 1, false, {-1, 1, -1, -1, 1, 1, 1, 1, 1, -1, -1, 1}},
               // the good one was on the right
               {{1}, 1, false, {-1, 1, -1, -1, 1, 1, 1, 1, 1, -1, -1, 1}},
           }},
      {.env = "grid-navi-v1",
       .task = {7},
       .start = {0, 0},
       .steps =
           {
               // the border stops it
               {{4}, -0.1, false, {0, 0}},
               {{1}, -0.1, false, {0, 1}},
               {{2}, -0.1, false, {1, 1}},
               // the goal, (1, 2)
               {{1}, 1, false, {1, 2}},
               // staying there pays again
               {{0}, 1, false, {1, 2}},
               // away
               {{3}, -0.1, false, {1, 1}},
               {{1}, 1, false, {1, 2}},
           }},
      {.env = "grid-navi-v1",
       .task = {3},
       .start = {0, 0},
       .steps =
           {
               {{2}, -0.1, false, {1, 0}},
               {{2}, -0.1, false, {2, 0}},
               // goal 3 is the first of row 1: (2, 1)
               {{1}, 1, false, {2, 1}},
           }},
  };
  return table;
}

}  // namespace innerloop::envs
