// Tabular Q-learning.
//
// Watkins and Dayan 1992, "Q-learning", Machine Learning 8.
// A table of what each action is worth in each state. Every step moves one entry towards what the step taught: the
// reward, and the best that the next state promises; so the optimum is learned whatever policy gathers the data, as
// long as it tries everything again and again.
//
//   symbol   name       shape
//   Q        table      (1, S, A)
//   α        rate       step size: constant, or n⁻ᵖ after n visits of the pair
//   ε        epsilon    share of random actions
#pragma once

#include "autodiff/graph.h"
#include "autodiff/tensor.h"
#include "rl/experience/replay.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

// y = r + γ(1 − d) max_a' Q(s', a'). Only a termination is an end: a time limit is not.
double q_target(const Tensor& table, double reward, int next_state, End end, double gamma);
// Q(s, a) ← Q(s, a) + α(y − Q(s, a)).
void q_update(Tensor& table, int state, int action, double target, double rate);
// The largest entry's column in a row of (1, S, A); the first of equal ones.
int best_action(const Tensor& table, int state);

// The same update as a gradient step: half the squared errors of rows (s, a) with targets y, (1, 1, 1). Targets are
// data. state, action, target: (1, rows, 1).
Var q_loss(Var table, Var state, Var action, Var target);

extern const AlgorithmRow q_learning;

}  // namespace innerloop::rl
