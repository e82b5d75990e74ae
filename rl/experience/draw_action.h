// How an action is drawn from the numbers of a distribution.
#pragma once

#include <functional>
#include <string>

#include "kernels/philox.h"
#include "nn/policy.h"

namespace innerloop::rl {

// The first action whose cumulative probability exceeds u; the likeliest if deterministic.
int choose_action(const double* probabilities, int count, double u, bool deterministic);

// A random action of one lane from the numbers of its distribution: `centre` holds a Gaussian's mean (A), whose
// deviations are `sigma` (A), or the probabilities of discrete actions. deterministic: the mean, or the likeliest. A
// Gaussian's is rounded to dtype, since that is how it will be learned from: the environment gets the very number that
// is stored. NonFiniteError, beginning with where(), for a probability that is not finite: a NaN would pass every
// comparison of the draw.
void draw_action(const nn::PolicySpec& policy, const double* centre, const double* sigma, Philox random,
                 bool deterministic, Dtype dtype, const std::function<std::string()>& where, double* action);

}  // namespace innerloop::rl
