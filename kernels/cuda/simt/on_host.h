// simt.h as an ordinary C++ compiler sees it: CUDA's names, served by the engine.
#pragma once

#include <math.h>  // the functions of CUDA stand in the global namespace

#include <bit>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "kernels/cuda/simt/engine.h"

#define SIMT_BACKEND simt_host
#define SIMT_KERNEL [[maybe_unused]] static
#define SIMT_DEVICE inline
#define SIMT_HOST_DEVICE inline
#if defined(__clang__)
#define SIMT_UNROLL _Pragma("unroll")
#else
#define SIMT_UNROLL _Pragma("GCC unroll 64")
#endif
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

// A reference to an array of the block, found again by its place in the source.
#define SIMT_SHARED(T, name, ...)         \
  using simt_type_##name = T __VA_ARGS__; \
  simt_type_##name& name =                \
      *static_cast<simt_type_##name*>(innerloop::simt::shared_array(SIMT_SITE, sizeof(simt_type_##name)))
#define SIMT_DYN_SHARED(name) unsigned char* name = nullptr

// The place in the source where the macro stands; one per instance of a template.
#define SIMT_SITE                                                          \
  ([]() -> const innerloop::simt::Site& {                                  \
    static constexpr innerloop::simt::Site simt_site_{__FILE__, __LINE__}; \
    return simt_site_;                                                     \
  }())
#define __syncthreads() innerloop::simt::sync_threads(SIMT_SITE)
#define __syncwarp(...) innerloop::simt::sync_warp(SIMT_SITE __VA_OPT__(, ) __VA_ARGS__)
#define __shfl_sync(...) innerloop::simt::shuffle(SIMT_SITE, __VA_ARGS__)
#define __shfl_up_sync(...) innerloop::simt::shuffle_up(SIMT_SITE, __VA_ARGS__)
#define __shfl_down_sync(...) innerloop::simt::shuffle_down(SIMT_SITE, __VA_ARGS__)
#define __shfl_xor_sync(...) innerloop::simt::shuffle_xor(SIMT_SITE, __VA_ARGS__)
#define __ballot_sync(mask, vote) innerloop::simt::ballot(SIMT_SITE, (mask), static_cast<bool>(vote))
#define __any_sync(mask, vote) (__ballot_sync((mask), (vote)) != 0)
#define __all_sync(mask, vote) (__ballot_sync((mask), !(vote)) == 0)
// Not instrumented by the race build: the engine is told of these accesses, or they are the engine's own.
#define SIMT_UNSEEN __attribute__((no_sanitize("thread")))
#define __shared__ static_assert(false, "raw __shared__ is not emulated: use SIMT_SHARED or a Carver");

