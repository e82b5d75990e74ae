// What a plan should cost on a GPU, launch by launch: a prediction from sizes alone, to be replaced by measurements.
//
// A launch takes what the slowest of these takes: its arithmetic, at two thirds of the multiply-adds that the
// multiprocessors it keeps busy can do; its operands, once through the device's memory; its waiting, step by step in a
// recurrence and number by number where one thread adds alone. Caches and overlap are left out.
#pragma once

#include "app/network_cases.h"

namespace innerloop::app {

struct GpuModel {
  std::string name;
  int multiprocessors = 0;
  double clock_ghz = 0;
  std::size_t shared_bytes = 0;  // of a block
  double bytes_per_second = 4.3e12;

  double flops_per_second() const { return fp32_flops_per_second(multiprocessors, clock_ghz); }
  double ridge() const { return flops_per_second() / bytes_per_second; }  // FLOP per byte where arithmetic takes over
};
GpuModel h200();

struct PlanCost {
  double flops = 0;  // that our kernels do: layers of an MLP are computed again where they are needed again
  double bytes = 0;  // that pass through the device's memory
  double memory_bytes = 0;
  double ms = 0;
  double waiting_ms = 0;  // the part of ms that is neither traffic nor the arithmetic of a GPU that is busy everywhere
  int launches = 0;
};
PlanCost predicted_cost(const NetworkCase& c, const GpuModel& gpu);

}  // namespace innerloop::app
