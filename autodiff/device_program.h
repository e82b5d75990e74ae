// A plan run on a device: every step does all tasks at once (node-major), all values stay in the device's memory.
//
// The steps are captured once as a graph of launches and then replayed with a single call: about 1 µs per kernel in
// place of 5. A graph holds addresses, so one is kept for each set of addresses of inputs and outputs met lately; a
// Function's results and copies, and memory that is given back, are used again (autodiff/function.cpp, device.h), so
// that a loop soon meets only those it has met before. A set met for the first time is launched step by step: a graph
// costs more than it, and what the device does once only (loading a kernel's code) it does outside of a capture.
#pragma once

#include <list>
#include <memory>
#include <span>
#include <vector>

#include "autodiff/planner.h"
#include "kernels/cuda/device.h"

namespace innerloop {

class DeviceProgram {
 public:
  DeviceProgram(Device device, Dtype dtype, const Plan& plan);  // keeps a reference to the plan
  ~DeviceProgram();
  DeviceProgram(const DeviceProgram&) = delete;
  DeviceProgram& operator=(const DeviceProgram&) = delete;

  // inputs, outputs: addresses in the device's memory. Returns at once; the device works on.
  void run(std::span<const void* const> inputs, std::span<void* const> outputs, bool refresh);

  // Step by step, without a graph: after(segment, step, its output) is called when each is done.
  template <class After>
  void run_watched(std::span<const void* const> inputs, std::span<void* const> outputs, bool refresh, After after) {
    bind(inputs, outputs);
    for (const Segment& segment : plan_.segments) {
      if (segment.fixed && !refresh) continue;
      for (const Step& step : segment.steps) launch(segment, step), after(segment, step, matrix(step.first_operand));
    }
  }

 private:
  struct Met {
    bool refresh;
    std::vector<std::byte*> bases;
    void* graph;  // null: met once
  };

  void bind(std::span<const void* const> inputs, std::span<void* const> outputs);
  kernels::DeviceMatrix matrix(int operand) const;
  kernels::DeviceCall call_of(const Segment& segment, const Step& step);
  void make_workspace();
  void launch(const Segment& segment, const Step& step);
  void launch_all(bool refresh);
  void* capture(bool refresh);

  Device device_;
  Dtype dtype_;
  const Plan& plan_;
  const kernels::DeviceApi& api_;
  void* stream_;
  std::shared_ptr<std::byte[]> shared_, constants_, workspace_;
  std::size_t workspace_bytes_ = 0;
  std::vector<std::byte*> bases_;                 // where each space begins
  std::vector<kernels::DeviceMatrix> operands_;   // of the step being launched
  std::list<Met> met_;                            // sets of addresses, most recently met first
};

}  // namespace innerloop
