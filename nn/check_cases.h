// What `innerloop check` verifies of this folder: layers, and the log-probabilities, entropies, KLs and Fisher products
// of the distributions.
#pragma once

#include <vector>

#include "autodiff/check.h"

namespace innerloop::nn {

std::vector<CheckCase> check_cases();  // subjects: mlp, lstm, gaussian, squashed_gaussian, categorical, policy

}  // namespace innerloop::nn
