// --device: where a command computes.
#pragma once

#include "kernels/shape.h"
#include "rl/training/options.h"

namespace innerloop::app {

inline constexpr rl::Option device_flag = {
    .name = "device",
    .type = rl::OptionType::choice,
    .value = "cpu",
    .choices = "cpu cuda simt",
    .help = "where the mathematics runs: cuda is a GPU, simt the same kernels emulated on the CPU (slow)"};

// While alive, Functions run on the device that was asked for: the CPU if none was. Error where it cannot be used,
// saying what is missing: a GPU, its driver, or nvcc when innerloop was built.
class UseDevice {
 public:
  explicit UseDevice(const rl::OptionValues& given);
  ~UseDevice();
  UseDevice(const UseDevice&) = delete;
  UseDevice& operator=(const UseDevice&) = delete;

 private:
  Device before_;
};

}  // namespace innerloop::app
