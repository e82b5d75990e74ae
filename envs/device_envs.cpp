#include "envs/device_envs.h"

#include <string>

#include "kernels/require.h"

namespace innerloop::envs {

// Defined in device_rows.cu, once for each way in which it is compiled.
namespace cuda {
void reset_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream);
void step_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream);
}  // namespace cuda
namespace simt_host {
void reset_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream);
void step_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream);
}  // namespace simt_host

namespace {

// The last place must fit its fields too.
void check(Device device, const DeviceLanes& lanes) {
  require(lanes.tasks >= 1 && lanes.trajectories >= 1, "environments on a device: at least one task and trajectory");
  Place last = lanes.place;
  last.task += static_cast<std::uint32_t>(lanes.tasks - 1);
  last.trajectory += static_cast<std::uint32_t>(lanes.trajectories - 1);
  first_counter(last);
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return;
#endif
#ifndef INNERLOOP_WITHOUT_EMULATOR
  if (device == Device::simt) return;
#endif
  throw Error(std::string("this build steps no environments on device ") + name_of(device));
}

}  // namespace

void reset_on(Device device, [[maybe_unused]] std::string_view env, const DeviceLanes& lanes,
              [[maybe_unused]] void* stream) {
  check(device, lanes);
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda::reset_lanes_of(env, lanes, stream);
#endif
#ifndef INNERLOOP_WITHOUT_EMULATOR
  simt_host::reset_lanes_of(env, lanes, stream);
#endif
}

void step_on(Device device, [[maybe_unused]] std::string_view env, const DeviceLanes& lanes,
             [[maybe_unused]] void* stream) {
  check(device, lanes);
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return cuda::step_lanes_of(env, lanes, stream);
#endif
#ifndef INNERLOOP_WITHOUT_EMULATOR
  simt_host::step_lanes_of(env, lanes, stream);
#endif
}

}  // namespace innerloop::envs
