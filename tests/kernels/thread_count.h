// Another number of threads for one test.
#pragma once

#include "kernels/threads.h"

namespace innerloop {

struct ThreadCount {
  explicit ThreadCount(int count) { set_thread_count(count); }
  ~ThreadCount() { set_thread_count(before); }
  int before = thread_count();
};

}  // namespace innerloop
