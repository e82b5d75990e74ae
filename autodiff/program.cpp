#include "autodiff/program.h"

#include <cmath>
#include <cstring>

#include "autodiff/device.h"
#include "autodiff/device_program.h"
#include "autodiff/op_table.h"
#include "kernels/threads.h"

namespace innerloop {
namespace {

// Numbers touched in a segment: below this, waking a thread costs more than it saves.
constexpr double kWorthThreads = 30e3;

// Memory for a plan: zeros, aligned as vectors need it.
std::shared_ptr<std::byte[]> zeros(std::size_t bytes) {
  auto memory = allocate(Device::cpu, bytes);
  clear_bytes(memory.get(), Device::cpu, bytes);
  return memory;
}

bool is_finite(const kernels::Matrix& m, Dtype dtype) {
  for (std::size_t i = 0; i < m.size(); ++i)
    if (!(dtype == Dtype::f32 ? std::isfinite(m.as<const float>()[i]) : std::isfinite(m.as<const double>()[i])))
      return false;
  return true;
}

}  // namespace

Program::Program(std::shared_ptr<const Graph> graph, std::span<const Var> outputs, std::span<const char> fixed,
                 Device device)
    : graph_(std::move(graph)), device_(device), plan_(plan_program(*graph_, outputs, fixed, device)) {
  if (device != Device::cpu) on_device_ = std::make_unique<DeviceProgram>(device, graph_->dtype(), plan_);
  else shared_ = zeros(plan_.report.shared_bytes);
}

Program::~Program() = default;

void Program::prepare_workers(int count) {
  while (static_cast<int>(workers_.size()) < count) {
    Worker worker;
    worker.memory = zeros(plan_.report.arena_bytes);
    worker.bases.resize(static_cast<std::size_t>(plan_.space_count));
    for (const Operand& o : plan_.operands) worker.matrices.push_back({nullptr, o.rows, o.cols});
    workers_.push_back(std::move(worker));
  }
}

void Program::run(std::span<const void* const> inputs, std::span<void* const> outputs, const Options& options) {
  if (on_device_) return run_on_device(inputs, outputs, options);
  prepare_workers(thread_count());

  // Every worker learns where the spaces begin: its own arena, the shared buffer, constants, inputs, outputs.
  for (Worker& worker : workers_) {
    auto base = worker.bases.begin();
    *base++ = worker.memory.get();
    *base++ = shared_.get();
    *base++ = const_cast<std::byte*>(plan_.constants.data());
    for (const void* input : inputs) *base++ = static_cast<std::byte*>(const_cast<void*>(input));
    for (void* output : outputs) *base++ = static_cast<std::byte*>(output);
  }

  for (const Segment& segment : plan_.segments) {
    if (segment.fixed && !options.refresh) continue;
    auto one_task = [&](int task, int worker) {
      run_steps(segment, task, workers_[static_cast<std::size_t>(worker)], options.check_finite);
    };
    // A single task leaves the threads to its large products.
    if (!segment.per_task) {
      one_task(0, 0);
    } else if (plan_.report.tasks == 1 || segment.work * plan_.report.tasks < kWorthThreads) {
      for (int task = 0; task < plan_.report.tasks; ++task) one_task(task, 0);
    } else {
      parallel_for(plan_.report.tasks, one_task);
    }
  }
}

void Program::run_steps(const Segment& segment, int task, Worker& worker, bool check_finite) const {
  for (const Step& step : segment.steps) {
    const Operand* operand = &plan_.operands[static_cast<std::size_t>(step.first_operand)];
    kernels::Matrix* matrix = &worker.matrices[static_cast<std::size_t>(step.first_operand)];
    for (int k = 0; k <= step.arity; ++k)
      matrix[k].data = worker.bases[static_cast<std::size_t>(operand[k].space)] + operand[k].offset +
                       static_cast<std::size_t>(task) * operand[k].stride;
    try {
      step.kernel({matrix[0], matrix + 1, step.arity, step.tasks, step.attr});
    } catch (const Error& error) {  // the kernel knows the row, the graph the operands and the line
      graph_->rethrow_at(step.node, task, error);
    }
    if (check_finite && !is_finite(matrix[0], graph_->dtype()))
      refuse_not_finite(step, segment.per_task ? ", task " + std::to_string(task) : "");
  }
}

// Names the node that the step computed, and where its result is not finite.
void Program::refuse_not_finite(const Step& step, const std::string& task) const {
  throw NonFiniteError("the first number that is not finite is in " + graph_->describe(step.node) + task + "\n    " +
                       op_def(graph_->node(step.node).op).maths);
}

void Program::run_on_device(std::span<const void* const> inputs, std::span<void* const> outputs,
                            const Options& options) {
  if (!options.check_finite) return on_device_->run(inputs, outputs, options.refresh);

  // Every result is copied to the CPU and looked at.
  const std::size_t element = size_of(graph_->dtype());
  std::vector<std::byte> numbers;
  on_device_->run_watched(
      inputs, outputs, options.refresh, [&](const Segment& segment, const Step& step, const kernels::DeviceMatrix& y) {
        const int tasks = segment.per_task ? plan_.report.tasks : 1;
        for (int task = 0; task < tasks; ++task) {
          numbers.resize(y.size() * element);
          const auto* from =
              static_cast<const std::byte*>(y.data) + static_cast<std::size_t>(task) * y.stride * element;
          copy_bytes(numbers.data(), Device::cpu, from, device_, numbers.size());
          if (!is_finite({numbers.data(), y.rows, y.cols}, graph_->dtype()))
            refuse_not_finite(step, segment.per_task ? ", task " + std::to_string(task) : "");
        }
      });
}

std::size_t Program::peak_bytes(int threads) const {
  return plan_.report.shared_bytes + plan_.report.arena_bytes * static_cast<std::size_t>(threads);
}

std::string Program::describe() const { return describe_plan(*graph_, plan_); }

}  // namespace innerloop
