// Tensors: copies that share, the flat view, arithmetic.
#include "autodiff/tensor.h"

#include <array>
#include <cmath>
#include <limits>

#include "kernels/require.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

Tensors two(Dtype dtype = Dtype::f64) {
  Tensors list;
  list.add("W", Tensor::from({1, 2, 2}, std::vector<double>{1, 2, 3, 4}, dtype));
  list.add("b", Tensor::from({1, 1, 2}, std::vector<double>{-1, 0.5}, dtype));
  return list;
}

}  // namespace

TEST_CASE("tensor: a copy shares its numbers until one of the two is written") {
  Tensor a = Tensor::from({1, 1, 3}, std::vector<double>{1, 2, 3}), b = a;
  CHECK(a.data() == b.data());
  b.set(0, 0, 1, 20);
  CHECK(a.data() != b.data());
  CHECK(a.to_vector() == std::vector<double>{1, 2, 3});
  CHECK(b.to_vector() == std::vector<double>{1, 20, 3});
  const void* before = b.data();
  b.set(0, 0, 0, 10);  // alone by now: written in place
  CHECK(b.data() == before);
}

TEST_CASE("tensor: another shape, the same numbers") {
  Tensor a = Tensor::from({2, 1, 3}, std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(a.reshaped({1, 3, 2}).at(0, 2, 1) == 6);
  CHECK(a.reshaped({1, 3, 2}).data() == a.data());
  CHECK_THROWS_AS(a.reshaped({1, 2, 2}), Error);
}

TEST_CASE("tensor: f32 and f64 do not mix unnoticed") {
  Tensor a = Tensor::full({1, 1, 2}, 0.1, Dtype::f32);
  CHECK_THROWS_AS(a.values<double>(), Error);
  CHECK(a.to(Dtype::f64).values<double>()[0] == static_cast<double>(0.1f));
  CHECK_FALSE(bitwise_equal(a, a.to(Dtype::f64)));
}

TEST_CASE("tensors: the flat view goes there and back, in f64 and f32") {
  for (Dtype dtype : {Dtype::f64, Dtype::f32}) {
    Tensors list = two(dtype);
    CHECK(list.flat() == std::vector<double>{1, 2, 3, 4, -1, 0.5});
    CHECK(bitwise_equal(list.with_flat(list.flat()), list));
    CHECK(list.number_count() == 6);
  }
  CHECK_THROWS_AS(two().with_flat(std::vector<double>{1, 2}), Error);
}

TEST_CASE("tensors: arithmetic by position") {
  Tensors a = two(), step = a + 2.0 * a - a;
  CHECK(step.flat() == std::vector<double>{2, 4, 6, 8, -2, 1});
  CHECK(a.flat() == std::vector<double>{1, 2, 3, 4, -1, 0.5});
  CHECK(dot(a, a) == 1 + 4 + 9 + 16 + 1 + 0.25);
  CHECK(norm(a) == std::sqrt(31.25));
  Tensors other;
  other.add("W", Tensor({1, 2, 2}));
  CHECK_THROWS_AS(a + other, Error);
}

TEST_CASE("tensors: an unknown name is answered with the nearest one") {
  Tensors list = two();
  list.add("log_sigma", Tensor({1, 1, 1}));
  CHECK_THROWS_WITH(list["log_sigm"], ContainsSubstring("log_sigma"));
  CHECK_THROWS_AS(list.add("W", Tensor({1, 1, 1})), Error);
}

TEST_CASE("tensor: the measure of error, and finite or not") {
  Tensor a = Tensor::from({1, 1, 2}, std::vector<double>{100, 1}),
         b = Tensor::from({1, 1, 2}, std::vector<double>{100, 2});
  CHECK(relative_error(a, b) == Approx(0.01));
  CHECK(relative_error(Tensor({1, 1, 2}), Tensor({1, 1, 2})) == 0);
  CHECK(a.all_finite());
  a.set(0, 0, 0, std::numeric_limits<double>::quiet_NaN());
  CHECK_FALSE(a.all_finite());
}

TEST_CASE("tensors: a look-up, a read and a write of a number allocate nothing: a message is built when it is needed") {
  Tensors list = two();
  list["W"].set(0, 0, 0, 7);
  const long before = allocations();
  double sum = 0;
  for (int n = 0; n < 100; ++n) {
    list["b"].set(0, 0, 1, n);
    list["W"].set_row(0, 1, std::array{1.0, 2.0});
    sum += list["W"].at(0, 0, 0) + list["b"].at(0, 0, 1);
  }
  CHECK(allocations() == before);
  CHECK(sum == 700 + 4950);
  CHECK(list["W"].to_vector() == std::vector<double>{7, 2, 1, 2});
  CHECK_THROWS_WITH(list["W"].set_row(0, 1, std::array{1.0}), ContainsSubstring("set_row: the tensor is"));
  CHECK_THROWS_AS(list["W"].set_row(0, 2, std::array{1.0, 2.0}), Error);
}
