// Functions: when they plan anew, when they compute anew, and that replay allocates nothing and never depends on
// threads.
#include "autodiff/function.h"

#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>

#include "autodiff/ops.h"
#include "autodiff/program.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"
#include "kernels/threads.h"
#include "tests/catch.h"
#include "tests/kernels/thread_count.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Config {
  double factor = 1;
  int power = 1;
  friend bool operator==(const Config&, const Config&) = default;
};

int traces = 0;  // how often the lambda below was traced

const auto scaled = [](Inputs& in, const Config& c) -> std::vector<Vars> {
  ++traces;
  Var x = in.next_var("x"), y = c.factor * x;
  for (int i = 1; i < c.power; ++i) y = y * x;
  Vars out;
  out.add("y", y);
  return {out};
};

Tensor numbers(Shape shape, std::uint64_t seed) {
  Tensor t(shape);
  Philox random(seed, {.purpose = Purpose::check});
  std::uint32_t n = 0;
  for (double& x : t.mutable_values<double>()) {
    if (++n % 4000 == 0) random = Philox(seed, {.purpose = Purpose::check, .trajectory = n / 4000});
    x = random.normal();
  }
  return t;
}

// A meta-gradient in miniature: per task an inner step, then the sum over tasks, then per task again with the result.
std::vector<Vars> several_phases(Inputs& in, const NoSpec&) {
  Var theta = in.next_var("theta"), x = in.next_var("x");
  const int tasks = x.shape().tasks;
  Var theta_i = broadcast_tasks(theta, tasks);
  Var inner = mean_all(square(tanh(matmul(x, theta_i))));
  Var adapted = theta_i - 0.1 * grad(inner, std::span(&theta_i, 1))[0];
  Var outer = mean_all(square(tanh(matmul(x, adapted))));
  Var g = grad(outer, std::span(&theta, 1))[0];  // summed over tasks
  Vars out;
  out.add("g", g);
  out.add("loss_after", mean_all(square(tanh(matmul(x, broadcast_tasks(theta - g, tasks))))));
  out.add("mean_loss", sum_tasks(outer) / tasks);
  return {out};
}

}  // namespace

TEST_CASE("Function: a lambda that captures does not make one, so nothing in it can go stale", "[function]") {
  [[maybe_unused]] const double captured = 2;
  [[maybe_unused]] const auto capturing = [captured](Inputs& in, const Config&) -> std::vector<Vars> {
    return {captured * in.next("x")};
  };
  [[maybe_unused]] const auto pure = [](Inputs& in, const Config&) -> std::vector<Vars> {
    return {2.0 * in.next("x")};
  };
  [[maybe_unused]] const auto plain = [](Inputs& in) -> std::vector<Vars> { return {2.0 * in.next("x")}; };
  // The constructor's static_assert asks this and says why; tests/consumer/refused.cpp reads what it says.
  STATIC_REQUIRE_FALSE(is_function_body<decltype(capturing), Config>);
  STATIC_REQUIRE(is_function_body<decltype(pure), Config>);
  STATIC_REQUIRE(is_function_body<decltype(plain)>);
  STATIC_REQUIRE_FALSE(is_function_body<decltype(plain), Config>);  // a Config that nobody reads
}

TEST_CASE("function: one plan per Config and per shape, found again later") {
  const Function<Config> f("scaled", scaled);
  traces = 0;
  Tensor one = Tensor::scalar(3), row = numbers({1, 1, 4}, 1);
  CHECK(f({2, 2}, {one})[0]["y"].item() == 18);
  CHECK(f({2, 2}, {one})[0]["y"].item() == 18);
  CHECK(traces == 1);
  CHECK(f({5, 2}, {one})[0]["y"].item() == 45);
  CHECK(f({2, 2}, {row})[0]["y"].shape() == row.shape());
  CHECK(f({2, 2}, {one.to(Dtype::f32)})[0]["y"].dtype() == Dtype::f32);
  CHECK(traces == 4);
  CHECK(f({2, 2}, {Tensor::scalar(-1)})[0]["y"].item() == 2);
  CHECK(traces == 4);
}

TEST_CASE("function: the cache of plans is bounded") {
  const Function<Config> f("scaled", scaled);
  Tensor one = Tensor::scalar(1);
  for (int i = 0; i < 40; ++i) f({static_cast<double>(i), 1}, {one});
  traces = 0;
  f({39, 1}, {one});
  CHECK(traces == 0);  // the most recent are kept
  f({0, 1}, {one});
  CHECK(traces == 1);  // the oldest are gone
}

