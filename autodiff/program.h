// Program: a traced graph made ready to be run many times without allocating.
//
// Planning: dead nodes are dropped, equal nodes merged, views (reshape, row slices, broadcasts over tasks) cost
// nothing, every value gets a place in a buffer that is reused as soon as nobody needs it.
// Running on the CPU is task-major. A node's *phase* is the number of sum_tasks on its longest path from the inputs.
// Within a phase first the shared nodes (tasks = 1) run once, then the per-task nodes are replayed task by task in one
// small arena per thread. So a task's numbers stay in cache, threads split tasks, and since every sum over tasks is
// done in task order, the result has the same bits for every number of threads.
// On a device it is node-major: autodiff/device_program.h.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autodiff/planner.h"

namespace innerloop {

class DeviceProgram;

class Program {
 public:
  // fixed[i] marks graph input i: nodes that depend on fixed inputs alone are computed only when `refresh` asks for it.
  Program(std::shared_ptr<const Graph> graph, std::span<const Var> outputs, std::span<const char> fixed = {},
          Device device = Device::cpu);
  ~Program();

  struct Options {
    bool refresh = true;        // compute what depends on fixed inputs alone
    bool check_finite = false;  // throw NonFiniteError naming the first node with a NaN or an infinity
  };
  // inputs: one pointer to the numbers of each graph input, in order; outputs: where each output goes (of its shape).
  // All of them in the memory of the program's device.
  // Allocates nothing after the first run with a given number of threads.
  void run(std::span<const void* const> inputs, std::span<void* const> outputs, const Options& options);

  const PlanReport& report() const { return plan_.report; }
  std::string describe() const;  // the steps with their buffers, as text
  std::size_t peak_bytes(int threads) const;

 private:
  struct Worker {
    std::vector<std::byte*> bases;          // where each space begins
    std::vector<kernels::Matrix> matrices;  // the operands of all steps, with addresses filled in
    std::shared_ptr<std::byte[]> memory;
  };

  void run_on_device(std::span<const void* const> inputs, std::span<void* const> outputs, const Options& options);
  [[noreturn]] void refuse_not_finite(const Step& step, const std::string& task) const;
  void prepare_workers(int count);
  void run_steps(const Segment& segment, int task, Worker& worker, bool check_finite) const;

  std::shared_ptr<const Graph> graph_;
  Device device_;
  Plan plan_;
  std::unique_ptr<DeviceProgram> on_device_;  // none on the CPU
  std::vector<Worker> workers_;
  std::shared_ptr<std::byte[]> shared_;
};

}  // namespace innerloop
