// What people write first: each line of it compiles and means what it says, or does not compile.
#include <array>
#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <sstream>
#include <type_traits>

#include "autodiff/function.h"
#include "autodiff/interpreter.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/catch.h"
#include "tests/kernels/allocations.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr double endless = std::numeric_limits<double>::infinity();

double item(Var x) { return x.value().item(); }
std::vector<double> list(Var x) { return x.value().to_vector(); }
std::string printed(const Tensor& tensor) {
  std::ostringstream out;
  out << tensor;
  return out.str();
}

// Whether an expression compiles.
template <class A, class B>
concept Equality = requires(A a, B b) { a == b; };
template <class A, class B>
concept LooseOrder = requires(A a, B b) { a <= b; } || requires(A a, B b) { a >= b; };
template <class A, class B>
concept StrictOrder = requires(A a, B b) { { a > b } -> std::same_as<Var>; { a < b } -> std::same_as<Var>; };
template <class A>
concept OperandFromNumber = requires(A a) { maximum(a, a); } || requires(A a) { relu(a); };
template <class A, class B>
concept Power = requires(A a, B b) { pow(a, b); };
template <class... Numbers>
concept MakesShape = requires(Numbers... n) { Shape{n...}; };
template <class F>
concept CalledWithoutConfig = requires(const F& f, const Tensor& x) { f({x}); };

struct Factor {
  double value = 1;
};

}  // namespace

TEST_CASE("first programs: 1 / x and x / c are divisions") {
  Graph graph = Graph::eager();
  const Var x = graph.input(Tensor::from({1, 3}, {49, 3, -7}), "x");
  REQUIRE(49 * (1 / 49.0) != 1);
  CHECK(list(x / 49.0) == std::vector<double>{1, 3 / 49.0, -7 / 49.0});
  CHECK(list(1.0 / x) == std::vector<double>{1 / 49.0, 1 / 3.0, 1 / -7.0});
  CHECK(list(10 / x) == std::vector<double>{10 / 49.0, 10 / 3.0, 10 / -7.0});
  const Var slope = grad(sum_all(2.0 / x), x), curvature = grad(sum_all(slope), x);  // −2/x², 4/x³
  CHECK(slope.value().at(0, 0, 1) == Approx(-2.0 / 9));
  CHECK(curvature.value().at(0, 0, 1) == Approx(4.0 / 27));
  CHECK(list(grad(sum_all(x / 8.0), x)) == std::vector<double>(3, 0.125));
}

TEST_CASE("first programs: whole powers are products: right at negative numbers and at 0, up to second derivatives") {
  for (const double at : {-2.0, 0.0, 3.0, -0.5})
    for (const int n : {0, 1, 2, 3, 4, 5, 7, 10}) {
      INFO(at << " to the power " << n);
      Graph graph = Graph::eager();
      const Var x = graph.input(Tensor::scalar(at), "x");
      const Var y = pow(x, n), first = grad(y, x), second = grad(first, x);
      CHECK(item(y) == Approx(std::pow(at, n)));
      CHECK(item(first) == Approx(n == 0 ? 0 : n * std::pow(at, n - 1)).margin(1e-300));
      CHECK(item(second) == Approx(n < 2 ? 0 : n * (n - 1) * std::pow(at, n - 2)).margin(1e-300));
    }
  Graph graph = Graph::eager();
  const Var x = graph.input(Tensor::from({1, 2}, {-2, 4}), "x");
  CHECK(list(pow(x, -1)) == std::vector<double>{-0.5, 0.25});
  CHECK(list(pow(x, -3)) == std::vector<double>{-0.125, 1 / 64.0});
  CHECK(list(grad(sum_all(pow(x, -2)), x)) == std::vector<double>{0.25, -2 / 64.0});  // −2x⁻³
  CHECK(pow(x, 0).shape() == x.shape());
}

