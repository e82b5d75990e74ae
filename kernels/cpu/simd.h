// The vectors of this machine: Simd<T>::Vec holds `width` numbers, and a handful of functions work on them.
//
// Three forms, chosen by what the compiler is told to build for: AVX-512, AVX2 with fused multiply-add, and 16-byte
// vectors for everything else (SSE2, Neon), where multiply_add rounds twice. Vec also has + − * / from the compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#endif

namespace innerloop::kernels {

template <class T>
struct Simd;

#if defined(__AVX512F__)

inline constexpr int vector_bytes = 64;
inline constexpr int vector_registers = 32;
inline constexpr bool masks_are_cheap = true;

template <>
struct Simd<float> {
  using Vec = __m512;
  using Mask = __mmask16;
  static constexpr int width = 16;
  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec broadcast(float x) { return _mm512_set1_ps(x); }
  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vec x) { _mm512_storeu_ps(p, x); }
  // A mask chooses the first `count` lanes (0 ≤ count ≤ width): the others are loaded as 0 and not touched in memory.
  static Mask first(int count) { return static_cast<Mask>((1U << count) - 1U); }
  static Vec load(const float* p, Mask mask) { return _mm512_maskz_loadu_ps(mask, p); }
  static void store(float* p, Vec x, Mask mask) { _mm512_mask_storeu_ps(p, mask, x); }
  static Vec multiply_add(Vec x, Vec y, Vec z) { return _mm512_fmadd_ps(x, y, z); }  // x·y + z
};

template <>
struct Simd<double> {
  using Vec = __m512d;
  using Mask = __mmask8;
  static constexpr int width = 8;
  static Vec zero() { return _mm512_setzero_pd(); }
  static Vec broadcast(double x) { return _mm512_set1_pd(x); }
  static Vec load(const double* p) { return _mm512_loadu_pd(p); }
  static void store(double* p, Vec x) { _mm512_storeu_pd(p, x); }
  static Mask first(int count) { return static_cast<Mask>((1U << count) - 1U); }
  static Vec load(const double* p, Mask mask) { return _mm512_maskz_loadu_pd(mask, p); }
  static void store(double* p, Vec x, Mask mask) { _mm512_mask_storeu_pd(p, mask, x); }
  static Vec multiply_add(Vec x, Vec y, Vec z) { return _mm512_fmadd_pd(x, y, z); }
};

#elif defined(__AVX2__) && defined(__FMA__)

inline constexpr int vector_bytes = 32;
inline constexpr int vector_registers = 16;
inline constexpr bool masks_are_cheap = false;

// All ones for the lanes below count, then zeros: read from the middle of a fixed table.
alignas(64) inline constexpr std::int32_t lane_mask_table[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
inline __m256i lane_mask(int lanes_of_4_bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lane_mask_table + 8 - lanes_of_4_bytes));
}

template <>
struct Simd<float> {
  using Vec = __m256;
  using Mask = __m256i;
  static constexpr int width = 8;
  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec broadcast(float x) { return _mm256_set1_ps(x); }
  static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vec x) { _mm256_storeu_ps(p, x); }
  static Mask first(int count) { return lane_mask(count); }
  static Vec load(const float* p, Mask mask) { return _mm256_maskload_ps(p, mask); }
  static void store(float* p, Vec x, Mask mask) { _mm256_maskstore_ps(p, mask, x); }
  static Vec multiply_add(Vec x, Vec y, Vec z) { return _mm256_fmadd_ps(x, y, z); }
};

template <>
struct Simd<double> {
  using Vec = __m256d;
  using Mask = __m256i;
  static constexpr int width = 4;
  static Vec zero() { return _mm256_setzero_pd(); }
  static Vec broadcast(double x) { return _mm256_set1_pd(x); }
  static Vec load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, Vec x) { _mm256_storeu_pd(p, x); }
  static Mask first(int count) { return lane_mask(2 * count); }
  static Vec load(const double* p, Mask mask) { return _mm256_maskload_pd(p, mask); }
  static void store(double* p, Vec x, Mask mask) { _mm256_maskstore_pd(p, mask, x); }
  static Vec multiply_add(Vec x, Vec y, Vec z) { return _mm256_fmadd_pd(x, y, z); }
};

