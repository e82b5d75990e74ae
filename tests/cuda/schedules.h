// Runs emulated kernels under every schedule of the engine; under a sanitizer under one, which makes the same accesses.
#pragma once

#include <string>
#include <vector>

#include "kernels/cuda/simt/engine.h"
#include "kernels/shape.h"
#include "tests/sanitized.h"

namespace innerloop::simt {

struct Schedule {
  std::string name;
  Options options;
};

// Threads and blocks ascending, descending, in two shuffled orders, and one block of a cooperative grid after the
// other.
inline std::vector<Schedule> schedules() {
  using enum Order;
  return {{"ascending", {ascending, ascending, 1, false}},
          {"descending", {descending, descending, 1, false}},
          {"shuffled", {shuffled, shuffled, 1, false}},
          {"shuffled again", {shuffled, shuffled, 2, false}},
          {"one block first", {ascending, ascending, 1, true}},
          {"last block first", {descending, descending, 1, true}}};
}

inline std::vector<Schedule> schedules_here() {
  std::vector<Schedule> all = schedules();
  return sanitized ? std::vector<Schedule>{all[2]} : all;
}

// Calls body(schedule) under each schedule in turn and puts the options back.
template <class F>
void for_each_schedule(F body, const std::vector<Schedule>& list = schedules_here()) {
  struct Restore {
    Options before = options();
    ~Restore() { options() = before; }
  } restore;
  for (const Schedule& schedule : list) {
    options() = schedule.options;
    body(schedule.name);
  }
}

// The same on an emulated device. A GPU has an order of its own each time: twice.
template <class F>
void for_each_order(Device device, F body) {
  if (device == Device::simt) return for_each_schedule(body);
  body("first run");
  body("second run");
}

}  // namespace innerloop::simt
