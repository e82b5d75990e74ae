#include "kernels/cuda/device.h"

#include <cmath>

#include "kernels/require.h"
#include "tests/catch.h"
#include "tests/cuda/device_kernels.h"
#include "tests/cuda/devices.h"

using namespace innerloop;
using kernels::DeviceApi;

namespace {

void double_all(Device device, float* x, int count, void* stream) {
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return kernels::cuda::double_all(x, count, stream);
#endif
  REQUIRE(device == Device::simt);
  kernels::simt_host::double_all(x, count, stream);
}

}  // namespace

TEST_CASE("Numbers go to a device, are changed there and come back", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const DeviceApi& api = kernels::device_api(device);
    DeviceArray<float> x(device, {1, 2, 3}), y(device, {0, 0, 0});
    double_all(device, x.data(), 3, nullptr);
    CHECK(x.numbers() == std::vector<float>{2, 4, 6});
    api.copy_within(y.data(), x.data(), 2 * sizeof(float), nullptr);
    CHECK(y.numbers() == std::vector<float>{2, 4, 0});
    api.fill_bytes(y.data(), 0, 3 * sizeof(float), nullptr);
    CHECK(y.numbers() == std::vector<float>{0, 0, 0});
    CHECK(api.allocate(0) == nullptr);
    CHECK_NOTHROW(api.free(nullptr));
    CHECK(api.properties().shared_bytes_per_block >= 48 * 1024);
  }
}

TEST_CASE("A captured graph runs nothing when it is captured, and everything at each launch", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const DeviceApi& api = kernels::device_api(device);
    DeviceArray<float> x(device, {1, 2, 3}), y(device, {0, 0, 0});
    void* stream = api.create_stream();
    api.synchronize(nullptr);
    api.begin_capture(stream);
    double_all(device, x.data(), 3, stream);
    api.copy_within(y.data(), x.data(), 3 * sizeof(float), stream);
    double_all(device, y.data(), 2, stream);
    void* graph = api.end_capture(stream);
    CHECK(x.numbers() == std::vector<float>{1, 2, 3});
    for (int run = 0; run < 3; ++run) api.launch_graph(graph, stream);
    api.synchronize(stream);
    CHECK(x.numbers() == std::vector<float>{8, 16, 24});
    CHECK(y.numbers() == std::vector<float>{16, 32, 24});
    api.destroy_graph(graph);
    api.destroy_stream(stream);
  }
}

TEST_CASE("The emulated device refuses during a capture what a GPU refuses", "[simt]") {
  const DeviceApi& api = kernels::device_api(Device::simt);
  CHECK_THROWS_AS(api.begin_capture(nullptr), Error);
  CHECK_THROWS_AS(api.end_capture(nullptr), Error);
  void* stream = api.create_stream();
  api.begin_capture(stream);
  CHECK_THROWS_AS(api.allocate(8), Error);
  CHECK_THROWS_AS(api.synchronize(stream), Error);
  CHECK_THROWS_AS(api.begin_capture(stream), Error);
  // A launch that is not valid is refused when it is recorded.
  CHECK_THROWS_AS(kernels::simt_host::launch_impossible(nullptr, stream), Error);
  CHECK_THROWS_AS(api.end_capture(stream), Error);  // nor is there a graph after that
  api.destroy_stream(stream);
}

TEST_CASE("Memory of the emulated device starts as NaN", "[simt]") {
  const DeviceApi& api = kernels::device_api(Device::simt);
  float* x = static_cast<float*>(api.allocate(4 * sizeof(float)));
  for (int i = 0; i < 4; ++i) CHECK(std::isnan(x[i]));
  api.free(x);
}

TEST_CASE("A device that cannot be used says what is missing and what to do", "[simt]") {
  CHECK(kernels::why_unavailable(Device::simt).empty());
  CHECK_THROWS_AS(kernels::device_api(Device::cpu), Error);
  const std::string reason = kernels::why_unavailable(Device::cuda);
  if (reason.empty()) return;  // there is a GPU
  CHECK_THAT(reason, Catch::Matchers::ContainsSubstring("device cuda: "));
  CHECK_THAT(reason, Catch::Matchers::ContainsSubstring("use device simt"));
  CHECK_THROWS_WITH(kernels::device_api(Device::cuda), Catch::Matchers::ContainsSubstring(reason));
}

TEST_CASE("A GPU reports a launch that cannot be, and memory that is not there", "[device]") {
  for (Device device : devices()) {
    INFO(name_of(device));
    const DeviceApi& api = kernels::device_api(device);
    CHECK_THROWS_WITH(api.allocate(std::size_t{1} << 50), Catch::Matchers::ContainsSubstring("out of memory"));
#ifdef INNERLOOP_HAS_CUDA
    if (device == Device::cuda) {
      CHECK_THROWS_WITH(kernels::cuda::launch_impossible(nullptr, nullptr),
                        Catch::Matchers::ContainsSubstring("1x1x1 blocks of 2048x1x1 threads"));
    }
#endif
  }
}

TEST_CASE("A list of devices to test restricts them, and what cannot be used is a failure", "[simt]") {
  CHECK(devices("simt") == std::vector{Device::simt});
  CHECK(devices("").front() == Device::simt);
  CHECK(devices(nullptr) == devices(""));
  CHECK_THROWS_WITH(devices("gpu"), Catch::Matchers::ContainsSubstring("there is no device 'gpu'"));
  CHECK_THROWS_AS(devices("cpu"), Error);
  const std::string reason = kernels::why_unavailable(Device::cuda);
  if (reason.empty()) {
    CHECK(devices("simt,cuda") == std::vector{Device::simt, Device::cuda});
    CHECK(devices("cuda") == std::vector{Device::cuda});
  } else {
    CHECK_THROWS_WITH(devices("cuda"), Catch::Matchers::ContainsSubstring(reason));
    CHECK_THROWS_WITH(devices("simt,cuda"), Catch::Matchers::ContainsSubstring(reason));
  }
}
