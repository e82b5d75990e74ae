#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/cuda/ladder/gemm.h"
#include "tests/catch.h"
#include "tests/cuda/devices.h"
#include "tests/cuda/schedules.h"

using namespace innerloop;

namespace {

struct Size {
  int m, n, k;
};

std::vector<float> some_numbers(int count, std::uint32_t seed) {
  std::vector<float> numbers(static_cast<std::size_t>(count));
  std::uint32_t state = seed;
  for (float& x : numbers) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
  }
  return numbers;
}

}  // namespace

TEST_CASE("Every step of the matrix product's ladder equals the reference, in every schedule", "[device][ladder]") {
  // One number, fewer than a tile, one more than a tile, several tiles and a rest.
  for (const Size s : {Size{1, 1, 1}, Size{3, 5, 2}, Size{17, 16, 33}, Size{65, 70, 19}, Size{1, 130, 40}}) {
    const std::vector<float> a = some_numbers(s.m * s.k, 1), b = some_numbers(s.k * s.n, 2);
    // In double, with the sum of absolute products beside it: what 1e-5 is relative to.
    std::vector<double> want(static_cast<std::size_t>(s.m * s.n)), scale = want;
    for (int i = 0; i < s.m; ++i)
      for (int j = 0; j < s.n; ++j)
        for (int p = 0; p < s.k; ++p) {
          const double product = static_cast<double>(a[static_cast<std::size_t>(i * s.k + p)]) *
                                 static_cast<double>(b[static_cast<std::size_t>(p * s.n + j)]);
          want[static_cast<std::size_t>(i * s.n + j)] += product;
          scale[static_cast<std::size_t>(i * s.n + j)] += std::abs(product);
        }
    for (Device device : devices()) {
      DeviceArray<float> a_there(device, a), b_there(device, b);
      for (const kernels::GemmStep& step : kernels::gemm_ladder(device)) {
        std::vector<float> first;
        simt::for_each_order(device, [&](const std::string& schedule) {
          INFO(name_of(device) << " " << step.name << ", " << schedule << ", " << s.m << "x" << s.n << "x" << s.k);
          DeviceArray<float> c_there(device, std::vector<float>(want.size(), std::nanf("")));
          step.multiply({a_there.data(), b_there.data(), c_there.data(), s.m, s.n, s.k});
          const std::vector<float> c = c_there.numbers();
          if (first.empty()) first = c;
          CHECK(std::memcmp(first.data(), c.data(), c.size() * sizeof(float)) == 0);
          double worst = 0;
          for (std::size_t i = 0; i < c.size(); ++i) {
            const double error = std::abs(static_cast<double>(c[i]) - want[i]) / scale[i];
            if (!(error <= worst)) worst = error;  // a NaN counts as worst
          }
          CHECK(worst <= 1e-5);
        });
      }
    }
  }
}
