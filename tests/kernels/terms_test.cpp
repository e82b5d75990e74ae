// The measure of a network's rounding errors (terms.h), on cases that can be done by hand.
#include "tests/kernels/operator_errors.h"

namespace innerloop::kernels {
namespace {

Instance network(Op op, const std::vector<int>& widths, Activation activation, int sides = 0) {
  Numbers numbers(3);
  return instances::mlp(op, 9, widths, activation, sides, numbers);
}

}  // namespace

TEST_CASE("the measure of one linear layer is the sum of absolute products, for values and for gradients") {
  Instance layer = network(Op::mlp, {6, 4}, Activation::identity), absolute = layer;
  for (auto& matrix : absolute.values)
    for (double& v : matrix) v = std::fabs(v);
  CHECK(sizes_of_terms(layer) == exact(absolute));
  layer = absolute = network(Op::mlp_bwd, {6, 4}, Activation::identity, 1);
  for (auto& matrix : absolute.values)
    for (double& v : matrix) v = std::fabs(v);
  CHECK(sizes_of_terms(layer) == exact(absolute));
}

TEST_CASE("the measure of a function is its slope times the terms of its argument, and its own value") {
  Instance one{Op::mlp, {0, 0, static_cast<int>(Activation::tanh), 0}, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
               {1, 1}, 1, {{0.5}, {2}, {-0.75}, {3}, {0.25}}};
  const long double h = std::tanh(0.25L), size_h = (1 - h * h) * 1.75L + h;  // 0.5·2 − 0.75, of 1 + 0.75
  CHECK(static_cast<double>(sizes_of_terms(one)[0]) == Approx(static_cast<double>(3 * size_h + 0.25L)).epsilon(1e-15));
}

TEST_CASE("a number is measured against no less than itself, and no more than the largest of its result") {
  const auto check = [](const Instance& instance) {
    const auto value = exact(instance), size = magnitude(instance, value);
    long double largest = 0;
    for (long double v : value) largest = std::max(largest, std::fabs(v));
    bool between = true;
    for (std::size_t n = 0; n < value.size(); ++n)
      between = between && size[n] >= std::fabs(value[n]) && size[n] <= largest;
    CHECK(between);
  };
  for_every_instance([&](const Instance& instance) {
    if (is_network(instance.op)) check(instance);
  });
  Numbers numbers(1);
  check(instances::lstm(Op::lstm_sequence, 200, 1, 8, numbers));  // long ones: the terms alone are thousands here
  check(instances::gru(Op::gru_sequence, 200, 1, 8, numbers));
}

TEST_CASE("an error of a small block of gradients is seen, however large the other blocks are") {
  Instance instance = network(Op::mlp_bwd, {3, 5, 2}, Activation::tanh, 1);
  for (double& x : instance.values[0]) x *= 1000;  // W̄1 is a thousand times as large as b̄1 and W̄2
  const auto want = exact(instance);
  std::vector<double> got(want.begin(), want.end());
  CHECK(worst(got, want, magnitude(instance, want), 1e-5L) <= 1);
  const std::size_t last = (3 + 1) * 5 + (5 + 1) * 2 - 1;  // b̄2's last number
  got[last] += 1e-4 * std::abs(got[last]);
  CHECK(worst(got, want, magnitude(instance, want), 1e-5L) > 1);
}

}  // namespace innerloop::kernels
