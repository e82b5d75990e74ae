// Derivatives against closed forms, and the identities that tie the sweeps together.
#include "autodiff/transforms.h"

#include <cmath>

#include "autodiff/check.h"
#include "autodiff/function.h"
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "tests/autodiff/instances.h"
#include "tests/catch.h"

using namespace innerloop;
using innerloop::tests::Instance;

namespace {

Tensor numbers(std::initializer_list<double> values) {
  return Tensor::from({1, 1, static_cast<int>(values.size())}, std::vector<double>(values));
}

}  // namespace

TEST_CASE("grad of a polynomial, to order four [AD eq. vjp]") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var x = graph.input(Tensor::scalar(3), "x");
  Var y = mul3(x, x, x) * x;  // x⁴
  const double expected[] = {4 * 27, 12 * 9, 24 * 3, 24};
  for (double value : expected) {
    y = grad(y, std::span(&x, 1))[0];
    CHECK(y.value().item() == value);
  }
}

TEST_CASE("hvp of a quadratic form is its symmetric matrix [AD eq. hvp]") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var x = graph.input(numbers({1, 2}), "x"), v = graph.input(numbers({-1, 0.5}), "v");
  Var a = graph.constant(Tensor::from({1, 2, 2}, std::vector<double>{2, 1, 3, 5}));
  Var loss = sum_all(matmul(x, a) * x);  // xᵀAx: Hessian A + Aᵀ = (4, 4; 4, 10)
  Var hv = hvp(loss, std::span(&x, 1), std::span(&v, 1))[0];
  CHECK(hv.value().to_vector() == std::vector<double>{-4 + 2, -4 + 5});
}

// Whole numbers, whose sums are exact in every order.
TEST_CASE("windows and overlap_add are each other's adjoint, with and without a rest") {
  const auto whole = [](Shape shape, std::uint64_t seed) {
    Tensor numbers = random_normals(shape, seed);
    std::vector<double> values = numbers.to_vector();
    for (double& v : values) v = std::round(8 * v);
    return Tensor::from(shape, values);
  };
  for (const int T : {7, 8, 12})
    for (const auto& [kernel, stride] : {std::pair{1, 1}, {2, 1}, {3, 2}, {2, 3}, {6, 5}, {4, 4}, {7, 9}}) {
      CAPTURE(T, kernel, stride);
      const int count = (T - kernel) / stride + 1, reached = (count - 1) * stride + kernel;
      Graph graph(Dtype::f64, Graph::Mode::eager);
      const Var x = graph.input(whole({2, T, 3}, 1), "x"), y = graph.input(whole({2, count, 3 * kernel}, 2), "y");
      const Var seen = windows(x, kernel, stride), back = overlap_add(y, kernel, stride);
      REQUIRE(seen.shape() == y.shape());
      REQUIRE(back.shape() == Shape{2, reached, 3});
      const auto inner = [](Var a, Var b) { return sum_tasks(sum_all(a * b)); };
      const Var left = inner(seen, y), right = inner(slice_rows(x, 0, reached), back);
      CHECK(left.value().item() == right.value().item());
      // So each has the other for its derivative; and of the second order there is none but between x and y.
      const Var x_bar = grad(left, std::span(&x, 1))[0], y_bar = grad(right, std::span(&y, 1))[0];
      CHECK(x_bar.value().to_vector() == pad_rows(back, 0, T).value().to_vector());
      CHECK(y_bar.value().to_vector() == seen.value().to_vector());
      const Var v = graph.input(whole({2, T, 3}, 3), "v");
      CHECK(grad(inner(x_bar, v), std::span(&y, 1))[0].value().to_vector() ==
            windows(v, kernel, stride).value().to_vector());
      CHECK(sum_tasks(sum_all(square(grad(inner(x_bar, v), std::span(&x, 1))[0]))).value().item() == 0);
    }
}

TEST_CASE("hvp: v is constant, whatever it was made of") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var x = graph.input(Tensor::scalar(2), "x"), v = square(x);
  CHECK(hvp(mul3(x, x, x), std::span(&x, 1), std::span(&v, 1))[0].value().item() == 6 * 2 * 4);
}

