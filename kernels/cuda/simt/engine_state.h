// The engine's state while a grid is in flight, shared by its two halves: engine.cpp starts threads and decides which
// one runs, collectives.cpp is what a running thread calls.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/cuda/simt/engine.h"
#include "kernels/cuda/simt/fiber.h"
#include "kernels/cuda/simt/race.h"
#include "kernels/cuda/simt/shared_memory.h"

namespace innerloop::simt {

constexpr unsigned warp_lanes = 32;

enum class State : std::uint8_t { unstarted, ready, at_block_barrier, in_collective, at_grid_barrier, done };

// The lanes of a warp meet in gatherings, one after the other. Two slots for what they bring are enough: a lane can
// only reach the gathering after next when all have left this one.
struct Warp {
  std::uint32_t live = 0, arrived = 0, expected = 0;
  std::uint32_t gatherings = 0, epoch = 0;  // epoch: gatherings up to the last __syncwarp
  const Site* site = nullptr;
  std::uint32_t masks[2] = {}, votes[2] = {};
  std::array<std::array<unsigned char, 64>, warp_lanes> values[2];
};

struct Block {
  unsigned number = 0, first_thread = 0, first_warp = 0, threads = 0;
  unsigned live = 0, arrived = 0;
  std::uint32_t barriers = 0;
  uint3 index{};
  const Site* site = nullptr;
  SharedMemory* shared = nullptr;
};

struct Thread {
  unsigned number = 0, carved = 0;
  uint3 index{};
  State state = State::unstarted;
  const Site* site = nullptr;  // where it waits
  Fiber* fiber = nullptr;
  Block* block = nullptr;
  Warp* warp = nullptr;
  unsigned lane() const { return number % warp_lanes; }
};

struct Cancelled {};  // thrown into the fibers of a launch that has failed, so that what lives on them is destroyed

struct Engine {
  Launch launch{1, 1};
  const std::function<void()>* body = nullptr;
  std::vector<Block> blocks;    // those in flight: one, or all of a cooperative grid
  std::vector<Thread> threads;  // block by block
  std::vector<Warp> warps;
  std::vector<unsigned> order;  // threads in the order of the schedule
  std::size_t next = 0, group_end = 0;  // in `order`: the next thread to start, and where the group being run ends
  unsigned live = 0, at_grid = 0;
  std::uint32_t launches = 0, grid_barriers = 0;
  std::string error;
  bool cancelling = false, in_kernel = false;
  Thread* current = nullptr;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  std::vector<std::unique_ptr<SharedMemory>> arenas;
  Recorder* recorder = nullptr;
  std::mutex mutex;
};

Engine& engine();

// The first report of a launch is its error; it names the thread that runs now.
void report(const std::string& what, const Site* site = nullptr);
// Reports, and ends the running thread.
[[noreturn]] void fail(const std::string& what, const Site* site = nullptr);
// Stops the running thread until the scheduler resumes it, which it does when the state has become ready.
void wait(State state, const Site& site);

// False outside of kernels, and for addresses on the running thread's own stack; else fills in who accesses.
bool describe_access(const void* address, race::Actor& actor);
bool is_shared_memory(const void* address);

// While one of these lives, call-outs are the engine's own business. The linker may have taken a library function that
// the engine uses from an instrumented file.
class EngineScope {
 public:
  EngineScope();
  ~EngineScope();
  EngineScope(const EngineScope&) = delete;
  EngineScope& operator=(const EngineScope&) = delete;

 private:
  bool before_;
};

}  // namespace innerloop::simt