#else

inline constexpr int vector_bytes = 16;
inline constexpr int vector_registers = 16;
inline constexpr bool masks_are_cheap = false;

template <class T>
struct Simd {
  typedef T Vec __attribute__((vector_size(16)));  // NOLINT: a typedef carries the attribute in every compiler
  using Mask = int;
  static constexpr int width = 16 / static_cast<int>(sizeof(T));
  static Vec zero() { return Vec{}; }
  static Vec broadcast(T x) {
    if constexpr (sizeof(T) == 4) return Vec{x, x, x, x};
    else return Vec{x, x};
  }
  static Vec load(const T* p) {
    Vec x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static void store(T* p, Vec x) { std::memcpy(p, &x, sizeof x); }
  static Mask first(int count) { return count; }
  static Vec load(const T* p, Mask mask) {
    Vec x{};
    for (int lane = 0; lane < width; ++lane)
      if (lane < mask) x[lane] = p[lane];
    return x;
  }
  static void store(T* p, Vec x, Mask mask) {
    for (int lane = 0; lane < width; ++lane)
      if (lane < mask) p[lane] = x[lane];
  }
  static Vec multiply_add(Vec x, Vec y, Vec z) { return x * y + z; }
};

#endif

// Lane by lane: 0 for what is 0 or less. NaN stays.
template <class Vec>
[[gnu::always_inline]] inline Vec relu_lanes(Vec x) {
  return x <= Vec{} ? Vec{} : x;
}

// Two vectors cut into blocks of H lanes: the lower blocks of each pair, x's and y's in turn; then the upper ones.
//   x = x0 x1 x2 x3, y = y0 y1 y2 y3:   lower_blocks = x0 y0 x2 y2,   upper_blocks = x1 y1 x3 y3
template <int H, class Vec, int... L>
[[gnu::always_inline]] inline Vec lower_blocks(Vec x, Vec y, std::integer_sequence<int, L...>) {
  return __builtin_shufflevector(x, y, (L % (2 * H) < H ? L : static_cast<int>(sizeof...(L)) + L - H)...);
}
template <int H, class Vec, int... L>
[[gnu::always_inline]] inline Vec upper_blocks(Vec x, Vec y, std::integer_sequence<int, L...>) {
  return __builtin_shufflevector(x, y, (L % (2 * H) < H ? L + H : static_cast<int>(sizeof...(L)) + L)...);
}

// Turns `width` vectors into one: lane i of x[0] becomes the sum over the lanes of x[i]. Destroys the others.
template <class T, int H = Simd<T>::width / 2>
[[gnu::always_inline]] inline void sum_lanes(typename Simd<T>::Vec* x) {
  constexpr auto lanes = std::make_integer_sequence<int, Simd<T>::width>{};
  for (int i = 0; i < H; ++i) x[i] = lower_blocks<H>(x[i], x[i + H], lanes) + upper_blocks<H>(x[i], x[i + H], lanes);
  if constexpr (H > 1) sum_lanes<T, H / 2>(x);
}

// Transposes `width` vectors: lane j of x[i] and lane i of x[j] change places.
template <class T, int H = Simd<T>::width / 2>
[[gnu::always_inline]] inline void transpose_lanes(typename Simd<T>::Vec* x) {
  constexpr auto lanes = std::make_integer_sequence<int, Simd<T>::width>{};
  for (int i = 0; i < Simd<T>::width; ++i)
    if ((i & H) == 0) {
      const typename Simd<T>::Vec lower = lower_blocks<H>(x[i], x[i + H], lanes);
      x[i + H] = upper_blocks<H>(x[i], x[i + H], lanes);
      x[i] = lower;
    }
  if constexpr (H > 1) transpose_lanes<T, H / 2>(x);
}

}  // namespace innerloop::kernels
