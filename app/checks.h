// What `innerloop check` can check, and what it prints and returns.
#pragma once

#include <string>
#include <vector>

#include "app/program.h"
#include "autodiff/check.h"

namespace innerloop::app {

// The cases that `word` names: an operation ("tanh"), an algorithm ("maml"), "ops", "algorithms" or "all". UsageError
// with the nearest name otherwise.
std::vector<CheckCase> find_check_cases(const std::string& word);

// Runs the cases, prints a line or a table (`full`) for each, or JSON, and returns the exit code: success, or failure
// if any case fails. directions: autodiff/check_directions.h.
int report_checks(const Context& context, const std::vector<CheckCase>& cases, const CheckOptions& options, bool json,
                  bool full, int directions = 1);

}  // namespace innerloop::app
