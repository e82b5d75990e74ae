// The memory of a device, shared by all threads of the program. Emulated memory is the host's: every build has it.
// [threads] autodiff/device.cpp
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "autodiff/device.h"
#include "kernels/threads.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;

TEST_CASE("device memory: a block belongs to one thread until it is given back, and every copy is counted",
          "[threads]") {
  const ThreadCount several(4);
  const DeviceStatistics& statistics = device_statistics();
  const std::uint64_t to_device = statistics.copies_to_device, to_host = statistics.copies_to_host;
  std::atomic<int> intact = 0;
  parallel_for(100, [&](int n, int) {
    const std::vector<std::byte> mine(700, static_cast<std::byte>(n));
    std::vector<std::byte> back(mine.size());
    const std::size_t most = 100 * static_cast<std::size_t>(n + 1);
    const std::shared_ptr<std::byte[]> block = allocate(Device::simt, mine.size()),
                                       workspace = shared_workspace(Device::simt, most);
    copy_bytes(block.get(), Device::simt, mine.data(), Device::cpu, mine.size());
    copy_bytes(back.data(), Device::cpu, block.get(), Device::simt, mine.size());
    intact += mine == back && workspace != nullptr && compute_device() == Device::cpu;
  });
  CHECK(intact == 100);
  CHECK(statistics.copies_to_device - to_device == 100);
  CHECK(statistics.copies_to_host - to_host == 100);
}
