// Random numbers drawn on the device are those of the CPU.
#include "kernels/cuda/random.h"

#include <vector>

#include "kernels/cuda/philox_device.h"
#include "kernels/require.h"
#include "tests/catch.h"
#include "tests/cuda/devices.h"
#include "tests/cuda/schedules.h"

using namespace innerloop;
using kernels::Distribution;

TEST_CASE("uniforms and normals drawn on the device are the CPU's, bit for bit, in every order", "[device]") {
  const Place first{.purpose = Purpose::action, .inner_step = 2, .iteration = 9, .task = 5, .trajectory = 3,
                    .time_step = 77};
  constexpr int tasks = 3, trajectories = 50, count = 7;
  for (Distribution distribution : {Distribution::normal, Distribution::uniform}) {
    std::vector<double> want;
    for (std::uint32_t t = 0; t < tasks; ++t)
      for (std::uint32_t n = 0; n < trajectories; ++n) {
        Place place = first;
        place.task += t, place.trajectory += n;
        Philox random(0x123456789abcdef0, place);
        for (int k = 0; k < count; ++k)
          want.push_back(distribution == Distribution::normal ? random.normal() : random.uniform());
      }
    for (Device device : devices())
      simt::for_each_order(device, [&](const std::string& order) {
        INFO(name_of(device) << ", " << order);
        DeviceArray<double> got(device, std::vector<double>(want.size(), -1));
        kernels::draw(device, distribution, 0x123456789abcdef0, first, tasks, trajectories, count, got.data(), nullptr);
        CHECK(got.numbers() == want);
      });
  }
}

TEST_CASE("a device's generator draws whole numbers and bits as the CPU's does", "[simt]") {
  const Place place{.purpose = Purpose::env, .task = 1};
  Philox here(5, place);
  kernels::DevicePhilox there(5, first_counter(place));
  for (int i = 0; i < 200; ++i) {
    CHECK(there.below(7) == here.below(7));
    CHECK(there.bits() == here.bits());
    CHECK(there.uniform(-2, 3) == here.uniform(-2, 3));
  }
  CHECK_FALSE(there.exhausted());
}

TEST_CASE("places that do not fit their fields are refused before a kernel starts", "[device]") {
  double out[8];
  const Place last_task{.purpose = Purpose::action, .task = 65535};
  for (Device device : devices()) {
    INFO(name_of(device));
    CHECK_THROWS_AS(kernels::draw(device, Distribution::normal, 1, last_task, 2, 1, 1, out, nullptr), Error);
    CHECK_THROWS_AS(kernels::draw(device, Distribution::normal, 1, {}, 1, 1, 5000, out, nullptr), Error);
  }
  CHECK_THROWS_AS(kernels::draw(Device::cpu, Distribution::normal, 1, {}, 1, 1, 1, out, nullptr), Error);
}
