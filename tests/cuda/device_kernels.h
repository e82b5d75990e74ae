// Two small kernels for the tests of the device layer.
#pragma once

#include "kernels/shape.h"

namespace innerloop::kernels {
namespace cuda {
void double_all(float* x, int count, void* stream);      // x[i] ← 2·x[i]
void launch_impossible(float* x, void* stream);          // a block of 2048 threads
}  // namespace cuda
namespace simt_host {
void double_all(float* x, int count, void* stream);
void launch_impossible(float* x, void* stream);
}  // namespace simt_host
}  // namespace innerloop::kernels
