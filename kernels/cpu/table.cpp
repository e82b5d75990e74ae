// find_kernel: from (device, dtype, operation) to a function.
#include "kernels/cpu/table.h"

#include <array>
#include <cstddef>

namespace innerloop::kernels {
namespace {

using Table = std::array<cpu::KernelRow, static_cast<std::size_t>(Op::count_)>;

// The families' rows, put where their operation's number says.
Table cpu_table() {
  Table table{};
  for (auto family : {cpu::elementwise_rows(), cpu::linear_rows(), cpu::reduce_rows(), cpu::distribution_rows(),
                      cpu::dense_rows(), cpu::lstm_rows(), cpu::lstm_second_order_rows(), cpu::gru_rows(),
                      cpu::mlp_rows()})
    for (const cpu::KernelRow& row : family) table[static_cast<std::size_t>(row.op)] = row;
  return table;
}

}  // namespace

Kernel find_kernel(Device device, Dtype dtype, Op op) {
  static const Table cpu = cpu_table();
  if (op >= Op::count_) return nullptr;
  switch (device) {
    case Device::cpu: {
      const cpu::KernelRow& row = cpu[static_cast<std::size_t>(op)];
      return dtype == Dtype::f32 ? row.f32 : row.f64;
    }
    case Device::cuda:
    case Device::simt: return nullptr;  // kernels/cuda has a table of its own
  }
  return nullptr;
}

}  // namespace innerloop::kernels
