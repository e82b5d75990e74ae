#include "kernels/cuda/device.h"

#include "kernels/cuda/device_tables.h"
#include "kernels/require.h"

namespace innerloop::kernels {
namespace {

// What can be used where CUDA cannot.
#ifdef INNERLOOP_WITHOUT_EMULATOR
constexpr const char* another_device = "or use device cpu";
#else
constexpr const char* another_device = "or use device simt, which emulates the same kernels on the CPU";
#endif

}  // namespace

std::string cuda_version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string what_is_missing(const CudaState& state) {
  const std::string otherwise = std::string("; ") + another_device;
  const auto capability = [](int number) { return std::to_string(number / 10) + "." + std::to_string(number % 10); };
  if (!state.error.empty()) return "device cuda: " + state.error + otherwise;

  // No GPU can be seen: for want of a driver, of a new one, or of a GPU.
  if (state.gpus == 0 || state.insufficient_driver) {
    if (state.driver == 0)
      return "device cuda: there is no NVIDIA driver on this machine; install one for CUDA " +
             cuda_version_text(state.needed) + otherwise;
    if (state.insufficient_driver)
      return "device cuda: the NVIDIA driver serves CUDA " + cuda_version_text(state.driver) +
             ", and this build needs " + cuda_version_text(state.needed) + "; update the driver" + otherwise;
    return "device cuda: the driver finds no GPU (is CUDA_VISIBLE_DEVICES empty?)" + otherwise;
  }

  // The kernels hold machine code and PTX from the architectures of the build on.
  if (state.capability == 0) return "device cuda: the GPU does not tell its compute capability" + otherwise;
  if (state.capability < state.lowest_capability)
    return "device cuda: the GPU has compute capability " + capability(state.capability) +
           ", and this build's kernels need " + capability(state.lowest_capability) +
           "; configure with -D CMAKE_CUDA_ARCHITECTURES=" + std::to_string(state.capability) + otherwise;
  return "";
}

std::string why_unavailable(Device device) {
  if (device == Device::cpu) return "device cpu has no table of device functions; it calls kernels/ops.h directly";
  if (device == Device::simt) {
#ifdef INNERLOOP_WITHOUT_EMULATOR
    return "device simt: this build was configured with INNERLOOP_EMULATOR=OFF and has no emulated CUDA kernels. Build "
           "again with EMULATOR=ON, or use device cpu";
#else
    return "";
#endif
  }
#ifdef INNERLOOP_HAS_CUDA
  return why_cuda_is_unavailable();
#else
  return std::string("device cuda: this build has no CUDA code, since no nvcc was found when it was configured. "
                     "Install the CUDA Toolkit and build again with CUDA=ON, ") +
         another_device;
#endif
}

const DeviceApi& device_api(Device device) {
  if (device == Device::simt) return simt_device_api;
  const std::string reason = why_unavailable(device);
  require(reason.empty(), reason);
#ifdef INNERLOOP_HAS_CUDA
  return cuda_device_api;
#else
  throw Error(reason);  // there is always one here
#endif
}

}  // namespace innerloop::kernels
