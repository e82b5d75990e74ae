#include "kernels/threads.h"

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "kernels/require.h"

namespace innerloop {

namespace {

constexpr int most_threads = 1024;

// Which worker the current thread is while it runs bodies; −1 outside.
thread_local int current_worker = -1;

int checked_count(int count, const std::string& source) {
  require(
      count >= 1 && count <= most_threads, [&] {
    return source + " = " + std::to_string(count) + ": the number of threads must be 1 to " +
           std::to_string(most_threads);
  });
  return count;
}

// INNERLOOP_THREADS if it is set, else the number of cores.
int default_count() {
  const char* text = std::getenv("INNERLOOP_THREADS");
  if (text == nullptr || *text == 0) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    return cores < 1 ? 1 : cores < most_threads ? cores : most_threads;
  }
  const std::string_view view = text;
  int count = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), count);
  require(error == std::errc() && end == view.data() + view.size(), [&] {
    return "INNERLOOP_THREADS = \"" + std::string(view) + "\" is not a whole number; set it to 1 or more";
  });
  return checked_count(count, "INNERLOOP_THREADS");
}

// The calling thread and count − 1 helpers. Between jobs the helpers sleep on a condition variable.
class Pool {
 public:
  explicit Pool(int count) : count_(count) {}

  int count() const { return count_.load(std::memory_order_relaxed); }

  void resize(int count) {
    std::lock_guard one_job_at_a_time(job_mutex_);
    // End all helpers; the next job starts the new number of them.
    std::unique_lock lock(mutex_);
    leave_ = true;
    wake_.notify_all();
    done_.wait(lock, [&] { return started_ == 0; });
    leave_ = false;
    count_ = count;
  }

  void run(int count, const TaskBody& body) {
    // A job inside a job belongs to the thread that asks for it; so does one that has nothing to share.
    if (current_worker >= 0) return run_here(count, body, current_worker);
    // While another thread's job runs, this thread does its own alone: should it wait, it might hold what that job
    // waits for, the lock of a Function say.
    const std::unique_lock one_job_at_a_time(job_mutex_, std::try_to_lock);
    current_worker = 0;
    struct Leave {
      ~Leave() { current_worker = -1; }
    } leave;
    if (count <= 1 || this->count() == 1 || !one_job_at_a_time) return run_here(count, body, 0);

    // Publish the job and wake as many helpers as can find an index.
    int wanted = this->count() - 1;
    {
      std::lock_guard lock(mutex_);
      while (started_ < wanted) start_helper();
      body_ = &body;
      end_ = count;
      next_.store(0, std::memory_order_relaxed);
      ++job_;
    }
    if (count - 1 < wanted) wanted = count - 1;
    for (int i = 0; i < wanted; ++i) wake_.notify_one();

    // Work along; then close the job. A helper that wakes only now goes back to sleep: nobody waits for it.
    work(0, body, count);
    std::exception_ptr thrown;
    {
      std::unique_lock lock(mutex_);
      body_ = nullptr;
      done_.wait(lock, [&] { return busy_ == 0; });
      thrown = std::move(thrown_);
      thrown_ = nullptr;
      thrown_index_ = std::numeric_limits<int>::max();
    }
    if (thrown) std::rethrow_exception(thrown);
  }

 private:
  static void run_here(int count, const TaskBody& body, int worker) {
    for (int index = 0; index < count; ++index) body(index, worker);
  }

  // Detached: the pool waits for its helpers by counting them, and a sleeping helper does not keep the process alive.
  void start_helper() {
    try {
      std::thread([this, worker = started_ + 1, last_job = job_] { help(worker, last_job); }).detach();
    } catch (const std::system_error& error) {
      throw Error("cannot start thread " + std::to_string(started_ + 2) + " of " + std::to_string(count()) + " (" +
                  error.what() + "); set INNERLOOP_THREADS to a smaller number");
    }
    ++started_;
  }

  void help(int worker, std::uint64_t last_job) {
    current_worker = worker;
    std::unique_lock lock(mutex_);
    for (;;) {
      // Sleep until there is a job not yet seen and still open.
      wake_.wait(lock, [&] { return leave_ || (body_ != nullptr && job_ != last_job); });
      if (leave_) break;
      last_job = job_;
      ++busy_;  // from here on the job waits for this helper, so its body stays alive
      const TaskBody& body = *body_;
      const int end = end_;
      lock.unlock();
      work(worker, body, end);
      lock.lock();
      if (--busy_ == 0) done_.notify_all();
    }
    --started_;
    done_.notify_all();
  }

  // Take the next index until none is left.
  void work(int worker, const TaskBody& body, int end) {
    for (;;) {
      const std::int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= end) return;
      try {
        body(static_cast<int>(index), worker);
      } catch (...) {
        // All smaller indices are handed out already and will finish, so the smallest thrower is always found.
        next_.store(end, std::memory_order_relaxed);
        std::lock_guard lock(mutex_);
        if (index >= thrown_index_) continue;
        thrown_index_ = static_cast<int>(index);
        thrown_ = std::current_exception();
      }
    }
  }

  std::mutex job_mutex_;  // held for the whole of a job
  std::mutex mutex_;      // guards what follows, except the atomics
  std::condition_variable wake_, done_;
  std::atomic<int> count_;
  std::atomic<std::int64_t> next_{0};
  const TaskBody* body_ = nullptr;  // the open job, null when closed
  int end_ = 0;
  std::uint64_t job_ = 0;  // how many jobs there have been
  int started_ = 0;        // helpers alive
  int busy_ = 0;           // helpers inside the open job
  bool leave_ = false;
  std::exception_ptr thrown_;
  int thrown_index_ = std::numeric_limits<int>::max();
};

// Never destroyed: helpers may still sleep in it, and destructors of static objects may still use it, when the process
// ends.
Pool& pool() {
  static Pool* const instance = new Pool(default_count());
  return *instance;
}

}  // namespace

void set_thread_count(int count) {
  checked_count(count, "set_thread_count");
  require(current_worker < 0, "set_thread_count was called from inside parallel_for; call it between runs");
  if (count != pool().count()) pool().resize(count);
}

int thread_count() { return pool().count(); }

int threads_here() { return current_worker < 0 ? pool().count() : 1; }

void parallel_for(int count, TaskBody body) { pool().run(count, body); }

}  // namespace innerloop
