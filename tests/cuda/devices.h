// The devices that a test of kernels runs on, and numbers in a device's memory.
#pragma once

#include <vector>

#include "kernels/cuda/device.h"

namespace innerloop {

// Device::simt, and Device::cuda where a GPU can be used: one test program serves both.
inline std::vector<Device> devices() {
  std::vector<Device> all{Device::simt};
  if (kernels::why_unavailable(Device::cuda).empty()) all.push_back(Device::cuda);
  return all;
}

template <class T>
class DeviceArray {
 public:
  DeviceArray(Device device, const std::vector<T>& numbers)
      : api_(kernels::device_api(device)), count_(numbers.size()), data_(api_.allocate(count_ * sizeof(T))) {
    api_.copy_to_device(data_, numbers.data(), count_ * sizeof(T), nullptr);
  }
  ~DeviceArray() { api_.free(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return static_cast<T*>(data_); }
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
