// The steps of the networks' ladders, forward and backward, on a GPU and emulated. The tables are Markdown.
//
// On a GPU: medians of nine repetitions, and the arithmetic of the result in a second (what a step computes twice
// counts once). Emulated times say nothing of a GPU; what carries over is how many launches a step needs, and how often
// the threads of a block wait for each other.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/cuda/device.h"
#include "kernels/cuda/ladder/networks.h"
#include "kernels/cuda/simt/engine.h"
#include "kernels/cuda/table.h"
#include "tests/bench/gpu_timing.h"

namespace {

using namespace innerloop;
using kernels::DeviceApi;
using kernels::DeviceCall;
using kernels::DeviceMatrix;
using kernels::NetworkStep;

// A call with memory for its operands, whose numbers are small and all the same: only time is looked at.
class Problem {
 public:
  Problem(Device device, Op op, Attr attr, int tasks, std::vector<Shape> in, Shape out)
      : api_(kernels::device_api(device)) {
    for (Shape shape : in) in_.push_back(matrix(shape, 0.1f));
    call_ = {.out = matrix(out, 0),
             .in = in_.data(),
             .arity = static_cast<int>(in_.size()),
             .tasks = tasks,
             .attr = attr};
    call_.workspace_bytes = kernels::device_workspace(device, Dtype::f32, op, call_);
    if (op == Op::mlp) call_.workspace_bytes = std::max(call_.workspace_bytes, kernels::mlp_ladder_workspace(call_));
    if (op == Op::mlp_bwd)
      call_.workspace_bytes = std::max(call_.workspace_bytes, kernels::mlp_backward_ladder_workspace(call_));
    call_.workspace = allocate(call_.workspace_bytes);
  }
  ~Problem() {
    for (void* memory : memory_) api_.free(memory);
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const DeviceCall& call() const { return call_; }

 private:
  void* allocate(std::size_t bytes) {
    memory_.push_back(api_.allocate(bytes));
    return memory_.back();
  }
  DeviceMatrix matrix(Shape shape, float value) {
    const std::vector<float> numbers(shape.size(), value);
    void* there = allocate(sizeof(float) * numbers.size());
    api_.copy_to_device(there, numbers.data(), sizeof(float) * numbers.size(), nullptr);
    api_.synchronize(nullptr);
    return {there, shape.rows, shape.cols, shape.tasks > 1 ? shape.per_task() : 0};
  }

  const DeviceApi& api_;
  std::vector<void*> memory_;
  std::vector<DeviceMatrix> in_;
  DeviceCall call_;
};

struct Ladder {
  std::string name;
  std::span<const NetworkStep> steps;
  double flops;  // of the result
  std::unique_ptr<Problem> problem;
};

// Two hidden layers; backward without the cotangent of x.
Ladder mlp(Device device, bool backward, int tasks, int rows, int inputs, int width, int outputs) {
  const int sizes[] = {inputs, width, width, outputs};
  std::vector<Shape> in{{tasks, rows, inputs}};
  int theta = 0, products = 0;
  for (int l = 0; l < 3; ++l) {
    in.insert(in.end(), {{tasks, sizes[l], sizes[l + 1]}, {tasks, 1, sizes[l + 1]}});
    theta += (sizes[l] + 1) * sizes[l + 1], products += sizes[l] * sizes[l + 1];
  }
  if (backward) in.push_back({tasks, rows, outputs});
  const Op op = backward ? Op::mlp_bwd : Op::mlp;
  const Attr attr{.i = static_cast<int>(Activation::tanh)};
  const Shape out = backward ? Shape{tasks, theta, 1} : Shape{tasks, rows, outputs};
  const int passes = backward ? 2 * products - inputs * width : products;
  return {fmt::format("MLP {}, {} × {} rows, 2 × {}", backward ? "backward" : "forward", tasks, rows, width),
          backward ? kernels::mlp_backward_ladder(device) : kernels::mlp_ladder(device),
          2.0 * passes * rows * tasks, std::make_unique<Problem>(device, op, attr, tasks, in, out)};
}

Ladder lstm(Device device, bool backward, int steps, int batch, int cells) {
  const int rows = steps * batch;
  const Shape state{1, batch, cells}, packed{1, 6 * rows, cells}, u{1, cells, 4 * cells}, reset{1, rows, 1};
  const Op op = backward ? Op::lstm_sequence_bwd : Op::lstm_sequence;
  const std::vector<Shape> in = backward ? std::vector<Shape>{packed, u, state, state, reset, packed}
                                         : std::vector<Shape>{{1, rows, 4 * cells}, u, state, state, reset};
  const Shape out = backward ? Shape{1, 4 * rows + 2 * batch, cells} : packed;
  return {fmt::format("LSTM {}, T = {}, B = {}, H = {}", backward ? "backward" : "forward", steps, batch, cells),
          backward ? kernels::lstm_backward_ladder(device) : kernels::lstm_ladder(device),
          8.0 * cells * cells * rows, std::make_unique<Problem>(device, op, Attr{.i = steps}, 1, in, out)};
}

void measure_on_gpu() {
  const DeviceApi& api = kernels::device_api(Device::cuda);
  const kernels::DeviceProperties gpu = api.properties();
  print_gpu(gpu);
  fmt::print("| | step | ms | TFLOP/s | share of fp32 |\n|---|---|---|---|---|\n");
  for (bool backward : {false, true})
    for (int kind = 0; kind < 4; ++kind) {
      const Ladder ladder = kind == 0   ? mlp(Device::cuda, backward, 40, 2000, 20, 64, 6)
                            : kind == 1 ? mlp(Device::cuda, backward, 40, 2000, 20, 100, 6)
                            : kind == 2 ? lstm(Device::cuda, backward, 100, 64, 64)
                                        : lstm(Device::cuda, backward, 100, 1024, 128);
      for (const NetworkStep& step : ladder.steps) {
        const double ms = median_milliseconds(api, [&] { step.run(ladder.problem->call()); });
        fmt::print("| {} | {} | {} |\n", ladder.name, step.name, time_and_rate(gpu, ms, ladder.flops));
      }
    }
}

void count_emulated() {
  const DeviceApi& api = kernels::device_api(Device::simt);
  fmt::print("\nEmulated:\n\n| | step | launches | threads | barriers of blocks | multiply-adds a thread | ms |\n"
             "|---|---|---|---|---|---|---|\n");
  for (bool backward : {false, true})
    for (bool recurrent : {false, true}) {
      const Ladder ladder = recurrent ? lstm(Device::simt, backward, 10, 8, 24)
                                      : mlp(Device::simt, backward, 2, 100, 4, 32, 2);
      for (const NetworkStep& step : ladder.steps) {
        simt::statistics() = {};
        step.run(ladder.problem->call());
        const simt::Statistics counted = simt::statistics();
        const double ms = median_milliseconds(api, [&] { step.run(ladder.problem->call()); });
        fmt::print("| {} | {} | {} | {} | {} | {:.0f} | {:.1f} |\n", ladder.name, step.name, counted.launches,
                   counted.threads, counted.barriers, ladder.flops / 2 / static_cast<double>(counted.threads), ms);
      }
    }
}

}  // namespace

int main() {
  const std::string reason = kernels::why_unavailable(Device::cuda);
  if (reason.empty()) measure_on_gpu();
  else fmt::print("No GPU: {}\n", reason);
  count_emulated();
}
