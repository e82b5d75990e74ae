#include "kernels/cuda/simt/fiber.h"

#include <sys/mman.h>

#include "kernels/cuda/simt/sanitizer.h"
#include "kernels/require.h"

namespace innerloop::simt {
namespace {

// Frames are larger under the address sanitizer. Untouched pages cost nothing.
constexpr std::size_t stack_bytes = sanitizer::active ? 512 * 1024 : 128 * 1024;
constexpr std::size_t guard_bytes = 4096;

Fiber* starting = nullptr;  // the fiber that begin() belongs to

#if defined(__x86_64__)
// Pushes the registers that a called function must keep, exchanges the stacks, and pops the other side's.
[[gnu::naked, gnu::noinline, gnu::no_sanitize("thread")]]
void exchange_stacks(void** /*save: rdi*/, void* /*load: rsi*/) {
  asm("pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
}
#endif

}  // namespace

Fiber::Fiber(void (*entry)()) : entry_(entry), thread_(sanitizer::new_thread()) {
  void* memory = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  require(memory != MAP_FAILED, "no memory for one more emulated CUDA thread; use a smaller grid");
  stack_ = static_cast<char*>(memory) + guard_bytes;
  const bool guarded = mprotect(memory, guard_bytes, PROT_NONE) == 0;
  if (!guarded) munmap(memory, guard_bytes + stack_bytes);
  require(guarded, "no page left to guard one more emulated CUDA thread; use a smaller grid");
#if defined(__x86_64__)
  // What exchange_stacks() pops: six registers, then the address it returns to; above, the end of the chain of frames.
  void** top = reinterpret_cast<void**>(stack_ + stack_bytes);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&Fiber::begin);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  sp_ = top;
#else
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_;
  context_.uc_stack.ss_size = stack_bytes;
  context_.uc_link = nullptr;
  makecontext(&context_, &Fiber::begin, 0);
#endif
}

Fiber::~Fiber() {
  sanitizer::allow(stack_, stack_bytes);
  sanitizer::end_thread(thread_);
  munmap(stack_ - guard_bytes, guard_bytes + stack_bytes);
}

void Fiber::begin() {
  Fiber* self = starting;
  sanitizer::enter_stack(nullptr, &self->host_stack_, &self->host_stack_bytes_);
  self->entry_();
}

void Fiber::resume() {
  starting = this;
  sanitizer::leave_stack(&host_fake_stack_, stack_, stack_bytes);
  host_thread_ = sanitizer::this_thread();
  sanitizer::become_thread(thread_);
#if defined(__x86_64__)
  exchange_stacks(&host_sp_, sp_);
#else
  swapcontext(&host_context_, &context_);
#endif
  sanitizer::enter_stack(host_fake_stack_, nullptr, nullptr);
}

void Fiber::suspend() {
  sanitizer::leave_stack(&fake_stack_, host_stack_, host_stack_bytes_);
  sanitizer::become_thread(host_thread_);
#if defined(__x86_64__)
  exchange_stacks(&sp_, host_sp_);
#else
  swapcontext(&context_, &host_context_);
#endif
  sanitizer::enter_stack(fake_stack_, &host_stack_, &host_stack_bytes_);
}

bool Fiber::holds(const void* address) const {
  const char* byte = static_cast<const char*>(address);
  return byte >= stack_ && byte < stack_ + stack_bytes;
}

}  // namespace innerloop::simt
