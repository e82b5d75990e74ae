#include "kernels/cuda/simt/engine.h"

#include <algorithm>
#include <string>

#include "kernels/cuda/simt/engine_state.h"

namespace innerloop::simt {
namespace {

std::string text(uint3 i) {
  return "(" + std::to_string(i.x) + "," + std::to_string(i.y) + "," + std::to_string(i.z) + ")";
}
std::string text(dim3 d) { return text(uint3{d.x, d.y, d.z}); }

// ---- Fibers --------------------------------------------------------------------------------------------------------
void make_current(Thread& thread) {
  engine().current = &thread;
  registers.thread = thread.index;
  registers.block = thread.block->index;
}

void finish(Thread& thread) {
  Engine& e = engine();
  Block& block = *thread.block;
  Warp& warp = *thread.warp;
  thread.state = State::done;
  thread.fiber = nullptr;
  --block.live;
  --e.live;
  warp.live &= ~(1u << thread.lane());
  if (e.cancelling) return;
  if (block.arrived) report("a thread returned while others of its block wait at __syncthreads", block.site);
  if (e.at_grid) report("a thread returned while others wait at simt::grid_sync");
  if (warp.arrived && (warp.expected >> thread.lane() & 1u))
    report("a thread returned while lanes of its warp wait for it", warp.site);
}

void run_body(Thread& thread) {
  Engine& e = engine();
  ++statistics().threads;
  make_current(thread);
  try {
    e.in_kernel = true;
    (*e.body)();
    e.in_kernel = false;
  } catch (const Cancelled&) {
    e.in_kernel = false;
  } catch (const std::exception& exception) {
    e.in_kernel = false;
    report(std::string("the kernel threw: ") + exception.what());
  }
  finish(thread);
}

// What every fiber does, for ever: run the thread it was given, then those that no fiber has begun. So a kernel
// without barriers needs one fiber and no switch.
void fiber_main() {
  Engine& e = engine();
  for (;;) {
    Fiber* self = e.current->fiber;
    run_body(*e.current);
    while (e.error.empty() && e.next < e.group_end) {
      Thread& thread = e.threads[e.order[e.next++]];
      thread.fiber = self;
      run_body(thread);
    }
    e.idle.push_back(self);
    self->suspend();
  }
}

void resume(Thread& thread) {
  ++statistics().switches;
  make_current(thread);
  thread.fiber->resume();
}

void start(Thread& thread) {
  Engine& e = engine();
  if (e.idle.empty()) {
    e.fibers.push_back(std::make_unique<Fiber>(fiber_main));
    e.idle.push_back(e.fibers.back().get());
  }
  thread.fiber = e.idle.back();
  e.idle.pop_back();
  resume(thread);
}

// ---- The schedule --------------------------------------------------------------------------------------------------
template <class Iterator>
void permute(Iterator begin, Iterator end, Order order, std::uint64_t seed) {
  if (order == Order::descending) std::reverse(begin, end);
  if (order != Order::shuffled) return;
  for (auto i = end - begin; i > 1; --i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;  // Knuth's linear congruential generator
    std::iter_swap(begin + (i - 1), begin + static_cast<std::ptrdiff_t>((seed >> 33) % static_cast<std::uint64_t>(i)));
  }
}

// Puts the given blocks in flight: threads, warps, shared memory.
void place_blocks(const std::vector<unsigned>& numbers) {
  Engine& e = engine();
  const dim3 grid = e.launch.grid, size = e.launch.block;
  const unsigned count = size.x * size.y * size.z, warps = (count + warp_lanes - 1) / warp_lanes;
  e.blocks.assign(numbers.size(), {});
  e.threads.assign(numbers.size() * count, {});
  if (e.warps.size() < numbers.size() * warps) e.warps.resize(numbers.size() * warps);
  while (e.arenas.size() < numbers.size()) e.arenas.push_back(std::make_unique<SharedMemory>());
  for (unsigned b = 0; b < numbers.size(); ++b) {
    const unsigned n = numbers[b];
    SharedMemory* shared = e.arenas[b].get();
    shared->begin_block(e.launch.shared_bytes);
    e.blocks[b] = {.number = n, .first_thread = b * count, .first_warp = b * warps, .threads = count, .live = count,
                   .index = {n % grid.x, n / grid.x % grid.y, n / grid.x / grid.y}, .shared = shared};
    for (unsigned w = 0; w < warps; ++w) {
      Warp& warp = e.warps[b * warps + w];
      const unsigned lanes = std::min(warp_lanes, count - w * warp_lanes);
      warp.live = lanes == warp_lanes ? 0xFFFFFFFFu : (1u << lanes) - 1;
      warp.arrived = warp.gatherings = warp.epoch = 0;
    }
    for (unsigned t = 0; t < count; ++t)
      e.threads[b * count + t] = {.number = t, .index = {t % size.x, t / size.x % size.y, t / size.x / size.y},
                                  .block = &e.blocks[b], .warp = &e.warps[b * warps + t / warp_lanes]};
  }
  e.live = static_cast<unsigned>(e.threads.size());
  e.at_grid = 0;
}

// Runs the threads order[begin, end) as far as they can go. True if any moved.
bool run_group(std::size_t begin, std::size_t end) {
  Engine& e = engine();
  bool moved_ever = false;
  e.group_end = end;
  for (bool moved = true; moved && e.error.empty(); moved_ever |= moved) {
    moved = false;
    for (e.next = std::max(e.next, begin); e.next < end && e.error.empty(); moved = true)
      start(e.threads[e.order[e.next++]]);
    for (std::size_t i = begin; i < end && e.error.empty(); ++i)
      if (Thread& thread = e.threads[e.order[i]]; thread.state == State::ready) {
        resume(thread);
        moved = true;
      }
  }
  return moved_ever;
}

void report_deadlock() {
  Engine& e = engine();
  unsigned waiting[6] = {};
  Thread* first = nullptr;
  for (Thread& thread : e.threads) {
    ++waiting[static_cast<int>(thread.state)];
    if (!first && thread.state != State::done) first = &thread;
  }
  if (!first) return;
  make_current(*first);
  const auto count = [&](State state) { return std::to_string(waiting[static_cast<int>(state)]); };
  report("deadlock: " + count(State::at_block_barrier) + " threads wait at __syncthreads, " +
             count(State::in_collective) + " in collectives of warps, " + count(State::at_grid_barrier) +
             " at simt::grid_sync; the first of them:", first->site);
}

// Lets the fibers of a failed launch unwind.
void cancel() {
  Engine& e = engine();
  e.cancelling = true;
  for (Thread& thread : e.threads)
    if (thread.fiber && thread.state != State::unstarted) resume(thread);
  e.cancelling = false;
}

// Runs the given blocks side by side until all their threads have returned.
void run_blocks(const std::vector<unsigned>& numbers) {
  Engine& e = engine();
  place_blocks(numbers);
  const std::size_t count = e.threads.size() / numbers.size();
  e.order.resize(e.threads.size());
  for (unsigned i = 0; i < e.order.size(); ++i) e.order[i] = i;
  // One group in which all threads take turns, or one group per block.
  const std::size_t group = options().one_block_first ? count : e.order.size();
  for (std::size_t begin = 0; begin < e.order.size(); begin += group)
    permute(e.order.begin() + static_cast<std::ptrdiff_t>(begin),
            e.order.begin() + static_cast<std::ptrdiff_t>(begin + group), options().threads, options().seed);
  e.next = 0;
  for (bool moved = true; moved && e.error.empty();) {
    moved = false;
    for (std::size_t begin = 0; begin < e.order.size() && e.error.empty(); begin += group)
      moved |= run_group(begin, begin + group);
  }
  if (e.error.empty() && e.live > 0) report_deadlock();
  if (!e.error.empty()) cancel();
  for (Block& block : e.blocks)
    if (const std::string damage = block.shared->damage(); !damage.empty() && e.error.empty())
      e.error = damage + " [block " + text(block.index) + "]";
  e.current = nullptr;
}

void check_launch(const Launch& launch) {
  const dim3 g = launch.grid, b = launch.block;
  const std::uint64_t threads = std::uint64_t{b.x} * b.y * b.z;
  const std::string what = " (grid " + text(g) + ", block " + text(b) + ")";
  const auto demand = [&](bool holds, const std::string& rule) {
    if (!holds) throw KernelError("invalid launch: " + rule + what);
  };
  demand(threads >= 1 && threads <= 1024 && b.x <= 1024 && b.y <= 1024 && b.z <= 64,
         "a block has 1 to 1024 threads, at most 64 of them along z");
  demand(g.x >= 1 && g.y >= 1 && g.z >= 1 && g.x <= 0x7FFFFFFFu && g.y <= 65535 && g.z <= 65535,
         "a grid has at least one block, at most 65535 along y and z");
  demand(launch.shared_bytes <= options().shared_bytes,
         "a block has at most " + std::to_string(options().shared_bytes) + " bytes of shared memory, not " +
             std::to_string(launch.shared_bytes));
}

void run_launch(const Launch& launch, const std::function<void()>& body) {
  Engine& e = engine();
  static thread_local bool inside = false;
  if (inside) throw KernelError("a kernel launches a kernel: this is not supported");
  const std::lock_guard<std::mutex> one_at_a_time(e.mutex);
  inside = true;
  e.launch = launch;
  e.body = &body;
  e.error.clear();
  registers.grid_size = launch.grid;
  registers.block_size = launch.block;
  ++e.launches;
  ++statistics().launches;
  e.grid_barriers = 0;
  // Blocks in the order of the schedule: all in flight at once if they may wait for each other, else one by one.
  std::vector<unsigned> order(std::size_t{launch.grid.x} * launch.grid.y * launch.grid.z);
  for (unsigned i = 0; i < order.size(); ++i) order[i] = i;
  permute(order.begin(), order.end(), options().blocks, options().seed + 77);
  if (launch.cooperative) run_blocks(order);
  for (std::size_t i = 0; i < order.size() && !launch.cooperative && e.error.empty(); ++i) run_blocks({order[i]});
  inside = false;
  if (e.error.empty()) e.error = race::take_first();
  if (!e.error.empty()) throw KernelError("emulated kernel: " + e.error);
}

}  // namespace

Engine& engine() {
  static Engine only;
  return only;
}

void report(const std::string& what, const Site* site) {
  Engine& e = engine();
  if (!e.error.empty()) return;
  e.error = what + " [block " + text(e.current->block->index) + " thread " + text(e.current->index) +
            (site ? ", " + to_string(*site) : "") + "]";
}

[[noreturn]] void fail(const std::string& what, const Site* site) {
  report(what, site);
  throw Cancelled{};
}

void wait(State state, const Site& site) {
  Engine& e = engine();
  Thread& thread = *e.current;
  thread.state = state;
  thread.site = &site;
  thread.fiber->suspend();
  if (e.cancelling) throw Cancelled{};
}

Registers registers{};

std::string to_string(const Site& site) {
  std::string file = site.file;
  file = file.substr(file.rfind('/') + 1);
  return site.line ? file + ":" + std::to_string(site.line) : file;
}

Options& options() {
  static Options now;
  return now;
}
Statistics& statistics() {
  static Statistics now;
  return now;
}

void record_into(Recorder* recorder) { engine().recorder = recorder; }
Recorder* recorder() { return engine().recorder; }

void run_grid(const Launch& launch, const std::function<void()>& body) {
  check_launch(launch);
  if (Recorder* recorder = engine().recorder)
    recorder->push_back([launch, body] { run_launch(launch, body); });
  else
    run_launch(launch, body);
}

}  // namespace innerloop::simt
