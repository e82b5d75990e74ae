#include "tests/bench/network_model.h"

#include <algorithm>

#include "autodiff/planner.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/mlp.h"
#include "kernels/cuda/slices.h"
#include "kernels/mlp_operands.h"

namespace innerloop::app {
namespace {

using kernels::DeviceCall;
using kernels::DeviceMatrix;

// Estimates, for which gpu_micro_bench measures the real ones.
constexpr double arithmetic_share = 2.0 / 3;  // of the peak: besides 16 multiply-adds, a thread loads and counts
constexpr double launch_us = 1.3;             // a node of a CUDA graph
constexpr double block_step_us = 0.5, grid_step_us = 2.5;  // a step of a recurrence, but for its arithmetic
constexpr double lone_read_us = 0.1;                       // a number that one thread reads and adds

int divide_up(int a, int b) { return (a + b - 1) / b; }

struct Work {
  double flops = 0;
  double busy = 1;     // the share of the multiprocessors' arithmetic that the launch can use
  double waiting_us = 0;
  double slices_bytes = 0;   // partial sums of slices, written and read again …
  double slices_us = 0;      // … by a second launch, which waits so long
  int launches = 1;
};

// ---- Products and sums ----------------------------------------------------------------------------------------------

// A second launch that adds the sums of slices: numbers of them for each slice, each of so many bytes.
void add_slices(Work& work, int slices, double numbers, int tasks, double bytes) {
  if (slices == 1) return;
  const kernels::SumPlan plan = kernels::plan_slices_sum(slices, static_cast<int>(std::min(numbers, 1e9)), tasks);
  work.slices_bytes = 2 * bytes * slices * numbers * tasks;
  work.slices_us = static_cast<double>(slices) / plan.height * lone_read_us;
  work.launches = 2;
}

// Blocks of 64 × 64 numbers of C, or of 16 × 16 where C is narrow, for each slice (kernels/cuda/gemm.cu).
// Large ones are cuBLAS's, which divides long sums too.
Work product_work(Op op, const DeviceCall& call, const GpuModel& gpu) {
  const kernels::ProductSize size = kernels::product_size(op, call);
  const double numbers = static_cast<double>(call.out.size());
  Work work{.flops = 2.0 * numbers * size.inner * call.tasks};
  if (kernels::is_large(size)) return work;
  const kernels::ProductPlan plan = kernels::plan_product(size, call.tasks);
  work.busy = std::min(1.0, static_cast<double>(plan.blocks) / gpu.multiprocessors);
  add_slices(work, plan.slices, numbers, call.tasks, 4);
  return work;
}

// A block for every 32 columns and slice of the rows (kernels/cuda/sums.cu), whose threads each add some of them.
Work sum_work(Op op, const DeviceCall& call) {
  const kernels::SumPlan plan = kernels::plan_sum(op, call);
  Work work{.waiting_us = static_cast<double>(plan.slice_rows) / plan.height * lone_read_us};
  add_slices(work, plan.slices, op == Op::sum_all ? 1 : call.in[0].cols, call.tasks, 8);
  return work;
}

// ---- Networks -------------------------------------------------------------------------------------------------------

// What kernels/cuda/mlp.cu computes; in u = all layers, f = the first, l = the last one.
Work mlp_work(Op op, const DeviceCall& call, const GpuModel& gpu) {
  const kernels::MlpOperands at = kernels::mlp_operands(op, call.arity, call.attr);
  double u = 0, f = 0, l = 0;
  for (int layer = 0; layer < at.layers; ++layer) {
    l = static_cast<double>(call.in[at.weights(layer)].size());
    if (layer == 0) f = l;
    u += l;
  }
  const double with_x = (call.attr.j & kernels::mlp_with_x) != 0 ? 1 : 0;
  const double tangents = 2 * u - f + with_x * f, backward = u - f + with_x * f;
  const double passes = op == Op::mlp       ? u
                        : op == Op::mlp_bwd ? u - l + backward + u
                        : op == Op::mlp_jvp ? u - l + tangents
                                            : u - l + tangents + 3 * backward + 2 * u - f;
  const kernels::MlpPlan plan = kernels::plan_mlp(Device::simt, op, Dtype::f32, call);
  const int together = 2 * (plan.shared_bytes + 2048) <= 233472 ? 2 : 1;  // blocks on a multiprocessor
  Work work{.flops = 2 * passes * call.in[0].rows * call.tasks,
            .busy = std::min(1.0, static_cast<double>(plan.slices) * call.tasks / (together * gpu.multiprocessors))};
  if (plan.workspace_bytes > 0 && plan.slices > 1) {
    work.slices_bytes = 2.0 * static_cast<double>(plan.workspace_bytes);
    work.slices_us = plan.slices * lone_read_us;
    work.launches = 2;
  }
  return work;
}

// How kernels/cuda/lstm.cu splits a recurrence: into the fewest parts of the cells whose U fits beside a tile of four
// rows, and the rows over the multiprocessors that are left. A thread takes four rows of one cell through a step.
Work lstm_work(Op op, const DeviceCall& call, const GpuModel& gpu) {
  const DeviceMatrix& c0 = call.in[op == Op::lstm_sequence_jvp ? 2 : 3];
  const int hidden = c0.cols, sequences = c0.rows, gates = op == Op::lstm_sequence_bwd ? 4 : 1;
  int parts = 1, cells = hidden;
  const auto fits = [&] {
    const std::size_t tile = static_cast<std::size_t>((parts == 1 ? 2 : 1) * gates * hidden * 8);
    return 4 * (static_cast<std::size_t>(4 * hidden) * static_cast<std::size_t>(cells) + tile) <= gpu.shared_bytes;
  };
  while (parts < hidden && !fits()) cells = divide_up(hidden, ++parts);
  const int slices = std::max(1, gpu.multiprocessors / (parts * call.tasks));
  const int rows = divide_up(divide_up(sequences, slices), 4) * 4;

  // The busiest block's multiply-adds of one step, in turns of 256 threads of which full warps count.
  const int patches = rows / 4 * cells, warps = std::min(8, divide_up(patches, 32));
  const double per_clock = std::min(128, 32 * warps) * arithmetic_share;
  const double step_us = 4.0 * rows * cells * hidden / (per_clock * gpu.clock_ghz * 1e3);
  return {.flops = 2.0 * 4 * hidden * hidden * sequences * call.attr.i * call.tasks,
          .waiting_us = call.attr.i * (step_us + (parts > 1 ? grid_step_us : block_step_us))};
}

Work work_of(Op op, const DeviceCall& call, const GpuModel& gpu) {
  switch (op) {
    case Op::matmul:
    case Op::dense: return product_work(op, call, gpu);
    case Op::sum_rows:
    case Op::sum_all: return sum_work(op, call);
    case Op::mlp:
    case Op::mlp_bwd:
    case Op::mlp_jvp:
    case Op::mlp_hvp: return mlp_work(op, call, gpu);
    case Op::lstm_sequence:
    case Op::lstm_sequence_bwd:
    case Op::lstm_sequence_jvp: return lstm_work(op, call, gpu);
    default: return {};  // a few operations a number: its traffic counts
  }
}

void add_launch(PlanCost& cost, Op op, const DeviceCall& call, const GpuModel& gpu) {
  const Work work = work_of(op, call, gpu);
  double bytes = 4.0 * static_cast<double>(call.out.size()) * (op == Op::sum_tasks ? 1 : call.tasks);
  for (int k = 0; k < call.arity; ++k)
    bytes += 4.0 * static_cast<double>(call.in[k].size()) * (call.in[k].stride > 0 ? call.tasks : 1);
  const double per_second = gpu.bytes_per_second;
  const double arithmetic = work.flops / (arithmetic_share * gpu.flops_per_second()) * 1e3;  // by all multiprocessors
  const double traffic = bytes / per_second * 1e3, slices_traffic = work.slices_bytes / 2 / per_second * 1e3;
  const double first = std::max({arithmetic / work.busy, traffic + slices_traffic, work.waiting_us * 1e-3});
  const double second = std::max(slices_traffic, work.slices_us * 1e-3);
  const double ms = first + second + work.launches * launch_us * 1e-3;
  cost.flops += work.flops, cost.bytes += bytes + work.slices_bytes, cost.launches += work.launches;
  cost.ms += ms, cost.waiting_ms += ms - std::max(arithmetic, traffic + 2 * slices_traffic);
}

Plan plan_of(const NetworkCase& c) {
  Graph graph(Dtype::f32);
  graph.set_device(Device::simt);  // the plan of a GPU, which needs none
  const NetworkShapes shapes = network_shapes(c);
  const auto inputs = [&](const NamedShapes& list) {
    Vars vars;
    for (const auto& [name, shape] : list) vars.add(name, graph.input(shape, name));
    return vars;
  };
  std::vector<Vars> arguments{inputs(shapes.theta), inputs(shapes.data)};
  if (c.hessian) arguments.push_back(inputs(shapes.theta));
  Inputs in(graph, std::move(arguments));
  std::vector<Var> outputs;
  for (const Vars& list : network_program(in, c)) outputs.insert(outputs.end(), list.all().begin(), list.all().end());
  return plan_program(graph, outputs, {}, Device::simt);
}

}  // namespace

GpuModel h200() {
  return {.name = "NVIDIA H200", .multiprocessors = 132, .clock_ghz = 1.98, .shared_bytes = 232448};
}

PlanCost predicted_cost(const NetworkCase& c, const GpuModel& gpu) {
  const std::string missing = kernels::why_unavailable(Device::simt);
  require(missing.empty(), "a prediction reads the plans of the emulated kernels; " + missing);
  const Plan plan = plan_of(c);
  PlanCost cost;
  cost.memory_bytes = static_cast<double>(plan.report.shared_bytes);
  std::vector<DeviceMatrix> in;
  for (const Segment& segment : plan.segments)
    for (const Step& step : segment.steps) {
      const auto matrix = [&](int k) {
        const Operand& o = plan.operands[static_cast<std::size_t>(step.first_operand + k)];
        return DeviceMatrix{nullptr, o.rows, o.cols, o.stride / sizeof(float)};
      };
      in.clear();
      for (int k = 1; k <= step.arity; ++k) in.push_back(matrix(k));
      const int tasks = step.op == Op::sum_tasks ? step.tasks : segment.per_task ? plan.report.tasks : 1;
      add_launch(cost, step.op,
                 {.out = matrix(0), .in = in.data(), .arity = step.arity, .tasks = tasks, .attr = step.attr}, gpu);
    }
  return cost;
}

}  // namespace innerloop::app
