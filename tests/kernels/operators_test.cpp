// Every kernel of the CPU against the reference, at every shape: values, in place, repeatability.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>

#include "tests/kernels/operator_errors.h"

namespace innerloop::kernels {
namespace {

template <class T>
std::vector<T> fast(const Instance& instance, std::size_t offset = 0, int in_place = -1) {
  const Kernel kernel = find_kernel(Device::cpu, dtype_of<T>, instance.op);
  REQUIRE(kernel != nullptr);
  return compute<T>(instance, kernel, offset, in_place);
}

TEST_CASE("every operation but the leaves has a kernel in f32 and f64, and a reference") {
  for (int n = 0; n < static_cast<int>(Op::count_); ++n) {
    const Op op = static_cast<Op>(n);
    INFO("op " << n);
    const bool leaf = op == Op::input || op == Op::constant || op == Op::fill;
    CHECK((find_kernel(Device::cpu, Dtype::f32, op) == nullptr) == leaf);
    CHECK((find_kernel(Device::cpu, Dtype::f64, op) == nullptr) == leaf);
    CHECK(std::any_of(std::begin(reference::rows<double>), std::end(reference::rows<double>),
                      [op](const reference::Row& row) { return row.op == op; }) == !leaf);
    if (!leaf) CHECK(instances_of(op).size() >= 10);
  }
  CHECK(find_kernel(Device::cpu, Dtype::f32, Op::count_) == nullptr);
  CHECK_THROWS_AS(reference::run<double>(Op::input, Call{}), Error);
}

TEST_CASE("reference rows stand in the order of Op") {
  int expected = static_cast<int>(first_op);
  for (const reference::Row& row : reference::rows<double>) CHECK(static_cast<int>(row.op) == expected++);
  CHECK(expected == static_cast<int>(Op::count_));
}

TEST_CASE("kernels agree with the reference in long double: f64 to 1e-12, f32 to 1e-5 of the sum of absolute terms") {
  for_every_instance([](const Instance& instance) {
    const auto want = exact(instance), scale = magnitude(instance, want);
    CHECK(worst(fast<double>(instance), want, scale, 1e-12L) <= 1);
    CHECK(worst(fast<float>(instance), want, scale, 1e-5L) <= 1);
  });
}

TEST_CASE("the same bits on every call and at every alignment") {
  for_every_instance([](const Instance& instance) {
    const auto once = fast<float>(instance);
    CHECK(same_bits(once, fast<float>(instance)));
    CHECK(same_bits(once, fast<float>(instance, 1)));
    CHECK(same_bits(once, fast<float>(instance, 7)));
    CHECK(same_bits(fast<double>(instance), fast<double>(instance, 3)));
  });
}

TEST_CASE("an elementwise kernel may write over an input of equal size") {
  for_every_instance([](const Instance& instance) {
    if (!is_elementwise(instance.op)) return;
    for (std::size_t k = 0; k < instance.in.size(); ++k) {
      if (instance.in[k].count() != instance.out.count()) continue;
      CHECK(same_bits(fast<float>(instance), fast<float>(instance, 0, static_cast<int>(k))));
      CHECK(same_bits(fast<double>(instance), fast<double>(instance, 0, static_cast<int>(k))));
    }
  });
}

TEST_CASE("add_row may write over its matrix") {
  for (const Instance& instance : instances_of(Op::add_row)) {
    INFO(instance.text());
    CHECK(same_bits(fast<float>(instance), fast<float>(instance, 0, 0)));
    CHECK(same_bits(fast<double>(instance), fast<double>(instance, 0, 0)));
  }
}

// What the planner makes of add(c, A·B).
TEST_CASE("a product added to what C holds has the bits of product and addition") {
  for (Instance instance : instances_of(Op::matmul)) {
    INFO(instance.text());
    const auto product = fast<float>(instance);
    std::vector<float> sum(product.size());
    for (std::size_t n = 0; n < sum.size(); ++n) sum[n] = 0.25f * static_cast<float>(n % 7) - 0.75f;
    instance.attr.x = 1;
    auto accumulated = sum;
    compute<float>(instance, [&](Call call) {
      call.out.data = accumulated.data();
      find_kernel(Device::cpu, Dtype::f32, Op::matmul)(call);
    });
    for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += product[n];
    CHECK(same_bits(accumulated, sum));
  }
}

TEST_CASE("an element of an elementwise result does not depend on its place") {
  for (int n = static_cast<int>(Op::neg); n <= static_cast<int>(Op::select); ++n) {
    Instance many = instances_of(static_cast<Op>(n)).back();  // the largest shape
    const auto whole = fast<float>(many);
    for (std::size_t k = 0; k < whole.size(); k += 997) {
      Instance one = many;
      one.out = {1, 1};
      for (std::size_t input = 0; input < one.in.size(); ++input) {
        one.values[input] = {many.values[input][many.in[input].count() == 1 ? 0 : k]};
        one.in[input] = {1, 1};
      }
      INFO(many.text() << ", element " << k);
      CHECK(same_bits(fast<float>(one), {whole[k]}));
    }
  }
}

TEST_CASE("an index outside its table is an error, also when it is NaN") {
  for (Op op : {Op::gather_rows, Op::scatter_rows, Op::pick_cols, Op::place_cols})
    for (double index : {-1.0, 1000.0, std::numeric_limits<double>::quiet_NaN()}) {
      Instance instance = instances_of(op)[7];
      instance.values[1].back() = index;
      CHECK_THROWS_AS(fast<double>(instance), Error);
      CHECK_THROWS_AS(exact(instance), Error);
    }
}

TEST_CASE("sums of 4 million f32 terms keep six digits") {
  const Size size{2000, 2048};
  Instance instance{Op::sum_all, {}, {size}, {1, 1}, 1, {std::vector<double>(size.count(), 0.1f)}};
  const double want = 0.1f * static_cast<double>(size.count());
  CHECK(fast<float>(instance)[0] == Approx(want).epsilon(1e-6));
  instance.op = Op::sum_rows;
  instance.out = {1, size.cols};
  CHECK(fast<float>(instance)[77] == Approx(0.1f * 2000.0).epsilon(1e-6));
}

}  // namespace
}  // namespace innerloop::kernels
