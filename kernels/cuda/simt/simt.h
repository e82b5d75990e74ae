// simt.h: the only header that a CUDA kernel of innerloop includes. One source, two ways to run it.
//
//   nvcc                     the names below are CUDA's own               namespace innerloop::kernels::cuda
//   any other C++ compiler   grid, blocks and threads are emulated here   namespace innerloop::kernels::simt_host
//
// A kernel file kernels/cuda/x.cu stands in `namespace innerloop::kernels::SIMT_BACKEND` and is compiled both ways, so
// that the two live in one program. What it may use:
//
//   SIMT_KERNEL void k(…)                      a kernel; after template <…> too
//   SIMT_DEVICE T f(…)                         a function that kernels call; SIMT_HOST_DEVICE: that the host calls too
//   SIMT_UNROLL                                before a loop of fixed length
//   SIMT_SHARED(float, tile, [32][33]);        an array in shared memory; filled with NaN when emulated
//   SIMT_DYN_SHARED(raw);                      the launch's shared_bytes …
//   simt::Carver cv{raw};                      … handed out in pieces that start at multiples of 16 bytes
//   float* w = cv.take<float>(n);              simt::carved<float>(n): the bytes that this takes, for the launch
//   simt::grid_sync();                         waits for the whole grid (launch with cooperative = true)
//   simt::mma_m16n8k8_tf32(d, a, b);           one tensor-core product per warp; simt::to_tf32 rounds what goes in
//   threadIdx blockIdx blockDim gridDim dim3 float2 float4 double2 int2 int4
//   __syncthreads __syncwarp __shfl_sync __shfl_up_sync __shfl_down_sync __shfl_xor_sync
//   __ballot_sync __any_sync __all_sync __ldg __popc __ffs __clz __umulhi __float_as_uint __uint_as_float
//   atomicAdd atomicMax atomicMin atomicExch atomicCAS of integers: sums of floats are added in a fixed order instead
//   the functions of <math.h>, also fmaf, fmaxf, rsqrtf
//
// The host launches it with
//
//   simt::launch(simt::Launch{grid, block, shared_bytes, stream, cooperative}, kernel, arguments…);
//
// which throws innerloop::Error, naming the limit, when the launch is not valid on a GPU of compute capability 9.0.
//
// Not to be used, since they cannot be emulated: raw __shared__, volatile tricks between the threads of a warp, inline
// assembly, spinning on a flag in memory, clock64, textures, kernels that launch kernels.
#pragma once

#if defined(__CUDACC__)
#include "kernels/cuda/simt/on_gpu.h"
#else
#include "kernels/cuda/simt/on_host.h"
#endif
