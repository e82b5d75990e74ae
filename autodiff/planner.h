// Planner: from a graph to steps with fixed places in memory. See program.h for what the words mean.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "autodiff/graph.h"
#include "kernels/cuda/call.h"

namespace innerloop {

struct PlanReport {
  int traced_nodes = 0;   // in the graph
  int planned_nodes = 0;  // kernels called per task or once
  int phases = 0;
  int tasks = 1;
  std::size_t arena_bytes = 0;      // per thread
  std::size_t shared_bytes = 0;     // once
  std::size_t unplanned_bytes = 0;  // what keeping every node's value would take
};

// Where a matrix lies: the beginning of its space + offset + task·stride (bytes).
struct Operand {
  int space = 0;
  std::size_t offset = 0;
  std::size_t stride = 0;
  int rows = 0, cols = 0;
};
enum Space : int { kArena, kShared, kConstants, kFirstInput };  // then inputs, then outputs

struct Step {
  kernels::Kernel kernel = nullptr;               // on the CPU
  kernels::DeviceKernel device_kernel = nullptr;  // on a device
  Op op = Op::input;  // what the kernel computes: the node's own op, but for products taken into an add, and copies
  NodeId node = 0;
  int first_operand = 0;  // the output, then the inputs
  int arity = 0;
  int tasks = 1;  // for sum_tasks
  Attr attr;
};

// Steps that run together: once, or for every task.
struct Segment {
  std::vector<Step> steps;
  bool per_task = false;
  bool fixed = false;
  double work = 0;  // numbers touched per task
};

struct Plan {
  std::vector<Segment> segments;
  std::vector<Operand> operands;
  std::vector<std::byte> constants;
  int space_count = 0;
  PlanReport report;
};

// For the CPU, task-major: per-task values that no other segment reads lie in an arena that is used again for every
// task. For a device, node-major: a step does all tasks at once, so every value has room for all tasks and no arena is
// used.
Plan plan_program(const Graph& graph, std::span<const Var> outputs, std::span<const char> fixed_inputs,
                  Device device = Device::cpu);
std::string describe_plan(const Graph& graph, const Plan& plan);

}  // namespace innerloop
