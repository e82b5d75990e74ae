#include "kernels/cuda/simt/race.h"

#include <memory>
#include <unordered_map>
#include <utility>

#include "kernels/cuda/simt/engine.h"
#include "kernels/cuda/simt/engine_state.h"

namespace innerloop::simt::race {
namespace {

constexpr std::uintptr_t page_bytes = 4096, cell_bytes = 4;

struct Cell {
  Actor writer, readers[2];
};

struct Detector {
  std::unordered_map<std::uintptr_t, std::unique_ptr<Cell[]>> pages;
  std::uintptr_t last_number = 0;  // the page that was looked up last
  Cell* last_page = nullptr;
  bool active = false, in_atomic = false;
  std::string first;
};

Detector& detector() {
  static Detector only;
  return only;
}

Cell& cell_of(std::uintptr_t address) {
  Detector& d = detector();
  const std::uintptr_t number = address / page_bytes;
  if (!d.last_page || number != d.last_number) {
    auto& page = d.pages[number];
    if (!page) page = std::make_unique<Cell[]>(page_bytes / cell_bytes);
    d.last_page = page.get();
    d.last_number = number;
  }
  return d.last_page[address % page_bytes / cell_bytes];
}

bool same_warp(const Actor& a, const Actor& b) { return a.block == b.block && a.thread / 32 == b.thread / 32; }

// Does `before` happen before `now`, whatever the schedule?
bool ordered(const Actor& before, const Actor& now) {
  if (!before.valid || before.launch != now.launch || before.grid_epoch != now.grid_epoch) return true;
  if (before.block != now.block) return false;
  if (before.thread == now.thread || before.block_epoch != now.block_epoch) return true;
  return same_warp(before, now) && before.warp_epoch != now.warp_epoch;
}

void report(const char* kind, std::uintptr_t address, const Actor& before, const Actor& now) {
  ++statistics().races;
  if (!detector().first.empty()) return;
  const auto who = [](const Actor& a) {
    return "block " + std::to_string(a.block) + " thread " + std::to_string(a.thread);
  };
  const bool shared = is_shared_memory(reinterpret_cast<const void*>(address));
  detector().first = std::string(kind) + " race in " + (shared ? "shared" : "global") + " memory: " + who(now) +
                     " against " + who(before) + ", no barrier between";
}

void look(std::uintptr_t address, const Actor& now, bool write) {
  ++statistics().accesses;
  Cell& cell = cell_of(address);
  if (!ordered(cell.writer, now) && !(now.atomic && cell.writer.atomic))
    report(write ? "write-write" : "read-after-write", address, cell.writer, now);
  if (write) {
    for (const Actor& reader : cell.readers)
      if (!ordered(reader, now)) report("write-after-read", address, reader, now);
    cell = {now, {}};
    return;
  }
  // Two readers are kept, of different warps if there are any: a later writer is then unordered with at least one.
  if (ordered(cell.readers[0], now))
    cell.readers[0] = now;
  else if (ordered(cell.readers[1], now) || same_warp(cell.readers[0], cell.readers[1]))
    cell.readers[1] = now;
}

}  // namespace

bool active() { return detector().active; }
void activate() { detector().active = true; }

void access(const void* address, std::size_t bytes, bool write) {
  Actor now;
  if (detector().in_atomic || !describe_access(address, now)) return;
  EngineScope scope;
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(address);
  for (std::uintptr_t at = begin / cell_bytes * cell_bytes; at < begin + bytes; at += cell_bytes) look(at, now, write);
}

void begin_atomic(const void* address, std::size_t bytes) {
  Actor now;
  if (active() && describe_access(address, now)) {
    EngineScope scope;
    now.atomic = true;
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(address);
    for (std::uintptr_t at = begin / cell_bytes * cell_bytes; at < begin + bytes; at += cell_bytes) look(at, now, true);
  }
  detector().in_atomic = true;
}
void end_atomic() { detector().in_atomic = false; }

void forget(const void* begin, std::size_t bytes) {
  Detector& d = detector();
  if (d.pages.empty()) return;
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(begin) / cell_bytes * cell_bytes;
  for (std::uintptr_t at = first; at < reinterpret_cast<std::uintptr_t>(begin) + bytes; at += cell_bytes)
    if (d.pages.contains(at / page_bytes)) cell_of(at) = {};
}

std::string take_first() { return std::exchange(detector().first, ""); }

}  // namespace innerloop::simt::race
