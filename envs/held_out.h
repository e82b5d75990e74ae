// Are the tasks of a test new to the learner?
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "envs/table.h"

namespace innerloop::envs {

// How many of a test's tasks were drawn in training as well.
struct HeldOut {
  int tested = 0;   // tasks of the test
  int trained = 0;  // of these: drawn in training too
  long drawn = 0;   // tasks drawn in training, with repetition
};

// Draws the tasks of training again, as every trainer does: task number 0 … tasks − 1 of iteration 0 … iterations − 1
// at Purpose::task. Two tasks are the same if all their numbers are equal.
HeldOut held_out(const EnvRow& env, std::span<const Task> tests, std::uint64_t seed, int iterations, int tasks);

// "new: none of the 40 test tasks is among the 4000 of training", or which part is not new.
std::string held_out_text(const HeldOut& held_out);

}  // namespace innerloop::envs
