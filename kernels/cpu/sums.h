// Sums and maxima in an order that depends on the number of terms alone: not on the address, not on the vector width of
// the machine. Internal to kernels/cpu.
//
// Term n goes to lane n mod 16 (or 64), lanes are added up one by one, then folded in halves. That is what vector units
// do, and it is more accurate than adding from left to right: the error grows with n/16, not n.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "kernels/cpu/loops.h"

namespace innerloop::kernels::cpu {

// Σ x[n], in `lanes` (a power of two) interleaved partial sums. Error ≤ (n/lanes + log₂ lanes)·ε·Σ|x|.
template <int lanes, class T>
inline T lane_sum(const T* x, std::size_t n) {
  T partial[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int l = 0; l < lanes; ++l) partial[l] += x[i + count(l)];
  for (std::size_t l = 0; i + l < n; ++l) partial[l] += x[i + l];
  for (int width = lanes / 2; width > 0; width /= 2)
    for (int l = 0; l < width; ++l) partial[l] += partial[l + width];
  return partial[0];
}

// Σ x[n] of many terms: blocks of 1024 in 64 lanes each, the blocks added in f64. For f32 the error is that of one
// block, (16 + 6)·ε·Σ|x|, however many terms there are.
template <class T>
inline T block_sum(const T* x, std::size_t n) {
  constexpr std::size_t block = 1024;
  double sum = 0;
  for (std::size_t i = 0; i < n; i += block) sum += static_cast<double>(lane_sum<64>(x + i, std::min(block, n - i)));
  return static_cast<T>(sum);
}

// max x[n]; −∞ of nothing; NaN counts only where there is nothing else.
template <class T>
inline T lane_max(const T* x, std::size_t n) {
  constexpr std::size_t lanes = 16;
  if (n < lanes) {
    T m = -std::numeric_limits<T>::infinity();
    for (std::size_t i = 0; i < n; ++i) m = x[i] > m ? x[i] : m;
    return m;
  }
  T largest[lanes];
  for (std::size_t l = 0; l < lanes; ++l) largest[l] = -std::numeric_limits<T>::infinity();
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) largest[l] = x[i + l] > largest[l] ? x[i + l] : largest[l];
  for (; i < n; ++i) largest[0] = x[i] > largest[0] ? x[i] : largest[0];
  for (std::size_t l = 1; l < lanes; ++l) largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
  return largest[0];
}

// Sums of rows whose length the compiler knows, so that it can work on several rows at once.
template <int cols, class T>
inline void short_row_sums(const T* x, int rows, T* sums) {
  each(count(rows), [=](std::size_t r) {
    T sum = x[r * cols];
    for (std::size_t c = 1; c < cols; ++c) sum += x[r * cols + c];
    sums[r] = sum;
  });
}

// sums[r] = Σ_c x[r, c]: from left to right up to eight terms, in lanes beyond.
template <class T>
inline void row_sums(const T* x, int rows, int cols, T* sums) {
  with_length(cols, [=](auto length) {
    if constexpr (std::is_same_v<decltype(length), int>) {
      for (int r = 0; r < rows; ++r) {
        const T* x_r = x + count(r) * count(cols);
        sums[r] = cols < 512 ? lane_sum<16>(x_r, count(cols)) : block_sum(x_r, count(cols));
      }
    } else {
      short_row_sums<length.value>(x, rows, sums);
    }
  });
}

}  // namespace innerloop::kernels::cpu
