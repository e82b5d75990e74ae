#include "tests/cuda/device_kernels.h"

#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

SIMT_KERNEL void multiply_by_two(float* x, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) x[i] *= 2.0f;
}

}  // namespace

void double_all(float* x, int count, void* stream) {
  simt::launch(simt::Launch{static_cast<unsigned>((count + 31) / 32), 32, 0, stream}, multiply_by_two, x, count);
}

void launch_impossible(float* x, void* stream) {
  simt::launch(simt::Launch{1, 2048, 0, stream}, multiply_by_two, x, 1);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
