#include "envs/maml_goals.h"

#include <random>

#include "kernels/require.h"

namespace innerloop::envs {

std::vector<double> numpy_uniform(std::uint32_t seed, int count) {
  require(count >= 0, "numpy_uniform: count must not be negative");
  // The C++ standard fixes every number of std::mt19937; NumPy joins the 27 and 26 high bits of two of them to one
  // double.
  std::mt19937 generator(seed);
  std::vector<double> numbers;
  for (int i = 0; i < count; ++i) {
    const auto high = static_cast<double>(generator() >> 5);
    const auto low = static_cast<double>(generator() >> 6);
    numbers.push_back((high * 0x1p26 + low) * 0x1p-53);
  }
  return numbers;
}

std::vector<Task> maml_test_goals(std::uint32_t seed, int count) {
  require(count >= 0, "maml_test_goals: count must not be negative");
  const std::vector<double> u = numpy_uniform(seed, 2 * count);
  std::vector<Task> goals;
  for (int i = 0; i < count; ++i) {
    const auto k = static_cast<std::size_t>(2 * i);
    goals.push_back({-0.5 + u[k], -0.5 + u[k + 1]});
  }
  return goals;
}

}  // namespace innerloop::envs
