#include "kernels/cuda/device.h"
#include "kernels/cuda/mlp.h"
#include "kernels/mlp_operands.h"

namespace innerloop::kernels {

bool mlp_fits(Device device, std::span<const int> widths, Dtype dtype) {
  const std::size_t most = device_api(device).properties().shared_bytes_per_block - 1024;
  constexpr std::size_t tile_stride = 16 + 4;  // numbers of a unit: its rows, and 4 that keep the banks apart
  const auto padded = [](int n) { return static_cast<std::size_t>(n + 3) / 4 * 4; };
  if (widths.size() < 3 || widths.size() > static_cast<std::size_t>(mlp_max_layers) + 1) return false;
  std::size_t numbers = 0;
  for (std::size_t l = 0; l < widths.size(); ++l) {
    if (l > 0) numbers += (padded(widths[l - 1]) + 1) * padded(widths[l]);
    numbers += padded(widths[l]) * tile_stride;
  }
  return 2 * numbers * size_of(dtype) <= most;
}

}  // namespace innerloop::kernels
