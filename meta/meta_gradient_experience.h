// What meta-gradients learn from: experiences of processes, and segments of control, in one form (meta_gradient.h).
#pragma once

#include <cstdint>

#include "envs/driver.h"
#include "rl/experience/segments.h"

namespace innerloop::meta {

// Whole episodes of a process in which there is nothing to decide: one for each of B learners, (B, T, ·), all of the
// environment's horizon. Random numbers depend on (seed, iteration, k) and the learner alone.
BatchValues collect_process(const envs::EnvRow& env, int learners, std::uint64_t seed, int iteration, int k,
                            Dtype dtype);
// A segment as an experience: (1, T·N, ·), every row of weight 1/(T·N).
BatchValues experience_of(const rl::Segments& segments);

}  // namespace innerloop::meta
