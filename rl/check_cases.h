// What `innerloop check` verifies of this folder: the surrogates of the algorithms, the KL and the Fisher product.
#pragma once

#include <vector>

#include "autodiff/check.h"

namespace innerloop::rl {

std::vector<CheckCase> policy_gradient_check_cases();
std::vector<CheckCase> trpo_check_cases();
std::vector<CheckCase> a2c_check_cases();
std::vector<CheckCase> ppo_check_cases();
std::vector<CheckCase> impala_check_cases();
std::vector<CheckCase> q_learning_check_cases();
std::vector<CheckCase> dqn_check_cases();
std::vector<CheckCase> sac_check_cases();

// Numbers for the cases: normal, of standard deviation `scale`; another id, other numbers.
Tensor check_normals(Shape shape, std::uint32_t id, double scale = 1);

}  // namespace innerloop::rl
