#include "autodiff/device_program.h"

#include <algorithm>

#include "autodiff/device.h"
#include "kernels/cuda/table.h"
#include "kernels/require.h"

namespace innerloop {
namespace {

constexpr std::size_t kSetsKept = 16;  // a training loop alternates between a few sets of addresses

}  // namespace

DeviceProgram::DeviceProgram(Device device, Dtype dtype, const Plan& plan)
    : device_(device), dtype_(dtype), plan_(plan), api_(kernels::device_api(device)), stream_(stream_of(device)) {
  shared_ = allocate(device, plan.report.shared_bytes);
  constants_ = allocate(device, plan.constants.size());
  copy_bytes(constants_.get(), device, plan.constants.data(), Device::cpu, plan.constants.size());
  bases_.resize(static_cast<std::size_t>(plan.space_count));
  make_workspace();
}

DeviceProgram::~DeviceProgram() {
  for (const Met& met : met_) api_.destroy_graph(met.graph);
}

void DeviceProgram::bind(std::span<const void* const> inputs, std::span<void* const> outputs) {
  auto base = bases_.begin();
  *base++ = nullptr;  // no arena: a step does all tasks at once
  *base++ = shared_.get();
  *base++ = constants_.get();
  for (const void* input : inputs) *base++ = static_cast<std::byte*>(const_cast<void*>(input));
  for (void* output : outputs) *base++ = static_cast<std::byte*>(output);
}

kernels::DeviceMatrix DeviceProgram::matrix(int operand) const {
  const Operand& o = plan_.operands[static_cast<std::size_t>(operand)];
  std::byte* base = bases_[static_cast<std::size_t>(o.space)];
  return {base ? base + o.offset : nullptr, o.rows, o.cols, o.stride / size_of(dtype_)};
}

kernels::DeviceCall DeviceProgram::call_of(const Segment& segment, const Step& step) {
  operands_.clear();
  for (int k = 1; k <= step.arity; ++k) operands_.push_back(matrix(step.first_operand + k));
  const int tasks = step.op == Op::sum_tasks ? step.tasks : segment.per_task ? plan_.report.tasks : 1;
  return {.out = matrix(step.first_operand),
          .in = operands_.data(),
          .arity = step.arity,
          .tasks = tasks,
          .attr = step.attr,
          .stream = stream_,
          .workspace = workspace_.get(),
          .workspace_bytes = workspace_bytes_};
}

// Room for the kernel that can use most: they run one after the other.
void DeviceProgram::make_workspace() {
  for (const Segment& segment : plan_.segments)
    for (const Step& step : segment.steps)
      workspace_bytes_ =
          std::max(workspace_bytes_, kernels::device_workspace(device_, dtype_, step.op, call_of(segment, step)));
  if (workspace_bytes_ > 0) workspace_ = shared_workspace(device_, workspace_bytes_);
}

void DeviceProgram::launch(const Segment& segment, const Step& step) { step.device_kernel(call_of(segment, step)); }

void DeviceProgram::launch_all(bool refresh) {
  for (const Segment& segment : plan_.segments)
    if (!segment.fixed || refresh)
      for (const Step& step : segment.steps) launch(segment, step);
}

// The launches as a graph. A capture ends in every case: nothing else could be started. Where its end fails too, the
// first error is the one that says why.
void* DeviceProgram::capture(bool refresh) {
  ++device_statistics().captures;
  api_.begin_capture(stream_);
  try {
    launch_all(refresh);
  } catch (...) {
    try {
      api_.destroy_graph(api_.end_capture(stream_));
    } catch (const Error&) {
    }
    throw;
  }
  return api_.end_capture(stream_);
}

void DeviceProgram::run(std::span<const void* const> inputs, std::span<void* const> outputs, bool refresh) {
  bind(inputs, outputs);
  const auto found = std::ranges::find_if(
      met_, [&](const Met& met) { return met.refresh == refresh && met.bases == bases_; });
  if (found == met_.end()) {
    met_.push_front({refresh, bases_, nullptr});
    if (met_.size() > kSetsKept) {
      api_.destroy_graph(met_.back().graph);
      met_.pop_back();
    }
    return launch_all(refresh);
  }
  met_.splice(met_.begin(), met_, found);
  if (!met_.front().graph) met_.front().graph = capture(refresh);
  ++device_statistics().replays;
  api_.launch_graph(met_.front().graph, stream_);
}

}  // namespace innerloop
