// First step of the ladder: one thread per number of C, everything read from global memory.
//
// Every number of A is read n times and every number of B m times: 8 bytes for each multiply-add, so the caches, not
// the arithmetic, set the pace.
#include "kernels/cuda/ladder/gemm_steps.h"
#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

constexpr int edge = 16;  // of a block of threads

SIMT_KERNEL void multiply(const float* a, const float* b, float* c, int m, int n, int k) {
  // Neighbouring threads own neighbouring columns, so that a warp reads B and writes C in whole lines.
  const int row = static_cast<int>(blockIdx.y) * edge + static_cast<int>(threadIdx.y);
  const int col = static_cast<int>(blockIdx.x) * edge + static_cast<int>(threadIdx.x);
  if (row >= m || col >= n) return;
  float sum = 0;
  for (int p = 0; p < k; ++p) sum = fmaf(a[row * k + p], b[p * n + col], sum);
  c[row * n + col] = sum;
}

}  // namespace

void gemm_naive(const GemmCall& g) {
  const dim3 grid(static_cast<unsigned>((g.n + edge - 1) / edge), static_cast<unsigned>((g.m + edge - 1) / edge));
  simt::launch(simt::Launch{grid, dim3(edge, edge), 0, g.stream}, multiply, g.a, g.b, g.c, g.m, g.n, g.k);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
