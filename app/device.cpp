#include "app/device.h"

#include "autodiff/device.h"

namespace innerloop::app {

UseDevice::UseDevice(const rl::OptionValues& given) : before_(compute_device()) {
  set_compute_device(given.contains("device") ? device_from(given.text("device")) : Device::cpu);
}

UseDevice::~UseDevice() { set_compute_device(before_); }

}  // namespace innerloop::app