TEST_CASE("first programs: other powers are for x > 0, and an exponent that is no number is refused") {
  Graph graph = Graph::eager();
  const Var x = graph.input(Tensor::from({1, 3}, {4, 0.25, -4}), "x");
  const Var y = pow(x, 2.5), first = grad(sum_all(y), x), second = grad(sum_all(first), x);
  CHECK(y.value().at(0, 0, 0) == Approx(32));
  CHECK(y.value().at(0, 0, 1) == Approx(1 / 32.0));
  CHECK(first.value().at(0, 0, 0) == Approx(2.5 * 8));
  CHECK(second.value().at(0, 0, 0) == Approx(2.5 * 1.5 * 2));
  CHECK(std::isnan(y.value().at(0, 0, 2)));
  CHECK(item(pow(graph.constant(9.0), -0.5)) == Approx(1 / 3.0));
  CHECK_THROWS_WITH(pow(x, no_number), ContainsSubstring("exponent") && ContainsSubstring("first_programs_test.cpp"));
  CHECK_THROWS_WITH(pow(x, endless), ContainsSubstring("finite"));
  // A variable exponent is written as what it is, exp(p·log x).
  STATIC_REQUIRE(Power<Var, double>);
  STATIC_REQUIRE_FALSE(Power<Var, Var>);
}

TEST_CASE("first programs: x += y and its kin make another node, at the line where they stand") {
  Graph graph = Graph::eager();
  const Var x = graph.input(Tensor::scalar(3), "x");
  Var y = x;
  y += x;
  CHECK_THAT(graph.describe(y.id), ContainsSubstring("first_programs_test.cpp:" + std::to_string(__LINE__ - 1)));
  y *= 2.0;
  CHECK_THAT(graph.describe(y.id), ContainsSubstring("first_programs_test.cpp:" + std::to_string(__LINE__ - 1)));
  y -= 1;
  y /= x;
  y += 0.5;
  y /= 2.0;
  y *= x;
  y -= x;
  CHECK(item(y) == Approx(((12 - 1) / 3.0 + 0.5) / 2 * 3 - 3));
  CHECK(item(grad(y, x)) == Approx(2 + 0.25 - 1));  // ((4x − 1)/x + ½)/2·x − x
  CHECK(item(x) == 3);
}

TEST_CASE("first programs: strict comparisons are masks of 0 and 1, false at a tie and for NaN") {
  Graph graph = Graph::eager();
  const double tiny = std::numeric_limits<double>::denorm_min();
  const std::vector<double> left{1, 2, 3, no_number, 1, endless, endless, -endless, tiny, 1e308};
  const std::vector<double> right{2, 2, 2, 1, no_number, endless, 1, endless, 0, -1e308};
  const Shape shape{1, static_cast<int>(left.size())};
  const Var a = graph.input(Tensor::from(shape, left), "a"), b = graph.input(Tensor::from(shape, right), "b");
  std::vector<double> greater, smaller, above_one, below_one;
  for (std::size_t i = 0; i < left.size(); ++i) {
    greater.push_back(left[i] > right[i]), smaller.push_back(left[i] < right[i]);
    above_one.push_back(left[i] > 1), below_one.push_back(left[i] < 1);
  }
  CHECK(list(a > b) == greater);
  CHECK(list(a < b) == smaller);
  CHECK(list(a > 1.0) == above_one);
  CHECK(list(1.0 < a) == above_one);
  CHECK(list(a < 1.0) == below_one);
  CHECK(list(1.0 > a) == below_one);

  const Var x = graph.input(Tensor::from({1, 2}, {-1, 2}), "x");
  CHECK(list(grad(sum_all((x > 0.0) * x), x)) == std::vector<double>{0, 1});  // the mask itself has none
}

TEST_CASE("first programs: Vars are not compared with ==, <= or >=, and are no conditions") {
  STATIC_REQUIRE_FALSE(Equality<Var, Var>);
  STATIC_REQUIRE_FALSE(Equality<Var, double>);
  STATIC_REQUIRE_FALSE(LooseOrder<Var, Var>);
  STATIC_REQUIRE_FALSE(LooseOrder<Var, double>);
  STATIC_REQUIRE(StrictOrder<Var, Var>);
  STATIC_REQUIRE(StrictOrder<Var, double>);
  STATIC_REQUIRE(StrictOrder<double, Var>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<bool, Var>);
}

