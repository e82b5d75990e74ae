// Third step of the ladder: each thread owns a 4×4 patch of C in registers.
//
// The tiled product reads two numbers of shared memory for each multiply-add. A patch reads 8 for 16 of them, so shared
// memory no longer sets the pace. The tile of A is stored transposed: the four rows of a patch lie side by side.
#include "kernels/cuda/ladder/gemm_steps.h"
#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

constexpr int patch = 4;                              // rows and columns of C per thread
constexpr int edge = 64, depth = 16;  // a tile of C is edge × edge; A and B come in slices of this depth
constexpr int across = edge / patch;                  // threads side by side
constexpr int threads = across * across;              // 256
constexpr int a_stride = edge + patch;                // keeps 16-byte alignment and spreads the stores over the banks
constexpr std::size_t shared_bytes = simt::carved<float>(depth * a_stride) + simt::carved<float>(depth * edge);

SIMT_KERNEL void __launch_bounds__(threads) multiply(const float* a, const float* b, float* c, int m, int n, int k) {
  SIMT_DYN_SHARED(raw);
  simt::Carver cv{raw};
  float* a_tile = cv.take<float>(depth * a_stride);  // (depth, edge), transposed
  float* b_tile = cv.take<float>(depth * edge);      // (depth, edge)
  const int t = static_cast<int>(threadIdx.x);
  const int row0 = static_cast<int>(blockIdx.y) * edge, col0 = static_cast<int>(blockIdx.x) * edge;
  const int y = t / across * patch, x = t % across * patch;  // the corner of this thread's patch
  float sum[patch][patch] = {};
  for (int p0 = 0; p0 < k; p0 += depth) {
    // The threads bring the two tiles together, zeros beyond the matrices.
    for (int i = t; i < edge * depth; i += threads) {
      const int row = i / depth, p = i % depth;
      a_tile[p * a_stride + row] = row0 + row < m && p0 + p < k ? a[(row0 + row) * k + p0 + p] : 0.0f;
    }
    for (int i = t; i < depth * edge; i += threads) {
      const int p = i / edge, col = i % edge;
      b_tile[i] = p0 + p < k && col0 + col < n ? b[(p0 + p) * n + col0 + col] : 0.0f;
    }
    __syncthreads();
    // Outer products: a column of A's tile times a row of B's.
    for (int p = 0; p < depth; ++p) {
      float a_p[patch], b_p[patch];
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) a_p[i] = a_tile[p * a_stride + y + i];
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j) b_p[j] = b_tile[p * edge + x + j];
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        SIMT_UNROLL
        for (int j = 0; j < patch; ++j) sum[i][j] = fmaf(a_p[i], b_p[j], sum[i][j]);
      }
    }
    __syncthreads();  // the next tiles overwrite these
  }
  for (int i = 0; i < patch; ++i)
    for (int j = 0; j < patch; ++j)
      if (row0 + y + i < m && col0 + x + j < n) c[(row0 + y + i) * n + col0 + x + j] = sum[i][j];
}

}  // namespace

void gemm_registers(const GemmCall& g) {
  const dim3 grid(static_cast<unsigned>((g.n + edge - 1) / edge), static_cast<unsigned>((g.m + edge - 1) / edge));
  simt::launch(simt::Launch{grid, threads, shared_bytes, g.stream}, multiply, g.a, g.b, g.c, g.m, g.n, g.k);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
