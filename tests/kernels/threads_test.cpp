// The pool of threads behind parallel_for.
// [threads] kernels/threads.cpp
#include "kernels/threads.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "kernels/require.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;

namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

TEST_CASE("parallel_for runs every index once", "[threads]") {
  for (int threads : {1, 2, 3, 8}) {
    ThreadCount use(threads);
    CHECK(thread_count() == threads);
    CHECK(threads_here() == threads);
    for (int count : {0, 1, 2, 7, 1000}) {
      std::vector<int> runs(static_cast<std::size_t>(count), 0);
      std::atomic<bool> worker_in_range = true;
      parallel_for(count, [&](int index, int worker) {
        ++runs[static_cast<std::size_t>(index)];
        if (worker < 0 || worker >= threads) worker_in_range = false;
      });
      CHECK(runs == std::vector<int>(static_cast<std::size_t>(count), 1));
      CHECK(worker_in_range);
    }
  }
}

TEST_CASE("A worker number belongs to one thread at a time", "[threads]") {
  // Each worker counts in its own slot without a lock: lost counts (or the thread sanitizer) would show a shared one.
  ThreadCount use(4);
  std::vector<long> slots(4, 0);
  for (int run = 0; run < 200; ++run)
    parallel_for(50, [&](int, int worker) { ++slots[static_cast<std::size_t>(worker)]; });
  CHECK(std::accumulate(slots.begin(), slots.end(), 0L) == 200 * 50);
}

TEST_CASE("Threads share the work", "[threads]") {
  // Two bodies that wait for each other can only both finish on two threads.
  ThreadCount use(2);
  std::atomic<int> arrived = 0;
  std::atomic<bool> met = true;
  parallel_for(2, [&](int, int) {
    ++arrived;
    const auto start = std::chrono::steady_clock::now();
    while (arrived < 2 && met) {
      std::this_thread::yield();
      if (std::chrono::steady_clock::now() - start > std::chrono::seconds(20)) met = false;
    }
  });
  CHECK(met);
}

TEST_CASE("Results do not depend on the number of threads", "[threads]") {
  auto sum_of_slots = [](int threads) {
    ThreadCount use(threads);
    std::vector<double> slots(100);
    parallel_for(100, [&](int index, int) { slots[static_cast<std::size_t>(index)] = 1.0 / (1 + index); });
    return std::accumulate(slots.begin(), slots.end(), 0.0);
  };
  CHECK(sum_of_slots(1) == sum_of_slots(2));
  CHECK(sum_of_slots(1) == sum_of_slots(5));
}

TEST_CASE("The exception of the smallest index comes back", "[threads]") {
  for (int threads : {1, 2, 4}) {
    ThreadCount use(threads);
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::string message;
      std::atomic<int> finished = 0;
      try {
        parallel_for(100, [&](int index, int) {
          if (index >= 10) throw Error("index " + std::to_string(index));
          ++finished;
        });
      } catch (const Error& error) {
        message = error.what();
      }
      CHECK(message == "index 10");
      CHECK(finished == 10);
    }
    // The pool works on as before.
    std::atomic<int> runs = 0;
    parallel_for(10, [&](int, int) { ++runs; });
    CHECK(runs == 10);
  }
}

TEST_CASE("A call from inside a body stays on its thread and worker", "[threads]") {
  ThreadCount use(3);
  std::atomic<int> wrong = 0, inner_runs = 0;
  parallel_for(6, [&](int, int outer_worker) {
    const std::thread::id outer_thread = std::this_thread::get_id();
    parallel_for(5, [&](int, int inner_worker) {
      ++inner_runs;
      if (inner_worker != outer_worker || std::this_thread::get_id() != outer_thread) ++wrong;
    });
    if (threads_here() != 1) ++wrong;
  });
  CHECK(inner_runs == 30);
  CHECK(wrong == 0);
}

TEST_CASE("Independent threads may call parallel_for", "[threads]") {
  ThreadCount use(2);
  std::atomic<int> runs = 0;
  auto user = [&] {
    for (int i = 0; i < 50; ++i) parallel_for(4, [&](int, int) { ++runs; });
  };
  std::thread first(user), second(user);
  first.join();
  second.join();
  CHECK(runs == 2 * 50 * 4);
}

TEST_CASE("Idle threads sleep", "[threads]") {
  ThreadCount use(4);
  parallel_for(8, [](int, int) {});
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // Three spinning helpers would use at least 0.2 s.
  CHECK(cpu_seconds() - before < 0.05);
}

TEST_CASE("parallel_for allocates nothing once its threads run", "[threads]") {
  for (int threads : {1, 2, 4}) {
    ThreadCount use(threads);
    std::atomic<int> runs = 0;
    parallel_for(8, [&](int, int) { ++runs; });
    const long before = allocations();
    for (int i = 0; i < 100; ++i) parallel_for(8, [&](int, int) { ++runs; });
    CHECK(allocations() == before);
  }
}

TEST_CASE("The number of threads can change between runs, not inside", "[threads]") {
  ThreadCount use(2);
  for (int count : {4, 1, 3, 2, 8, 1}) {
    set_thread_count(count);
    std::atomic<int> runs = 0;
    parallel_for(20, [&](int, int) { ++runs; });
    CHECK(runs == 20);
  }
  CHECK_THROWS_AS(set_thread_count(0), Error);
  CHECK_THROWS_AS(set_thread_count(-3), Error);
  CHECK_THROWS_AS(set_thread_count(1025), Error);
  CHECK_THROWS_AS(parallel_for(2, [](int, int) { set_thread_count(2); }), Error);
}
