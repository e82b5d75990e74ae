#include "app/checks.h"

#include <algorithm>

#include "kernels/nearest.h"
#include "rl/options.h"

namespace innerloop::app {

std::vector<CheckSubject> all_check_subjects() {
  std::vector<CheckSubject> subjects;
  // Operations: their cases come one after the other, so those of one operation are neighbours.
  for (CheckCase& instance : op_cases()) {
    if (subjects.empty() || subjects.back().name != instance.subject) subjects.push_back({instance.subject, "ops", {}});
    subjects.back().cases.push_back(std::move(instance));
  }
  return subjects;
}

std::vector<CheckSubject> find_check_subjects(const std::string& word) {
  std::vector<CheckSubject> subjects = all_check_subjects(), found;
  std::vector<std::string> names{"all"};
  for (CheckSubject& subject : subjects) {
    names.push_back(subject.name);
    if (std::ranges::find(names, subject.group) == names.end()) names.push_back(subject.group);
    if (word == "all" || word == subject.name || word == subject.group) found.push_back(std::move(subject));
  }
  if (found.empty()) throw rl::UsageError("nothing to check is called '" + word + "'" + did_you_mean(word, names));
  return found;
}

}  // namespace innerloop::app
