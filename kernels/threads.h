// Threads that split tasks, and large products. They block when idle and never split one small product; results never
// depend on their number.
#pragma once

#include <type_traits>

namespace innerloop {

// A borrowed callable: two words, no allocation. It must outlive the call it is passed to.
class TaskBody {
 public:
  template <class F>
  TaskBody(F&& f)  // NOLINT: implicit on purpose
      : object_(const_cast<void*>(static_cast<const void*>(&f))), call_([](void* object, int index, int worker) {
          (*static_cast<std::remove_reference_t<F>*>(object))(index, worker);
        }) {}
  void operator()(int index, int worker) const { call_(object_, index, worker); }

 private:
  void* object_;
  void (*call_)(void*, int, int);
};

// How many threads parallel_for uses, the caller included: 1 to 1024. Default: the environment variable
// INNERLOOP_THREADS, else the machine's cores. May be set between runs, not from inside a body.
void set_thread_count(int count);
int thread_count();
// How many of them a parallel_for called here can use: 1 inside a body.
int threads_here();

// Runs body(index, worker) for every index in [0, count); worker is in [0, thread_count()) and tells scratch spaces
// apart. Indices are handed out in increasing order, each to the next free thread. Returns when all are done.
// When bodies throw, no further index is handed out, and of the exceptions that of the smallest index is thrown again
// here: the same one for every thread count. No heap allocation, except that the first call starts the threads.
// A call from inside a body runs its indices on the calling thread (as that worker); so does a call while another
// thread's job runs (as worker 0).
void parallel_for(int count, TaskBody body);

}  // namespace innerloop
