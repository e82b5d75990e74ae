// The devices that a test of kernels runs on, and numbers in a device's memory.
#pragma once

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "autodiff/device.h"
#include "kernels/cuda/device.h"

namespace innerloop {

// Device::simt, and Device::cuda where a GPU can be used: one test program serves both. The environment variable
// INNERLOOP_TEST_DEVICES, such as "cuda" or "simt,cuda", asks for these and no others; a test that asks for one that
// cannot be used fails.
//
// Tests that go through this list are tagged [device], those that take long under a sanitizer [large] too. Those tagged
// [simt] are of the emulator alone and say nothing of a GPU.
inline std::vector<Device> devices(const char* asked = std::getenv("INNERLOOP_TEST_DEVICES")) {
  std::vector<Device> all;
  if (asked == nullptr || *asked == '\0') {
    all.push_back(Device::simt);
    if (kernels::why_unavailable(Device::cuda).empty()) all.push_back(Device::cuda);
    return all;
  }
  std::istringstream names(asked);
  for (std::string name; std::getline(names, name, ',');) {
    all.push_back(device_from(name));
    kernels::device_api(all.back());  // throws, saying what is missing
  }
  return all;
}

template <class T>
class DeviceArray {
 public:
  DeviceArray(Device device, const std::vector<T>& numbers)
      : api_(kernels::device_api(device)), count_(numbers.size()), data_(api_.allocate(count_ * sizeof(T))) {
    write(numbers);
  }
  ~DeviceArray() { api_.free(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return static_cast<T*>(data_); }
  void write(const std::vector<T>& numbers) {
    api_.copy_to_device(data_, numbers.data(), count_ * sizeof(T), nullptr);
    api_.synchronize(nullptr);  // the caller's numbers may go
  }
  std::vector<T> numbers() const {
    std::vector<T> copy(count_);
    api_.copy_to_host(copy.data(), data_, count_ * sizeof(T), nullptr);
    api_.synchronize(nullptr);
    return copy;
  }

 private:
  const kernels::DeviceApi& api_;
  std::size_t count_;
  void* data_;
};

}  // namespace innerloop
