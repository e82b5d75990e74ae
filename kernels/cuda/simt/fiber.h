// A fiber: a stack on which a function can stop in the middle, to go on later. Switching is six registers and a jump.
#pragma once

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace innerloop::simt {

class Fiber {
 public:
  // `entry` never returns; it starts at the first resume(). Throws Error when there is no memory for the stack.
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void resume();   // called outside of fibers: runs this one until it suspends itself
  void suspend();  // called on this fiber: goes back to where resume() was called
  bool holds(const void* address) const;  // is it on this fiber's stack?

 private:
  void (*entry_)();
  char* stack_ = nullptr;  // lowest usable byte; below lies a page that must not be touched
  void* fake_stack_ = nullptr, *host_fake_stack_ = nullptr;  // for the address sanitizer
  void* thread_ = nullptr, *host_thread_ = nullptr;          // for the thread sanitizer
  const void* host_stack_ = nullptr;
  std::size_t host_stack_bytes_ = 0;
#if defined(__x86_64__)
  void* sp_ = nullptr;
  void* host_sp_ = nullptr;
#else
  ucontext_t context_{}, host_context_{};
#endif
  static void begin();
};

}  // namespace innerloop::simt
