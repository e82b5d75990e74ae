// Counts heap allocations of C++ code, to show that something allocates nothing.
#pragma once

namespace innerloop {

// How often operator new was called so far in this process, by any thread.
long allocations();

}  // namespace innerloop
