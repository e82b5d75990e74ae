#include "kernels/cuda/random.h"

#include "kernels/require.h"

namespace innerloop::kernels {

// Defined in random.cu, once for each way in which it is compiled.
namespace cuda {
void draw_on_device(Distribution distribution, std::uint64_t seed, const std::array<std::uint32_t, 4>& counter,
                    int tasks, int trajectories, int count, double* out, void* stream);
}
namespace simt_host {
void draw_on_device(Distribution distribution, std::uint64_t seed, const std::array<std::uint32_t, 4>& counter,
                    int tasks, int trajectories, int count, double* out, void* stream);
}

void draw(Device device, Distribution distribution, std::uint64_t seed, const Place& first, int tasks, int trajectories,
          int count, double* out, void* stream) {
  require(tasks >= 1 && trajectories >= 1 && count >= 1 && count <= 4096,
          "random numbers on a device: at least one task, one trajectory and one number, and at most 4096 a place");
  Place last = first;
  last.task += static_cast<std::uint32_t>(tasks - 1);
  last.trajectory += static_cast<std::uint32_t>(trajectories - 1);
  first_counter(last);  // throws where a field is too small
  decltype(&cuda::draw_on_device) draw_on_device = nullptr;
#ifndef INNERLOOP_WITHOUT_EMULATOR
  if (device == Device::simt) draw_on_device = simt_host::draw_on_device;
#endif
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) draw_on_device = cuda::draw_on_device;
#endif
  require(draw_on_device != nullptr, [&] {
    return std::string("there is no kernel of device ") + name_of(device) + " that draws random numbers";
  });
  draw_on_device(distribution, seed, first_counter(first), tasks, trajectories, count, out, stream);
}

}  // namespace innerloop::kernels