TEST_CASE("sweeps refuse a Var of another graph and an empty one, wherever it stands") {
  using Catch::Matchers::ContainsSubstring;
  Graph g(Dtype::f64, Graph::Mode::eager), h(Dtype::f64, Graph::Mode::eager);
  const Var x = g.input(Tensor::scalar(3), "x"), q = h.input(Tensor::scalar(100), "q"), loss = x * x;
  using List = std::vector<Var>;
  const List other{q}, empty{Var{}}, y{loss}, in{x}, one{g.fill({1, 1, 1}, 1)};
  for (const List& wrong : {other, empty}) {
    const auto says = ContainsSubstring(wrong[0].valid() ? "another graph" : "empty Var");
    CHECK_THROWS_WITH(grad(loss, wrong), ContainsSubstring("vjp: input 1") && says);
    CHECK_THROWS_WITH(vjp(y, in, wrong), ContainsSubstring("vjp: cotangent 1") && says);
    CHECK_THROWS_WITH(jvp(y, wrong, one), ContainsSubstring("jvp: input 1") && says);
    CHECK_THROWS_WITH(jvp(y, in, wrong), ContainsSubstring("jvp: tangent 1") && says);
    CHECK_THROWS_WITH(jvp(List{loss, wrong[0]}, in, one), ContainsSubstring("jvp: output 2") && says);
    CHECK_THROWS_WITH(hvp(loss, in, wrong), says);
    CHECK_THROWS_WITH(inner_product(y, wrong), says || ContainsSubstring("two graphs"));
  }
  CHECK_THROWS_WITH(grad(Var{}, in), ContainsSubstring("empty Var"));
  CHECK_THROWS_WITH(jvp(empty, in, one), ContainsSubstring("empty Var"));
}

TEST_CASE("stop_gradient cuts, and is the only thing that does") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var x = graph.input(Tensor::scalar(3), "x");
  CHECK(grad(x * stop_gradient(x), std::span(&x, 1))[0].value().item() == 3);
  CHECK(grad(stop_gradient(square(x)), std::span(&x, 1))[0].value().item() == 0);
}

TEST_CASE("the gradient of a shared parameter is the sum over tasks, that of a per-task one is each task's own") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var theta = graph.input(Tensor::scalar(2), "theta");
  Var data = graph.constant(Tensor::from({3, 1, 1}, std::vector<double>{1, 10, 100}));
  Var theta_i = broadcast_tasks(theta, 3);
  Var loss = square(theta_i) * data;  // (3, 1, 1)
  CHECK(grad(loss, std::span(&theta_i, 1))[0].value().to_vector() == std::vector<double>{4, 40, 400});
  CHECK(grad(loss, std::span(&theta, 1))[0].value().item() == 444);
}

TEST_CASE("duality: <w, Jv> = <J'w, v> for every operation and every example [AD eq. duality] [AD eq. jvp]") {
  for (const OpDef& def : op_table()) {
    if (!def.examples) continue;
    for (const Example& example : def.examples()) {
      Instance instance(def, example, 7);
      Graph graph(Dtype::f64, Graph::Mode::eager);
      std::vector<Var> x = instance.bind(graph);
      Var y = graph.append(def.op, x, example.attr, SourceLocation::current());
      std::vector<Var> wrt = instance.differentiable(x);
      std::vector<Var> v;
      for (Var input : wrt) v.push_back(graph.constant(instance.random(input.shape())));
      Var w = graph.constant(instance.random(y.shape()));
      double forward = inner_product(std::array{w}, jvp(std::span(&y, 1), wrt, v)).value().item();
      Var reverse = inner_product(vjp(std::span(&y, 1), wrt, std::span(&w, 1)), v);
      INFO(tests::text_of(def, example));
      CHECK(std::abs(forward - reverse.value().item()) <=
            1e-12 * (1 + std::abs(forward)) * static_cast<double>(y.shape().size()));
    }
  }
}
