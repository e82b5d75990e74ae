// The rows that each family of CPU kernels offers to find_kernel. Internal to kernels/cpu.
#pragma once

#include <span>

#include "kernels/ops.h"

namespace innerloop::kernels::cpu {

struct KernelRow {
  Op op;
  Kernel f32;
  Kernel f64;
};

std::span<const KernelRow> elementwise_rows();   // elementwise.cpp
std::span<const KernelRow> linear_rows();        // linear.cpp: products, broadcasts, moves
std::span<const KernelRow> reduce_rows();        // reduce.cpp: sums, recurrence
std::span<const KernelRow> distribution_rows();  // distribution.cpp: logsumexp, softmax, log-probabilities
std::span<const KernelRow> dense_rows();         // dense.cpp
std::span<const KernelRow> lstm_rows();          // lstm.cpp
std::span<const KernelRow> gru_rows();           // gru.cpp
std::span<const KernelRow> lstm_second_order_rows();  // lstm_second_order.cpp
std::span<const KernelRow> mlp_rows();                // mlp.cpp

}  // namespace innerloop::kernels::cpu
