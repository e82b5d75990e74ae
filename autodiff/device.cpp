#include "autodiff/device.h"

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "kernels/cuda/device.h"
#include "kernels/nearest.h"
#include "kernels/require.h"

namespace innerloop {
namespace {

constexpr std::align_val_t kAlignment{64};  // a cache line, and the widest vector register
constexpr std::size_t kHugePage = 2 << 20;  // bytes
constexpr std::size_t kRounding = 512;      // blocks of nearly the same size can stand in for each other

std::atomic<Device> chosen_device{Device::cpu};

// One device: its stream, and the blocks that nobody uses now. Work on one stream runs in order, so a block can be
// handed out again while kernels that used it before are still waiting for their turn.
struct Pool {
  const kernels::DeviceApi& api;
  void* stream;
  std::mutex mutex;
  std::map<std::size_t, std::set<void*>> unused;  // by size
  std::mutex workspace_mutex;
  std::shared_ptr<std::byte[]> workspace;
  std::size_t workspace_bytes = 0;

  explicit Pool(Device device) : api(kernels::device_api(device)), stream(api.create_stream()) {}

  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex);
    if (const auto found = unused.find(bytes); found != unused.end()) {
      void* memory = found->second.extract(found->second.begin()).value();
      if (found->second.empty()) unused.erase(found);
      return memory;
    }
    try {
      return api.allocate(bytes);
    } catch (const Error&) {  // full: what lies unused goes back first
      if (unused.empty()) throw;
      api.synchronize(stream);
      for (const auto& [size, blocks] : unused)
        for (void* memory : blocks) api.free(memory);
      unused.clear();
      return api.allocate(bytes);
    }
  }
  void give_back(void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex);
    unused[bytes].insert(memory);
  }
};

// Made at the first use and never destroyed: tensors may outlive every other static object.
Pool& pool(Device device) {
  static Pool* const simt = new Pool(Device::simt);
  if (device == Device::simt) return *simt;
  static Pool* const cuda = new Pool(Device::cuda);
  return *cuda;
}

}  // namespace

std::shared_ptr<std::byte[]> allocate(Device device, std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes, 1);
  if (device == Device::cpu) {
    // Large blocks ask for huge pages: a program over many megabytes looks up pages all the time otherwise.
    const std::align_val_t alignment = bytes < kHugePage ? kAlignment : std::align_val_t{kHugePage};
    auto* memory = static_cast<std::byte*>(::operator new(bytes, alignment));
#ifdef MADV_HUGEPAGE
    if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);  // advice: without it all goes on, slower
#endif
    return {memory, [alignment](std::byte* p) { ::operator delete(p, alignment); }};
  }
  bytes = (bytes + kRounding - 1) / kRounding * kRounding;
  Pool& from = pool(device);
  auto* memory = static_cast<std::byte*>(from.take(bytes));
  return {memory, [&from, bytes](std::byte* p) { from.give_back(p, bytes); }};
}

std::shared_ptr<std::byte[]> shared_workspace(Device device, std::size_t bytes) {
  Pool& p = pool(device);
  const std::lock_guard lock(p.workspace_mutex);
  if (p.workspace_bytes < bytes) p.workspace = allocate(device, bytes), p.workspace_bytes = bytes;
  return p.workspace;
}

DeviceStatistics& device_statistics() {
  static DeviceStatistics statistics;
  return statistics;
}

void copy_bytes(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes) {
  if (bytes == 0) return;
  if (to_device == Device::cpu && from_device == Device::cpu) {
    std::memcpy(to, from, bytes);
  } else if (to_device == from_device) {
    Pool& p = pool(to_device);
    p.api.copy_within(to, from, bytes, p.stream);
  } else if (to_device == Device::cpu) {
    Pool& p = pool(from_device);
    ++device_statistics().copies_to_host;
    p.api.copy_to_host(to, from, bytes, p.stream);
    p.api.synchronize(p.stream);
  } else if (from_device == Device::cpu) {
    Pool& p = pool(to_device);
    ++device_statistics().copies_to_device;
    p.api.copy_to_device(to, from, bytes, p.stream);
    p.api.synchronize(p.stream);  // the caller may change or free what was copied
  } else {
    std::vector<std::byte> between(bytes);
    copy_bytes(between.data(), Device::cpu, from, from_device, bytes);
    copy_bytes(to, to_device, between.data(), Device::cpu, bytes);
  }
}

void clear_bytes(void* to, Device device, std::size_t bytes) {
  if (device == Device::cpu) std::memset(to, 0, bytes);
  else if (bytes > 0) pool(device).api.fill_bytes(to, 0, bytes, pool(device).stream);
}

void* stream_of(Device device) { return pool(device).stream; }

Device compute_device() { return chosen_device; }

void set_compute_device(Device device) {
  const std::string reason = device == Device::cpu ? "" : kernels::why_unavailable(device);
  require(reason.empty(), reason);
  chosen_device = device;
}

Device device_from(std::string_view name) {
  for (Device device : {Device::cpu, Device::cuda, Device::simt})
    if (name == name_of(device)) return device;
  const std::array<std::string, 3> names{"cpu", "cuda", "simt"};
  throw Error("there is no device '" + std::string(name) + "'" + did_you_mean(name, names) +
              "; the devices are cpu, cuda and simt (the cuda kernels, emulated on the CPU)");
}

}  // namespace innerloop
