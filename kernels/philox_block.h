// The arithmetic of kernels/philox.h, for the CPU and for devices alike.
#pragma once

#include <array>
#include <cstdint>

namespace innerloop {

// The bare block function of Philox4x32: 10 rounds.
constexpr std::array<std::uint32_t, 4> philox_block(std::array<std::uint32_t, 4> counter,
                                                    std::array<std::uint32_t, 2> key) {
  // Multipliers and key increments of the paper; the increments are the golden ratio and √3 − 1, times 2³².
  constexpr std::uint64_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;

  // [Philox eq. round]  w ← (hi(m₁·w₂) ⊕ w₁ ⊕ k₀, lo(m₁·w₂), hi(m₀·w₀) ⊕ w₃ ⊕ k₁, lo(m₀·w₀)),  k ← k + weyl
  // Two full products; the high halves are mixed with the key and the untouched words, then all change places.
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = multiplier0 * counter[0];
    const std::uint64_t product1 = multiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key = {key[0] + weyl0, key[1] + weyl1};
  }
  return counter;
}

// Two words → [0, 1): 27 + 26 bits make a 53-bit integer, scaled by 2⁻⁵³.
constexpr double uniform_of(std::uint32_t first, std::uint32_t second) {
  return static_cast<double>(static_cast<std::uint64_t>(first >> 5) << 26 | second >> 6) * 0x1p-53;
}

}  // namespace innerloop
