// Reptile: move towards where learning arrives.
//
// Nichol, Achiam, Schulman 2018, "On First-Order Meta-Learning Algorithms", arXiv 1803.02999v3; here with policy
// gradients inside, which the paper leaves to others.
// Adapt to every task of a batch by K inner steps, then move the initial parameters a fraction of the way to the mean
// of the adapted ones. Nothing is differentiated but the inner objective, once; only with K > 1 is this more than
// training on all tasks at once.
//
//   symbol   name          shape
//   φ        theta         (1, in, out): the initial parameters
//   φ̃_i      theta_prime   (B, in, out): after K inner steps in task i
//   ε        epsilon       fraction of the way, 0 to 1
#pragma once

#include "meta/maml.h"
#include "rl/training/trainer.h"

namespace innerloop::meta {

// mean_i (φ̃_i − φ), one (1, in, out) per parameter: the direction of the step.
Params reptile_direction(const Params& theta, const Params& theta_prime);
// φ + ε·mean_i (φ̃_i − φ). epsilon: (1, 1, 1).
Params reptile_step(const Params& theta, const Params& theta_prime, Var epsilon);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct ReptileFunctions {
  ReptileFunctions();
  Function<NoSpec> step;  // (theta, theta_prime, epsilon) → φ + ε·mean_i (φ̃_i − φ)
};

extern const rl::AlgorithmRow reptile;

}  // namespace innerloop::meta
