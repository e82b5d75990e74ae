// The race detector. A kernel file compiled with -fsanitize=thread, without that sanitizer's library, calls out at each
// access of memory; race_callouts.cpp, linked into tests_race only, sends those calls here.
//
// For every four bytes the detector remembers the last writer and two readers, each with its barrier counts. Two
// accesses of one launch conflict if one of them writes, they are not both atomic, and no barrier lies between them:
//   other blocks: no grid sync between;  one block: also no __syncthreads;  one warp: also no __syncwarp.
// A shuffle orders nothing, as on the GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace innerloop::simt::race {

// Who accesses, and how many barriers it has passed.
struct Actor {
  std::uint32_t launch = 0, grid_epoch = 0, block = 0, block_epoch = 0, warp_epoch = 0, thread = 0;
  bool atomic = false, valid = false;
};

// Is this program one whose kernels call out?
bool active();
void activate();

// One access by the emulated thread that runs now; nothing outside of kernels.
void access(const void* address, std::size_t bytes, bool write);
void begin_atomic(const void* address, std::size_t bytes);  // counts as one atomic write; what follows is not looked at
void end_atomic();
void forget(const void* begin, std::size_t bytes);  // new memory at an old address

// The first race since the last call, in words (kind, memory, both blocks and threads); empty if there was none.
std::string take_first();

}  // namespace innerloop::simt::race