TEST_CASE("first programs: numbers stand beside Vars in maximum, minimum and select") {
  Graph graph = Graph::eager();
  const Var x = graph.input(Tensor::from({1, 3}, {-1, 0, 2}), "x");
  CHECK(list(maximum(x, 0.0)) == std::vector<double>{0, 0, 2});
  CHECK(list(maximum(1, x)) == std::vector<double>{1, 1, 2});
  CHECK(list(minimum(x, 0.0)) == std::vector<double>{-1, 0, 0});
  CHECK(list(minimum(1.0, x)) == std::vector<double>{-1, 0, 1});
  CHECK(list(select(x > 0.0, x, 0.0)) == std::vector<double>{0, 0, 2});
  CHECK(list(select(x > 0.0, -1.0, x)) == std::vector<double>{-1, 0, -1});
  CHECK(list(select(x > 0.0, 1, 0)) == std::vector<double>{0, 0, 1});
  CHECK(list(grad(sum_all(maximum(x, 0.0)), x)) == std::vector<double>{0, 0.5, 1});  // a tie: half
  CHECK(item(graph.constant(1.0)) == 1);
  CHECK(graph.constant(1).shape() == Shape{1, 1, 1});
}

TEST_CASE("first programs: no operand is made from a number") {
  STATIC_REQUIRE_FALSE(std::is_constructible_v<At, double>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<At, int>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<double, Var>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<NumberAt, Var>);
  STATIC_REQUIRE_FALSE(OperandFromNumber<double>);
}

TEST_CASE("first programs: grad of a Var is a Var, of a list a list, of Params Params") {
  Graph graph = Graph::eager();
  const Var x = graph.input(Tensor::scalar(3), "x"), y = graph.input(Tensor::scalar(5), "y"), loss = x * x * y;
  const Params theta{{"x", x}, {"y", y}};
  STATIC_REQUIRE(std::is_same_v<decltype(grad(loss, x)), Var>);
  STATIC_REQUIRE(std::is_same_v<decltype(grad(loss, {x})), std::vector<Var>>);
  STATIC_REQUIRE(std::is_same_v<decltype(grad(loss, {x, y})), std::vector<Var>>);
  STATIC_REQUIRE(std::is_same_v<decltype(grad(loss, theta)), Params>);
  CHECK(item(grad(loss, x)) == 30);
  CHECK(item(grad(loss, {x, y})[1]) == 9);
  CHECK(item(grad(loss, theta)["y"]) == 9);
  CHECK(item(grad(grad(loss, x), x)) == 10);
  CHECK_THROWS_WITH(grad(graph.constant(Tensor({1, 2})), x),
                    ContainsSubstring("one number per task") && ContainsSubstring("first_programs_test.cpp"));

  // H = (2y, 2x; 2x, 0)
  const Params v{{"x", graph.constant(1.0)}, {"y", graph.constant(-1.0)}}, hv = hvp(loss, theta, v);
  CHECK(item(hv["x"]) == 10 - 6);
  CHECK(item(hv["y"]) == 6);
  CHECK(item(hvp(loss, x, graph.constant(2.0))) == 20);
  CHECK_THROWS_WITH(hvp(loss, theta, Params{{"y", x}, {"x", y}}), ContainsSubstring("same names"));
}

TEST_CASE("first programs: lists in braces") {
  Graph graph = Graph::eager();
  const Var x = graph.input(Tensor::from({2, 2}, {1, 2, 3, 4}), "x"), y = graph.input(Tensor({2, 1}), "y");
  CHECK(list(concat_cols({x, y})) == std::vector<double>{1, 2, 0, 3, 4, 0});
  CHECK(list(concat_rows({x, x})) == std::vector<double>{1, 2, 3, 4, 1, 2, 3, 4});
  CHECK(concat_cols({x}).shape() == x.shape());
  CHECK_THROWS_WITH(concat_cols({}), ContainsSubstring("nothing") && ContainsSubstring("first_programs_test.cpp"));

  const Params theta{{"W", x}, {"b", y}};
  CHECK(theta.count() == 2);
  CHECK(list((-theta)["W"]) == std::vector<double>{-1, -2, -3, -4});
  CHECK(list((theta * 2.0)["W"]) == list((2.0 * theta)["W"]));
  CHECK(list((theta * graph.constant(0.5))["W"]) == std::vector<double>{0.5, 1, 1.5, 2});
  CHECK_THROWS_WITH((Params{{"W", x}, {"W", y}}), ContainsSubstring("already holds"));

  const Tensors values{{"W", Tensor::from({1, 2}, {1.0, 2.0})}, {"b", Tensor::scalar(3)}};
  CHECK((-values).flat() == std::vector<double>{-1, -2, -3});
  CHECK((values * 2.0).flat() == std::vector<double>{2, 4, 6});
  CHECK_THROWS_WITH(Tensor::from({2, 2}, {1.0, 2.0}), ContainsSubstring("2 numbers"));
}

