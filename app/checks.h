// What `innerloop check` can check.
#pragma once

#include <string>
#include <vector>

#include "autodiff/check.h"

namespace innerloop::app {

// The cases that `word` names: an operation ("tanh"), an algorithm ("maml"), "ops", "algorithms" or "all". UsageError
// with the nearest name otherwise.
std::vector<CheckCase> find_check_cases(const std::string& word);

}  // namespace innerloop::app
