#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "kernels/cuda/simt/simt.h"
#include "tests/catch.h"
#include "tests/cuda/collective_kernels.h"
#include "tests/cuda/devices.h"
#include "tests/cuda/schedules.h"

using namespace innerloop;

namespace {

struct Functions {
  void (*collectives)(float*, void*);
  void (*tensor_core)(const float*, const float*, float*, void*);
  void (*bits)(float*, void*);
};

Functions functions([[maybe_unused]] Device device) {
#ifdef INNERLOOP_HAS_CUDA
  if (device == Device::cuda) return {kernels::cuda::collectives, kernels::cuda::tensor_core, kernels::cuda::bits};
#endif
  return {kernels::simt_host::collectives, kernels::simt_host::tensor_core, kernels::simt_host::bits};
}

// What CUDA's documentation says that lane `l` gets in this row.
float expected(int row, int l) {
  const int in_segment = l % 8;
  switch (row) {
    case kernels::shuffle_lane_5: return 5;
    case kernels::shuffle_up_3: return static_cast<float>(l < 3 ? l : l - 3);
    case kernels::shuffle_down_3: return static_cast<float>(l > 28 ? l : l + 3);
    case kernels::shuffle_xor_1: return static_cast<float>(l ^ 1);
    case kernels::shuffle_lane_1_of_8: return static_cast<float>(l - in_segment + 1);
    case kernels::shuffle_up_3_of_8: return static_cast<float>(in_segment < 3 ? l : l - 3);
    case kernels::shuffle_down_3_of_8: return static_cast<float>(in_segment > 4 ? l : l + 3);
    // A later segment cannot be read, an earlier one can.
    case kernels::shuffle_xor_9_of_8: return static_cast<float>(l / 8 % 2 == 0 ? l : l ^ 9);
    case kernels::ballot_even: return 16;
    case kernels::half_warp_sum: return static_cast<float>(l < 16 ? 120 : l);
    default: return 1;
  }
}

}  // namespace

TEST_CASE("The collectives of a warp follow CUDA's documentation, in every schedule", "[simt]") {
  for (Device device : devices())
    simt::for_each_schedule([&](const std::string& schedule) {
      DeviceArray<float> out(device, std::vector<float>(32 * kernels::collective_rows, -1.0f));
      functions(device).collectives(out.data(), nullptr);
      const std::vector<float> got = out.numbers();
      for (int row = 0; row < kernels::collective_rows; ++row)
        for (int lane = 0; lane < 32; ++lane) {
          INFO(name_of(device) << ", " << schedule << ", row " << row << ", lane " << lane);
          CHECK(got[static_cast<std::size_t>(32 * row + lane)] == expected(row, lane));
        }
    });
}

TEST_CASE("Small functions of CUDA, by hand", "[simt]") {
  const std::vector<float> want = {8,  31, 32, 0, 4, 3, 3.14159274f, 0x3F8, 1.0f + 0x1p-10f, -1.0f - 0x1p-10f, 1, 0.5f,
                                   32, 567, 81, 92};
  for (Device device : devices()) {
    DeviceArray<float> out(device, std::vector<float>(16, -1.0f));
    functions(device).bits(out.data(), nullptr);
    CHECK(out.numbers() == want);
  }
}

TEST_CASE("The tensor core multiplies 16×8 by 8×8 numbers of 10 bits", "[simt]") {
  // Small integers are exact: whatever the order of adding, the product must be right, and every element in its place.
  std::vector<float> a(16 * 8), b(8 * 8), d(16 * 8), want(16 * 8);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(static_cast<int>(i * 7 % 23) - 11);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(static_cast<int>(i * 5 % 19) - 9);
  for (std::size_t i = 0; i < d.size(); ++i) d[i] = want[i] = static_cast<float>(i);
  for (std::size_t i = 0; i < 16; ++i)
    for (std::size_t j = 0; j < 8; ++j)
      for (std::size_t p = 0; p < 8; ++p) want[8 * i + j] += a[8 * i + p] * b[8 * p + j];
  for (Device device : devices()) {
    DeviceArray<float> a_there(device, a), b_there(device, b), d_there(device, d);
    functions(device).tensor_core(a_there.data(), b_there.data(), d_there.data(), nullptr);
    CHECK(d_there.numbers() == want);
  }
}

// ---- What the engine promises about itself -------------------------------------------------------------------------
namespace {

int alive = 0;
struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
};

SIMT_KERNEL void no_barrier(int* y) { y[blockIdx.x * blockDim.x + threadIdx.x] = 1; }
SIMT_KERNEL void one_barrier(int* y) {
  __syncthreads();
  y[threadIdx.x] = 1;
}
SIMT_KERNEL void three_dimensions(unsigned* y) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  y[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1 + block * 1000 + thread;
}
SIMT_KERNEL void fails_late(int*) {
  const Counted counted;
  __syncthreads();
  if (threadIdx.x == 7) __shfl_sync(1u, 0, 0);  // not in its own mask
  __syncthreads();
}

}  // namespace

TEST_CASE("A kernel without barriers switches once per block; a barrier costs one switch per thread", "[simt]") {
  std::vector<int> y(512, 0);
  simt::statistics() = {};
  simt::launch(simt::Launch{4, 128}, no_barrier, y.data());
  CHECK(simt::statistics().switches == 4);
  CHECK(simt::statistics().threads == 512);
  CHECK(std::count(y.begin(), y.end(), 1) == 512);
  simt::statistics() = {};
  simt::launch(simt::Launch{1, 128}, one_barrier, y.data());
  CHECK(simt::statistics().switches == 128 + 127);  // each starts once, and all but the last to arrive are resumed
  CHECK(simt::statistics().barriers == 1);
}

TEST_CASE("Grids and blocks of three dimensions run every thread once", "[simt]") {
  simt::for_each_schedule([&](const std::string& schedule) {
    INFO(schedule);
    std::vector<unsigned> y(2 * 3 * 2 * 30, 0);
    simt::launch(simt::Launch{{2, 3, 2}, {5, 3, 2}}, three_dimensions, y.data());
    bool right = true;
    for (unsigned i = 0; i < y.size(); ++i) right &= y[i] == 1 + i / 30 * 1000 + i % 30;
    CHECK(right);
  });
}

TEST_CASE("When a launch fails, what lives on the threads' stacks is destroyed", "[simt]") {
  simt::for_each_schedule([&](const std::string& schedule) {
    INFO(schedule);
    CHECK_THROWS_AS(simt::launch(simt::Launch{2, 64}, fails_late, nullptr), simt::KernelError);
    CHECK(alive == 0);
  });
}

TEST_CASE("Launches from several threads of the operating system take turns", "[simt]") {
  std::vector<std::vector<int>> y(4, std::vector<int>(64, 0));
  std::vector<std::thread> threads;
  for (auto& numbers : y)
    threads.emplace_back([&numbers] {
      for (int i = 0; i < 20; ++i) simt::launch(simt::Launch{1, 64}, one_barrier, numbers.data());
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& numbers : y) CHECK(std::count(numbers.begin(), numbers.end(), 1) == 64);
}