TEST_CASE("first programs: two numbers are rows and columns, never tasks") {
  CHECK(Tensor({3, 4}).shape() == Shape{1, 3, 4});
  CHECK(Tensor({2, 3, 4}).shape() == Shape{2, 3, 4});
  CHECK(Shape{} == Shape{1, 1, 1});
  STATIC_REQUIRE_FALSE(MakesShape<int>);
  STATIC_REQUIRE(MakesShape<int, int>);
  STATIC_REQUIRE_FALSE(MakesShape<int, int, int, int>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<int, Shape>);
}

TEST_CASE("first programs: a tensor prints its shape, its dtype and its numbers, and a long one is shortened") {
  CHECK(printed(Tensor::scalar(0.5)) == "(1, 1, 1) f64  0.5");
  CHECK(printed(Tensor::from({1, 3}, {1, -2, 1e-10}, Dtype::f32)) == "(1, 1, 3) f32  1  -2  1e-10");
  CHECK(printed(Tensor::from({2, 2}, {1, 22.5, no_number, -4})) == "(1, 2, 2) f64\n     1  22.5\n   nan    -4");
  CHECK(printed(Tensor::from({2, 1, 2}, {1, 2, 3, 4})) == "(2, 1, 2) f64\ntask 0  1  2\ntask 1  3  4");
  CHECK(printed(Tensor({1, 1000})) == "(1, 1, 1000) f64  0  0  0  ...  0  0  0");
  CHECK(printed(Tensor({100, 1})) == "(1, 100, 1) f64\n  0\n  0\n  0\n  ...\n  0\n  0\n  0");
  CHECK(printed(Tensor({50, 20, 30})).size() < 4000);
  CHECK(printed(Tensor()) == "(0, 0, 0) f64");
}

TEST_CASE("first programs: a Function without a Config, and results that hold their tensors") {
  const Function f("f", [](Inputs& in) -> std::vector<Vars> {
    const Var x = in.next_var("x");
    return {{{"y", x * x}, {"z", -x}}};
  });
  STATIC_REQUIRE(std::is_same_v<decltype(f), const Function<>>);
  const Tensor x = Tensor::from({1, 2}, {3, 4});
  // On a result that goes at the end of the line, [] gives what lives on.
  const Tensor &y = f({x})[0][0], &z = f({x})[0]["z"];
  const Tensors& all = f({x})[0];
  const std::vector<double> overwritten(1000, 7);
  CHECK(y.to_vector() == std::vector<double>{9, 16});
  CHECK(z.to_vector() == std::vector<double>{-3, -4});
  CHECK(all["y"].to_vector() == std::vector<double>{9, 16});
  STATIC_REQUIRE(std::is_same_v<decltype(f({x})[0]), Tensors>);
  STATIC_REQUIRE(std::is_same_v<decltype(f({x})[0][0]), Tensor>);
  STATIC_REQUIRE(std::is_same_v<decltype(f({x})[0]["y"]), Tensor>);

  Results kept = f({x});
  CHECK(kept[0]["y"].item() == 9);
  CHECK_THROWS_WITH(kept[1], ContainsSubstring("returned 1 lists has no list 1"));
  CHECK_THROWS_WITH(f({x})[3], ContainsSubstring("no list 3"));
  CHECK(bitwise_equal(f({}, {x})[0], kept[0]));
  STATIC_REQUIRE(CalledWithoutConfig<Function<>>);
  STATIC_REQUIRE_FALSE(CalledWithoutConfig<Function<Factor>>);
}

