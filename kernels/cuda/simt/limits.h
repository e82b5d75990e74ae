// Limits of shared memory, in bytes, on which launches on a GPU and the emulator agree.
#pragma once

#include <cstddef>

namespace innerloop::simt {

constexpr std::size_t most_dynamic_shared = 232448;    // a block on compute capability 9.0, when it asks for it
constexpr std::size_t most_static_shared = 48 * 1024;  // arrays of a block; with the launch's memory, unless it asks
// A launch with more memory than this asks for more than 48 KB. Lower, since a kernel's arrays count as well.
constexpr std::size_t most_unasked_shared = 40 * 1024;

}  // namespace innerloop::simt
