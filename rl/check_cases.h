// What `innerloop check` verifies of this folder: the surrogates of the algorithms, the KL and the Fisher product.
#pragma once

#include <vector>

#include "autodiff/check.h"

namespace innerloop::rl {

std::vector<CheckCase> check_cases();               // subjects: policy_gradient, trpo, and those of the next lines
std::vector<CheckCase> actor_critic_check_cases();  // a2c, ppo
std::vector<CheckCase> off_policy_check_cases();    // q_learning, dqn, sac

// Numbers for the cases: normal, of standard deviation `scale`; another id, other numbers.
Tensor check_normals(Shape shape, std::uint32_t id, double scale = 1);

}  // namespace innerloop::rl
