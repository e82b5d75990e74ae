// The form in which a kernel of a device is called: once for all tasks.
//
// A CPU kernel (kernels/ops.h) works on one task and is called task by task. Here one call does every task: operands
// say how far apart the tasks' blocks lie, and a distance of 0 means that all tasks share one block. Tasks are an axis
// of the grid, so a call is one launch (a few for concat), asynchronous on the call's stream.
//
// What each operation computes is defined by kernels/reference.h, with one difference: a kernel cannot throw. An index
// outside its table gives NaN instead of an error.
#pragma once

#include "kernels/ops.h"

namespace innerloop::kernels {

// A row-major matrix per task, in the device's memory. Task t's begins t·stride elements after data.
struct DeviceMatrix {
  void* data = nullptr;
  int rows = 0, cols = 0;
  std::size_t stride = 0;

  std::size_t size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }
};

struct DeviceCall {
  DeviceMatrix out;
  const DeviceMatrix* in = nullptr;
  int arity = 0;
  int tasks = 1;  // blocks of the output; for sum_tasks: blocks of in[0] that are added into one
  Attr attr;
  void* stream = nullptr;  // kernels/cuda/device.h; null: the default one
  // Memory that a kernel may use while it runs. None is ever needed; some are faster with what device_workspace says.
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};

// Rules: as for kernels/ops.h, Kernel. out may be in[k] where that may (equal data, size and stride). All numbers of
// one task must be fewer than 2³¹. Nothing is allocated, nothing is waited for, and the result has the same bits on
// every call and for every order in which the device runs its threads.
using DeviceKernel = void (*)(const DeviceCall&);

struct DeviceKernelRow {
  Op op;
  DeviceKernel f32;
  DeviceKernel f64;
};

}  // namespace innerloop::kernels
