// The engine that runs CUDA kernels on the CPU: one thread of the operating system, every choice deterministic.
// Kernels see it through simt.h; this header is for those who launch and test them. kernels/cuda/README.md explains it.
//
// Each CUDA thread that has to wait owns a fiber (a stack of its own). A thread runs until it must wait, which is the
// schedule that a missing barrier survives least. Wrong use of barriers, shuffles and shared memory is diagnosed with
// block and thread, and ends the launch with a KernelError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/cuda/simt/limits.h"
#include "kernels/require.h"

namespace innerloop::simt {

// A kernel did what CUDA forbids or leaves undefined; the message names the rule, the block, the thread and the line.
class KernelError : public Error {
 public:
  using Error::Error;
};

enum class Order : std::uint8_t { ascending, descending, shuffled };

// How the next launches are scheduled. A right kernel gives the same bits under all of them.
struct Options {
  Order threads = Order::ascending;
  Order blocks = Order::ascending;
  std::uint64_t seed = 1;        // of the shuffled orders
  bool one_block_first = false;  // a cooperative grid: each block runs as far as it can before the next one moves
  std::size_t shared_bytes = most_dynamic_shared;  // that a block may have; less: a smaller GPU
};
Options& options();

// Counted since the last reset (statistics() = {}).
struct Statistics {
  std::uint64_t launches = 0, threads = 0;
  std::uint64_t switches = 0;     // of fibers
  std::uint64_t barriers = 0;     // __syncthreads, once per block
  std::uint64_t collectives = 0;  // shuffles, ballots and __syncwarp, once per warp
  std::uint64_t accesses = 0;     // of memory, seen by the race detector (race.h)
  std::uint64_t races = 0;
};
Statistics& statistics();

// A place in a kernel's source, one object per place and template instance.
struct Site {
  const char* file;
  int line;
};
std::string to_string(const Site& site);  // "x.cu:12"

inline namespace on_host {

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct Launch {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  void* stream = nullptr;  // emulated launches are done when launch() returns
  bool cooperative = false;
};

}  // namespace on_host

// Runs body() once for every thread of the grid. Throws KernelError.
void run_grid(const Launch& launch, const std::function<void()>& body);

// While a recorder is set, launches are checked and appended to it instead of being run: the emulated graph capture.
using Recorder = std::vector<std::function<void()>>;
void record_into(Recorder* recorder);  // nullptr: run again
Recorder* recorder();

// ---- What simt.h calls from inside a kernel ------------------------------------------------------------------------
struct Registers {  // of the thread that runs now
  uint3 thread, block;
  dim3 block_size, grid_size;
};
extern Registers registers;

void sync_threads(const Site& site);
void sync_grid(const Site& site);
// Waits for the lanes of `mask`, each with its value (at most 64 bytes) and vote. The ticket reads what they brought.
unsigned gather_warp(const Site& site, std::uint32_t mask, const void* value, std::size_t bytes, bool vote);
void read_lane(unsigned ticket, unsigned lane, void* value, std::size_t bytes);
std::uint32_t votes(unsigned ticket);
void order_warp_memory();  // what __syncwarp adds to a gathering: accesses before it happen before those after it
unsigned lane();
void* shared_array(const Site& site, std::size_t bytes);
void* carve(std::size_t bytes);
// Around the load and the store of an atomic operation, which race with plain accesses only.
void begin_atomic(const void* address, std::size_t bytes);
void end_atomic();

}  // namespace innerloop::simt
