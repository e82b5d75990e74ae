// simt.h as nvcc sees it: thin names over CUDA.
#pragma once

#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/cuda/simt/limits.h"
#include "kernels/require.h"

#define SIMT_BACKEND cuda
#define SIMT_KERNEL [[maybe_unused]] static __global__
#define SIMT_DEVICE __device__ inline
#define SIMT_HOST_DEVICE __host__ __device__ inline
#define SIMT_UNROLL _Pragma("unroll")
#define SIMT_SHARED(T, name, ...) __shared__ T name __VA_ARGS__
#define SIMT_DYN_SHARED(name)                                               \
  extern __shared__ __align__(128) unsigned char simt_dynamic_shared_[]; \
  unsigned char* name = simt_dynamic_shared_

namespace innerloop::simt {
inline namespace on_gpu {

struct Launch {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  void* stream = nullptr;  // a cudaStream_t
  bool cooperative = false;
};

// Throws Error with CUDA's own words and `what` was asked, unless `status` is success.
inline void check(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the error is reported here, and not once more by the next call
  throw Error("CUDA: " + what + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")");
}

// Starts the kernel on the stream; errors inside of it appear when the stream is waited for.
template <class... Parameters, class... Arguments>
void launch(const Launch& shape, void (*kernel)(Parameters...), Arguments... arguments) {
  const auto text = [](dim3 d) { return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" + std::to_string(d.z); };
  const auto what = [&] {
    return "launch of " + text(shape.grid) + " blocks of " + text(shape.block) + " threads with " +
           std::to_string(shape.shared_bytes) + " bytes of shared memory";
  };
  // More than 48 KB of shared memory, the kernel's own arrays included, must be asked for.
  if (shape.shared_bytes > most_unasked_shared) {
    const int bytes = static_cast<int>(shape.shared_bytes);
    const cudaError_t status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (status != cudaSuccess) check(status, what());
  }
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = static_cast<cudaStream_t>(shape.stream);
  cudaLaunchAttribute cooperative{};
  cooperative.id = cudaLaunchAttributeCooperative;
  cooperative.val.cooperative = shape.cooperative;
  config.attrs = &cooperative;
  config.numAttrs = shape.cooperative ? 1 : 0;
  const cudaError_t status = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  if (status != cudaSuccess) check(status, what());
}

// Bytes that Carver::take<T>(count) uses up.
template <class T>
__host__ __device__ constexpr std::size_t carved(std::size_t count) {
  return (count * sizeof(T) + 15) / 16 * 16;
}

// Hands out shared memory piece by piece; every thread takes the same pieces in the same order.
struct Carver {
  unsigned char* next;
  template <class T>
  __device__ T* take(std::size_t count) {
    T* piece = reinterpret_cast<T*>(next);
    next += carved<T>(count);
    return piece;
  }
};

__device__ inline void grid_sync() { cooperative_groups::this_grid().sync(); }

// Rounded to the 10 bits of mantissa that a tensor core reads.
__device__ inline float to_tf32(float x) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return __uint_as_float(bits);
}

// D (16×8) += A (16×8) · B (8×8), spread over the warp. With g = lane / 4 and q = lane % 4 a lane holds
//   a = A[g][q], A[g+8][q], A[g][q+4], A[g+8][q+4];   b = B[q][g], B[q+4][g];
//   d = D[g][2q], D[g][2q+1], D[g+8][2q], D[g+8][2q+1].
__device__ inline void mma_m16n8k8_tf32(float (&d)[4], const float (&a)[4], const float (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])), "r"(__float_as_uint(a[3])),
        "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}

}  // namespace on_gpu
}  // namespace innerloop::simt
