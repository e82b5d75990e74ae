// What the executor needs of a device, as a table of functions: one for GPUs (CUDA's runtime), one for the emulator
// (memory of the host). Every call is checked; errors are Error with CUDA's words, what was asked, and the remedy. What
// destructors call does not throw: the first such failure is told on stderr.
#pragma once

#include <cstddef>
#include <string>

#include "kernels/shape.h"

namespace innerloop::kernels {

struct DeviceProperties {
  std::string name;  // "NVIDIA H200", "emulated"
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  int clock_mhz = 0;  // 0: unknown
  std::size_t memory_bytes = 0, shared_bytes_per_block = 0;
  std::string driver, runtime;  // "13.0"; empty when emulated
};

// Streams, events and graphs are opaque pointers; a null stream is the default one. Work on one stream runs in order.
// Copies and fills are asynchronous where the device is: synchronize() before the host reads.
struct DeviceApi {
  DeviceProperties (*properties)();

  // Memory, aligned to 256 bytes and not initialised (emulated: filled with NaN). Not during a capture.
  void* (*allocate)(std::size_t bytes);  // of 0 bytes: nullptr
  void (*free)(void* memory) noexcept;   // nullptr: nothing
  void (*copy_to_device)(void* to, const void* from, std::size_t bytes, void* stream);
  void (*copy_to_host)(void* to, const void* from, std::size_t bytes, void* stream);
  void (*copy_within)(void* to, const void* from, std::size_t bytes, void* stream);  // must not overlap
  void (*fill_bytes)(void* to, int byte, std::size_t bytes, void* stream);

  void* (*create_stream)();
  void (*destroy_stream)(void* stream) noexcept;
  void (*synchronize)(void* stream);  // waits; errors inside of kernels appear here

  // Between begin and end, what is put on the stream is recorded instead of run: launches, copies and fills, with the
  // pointers and numbers they were given. The graph runs it again, as often as it is launched. Whatever is not allowed
  // meanwhile (allocating, waiting) throws, and so does the end of such a capture.
  void (*begin_capture)(void* stream);
  void* (*end_capture)(void* stream);
  void (*launch_graph)(void* graph, void* stream);
  void (*destroy_graph)(void* graph) noexcept;

  void* (*create_event)();
  void (*destroy_event)(void* event) noexcept;
  void (*record_event)(void* event, void* stream);
  double (*milliseconds)(void* begin, void* end);  // between two recorded events; waits for the second
};

// The table of Device::cuda or Device::simt. Throws Error when why_unavailable() says something of Device::cuda; the
// memory of Device::simt is the host's, and always there.
const DeviceApi& device_api(Device device);

// Empty, or what is missing before kernels can run on this device, and what to do about it. Those of Device::simt can,
// unless the build leaves the emulator out.
std::string why_unavailable(Device device);

}  // namespace innerloop::kernels
