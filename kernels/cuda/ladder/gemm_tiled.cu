// Second step of the ladder: a block of threads copies a tile of A and one of B to shared memory, and all use them.
//
// Each number is read from global memory once per tile instead of once per product: 16 times less traffic.
#include "kernels/cuda/ladder/gemm_steps.h"
#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

constexpr int edge = 16;  // of a tile, and of the block of threads

SIMT_KERNEL void multiply(const float* a, const float* b, float* c, int m, int n, int k) {
  SIMT_SHARED(float, a_tile, [edge][edge]);
  SIMT_SHARED(float, b_tile, [edge][edge]);
  const int ty = static_cast<int>(threadIdx.y), tx = static_cast<int>(threadIdx.x);
  const int row = static_cast<int>(blockIdx.y) * edge + ty, col = static_cast<int>(blockIdx.x) * edge + tx;
  float sum = 0;
  for (int p0 = 0; p0 < k; p0 += edge) {
    // Every thread brings one number of each tile; beyond the matrices they are 0.
    a_tile[ty][tx] = row < m && p0 + tx < k ? a[row * k + p0 + tx] : 0.0f;
    b_tile[ty][tx] = p0 + ty < k && col < n ? b[(p0 + ty) * n + col] : 0.0f;
    __syncthreads();
    for (int p = 0; p < edge; ++p) sum = fmaf(a_tile[ty][p], b_tile[p][tx], sum);
    __syncthreads();  // the next tiles overwrite these
  }
  if (row < m && col < n) c[row * n + col] = sum;
}

}  // namespace

void gemm_tiled(const GemmCall& g) {
  const dim3 grid(static_cast<unsigned>((g.n + edge - 1) / edge), static_cast<unsigned>((g.m + edge - 1) / edge));
  simt::launch(simt::Launch{grid, dim3(edge, edge), 0, g.stream}, multiply, g.a, g.b, g.c, g.m, g.n, g.k);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
