// What the ladders' benchmarks have in common: times on a device, and the GPU that they are of.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/cuda/device.h"

namespace innerloop {

// The median of nine repetitions of what `work` starts on the default stream; two more go before.
template <class F>
double median_milliseconds(const kernels::DeviceApi& api, F work) {
  void *begin = api.create_event(), *end = api.create_event();
  std::vector<double> times;
  for (int repetition = 0; repetition < 11; ++repetition) {
    api.record_event(begin, nullptr);
    work();
    api.record_event(end, nullptr);
    const double elapsed = api.milliseconds(begin, end);
    if (repetition >= 2) times.push_back(elapsed);
  }
  api.destroy_event(begin);
  api.destroy_event(end);
  std::nth_element(times.begin(), times.begin() + 4, times.end());
  return times[4];
}

// A line that names the GPU.
inline void print_gpu(const kernels::DeviceProperties& gpu) {
  fmt::print("{}, {} multiprocessors, {} MHz, driver {}, runtime {}\n\n", gpu.name, gpu.multiprocessors, gpu.clock_mhz,
             gpu.driver, gpu.runtime);
}

// Three columns of a table: the time, TFLOP/s, and the share of the GPU's fp32 rate, if its clock is known.
inline std::string time_and_rate(const kernels::DeviceProperties& gpu, double ms, double flops) {
  const double peak = gpu.multiprocessors * 128.0 * 2.0 * gpu.clock_mhz * 1e6, rate = flops / ms * 1e3;
  return fmt::format("{:.3f} | {:.2f} | {}", ms, rate / 1e12,
                     peak > 0 ? fmt::format("{:.0f} %", 100 * rate / peak) : "–");
}

}  // namespace innerloop