TEST_CASE("first programs: lists are added by their names, which are compared without allocating") {
  const std::string long_name = "policy/a name that no small buffer of a string holds/W1";
  const auto two = [&](const std::string& name) {
    return Tensors{{long_name, Tensor({1, 2})}, {name, Tensor({1, 1})}};
  };
  const Tensors a = two("b"), other = two("c"), swapped{{"b", a[1]}, {long_name, a[0]}}, shorter{{long_name, a[0]}};
  for (const Tensors& wrong : {other, swapped, shorter}) {
    CHECK_THROWS_WITH(a + wrong, ContainsSubstring("same names in the same order"));
    CHECK_THROWS_WITH(a - wrong, ContainsSubstring("same names"));
    CHECK_THROWS_WITH(dot(a, wrong), ContainsSubstring("same names"));
  }
  CHECK_THROWS_WITH(a + other, ContainsSubstring("number 2 is 'b' in one and 'c' in the other"));

  const Tensors b = a;
  const long before = allocations();
  const double length = dot(a, b);
  CHECK(allocations() == before);
  CHECK(length == 0);

  Graph graph = Graph::eager();
  const Var x = graph.constant(1.0);
  const Params theta{{"W", x}, {"b", x}}, reversed{{"b", x}, {"W", x}};
  CHECK_THROWS_WITH(theta + reversed, ContainsSubstring("number 1 is 'W' in one and 'b' in the other"));
  CHECK_THROWS_WITH(theta - Params("W", x), ContainsSubstring("one holds 2, the other 1"));
}

TEST_CASE("first programs: an empty Var is refused by every new function, with the caller's line") {
  Graph graph = Graph::eager();
  const Var x = graph.constant(1.0);
  Var empty;
  const std::vector<std::function<void()>> wrong = {
      [] { 1.0 / Var{}; },
      [] { Var{} / 2.0; },
      [] { pow(Var{}, 1); },
      [] { pow(Var{}, 2); },
      [] { pow(Var{}, 0.5); },
      [&] { empty += x; },
      [&] { empty *= 2.0; },
      [&] { static_cast<void>(Var{} > x); },
      [&] { static_cast<void>(Var{} < x); },
      [] { static_cast<void>(Var{} > 0.0); },
      [] { static_cast<void>(0.0 < Var{}); },
      [] { maximum(Var{}, 0.0); },
      [] { minimum(1.0, Var{}); },
      [&] { select(Var{}, x, 0.0); },
      [&] { select(Var{}, 1.0, 0.0); },
      [] { concat_cols({Var{}}); },
      [&] { grad(Var{}, x); },
      [&] { hvp(Var{}, x, x); },
  };
  for (const std::function<void()>& f : wrong)
    CHECK_THROWS_WITH(f(), ContainsSubstring("empty Var") && ContainsSubstring("first_programs_test.cpp"));
  CHECK_FALSE(empty.valid());
}

TEST_CASE("first programs: an index outside its table is named with its row, its operands and the line that used it") {
  const auto check_refused = [](const auto& body) {
    std::string message = "nothing was thrown";
    try {
      body();
    } catch (const Error& error) {
      message = error.what();
    }
    for (const char* part :
         {"index error: gather_rows, at autodiff/first_programs_test.cpp", "table (1, 3, 2)  made at",
          "words (2, 2, 1)  made at", "row 1 of the index holds 7, and must hold a whole number from 0 to 2",
          ", task 1"})
      CHECK_THAT(message, ContainsSubstring(part));
  };
  const Tensor table({3, 2}), words = Tensor::from({2, 2, 1}, {0, 2, 1, 7});
  Graph eager = Graph::eager();
  check_refused([&] { gather_rows(eager.input(table, "table"), eager.input(words, "words")); });

  const Function f("f", [](Inputs& in) -> std::vector<Vars> {
    const Var rows = in.next_var("table");
    return {Vars("y", gather_rows(rows, in.next_var("words")))};
  });
  check_refused([&] { f({table, words}); });
  CHECK_NOTHROW(f({table, Tensor({2, 2, 1})}));

  Graph traced;
  const Var rows = traced.input(table.shape(), "table"), which = traced.input(words.shape(), "words");
  const Var y = gather_rows(rows, which);
  const std::vector<Numbers<long double>> inputs{numbers_of<long double>(table), numbers_of<long double>(words)};
  check_refused([&] { evaluate<long double>(traced, inputs, std::array{y}); });
}
