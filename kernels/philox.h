// Random numbers: the counter-based generator Philox4x32-10
// (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
//
// A number is a pure function of (seed, place): no state is shared, so parallel order cannot matter and resuming is
// exact. The same numbers come out on every machine and in every build (box_muller.h says why).
// key = 64-bit seed; counter = (time step and draw, task and trajectory, iteration, purpose and inner step).
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

namespace innerloop {

// Who draws. Two different uses of randomness never share a counter.
enum class Purpose : std::uint8_t {
  init,
  task,
  reset,
  action,
  env,
  minibatch,
  test_task,
  test_reset,
  test_action,
  test_env,
  bootstrap,
  check
};

// The place of a draw in a run. Field widths (bits): purpose 8, inner_step 24, iteration 32, task 16, trajectory 16,
// time_step 20.
// A value that does not fit throws.
struct Place {
  Purpose purpose = Purpose::init;
  std::uint32_t inner_step = 0;
  std::uint32_t iteration = 0;
  std::uint32_t task = 0;
  std::uint32_t trajectory = 0;
  std::uint32_t time_step = 0;
};

// The bare block function: 10 rounds. Published test vectors: tests/kernels/philox_test.cpp.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// The counter of the first draw at a place; each further block adds 1 to the first word:
// (time_step · 2¹², task · 2¹⁶ + trajectory, iteration, purpose · 2²⁴ + inner_step).
std::array<std::uint32_t, 4> first_counter(const Place& place);

// The draws at one place, in order. At most 2¹² blocks of four words, then it throws.
class Philox {
 public:
  Philox(std::uint64_t seed, const Place& place);
  std::uint32_t bits();                     // uniform in [0, 2³²)
  double uniform();                         // [0, 1), 53 bits
  double uniform(double low, double high);  // low + (high − low)·uniform(); may round to high
  double normal();                          // N(0, 1): Box–Muller with our own log and sincospi, f64
  std::uint32_t below(std::uint32_t n);     // uniform in [0, n), without bias

 private:
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> block_{};
  std::uint32_t blocks_ = 0;  // blocks drawn so far at this place
  int used_ = 4;              // words of block_ already handed out
  double spare_ = 0;          // Box–Muller gives normals in pairs
  bool has_spare_ = false;
};

// While one lives, every block that a Philox of any thread draws is written down: whoever wants to know that no counter
// was used twice, or what a run drew, makes one and runs it. One at a time. (Tensors filled on a device draw there, at
// the same places: kernels/cuda/random.h.)
class PhiloxLog {
 public:
  struct Block { std::array<std::uint32_t, 2> key; std::array<std::uint32_t, 4> counter; };

  PhiloxLog();
  ~PhiloxLog();
  PhiloxLog(const PhiloxLog&) = delete;
  PhiloxLog& operator=(const PhiloxLog&) = delete;
  const std::vector<Block>& blocks() const { return blocks_; }  // in the order of drawing
  void add(const Block& block);

 private:
  std::mutex mutex_;
  std::vector<Block> blocks_;
};

// The purpose of a drawn block, read off its counter.
Purpose purpose_of(const PhiloxLog::Block& block);

}  // namespace innerloop
