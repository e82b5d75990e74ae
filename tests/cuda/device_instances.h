// Calls of device kernels made from the instances of the CPU's tests: several tasks, some operands shared by all.
#pragma once

#include <cstring>
#include <deque>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/table.h"
#include "tests/cuda/devices.h"
#include "tests/kernels/operator_errors.h"

namespace innerloop::kernels {

// An instance for several tasks. Task t's numbers are the instance's own, turned round by 7·t places: in each
// operation's domain, and different. Bit k of `shared`: all tasks use task 0's input k.
struct TaskInstance {
  Instance base;
  int tasks = 1;
  unsigned shared = 0;

  bool is_shared(std::size_t k) const { return (shared >> k & 1U) != 0; }
  // What one task computes.
  Instance of(int task) const {
    Instance one = base;
    for (std::size_t k = 0; k < one.values.size(); ++k) {
      const std::size_t n = one.values[k].size(), by = is_shared(k) ? 0 : static_cast<std::size_t>(7 * task) % n;
      for (std::size_t i = 0; i < n; ++i) one.values[k][i] = base.values[k][(i + by) % n];
    }
    return one;
  }
  std::string text() const {
    return base.text() + ", " + std::to_string(tasks) + " tasks, shared " + std::to_string(shared);
  }
};

// Runs a kernel on all tasks; the output starts as NaN, or as `start`. The result: the tasks' blocks in order.
// in_place = k gives input k's memory to the output. workspace(call): the bytes of it that the kernel gets.
template <class T, class Workspace>
std::vector<T> run_kernel(Device device, DeviceKernel kernel, const TaskInstance& instance, Workspace workspace_of,
                          int in_place = -1, std::vector<T> start = {}) {
  const Instance& base = instance.base;
  const bool sums_tasks = base.op == Op::sum_tasks;
  const std::size_t tasks = static_cast<std::size_t>(instance.tasks);

  std::deque<DeviceArray<T>> memory;
  std::vector<DeviceMatrix> in;
  for (std::size_t k = 0; k < base.in.size(); ++k) {
    std::vector<T> numbers;
    for (int t = 0; t < (instance.is_shared(k) ? 1 : instance.tasks); ++t) {
      const Instance one = instance.of(t);
      for (double v : one.values[k]) numbers.push_back(static_cast<T>(v));
    }
    memory.emplace_back(device, numbers);
    in.push_back({nullptr, base.in[k].rows, base.in[k].cols, instance.is_shared(k) ? 0 : base.in[k].count()});
  }
  for (std::size_t k = 0; k < in.size(); ++k) in[k].data = memory[k].data();

  DeviceCall call{
      .out = {}, .in = in.data(), .arity = static_cast<int>(in.size()), .tasks = instance.tasks, .attr = base.attr};
  if (sums_tasks) {  // the instance holds its tasks' blocks one above the other
    in[0].rows = base.out.rows;
    in[0].stride = base.out.count();
    call.tasks = base.tasks;
  }
  const std::size_t size = base.out.count() * (sums_tasks ? 1 : tasks);
  if (start.empty()) start.assign(size, std::numeric_limits<T>::quiet_NaN());
  DeviceArray<T> out(device, start);
  call.out = {out.data(), base.out.rows, base.out.cols, base.out.count()};
  if (in_place >= 0) call.out.data = in[static_cast<std::size_t>(in_place)].data;

  REQUIRE(kernel != nullptr);
  const std::size_t bytes = workspace_of(call);
  DeviceArray<std::byte> workspace(device, std::vector<std::byte>(bytes, std::byte{0xFF}));
  call.workspace = workspace.data(), call.workspace_bytes = bytes;
  kernel(call);
  return in_place >= 0 ? memory[static_cast<std::size_t>(in_place)].numbers() : out.numbers();
}

// Runs the kernel of the operator table, which gets all the workspace it asks for, or none.
template <class T>
std::vector<T> run_on(Device device, const TaskInstance& instance, int in_place = -1, std::vector<T> start = {},
                      bool with_workspace = true) {
  const Op op = instance.base.op;
  const auto workspace = [&](const DeviceCall& call) {
    return with_workspace ? device_workspace(device, dtype_of<T>, op, call) : 0;
  };
  return run_kernel<T>(device, find_device_kernel(device, dtype_of<T>, op), instance, workspace, in_place,
                       std::move(start));
}

// The result of f(call) for a call of so many tasks without any memory: what plans are made from.
template <class F>
auto with_call(const Instance& instance, int tasks, F f) {
  std::vector<DeviceMatrix> in;
  for (const Size size : instance.in) in.push_back({nullptr, size.rows, size.cols, size.count()});
  return f(DeviceCall{.out = {nullptr, instance.out.rows, instance.out.cols, instance.out.count()},
                      .in = in.data(),
                      .arity = static_cast<int>(in.size()),
                      .tasks = tasks,
                      .attr = instance.attr});
}

// What the reference makes of every task.
class Expected {
 public:
  explicit Expected(const TaskInstance& instance) {
    for (int t = 0; t < instance.tasks; ++t) {
      const Instance one = instance.of(t);
      want_.push_back(exact(one));
      scale_.push_back(magnitude(one, want_.back()));
    }
  }
  // The largest error over all tasks, in units of the tolerance relative to the sum of absolute terms.
  template <class T>
  long double worst_error(const std::vector<T>& got, long double tolerance) const {
    long double result = 0;
    auto first = got.begin();
    for (std::size_t t = 0; t < want_.size(); ++t) {
      const auto end = first + static_cast<std::ptrdiff_t>(want_[t].size());
      result = std::max(result, worst(std::vector<T>(first, end), want_[t], scale_[t], tolerance));
      first = end;
    }
    return result;
  }

 private:
  std::vector<std::vector<long double>> want_, scale_;  // [task]
};

template <class T>
long double worst_error(const TaskInstance& instance, const std::vector<T>& got, long double tolerance) {
  return Expected(instance).worst_error(got, tolerance);
}

// Every instance of an operation: alone, and for three tasks with some choice of shared operands, all choices in turn.
template <class F>
void for_every_task_instance(Op op, F f) {
  unsigned number = 0;
  for (const Instance& instance : instances_of(op)) {
    const unsigned choices = 1U << instance.in.size();
    for (TaskInstance tasks : {TaskInstance{instance, 1, 0}, TaskInstance{instance, 3, number++ % choices}}) {
      if (op == Op::sum_tasks && tasks.tasks > 1) continue;  // has its tasks inside
      INFO(tasks.text());
      f(tasks);
    }
  }
}

template <class F>
void for_every_operation(F f) {
  for (int n = static_cast<int>(first_op); n < static_cast<int>(Op::count_); ++n)
    f(static_cast<Op>(n));
}

}  // namespace innerloop::kernels
