// Deep Q-networks.
//
// Mnih et al. 2015, "Human-level control through deep reinforcement learning", Nature 518; the double estimator: van
// Hasselt, Guez, Silver 2016, "Deep Reinforcement Learning with Double Q-learning", arXiv 1509.06461v3.
// Q-learning with a network in place of the table. Two things keep it from running after itself: transitions are drawn
// from a replay buffer, so a batch is not one episode; and targets come from a copy of the network that stands still.
//
//   symbol   name                  shape
//   θ        theta "q/…"           (1, in, out) per parameter; Q(s, ·) is (1, rows, A)
//   θ⁻       target                a copy, renewed every target_every updates
//   y        batch["targets"]      (1, rows, 1): data
//   d        batch["terminated"]   1 where nothing comes after; a time limit is no end
#pragma once

#include "autodiff/function.h"
#include "nn/mlp.h"
#include "rl/training/trainer.h"

namespace innerloop::rl {

struct DqnSpec {
  nn::MlpSpec net;    // O → A
  bool huber = false;  // the loss grows linearly beyond an error of 1 (the paper's clipped errors); else ½ error²
  friend bool operator==(const DqnSpec&, const DqnSpec&) = default;
};

// y of each row, from the values at s': of θ⁻, and where the double estimator is used of θ, which then chooses a'.
// q_target, q_online: (1, rows, A); the result is (1, rows, 1).
Tensor dqn_targets(const Tensor& rewards, const Tensor& terminated, const Tensor& q_target, const Tensor* q_online,
                   double gamma);
// Mean over rows of the loss of Q(s, a) − y. batch: observations, actions (numbers of actions), targets.
Var dqn_loss(const Params& theta, const DqnSpec& spec, const Batch& batch);

struct DqnFunctions {
  DqnFunctions();
  Function<DqnSpec> values;    // (theta, observations) → {"q"}
  Function<DqnSpec> gradient;  // (theta, batch with targets) → ∇L; {"loss", "target", "gradient"}
};

extern const AlgorithmRow dqn;

}  // namespace innerloop::rl
