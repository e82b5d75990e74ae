#include "kernels/philox.h"

#include <atomic>
#include <string>

#include "kernels/box_muller.h"
#include "kernels/philox_block.h"
#include "kernels/require.h"

namespace innerloop {

namespace {

constexpr int draw_bits = 12, time_step_bits = 20, task_bits = 16, trajectory_bits = 16, inner_step_bits = 24;
constexpr std::uint32_t blocks_per_place = 1u << draw_bits;

// Returns `value` unchanged if it fits into `bits` bits.
std::uint32_t fitted(std::uint32_t value, int bits, const char* field) {
  if (value >> bits != 0)
    throw Error(std::string("random numbers: ") + field + " = " + std::to_string(value) + " does not fit into " +
                std::to_string(bits) + " bits; use fewer than " + std::to_string(1u << bits));
  return value;
}

std::atomic<PhiloxLog*> log_in_use{nullptr};

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  return philox_block(counter, key);
}

// [Philox eq. place]  w = (time step | draw, task | trajectory, iteration, purpose | inner step)
std::array<std::uint32_t, 4> first_counter(const Place& place) {
  return {fitted(place.time_step, time_step_bits, "time_step") << draw_bits,
          fitted(place.task, task_bits, "task") << trajectory_bits |
              fitted(place.trajectory, trajectory_bits, "trajectory"),
          place.iteration,
          static_cast<std::uint32_t>(place.purpose) << inner_step_bits |
              fitted(place.inner_step, inner_step_bits, "inner_step")};
}

Philox::Philox(std::uint64_t seed, const Place& place)
    : counter_(first_counter(place)), key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

std::uint32_t Philox::bits() {
  if (used_ == 4) {
    // The draw number fills the low bits of the first word; one more would be the next time step's first draw.
    require(blocks_ < blocks_per_place,
            "random numbers: more than 4096 blocks of four words drawn at one place; "
            "spread the draws over more time steps or trajectories");
    std::array<std::uint32_t, 4> counter = counter_;
    counter[0] |= blocks_++;
    block_ = philox4x32(counter, key_);
    if (PhiloxLog* log = log_in_use.load(std::memory_order_relaxed)) [[unlikely]] log->add({key_, counter});
    used_ = 0;
  }
  return block_[used_++];
}

double Philox::uniform() {
  const std::uint32_t first = bits(), second = bits();
  return uniform_of(first, second);
}

double Philox::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Philox::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  // 1 − uniform() lies in (0, 1], so its logarithm is finite; no normal is larger than √(2·53·log 2) = 8.57.
  const double u = 1.0 - uniform();
  const double v = uniform();
  const NormalPair pair = box_muller(u, v);
  spare_ = pair.second;
  has_spare_ = true;
  return pair.first;
}

std::uint32_t Philox::below(std::uint32_t n) {
  require(n > 0, "random numbers: below(0) has no possible value; n must be at least 1");
  // Lemire 2019: the high half of bits·n is uniform once the 2³² mod n smallest low halves are rejected.
  const std::uint32_t rejected = (0u - n) % n;
  for (;;) {
    const std::uint64_t product = static_cast<std::uint64_t>(bits()) * n;
    if (static_cast<std::uint32_t>(product) >= rejected) return static_cast<std::uint32_t>(product >> 32);
  }
}

PhiloxLog::PhiloxLog() {
  PhiloxLog* none = nullptr;
  require(log_in_use.compare_exchange_strong(none, this),
          "random numbers: there is a PhiloxLog already; one at a time");
}
PhiloxLog::~PhiloxLog() { log_in_use = nullptr; }

void PhiloxLog::add(const Block& block) {
  const std::lock_guard lock(mutex_);
  blocks_.push_back(block);
}

Purpose purpose_of(const PhiloxLog::Block& block) {
  return static_cast<Purpose>(block.counter[3] >> inner_step_bits);
}

}  // namespace innerloop
