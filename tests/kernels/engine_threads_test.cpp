// The emulator's engine runs one grid at a time, whoever launches it: fibers, blocks and registers are shared by all.
// [threads] kernels/cuda/simt/engine.cpp, kernels/cuda/simt/engine_state.h
#include <vector>

#include "kernels/cuda/simt/engine.h"
#include "kernels/threads.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;

TEST_CASE("engine: grids that several threads launch at once run one after the other, each whole", "[threads]") {
  const ThreadCount several(4);
  const int launches = 12;
  const unsigned blocks = 3, threads = 40;
  const simt::Site site{"engine_threads_test.cpp", 0};
  std::vector<std::vector<int>> sums(launches, std::vector<int>(blocks));
  parallel_for(launches, [&](int launch, int) {
    std::vector<int> brought(blocks * threads), &sum = sums[static_cast<std::size_t>(launch)];
    simt::run_grid({.grid = blocks, .block = threads}, [&] {
      const unsigned block = simt::registers.block.x, thread = simt::registers.thread.x;
      brought[block * threads + thread] = launch + static_cast<int>(thread);
      simt::sync_threads(site);  // each thread waits on a fiber of its own
      if (thread == 0)
        for (unsigned t = 0; t < threads; ++t) sum[block] += brought[block * threads + t];
    });
  });
  for (int launch = 0; launch < launches; ++launch)
    CHECK(sums[static_cast<std::size_t>(launch)] == std::vector<int>(blocks, 40 * launch + 39 * 20));
}
