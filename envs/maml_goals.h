// The goals on which MAML's authors tested 2-D navigation.
#pragma once

#include <cstdint>
#include <vector>

#include "envs/driver.h"

namespace innerloop::envs {

// `count` goals, uniform in [−½, ½]², exactly as NumPy draws them after numpy.random.seed(seed): MT19937, each double
// made of 53 bits of two words. The published results (cbfinn/maml_rl, test_maml_point.py) are means over seed 1 and 40
// goals.
std::vector<Task> maml_test_goals(std::uint32_t seed = 1, int count = 40);

// The doubles in [0, 1) that numpy.random.seed(seed); numpy.random.rand(count) gives.
std::vector<double> numpy_uniform(std::uint32_t seed, int count);

}  // namespace innerloop::envs
