// A thread per place: its draws follow from each other.
#include "kernels/cuda/random.h"

#include "kernels/cuda/grid.h"
#include "kernels/cuda/philox_device.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

struct Places {
  std::uint64_t seed;
  std::array<std::uint32_t, 4> counter;  // of the first one
  int tasks, trajectories, count;
};

template <Distribution distribution>
SIMT_KERNEL void draw_at_places(Places places, double* out) {
  const int step = static_cast<int>(gridDim.x * blockDim.x), total = places.tasks * places.trajectories;
  for (int p = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); p < total; p += step) {
    std::array<std::uint32_t, 4> counter = places.counter;
    counter[1] += static_cast<std::uint32_t>(p / places.trajectories) << 16;
    counter[1] += static_cast<std::uint32_t>(p % places.trajectories);
    DevicePhilox random(places.seed, counter);
    double* mine = out + static_cast<std::size_t>(p) * places.count;
    for (int k = 0; k < places.count; ++k)
      mine[k] = distribution == Distribution::normal ? random.normal() : random.uniform();
  }
}

}  // namespace

void draw_on_device(Distribution distribution, std::uint64_t seed, const std::array<std::uint32_t, 4>& counter,
                    int tasks, int trajectories, int count, double* out, void* stream) {
  const unsigned total = static_cast<unsigned>(tasks * trajectories);
  const simt::Launch shape{.grid = std::min((total + threads_per_block - 1) / threads_per_block, most_blocks),
                           .block = threads_per_block,
                           .stream = stream};
  simt::launch(shape,
               distribution == Distribution::normal ? draw_at_places<Distribution::normal>
                                                    : draw_at_places<Distribution::uniform>,
               Places{seed, counter, tasks, trajectories, count}, out);
}

}  // namespace innerloop::kernels::SIMT_BACKEND
