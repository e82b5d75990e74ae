#include "app/checks.h"

#include <algorithm>

#include "kernels/nearest.h"
#include "meta/check_cases.h"
#include "meta/rl2.h"
#include "nn/check_cases.h"
#include "rl/check_cases.h"
#include "rl/training/options.h"

namespace innerloop::app {
namespace {

// Everything that can be checked: the one place where new cases are entered.
struct CheckGroup {
  const char* name;
  std::vector<CheckCase> (*cases)();
};
std::vector<CheckCase> algorithm_cases() {
  std::vector<CheckCase> cases = rl::check_cases();
  for (const auto& of_family : {meta::maml_check_cases, meta::meta_sgd_check_cases, meta::e_maml_check_cases,
                                meta::promp_check_cases, meta::maesn_check_cases})
    for (CheckCase& instance : of_family()) cases.push_back(std::move(instance));
  for (CheckCase& instance : meta::pearl_check_cases()) cases.push_back(std::move(instance));
  for (CheckCase& instance : meta::meta_gradient_check_cases()) cases.push_back(std::move(instance));
  for (CheckCase& instance : meta::rl2_check_cases()) cases.push_back(std::move(instance));
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
