// What the engine tells the address and the thread sanitizer; without them, every function here does nothing.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ADDRESS_SANITIZER 1
#elif defined(__SANITIZE_THREAD__)
#define SIMT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ADDRESS_SANITIZER 1
#elif __has_feature(thread_sanitizer)
#define SIMT_THREAD_SANITIZER 1
#endif
#endif

#if defined(SIMT_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(SIMT_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

namespace innerloop::simt::sanitizer {

#if defined(SIMT_ADDRESS_SANITIZER)
constexpr bool active = true;
inline void forbid(const void* begin, std::size_t bytes) { __asan_poison_memory_region(begin, bytes); }
inline void allow(const void* begin, std::size_t bytes) { __asan_unpoison_memory_region(begin, bytes); }
inline void leave_stack(void** fake, const void* to, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake, to, bytes);
}
inline void enter_stack(void* fake, const void** from, std::size_t* bytes) {
  __sanitizer_finish_switch_fiber(fake, from, bytes);
}
#else
constexpr bool active = false;
inline void forbid(const void*, std::size_t) {}
inline void allow(const void*, std::size_t) {}
inline void leave_stack(void**, const void*, std::size_t) {}
inline void enter_stack(void*, const void**, std::size_t*) {}
#endif

// The thread sanitizer follows each stack as if it were a thread. What ran before a switch happens before what follows.
#if defined(SIMT_THREAD_SANITIZER)
inline void* new_thread() { return __tsan_create_fiber(0); }
inline void end_thread(void* thread) { __tsan_destroy_fiber(thread); }
inline void* this_thread() { return __tsan_get_current_fiber(); }
inline void become_thread(void* thread) { __tsan_switch_to_fiber(thread, 0); }
#else
inline void* new_thread() { return nullptr; }
inline void end_thread(void*) {}
inline void* this_thread() { return nullptr; }
inline void become_thread(void*) {}
#endif

}  // namespace innerloop::simt::sanitizer