TEST_CASE(
    "function: what depends on fixed arguments alone is computed anew exactly when one of them is another tensor") {
  const Function<> f("product", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    Var theta = in.next_var("theta"), v = in.next_var("v");
    Vars out;
    out.add("y", exp(tanh(theta) * 2.0) * v);
    return {out};
  });
  Tensor theta = numbers({2, 3, 2}, 1), other = numbers({2, 3, 2}, 2);
  const auto expected = [](const Tensor& t, double v) {
    const Function<> plain("plain", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
      Var x = in.next_var("theta"), w = in.next_var("v");
      Vars out;
      out.add("y", exp(tanh(x) * 2.0) * w);
      return {out};
    });
    return plain({}, {t, Tensor::scalar(v)})[0];
  };
  for (double v : {1.0, 2.0, -0.5})
    CHECK(bitwise_equal(f({}, {fixed(theta), Tensor::scalar(v)})[0], expected(theta, v)));
  CHECK(bitwise_equal(f({}, {fixed(other), Tensor::scalar(2.0)})[0], expected(other, 2)));
  CHECK(bitwise_equal(f({}, {fixed(theta), Tensor::scalar(3.0)})[0], expected(theta, 3)));
  // Writing into the tensor gives it other storage, since the plan still holds the old one.
  theta.set(1, 2, 1, 0.25);
  CHECK(bitwise_equal(f({}, {fixed(theta), Tensor::scalar(3.0)})[0], expected(theta, 3)));
}

// [threads] kernels/cpu/dense.cpp
TEST_CASE("function: threads share the wide layers of a single task, and change no bit of values or gradients",
          "[threads]") {
  const Function<> f("wide", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    const Var x = in.next_var("x"), w1 = in.next_var("w1"), b1 = in.next_var("b1"), w2 = in.next_var("w2"),
              b2 = in.next_var("b2");
    const Var y = dense(dense(x, w1, b1, Activation::tanh), w2, b2, Activation::relu);
    const std::vector<Var> slopes = grad(sum_all(square(y)), std::array{x, w1, b1, w2, b2});
    Vars out("y", y);
    for (std::size_t k = 0; k < slopes.size(); ++k) out.add(std::to_string(k), slopes[k]);
    return {out};
  });
  const Tensor x = numbers({1, 160, 100}, 1), w1 = numbers({1, 100, 130}, 2), b1 = numbers({1, 1, 130}, 3),
               w2 = numbers({1, 130, 120}, 4), b2 = numbers({1, 1, 120}, 5);
  ThreadCount one_thread(1);
  const Tensors expected = f({}, {x, w1, b1, w2, b2})[0];
  for (int threads : {2, 4}) {
    ThreadCount several(threads);
    CHECK(bitwise_equal(f({}, {x, w1, b1, w2, b2})[0], expected));
  }
}

// [threads] kernels/cpu/mlp.cpp
TEST_CASE("function: the fused network of several tasks has the same bits for 1, 2 and 4 threads", "[threads]") {
  const Function<> f("networks", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    const Var x = in.next_var("x"), w1 = in.next_var("w1"), b1 = in.next_var("b1"), w2 = in.next_var("w2"),
              b2 = in.next_var("b2");
    const std::array theta{w1, b1, w2, b2};
    const Var loss = sum_tasks(mean_all(square(fused_mlp(x, theta, Activation::tanh))));
    const std::vector<Var> slopes = grad(loss, theta), twice = hvp(loss, theta, theta);
    Vars out("loss", loss);
    for (std::size_t k = 0; k < theta.size(); ++k)
      out.add("g" + std::to_string(k), slopes[k]), out.add("h" + std::to_string(k), twice[k]);
    return {out};
  });
  const Tensor x = numbers({8, 30, 6}, 1), w1 = numbers({1, 6, 10}, 2), b1 = numbers({1, 1, 10}, 3),
               w2 = numbers({1, 10, 3}, 4), b2 = numbers({1, 1, 3}, 5);
  ThreadCount one_thread(1);
  const Tensors expected = f({}, {x, w1, b1, w2, b2})[0];
  for (int threads : {2, 4}) {
    ThreadCount several(threads);
    CHECK(bitwise_equal(f({}, {x, w1, b1, w2, b2})[0], expected));
  }
}

// [threads] autodiff/program.cpp
TEST_CASE("function: several phases, and the same bits for 1, 2 and 4 threads", "[threads]") {
  const Function<> f("meta", several_phases);
  Tensor theta = numbers({1, 24, 16}, 3), x(Shape{8, 60, 24});
  for (int task = 0; task < 8; ++task) {
    Tensor part = numbers({1, 60, 24}, 100 + static_cast<std::uint64_t>(task));
    std::copy_n(part.values<double>().begin(), part.size(),
                x.mutable_values<double>().begin() + static_cast<std::ptrdiff_t>(task) * 60 * 24);
  }
  ThreadCount one_thread(1);
  const Tensors one = f({}, {theta, x})[0];
  for (int threads : {2, 4}) {
    ThreadCount several(threads);
    CHECK(bitwise_equal(f({}, {theta, x})[0], one));
  }

  // And the same as evaluating every node when it is appended.
  Graph eager(Dtype::f64, Graph::Mode::eager);
  Vars first, second;
  first.add("", eager.input(theta, "theta")), second.add("", eager.input(x, "x"));
  Inputs inputs(eager, {first, second});
  const Vars expected = several_phases(inputs, {})[0];
  for (std::size_t i = 0; i < expected.count(); ++i) CHECK(bitwise_equal(one[i], expected[i].value()));
  CHECK(one["loss_after"].shape() == Shape{8, 1, 1});
}

