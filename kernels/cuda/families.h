// The kernels that each file offers to find_device_kernel. Internal to kernels/cuda.
//
// Every .cu file is compiled twice, into two namespaces: by nvcc for the GPU, and by the C++ compiler for the
// emulation.
#pragma once

#include <span>

#include "kernels/cuda/call.h"
#include "kernels/cuda/simt/simt.h"

namespace innerloop::kernels::SIMT_BACKEND {

std::span<const DeviceKernelRow> elementwise_kernels();   // elementwise.cu
std::span<const DeviceKernelRow> move_kernels();          // move.cu: broadcasts, and numbers moved from place to place
std::span<const DeviceKernelRow> sum_kernels();           // sums.cu: over rows, everything, tasks
std::span<const DeviceKernelRow> distribution_kernels();  // distribution.cu: row sums, logsumexp, softmax, densities
std::span<const DeviceKernelRow> gemm_kernels();          // gemm.cu: matmul, dense
std::span<const DeviceKernelRow> recurrence_kernels();    // recurrence.cu: linear recurrence
std::span<const DeviceKernelRow> lstm_kernels();          // lstm.cu
std::span<const DeviceKernelRow> lstm_curvature_kernels();
std::span<const DeviceKernelRow> gru_kernels();           // gru.cu
std::span<const DeviceKernelRow> mlp_kernels();           // mlp.cu: whole networks

}  // namespace innerloop::kernels::SIMT_BACKEND