namespace innerloop::simt {
inline namespace on_host {

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
constexpr float2 make_float2(float x, float y) { return {x, y}; }
constexpr float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
constexpr double2 make_double2(double x, double y) { return {x, y}; }

inline const uint3& threadIdx = registers.thread;
inline const uint3& blockIdx = registers.block;
inline const dim3& blockDim = registers.block_size;
inline const dim3& gridDim = registers.grid_size;

// Runs the kernel; it has ended when this returns.
template <class... Parameters, class... Arguments>
void launch(const Launch& shape, void (*kernel)(Parameters...), Arguments... arguments) {
  const std::tuple<Parameters...> values(static_cast<Parameters>(arguments)...);
  run_grid(shape, [kernel, values] { std::apply(kernel, values); });
}

// Bytes that Carver::take<T>(count) uses up.
template <class T>
constexpr std::size_t carved(std::size_t count) {
  return (count * sizeof(T) + 15) / 16 * 16;
}

// Hands out shared memory piece by piece; every thread takes the same pieces in the same order.
struct Carver {
  unsigned char* next;
  template <class T>
  T* take(std::size_t count) {
    return static_cast<T*>(carve(count * sizeof(T)));
  }
};

// ---- The collectives of a warp -------------------------------------------------------------------------------------
inline void sync_warp(const Site& site, std::uint32_t mask = 0xFFFFFFFFu) {
  gather_warp(site, mask, nullptr, 0, false);
  order_warp_memory();
}

inline std::uint32_t ballot(const Site& site, std::uint32_t mask, bool vote) {
  return votes(gather_warp(site, mask, nullptr, 0, vote));
}

// The value that lane `source` brought.
template <class T>
T exchange(const Site& site, std::uint32_t mask, T value, unsigned source) {
  static_assert(sizeof(T) <= 64 && std::is_trivially_copyable_v<T>);
  const unsigned ticket = gather_warp(site, mask, &value, sizeof(T), false);
  read_lane(ticket, source, &value, sizeof(T));
  return value;
}

// The source lanes are CUDA's: within segments of `width` lanes; a lane outside the segment means the own value.
template <class T>
T shuffle(const Site& site, std::uint32_t mask, T value, int source, int width = 32) {
  const unsigned w = static_cast<unsigned>(width), base = lane() / w * w;
  return exchange(site, mask, value, base + static_cast<unsigned>(source) % w);
}
template <class T>
T shuffle_up(const Site& site, std::uint32_t mask, T value, unsigned delta, int width = 32) {
  const unsigned w = static_cast<unsigned>(width);
  return exchange(site, mask, value, lane() % w < delta ? lane() : lane() - delta);
}
template <class T>
T shuffle_down(const Site& site, std::uint32_t mask, T value, unsigned delta, int width = 32) {
  const unsigned w = static_cast<unsigned>(width);
  return exchange(site, mask, value, lane() % w + delta < w ? lane() + delta : lane());
}
template <class T>
T shuffle_xor(const Site& site, std::uint32_t mask, T value, int lane_mask, int width = 32) {
  const unsigned w = static_cast<unsigned>(width), source = lane() ^ static_cast<unsigned>(lane_mask);
  return exchange(site, mask, value, source / w > lane() / w ? lane() : source);
}

inline void grid_sync() {
  static constexpr Site site{"simt::grid_sync", 0};  // all calls count as one place, as on the GPU
  sync_grid(site);
}

// ---- Atomic operations on integers ---------------------------------------------------------------------------------
template <class T, class F>
SIMT_UNSEEN T atomic_update(T* address, F next) {
  static_assert(std::is_integral_v<T>, "no float atomics: their order, and so the sum, would depend on chance");
  begin_atomic(address, sizeof(T));
  const T before = *address;
  *address = next(before);
  end_atomic();
  return before;
}
template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return atomic_update(address, [value](T before) { return static_cast<T>(before + value); });
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return atomic_update(address, [value](T before) { return before < value ? value : before; });
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return atomic_update(address, [value](T before) { return value < before ? value : before; });
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return atomic_update(address, [value](T) { return value; });
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> value) {
  return atomic_update(address, [compare, value](T before) { return before == compare ? value : before; });
}

// ---- Small functions of CUDA ---------------------------------------------------------------------------------------
template <class T>
T __ldg(const T* address) {
  return *address;
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((std::uint64_t{a} * b) >> 32); }
inline std::uint32_t __float_as_uint(float x) { return std::bit_cast<std::uint32_t>(x); }
inline float __uint_as_float(std::uint32_t x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
constexpr int warpSize = 32;

// ---- The tensor core -----------------------------------------------------------------------------------------------
// Rounded to the 10 bits of mantissa that a tensor core reads, ties away from zero.
inline float to_tf32(float x) {
  std::uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7F800000u) != 0x7F800000u) bits += 0x1000u;
  return __uint_as_float(bits & 0xFFFFE000u);
}

// D (16×8) += A (16×8) · B (8×8), spread over the warp as on_gpu.h says; the lanes bring a and b, and each sums its d.
SIMT_UNSEEN inline void mma_m16n8k8_tf32(float (&d)[4], const float (&a)[4], const float (&b)[2]) {
  static constexpr Site site{"simt::mma_m16n8k8_tf32", 0};
  struct Fragment {
    float a[4], b[2];
  };
  const Fragment mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const unsigned ticket = gather_warp(site, 0xFFFFFFFFu, &mine, sizeof mine, false);
  Fragment of[32];
  for (unsigned other = 0; other < 32; ++other) read_lane(ticket, other, &of[other], sizeof mine);
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned r = lane() / 4 + 8 * (i / 2), c = lane() % 4 * 2 + i % 2;
    double sum = static_cast<double>(d[i]);
    for (unsigned k = 0; k < 8; ++k)
      sum += static_cast<double>(of[r % 8 * 4 + k % 4].a[r / 8 + 2 * (k / 4)]) *
             static_cast<double>(of[c * 4 + k % 4].b[k / 4]);
    d[i] = static_cast<float>(sum);
  }
}

}  // namespace on_host
}  // namespace innerloop::simt

// Kernels stand below namespace innerloop and use CUDA's names without more ado.
namespace innerloop {
using namespace simt::on_host;
}
