#include "app/checks.h"

#include <algorithm>
#include <iterator>

#include "app/algorithms.h"
#include "kernels/nearest.h"
#include "nn/check_cases.h"
#include "rl/training/options.h"

namespace innerloop::app {
namespace {

struct CheckGroup {
  const char* name;
  std::vector<CheckCase> (*cases)();
};

void append(std::vector<CheckCase>& all, std::vector<CheckCase> more) {
  std::ranges::move(more, std::back_inserter(all));
}
std::vector<CheckCase> algorithm_cases() {
  std::vector<CheckCase> cases;
  for (const rl::AlgorithmRow* row : all_algorithms())
    if (row->checks != nullptr) append(cases, row->checks());
  return cases;
}
constexpr CheckGroup groups[] = {
    {"ops", op_cases},
    {"layers", nn::check_cases},
    {"algorithms", algorithm_cases},
};

}  // namespace

std::vector<CheckCase> find_check_cases(const std::string& word) {
  std::vector<CheckCase> found;
  std::vector<std::string> names{"all"};
  for (const CheckGroup& group : groups) {
    names.push_back(group.name);
    for (CheckCase& instance : group.cases()) {
      if (names.back() != instance.subject) names.push_back(instance.subject);
      if (word == "all" || word == group.name || word == instance.subject) found.push_back(std::move(instance));
    }
  }
  if (found.empty()) throw rl::UsageError("nothing to check is called '" + word + "'" + did_you_mean(word, names));
  return found;
}

}  // namespace innerloop::app
