// The ladder of the matrix product C (m×n) = A (m×k) · B (k×n), f32, row-major: three steps, one file each.
#pragma once

#include <span>

#include "kernels/shape.h"

namespace innerloop::kernels {

// Pointers are to the device's memory. C must not overlap A or B. Each matrix has fewer than 2³¹ numbers.
struct GemmCall {
  const float* a;
  const float* b;
  float* c;
  int m, n, k;
  void* stream = nullptr;
};

struct GemmStep {
  const char* name;
  void (*multiply)(const GemmCall& call);
};

// The steps, slowest first; empty for Device::cuda in builds without nvcc.
std::span<const GemmStep> gemm_ladder(Device device);

}  // namespace innerloop::kernels
