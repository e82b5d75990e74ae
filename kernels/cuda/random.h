// Random numbers drawn on a device: those that the CPU draws at the same places (kernels/philox.h), bit for bit.
#pragma once

#include "kernels/philox.h"
#include "kernels/shape.h"

namespace innerloop::kernels {

enum class Distribution { normal, uniform };  // N(0, 1); [0, 1)

// out (tasks, trajectories, count), in the device's memory: the first `count` draws at each of the places
// first.task + t, first.trajectory + n. Throws where a place does not fit its field, or a place has not as many draws.
void draw(Device device, Distribution distribution, std::uint64_t seed, const Place& first, int tasks, int trajectories,
          int count, double* out, void* stream);

}  // namespace innerloop::kernels
