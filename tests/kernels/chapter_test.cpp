// What the chapter kernels/README.md shows is true, and its exercises have answers.
#include <cmath>
#include <vector>

#include "kernels/ops.h"
#include "kernels/philox.h"
#include "tests/catch.h"

using namespace innerloop;

TEST_CASE("chapter: a kernel is found in the table and called on the numbers of one task") {
  std::vector<float> x_data(2000 * 64, 0.5f), y_data(x_data.size());
  // region: call
  const kernels::Kernel tanh = kernels::find_kernel(Device::cpu, Dtype::f32, Op::tanh);
  const kernels::Matrix x{x_data.data(), 2000, 64};  // row-major, dense
  tanh({.out = {y_data.data(), 2000, 64}, .in = &x, .arity = 1, .attr = {}});
  // endregion
  CHECK(y_data.front() == Approx(std::tanh(0.5)).epsilon(1e-6));
  CHECK(y_data.back() == y_data.front());
}

TEST_CASE("exercise: who draws first changes nothing") {
  // Two trajectories, drawn one after the other and turn about.
  Philox first(1, {.trajectory = 0}), second(1, {.trajectory = 1});
  std::vector<double> in_turn;
  for (int i = 0; i < 10; ++i) in_turn.push_back(first.normal()), in_turn.push_back(second.normal());
  Philox again(1, {.trajectory = 1});
  for (std::size_t i = 0; i < 10; ++i) CHECK(again.normal() == in_turn[2 * i + 1]);
  // Another place gives other numbers.
  CHECK(Philox(1, {.trajectory = 2}).normal() != in_turn[1]);
}