TEST_CASE("function: arguments are checked, with names") {
  const Function<> f("meta", several_phases);
  CHECK_THROWS_WITH(f({}, {Tensor::scalar(1), Tensor::full({1, 1, 1}, 1, Dtype::f32)}),
                    ContainsSubstring("meta") && ContainsSubstring("mix f32 and f64"));
  CHECK_THROWS_WITH(f({}, {Tensor::scalar(1)}), ContainsSubstring("more arguments than it was given"));
  CHECK_THROWS_WITH(f({}, {Tensor(), Tensor::scalar(1)}), ContainsSubstring("empty tensor"));
}

TEST_CASE("function: arguments grouped otherwise, or named otherwise, are another program") {
  const Function<> first("first", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    const Vars a = in.next("a"), b = in.next("b");
    Var sum = a[0];
    for (std::size_t i = 1; i < a.count(); ++i) sum = sum + a[i];
    return {Vars(b.name(0) + ", and the sum of the first group", sum)};
  });
  Tensors a, ab, c, bc;
  a.add("a", Tensor::scalar(1));
  ab.add("a", Tensor::scalar(1)), ab.add("b", Tensor::scalar(10));
  c.add("c", Tensor::scalar(100));
  bc.add("b", Tensor::scalar(10)), bc.add("c", Tensor::scalar(100));
  CHECK(first({}, {ab, c})[0][0].item() == 11);
  CHECK(first({}, {a, bc})[0][0].item() == 1);
  CHECK(first({}, {ab, c})[0].name(0) == "c, and the sum of the first group");
  CHECK(first({}, {ab, c[0]})[0].name(0) == ", and the sum of the first group");
}

TEST_CASE("function: one argument too many is refused, as one too few is") {
  const Function<Config> f("scaled", scaled);
  CHECK_THROWS_WITH(f({2, 2}, {Tensor::scalar(1), Tensor::scalar(2)}),
                    ContainsSubstring("scaled was given 2 arguments and takes 1"));
  CHECK(f({2, 2}, {Tensor::scalar(3)})[0]["y"].item() == 18);
}

TEST_CASE("function: a body that returns an empty Var, or one of another graph, is refused by name") {
  const Function<> empty("empty", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    in.next_var("x");
    return {Vars("y", Var{})};
  });
  const Function<> foreign("foreign", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    static Graph other;
    in.next_var("x");
    return {Vars("y", other.fill({1, 1, 1}, 1))};
  });
  CHECK_THROWS_WITH(empty({}, {Tensor::scalar(1)}), ContainsSubstring("empty: its result 'y' is an empty Var"));
  CHECK_THROWS_WITH(foreign({}, {Tensor::scalar(1)}), ContainsSubstring("foreign: its result 'y' belongs to another"));
}

TEST_CASE("function: a Config is found again by its bits: 0 is not -0, and a NaN is itself") {
  const Function<Config> f("inverse", [](Inputs& in, const Config& c) -> std::vector<Vars> {
    ++traces;
    return {Vars("y", reciprocal(c.factor * in.next_var("x")))};
  });
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  traces = 0;
  CHECK(f({0.0, 1}, {Tensor::scalar(1)})[0]["y"].item() == infinity);
  CHECK(f({-0.0, 1}, {Tensor::scalar(1)})[0]["y"].item() == -infinity);
  for (int call = 0; call < 3; ++call) CHECK(std::isnan(f({nan, 1}, {Tensor::scalar(1)})[0]["y"].item()));
  CHECK(traces == 3);
}

// [threads] autodiff/function.cpp
TEST_CASE("function: several threads may call one Function", "[function][threads]") {
  const Function<> f("f", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    const Var x = in.next_var("x");
    return {Vars("y", sum_all(x * x))};
  });
  ThreadCount two(2);
  std::atomic<long> wrong = 0;
  const auto call = [&](int i) {
    wrong += f({}, {Tensor::full({8, 5 + i % 3, 40}, 1)})[0][0].at(7, 0, 0) != 40.0 * (5 + i % 3);
  };
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&, k] {
      // Some calls come from inside a parallel_for, whose threads wait for the same Function.
      for (int i = 0; i < 300; ++i)
        if (i % 3 == 0) parallel_for(2, [&](int j, int) { call(i + j); });
        else call(i + k);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("function: check_finite names the first node that is not finite, and its line") {
  const Function<> f("careless", [](Inputs& in, const NoSpec&) -> std::vector<Vars> {
    Var x = in.next_var("x");
    Vars out;
    out.add("y", exp(log(x) * 2.0) + 1.0);
    return {out};
  });
  f.set_check_finite(true);
  CHECK_NOTHROW(f({}, {Tensor::scalar(2)}));
  CHECK_THROWS_WITH(f({}, {Tensor::scalar(-2)}), ContainsSubstring("careless") && ContainsSubstring("log #1") &&
                                                     ContainsSubstring("function_test.cpp:"));
  CHECK_THROWS_AS(f({}, {Tensor::scalar(-2)}), NonFiniteError);
}
