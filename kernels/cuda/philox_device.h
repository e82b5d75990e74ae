// The draws of kernels/philox.h as a kernel makes them: the same numbers, bit for bit.
//
// What the CPU refuses with an error, more than 2¹² blocks at one place, cannot be refused here: exhausted() tells.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/box_muller.h"
#include "kernels/philox_block.h"

namespace innerloop::kernels {

class DevicePhilox {
 public:
  // counter: first_counter() of the place.
  constexpr DevicePhilox(std::uint64_t seed, std::array<std::uint32_t, 4> counter)
      : counter_(counter), key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

  constexpr std::uint32_t bits() {
    if (used_ == 4) {
      std::array<std::uint32_t, 4> counter = counter_;
      counter[0] |= blocks_++;
      block_ = philox_block(counter, key_);
      used_ = 0;
    }
    // A switch in place of an index keeps the block in registers.
    switch (used_++) {
      case 0: return block_[0];
      case 1: return block_[1];
      case 2: return block_[2];
      default: return block_[3];
    }
  }
  constexpr double uniform() {
    const std::uint32_t first = bits(), second = bits();
    return uniform_of(first, second);
  }
  constexpr double uniform(double low, double high) { return low + (high - low) * uniform(); }
  constexpr double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double u = 1.0 - uniform(), v = uniform();
    const NormalPair pair = box_muller(u, v);
    spare_ = pair.second;
    has_spare_ = true;
    return pair.first;
  }
  constexpr std::uint32_t below(std::uint32_t n) {
    const std::uint32_t rejected = (0u - n) % n;
    for (;;) {
      const std::uint64_t product = static_cast<std::uint64_t>(bits()) * n;
      if (static_cast<std::uint32_t>(product) >= rejected) return static_cast<std::uint32_t>(product >> 32);
    }
  }
  constexpr bool exhausted() const { return blocks_ > 4096; }

 private:
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> block_{};
  std::uint32_t blocks_ = 0;
  int used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace innerloop::kernels
