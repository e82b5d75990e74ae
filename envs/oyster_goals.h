// The goals of the point robots in PEARL's official code (katerakelly/oyster, 44e20fd): 100 of each kind, of which the
// first 80 are trained on and the last 20 are the test.
#pragma once

#include <vector>

#include "envs/driver.h"

namespace innerloop::envs {

// Uniform in the square [−1, 1]², as numpy.random.seed(1337) draws them.
std::vector<Task> oyster_square_goals();
// At the angles linspace(0, π, 100) of the unit circle, in the order in which numpy.random.seed(1337) shuffles them.
std::vector<Task> oyster_semicircle_goals();

// All of a point robot's goals, or none for another environment; and the first 80, which the authors trained on.
std::vector<Task> oyster_goals_of(const EnvRow& env);
std::vector<Task> official_training_tasks(const EnvRow& env);
constexpr int oyster_training_goals = 80;

}  // namespace innerloop::envs
