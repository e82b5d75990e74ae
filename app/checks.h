// What `innerloop check` can check: the one place where a new subject is entered.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "autodiff/check.h"

namespace innerloop::app {

struct CheckSubject {
  std::string name;   // "tanh", "maml"
  std::string group;  // "ops", "algorithms"
  std::vector<CheckCase> cases;
};

// Every subject: one per operation, and one per algorithm.
std::vector<CheckSubject> all_check_subjects();

// Those that `word` names: a subject, a group, or "all". UsageError with the nearest name otherwise.
std::vector<CheckSubject> find_check_subjects(const std::string& word);

}  // namespace innerloop::app
