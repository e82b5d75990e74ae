// The emulated device: its memory is the host's, its streams run at once, its graphs are lists of what was recorded.
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "kernels/cuda/device_tables.h"
#include "kernels/cuda/simt/engine.h"
#include "kernels/cuda/simt/shared_memory.h"
#include "kernels/require.h"

namespace innerloop::kernels {
namespace {

constexpr std::align_val_t alignment{256};
constexpr std::size_t memory_bytes = std::size_t{1} << 34;  // no single request may be larger

DeviceProperties properties() {
  DeviceProperties p;
  p.name = "emulated";
  p.major = 9;
  p.multiprocessors = 4;  // few, since all threads of a cooperative grid need a stack
  p.memory_bytes = memory_bytes;
  p.shared_bytes_per_block = simt::options().shared_bytes;
  return p;
}

// What a GPU refuses during a capture is refused here too; and what would have the capture fail there, does so here.
bool capture_failed = false;
void require_no_capture(const char* what, bool fails_the_capture = true) {
  if (simt::recorder() == nullptr) return;
  capture_failed = capture_failed || fails_the_capture;
  throw Error(std::string("device simt: ") + what + " while a graph is being captured");
}

// Now, or when the graph runs.
template <class F>
void run_or_record(F work) {
  if (simt::Recorder* recorder = simt::recorder())
    recorder->push_back(work);
  else
    work();
}

void* allocate(std::size_t bytes) {
  require_no_capture("memory is allocated");
  if (bytes == 0) return nullptr;
  void* memory = bytes <= memory_bytes ? ::operator new(bytes, alignment, std::nothrow) : nullptr;
  require(memory != nullptr, [&] {
    return "device simt: out of memory, " + std::to_string(bytes) + " bytes were asked for; use " +
           "fewer tasks or smaller batches";
  });
  return std::memset(memory, 0xFF, bytes);
}

void free_memory(void* memory) noexcept { ::operator delete(memory, alignment); }

void copy(void* to, const void* from, std::size_t bytes, void*) {
  run_or_record([=] {
    if (bytes) std::memcpy(to, from, bytes);
  });
}

void fill_bytes(void* to, int byte, std::size_t bytes, void*) {
  run_or_record([=] {
    if (bytes) std::memset(to, byte, bytes);
  });
}

void* create_stream() { return new char; }
void destroy_stream(void* stream) noexcept { delete static_cast<char*>(stream); }
void synchronize(void*) { require_no_capture("a stream is waited for"); }

simt::Recorder* capture = nullptr;

void begin_capture(void* stream) {
  require_no_capture("a second capture begins", false);
  require(stream != nullptr, "device simt: the default stream cannot be captured; create one");
  capture_failed = false;
  capture = new simt::Recorder;
  simt::record_into(capture);
}

void* end_capture(void*) {
  require(simt::recorder() != nullptr && simt::recorder() == capture, "device simt: no capture to end");
  simt::record_into(nullptr);
  if (capture_failed) delete std::exchange(capture, nullptr);
  require(!capture_failed, "device simt: the capture failed, since something was done that no graph can hold");
  return std::exchange(capture, nullptr);
}

void launch_graph(void* graph, void*) {
  require_no_capture("a graph is launched", false);
  for (const auto& work : *static_cast<simt::Recorder*>(graph)) work();
}

void destroy_graph(void* graph) noexcept { delete static_cast<simt::Recorder*>(graph); }

using Clock = std::chrono::steady_clock;
void* create_event() { return new Clock::time_point; }
void destroy_event(void* event) noexcept { delete static_cast<Clock::time_point*>(event); }
void record_event(void* event, void*) {
  run_or_record([event] { *static_cast<Clock::time_point*>(event) = Clock::now(); });
}
double milliseconds(void* begin, void* end) {
  const auto elapsed = *static_cast<Clock::time_point*>(end) - *static_cast<Clock::time_point*>(begin);
  return std::chrono::duration<double, std::milli>(elapsed).count();
}

}  // namespace

const DeviceApi simt_device_api = {.properties = properties,
                                   .allocate = allocate,
                                   .free = free_memory,
                                   .copy_to_device = copy,
                                   .copy_to_host = copy,
                                   .copy_within = copy,
                                   .fill_bytes = fill_bytes,
                                   .create_stream = create_stream,
                                   .destroy_stream = destroy_stream,
                                   .synchronize = synchronize,
                                   .begin_capture = begin_capture,
                                   .end_capture = end_capture,
                                   .launch_graph = launch_graph,
                                   .destroy_graph = destroy_graph,
                                   .create_event = create_event,
                                   .destroy_event = destroy_event,
                                   .record_event = record_event,
                                   .milliseconds = milliseconds};

}  // namespace innerloop::kernels
