// The ladder of the matrix product C (m×n) = A (m×k) · B (k×n), f32, row-major: three steps, one file each.
#pragma once

namespace innerloop::kernels {

// Pointers are to the device's memory. C must not overlap A or B.
struct GemmCall {
  const float* a;
  const float* b;
  float* c;
  int m, n, k;
  void* stream = nullptr;
};

namespace cuda {
void gemm_naive(const GemmCall& call);
void gemm_tiled(const GemmCall& call);
void gemm_registers(const GemmCall& call);
}  // namespace cuda

namespace simt_host {
void gemm_naive(const GemmCall& call);
void gemm_tiled(const GemmCall& call);
void gemm_registers(const GemmCall& call);
}  // namespace simt_host

}  // namespace innerloop::kernels
