// Where numbers live and where Functions run: memory of the CPU and of devices, and the choice of a device.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "kernels/shape.h"

namespace innerloop {

// Memory of a device, aligned to 64 bytes or better, not initialised. What is given back is kept for the next request
// of the same size (asking a GPU's driver takes as long as hundreds of kernels), and goes to the driver when memory
// runs out. Of several blocks the one with the lowest address is handed out: so where tensors lie depends on which are
// alive alone, and a loop meets the same addresses again (autodiff/device_program.h). Throws Error where the device
// cannot be used, saying what is missing.
std::shared_ptr<std::byte[]> allocate(Device device, std::size_t bytes);

// Room for what a kernel needs while it runs, the same for all programs of the device: their kernels run one after the
// other, so long as one thread at a time starts them.
std::shared_ptr<std::byte[]> shared_workspace(Device device, std::size_t bytes);

// Copies between devices, or within one. Returns when the numbers may be used on the CPU, if that is where they go.
void copy_bytes(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes);
void clear_bytes(void* to, Device device, std::size_t bytes);

// What was done on the devices since the program began; tests compare it with what a loop should need.
struct DeviceStatistics {
  std::atomic<std::uint64_t> copies_to_host = 0;    // each waits for the device
  std::atomic<std::uint64_t> copies_to_device = 0;
  std::atomic<std::uint64_t> captures = 0, replays = 0;  // of graphs
};
DeviceStatistics& device_statistics();

// The stream on which all work of a device is done, in order (kernels/cuda/device.h).
void* stream_of(Device device);

// The device on which a Function runs whose arguments are all on the CPU; cpu at first. (Arguments on a device run
// there.) set_compute_device throws Error where the device cannot be used: no GPU, no driver, or innerloop built
// without nvcc.
Device compute_device();
void set_compute_device(Device device);

// "cpu", "cuda" or "simt", or an Error naming the three.
Device device_from(std::string_view name);

}  // namespace innerloop
