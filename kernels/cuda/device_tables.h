// The two tables behind device_api(), and how it is judged whether CUDA can be used.
#pragma once

#include "kernels/cuda/device.h"

namespace innerloop::kernels {

extern const DeviceApi simt_device_api;
extern const DeviceApi cuda_device_api;  // exists in builds with nvcc only, as the next function
std::string why_cuda_is_unavailable();

// What CUDA says of this machine. Versions are CUDA's: 13000 is 13.0; a compute capability of 9.0 is 90.
struct CudaState {
  int gpus = 0;
  bool insufficient_driver = false;  // CUDA's answer without a driver, and with one older than the build
  int driver = 0;                    // the version it serves; 0: there is none
  int needed = 0;                    // the version of the build
  int capability = 0;                // of the first GPU; 0: not told
  int lowest_capability = 0;         // that the kernels are compiled for
  std::string error = "";            // CUDA's words, when it answers with any other error
};

// Empty if the GPU can be used, else what is missing and what to do about it.
std::string what_is_missing(const CudaState& state);

std::string cuda_version_text(int version);  // 13000: "13.0"

}  // namespace innerloop::kernels
