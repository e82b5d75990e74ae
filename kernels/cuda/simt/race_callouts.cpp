// The functions that code compiled with -fsanitize=thread calls, in place of that sanitizer's library. Linked into
// tests_race alone. The names and types are the compilers' (GCC: gcc/sanitizer.def).
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/cuda/simt/race.h"

namespace race = innerloop::simt::race;

// clang-format off
#define SIMT_ACCESSES(n)                                                                          \
  void __tsan_read##n(void* p) { race::access(p, n, false); }                                     \
  void __tsan_write##n(void* p) { race::access(p, n, true); }                                     \
  void __tsan_read##n##_pc(void* p, void*) { race::access(p, n, false); }                         \
  void __tsan_write##n##_pc(void* p, void*) { race::access(p, n, true); }                         \
  void __tsan_volatile_read##n(void* p) { race::access(p, n, false); }                            \
  void __tsan_volatile_write##n(void* p) { race::access(p, n, true); }                            \
  void __tsan_unaligned_read##n(void* p) { race::access(p, n, false); }                           \
  void __tsan_unaligned_write##n(void* p) { race::access(p, n, true); }
// Atomics of the standard library, such as those of a function's static variable: one thread, so plain operations do.
#define SIMT_ATOMICS(bits, T)                                                                      \
  T __tsan_atomic##bits##_load(const volatile T* p, int) { return *p; }                            \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int) { *p = v; }                            \
  T __tsan_atomic##bits##_exchange(volatile T* p, T v, int) { T old = *p; *p = v; return old; }    \
  T __tsan_atomic##bits##_fetch_add(volatile T* p, T v, int) { T old = *p; *p = static_cast<T>(old + v); return old; } \
  T __tsan_atomic##bits##_fetch_sub(volatile T* p, T v, int) { T old = *p; *p = static_cast<T>(old - v); return old; } \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* expected, T v, int, int) {   \
    if (*p == *expected) { *p = v; return 1; }                                                     \
    *expected = *p; return 0;                                                                      \
  }

extern "C" {
void __tsan_init() { race::activate(); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
SIMT_ACCESSES(1) SIMT_ACCESSES(2) SIMT_ACCESSES(4) SIMT_ACCESSES(8) SIMT_ACCESSES(16)
SIMT_ATOMICS(8, std::uint8_t) SIMT_ATOMICS(32, std::uint32_t) SIMT_ATOMICS(64, unsigned long)
// clang-format on
void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}
void __tsan_read_range(void* p, std::size_t n) { race::access(p, n, false); }
void __tsan_write_range(void* p, std::size_t n) { race::access(p, n, true); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void* __tsan_memcpy(void* to, const void* from, std::size_t n) {
  race::access(from, n, false);
  race::access(to, n, true);
  return std::memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, std::size_t n) {
  race::access(from, n, false);
  race::access(to, n, true);
  return std::memmove(to, from, n);
}
void* __tsan_memset(void* to, int byte, std::size_t n) {
  race::access(to, n, true);
  return std::memset(to, byte, n);
}
}
