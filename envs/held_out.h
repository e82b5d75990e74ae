// Are the tasks of a test new to the learner?
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "envs/table.h"

namespace innerloop::envs {

// Which tasks training drew: those at (seed, Purpose::task, iteration 0 … iterations − 1, task 0 … tasks − 1).
struct TrainingDraws {
  std::uint64_t seed = 1;
  long iterations = 0;
  int tasks = 0;
  bool at_most = false;  // these at most: a learner that draws a task per episode has drawn fewer of them
};

// How many of a test's tasks are among them. Two tasks are the same if all their numbers are equal.
struct HeldOut {
  int tested = 0;        // tasks of the test
  int trained = 0;       // of these: drawn in training too
  long drawn = 0;        // tasks drawn in training, with repetition
  bool at_most = false;
  bool all_looked_at = true;  // false: only the first two million of them
};
HeldOut held_out(const EnvRow& env, std::span<const Task> tests, const TrainingDraws& training);

// "new: none of the 40 test tasks is among the 4000 of training", or which part is not new.
std::string held_out_text(const HeldOut& held_out);

}  // namespace innerloop::envs
