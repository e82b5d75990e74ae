// The reference kernels in complex numbers: Im f(x + ih)/h is f′(x) to machine precision for h = 1e-30.
#include <cmath>
#include <complex>
#include <vector>

#include "kernels/reference.h"
#include "tests/catch.h"
#include "tests/kernels/operator_instances.h"

namespace innerloop::kernels {
namespace {

using reference::Complex;
constexpr double h = 1e-30;

// The derivatives of all inputs' elements along `directions`, and the value, by one complex evaluation.
struct Step {
  std::vector<double> value, slope;
};
Step complex_step(const Instance& instance, const std::vector<std::vector<double>>& directions) {
  std::vector<std::vector<Complex>> storage;
  std::vector<Matrix> in;
  for (std::size_t k = 0; k < instance.values.size(); ++k) {
    storage.emplace_back();
    for (std::size_t n = 0; n < instance.values[k].size(); ++n)
      storage[k].emplace_back(instance.values[k][n], h * directions[k][n]);
  }
  for (std::size_t k = 0; k < storage.size(); ++k)
    in.push_back({storage[k].data(), instance.in[k].rows, instance.in[k].cols});
  std::vector<Complex> out(instance.out.count());
  reference::run<Complex>(instance.op, Call{{out.data(), instance.out.rows, instance.out.cols},
                                            in.data(),
                                            static_cast<int>(in.size()),
                                            instance.tasks,
                                            instance.attr});
  Step result;
  for (Complex y : out) result.value.push_back(y.real()), result.slope.push_back(y.imag() / h);
  return result;
}

std::vector<double> in_double(const Instance& instance) {
  std::vector<std::vector<double>> storage = instance.values;
  std::vector<Matrix> in;
  for (std::size_t k = 0; k < storage.size(); ++k)
    in.push_back({storage[k].data(), instance.in[k].rows, instance.in[k].cols});
  std::vector<double> out(instance.out.count());
  reference::run<double>(instance.op, Call{{out.data(), instance.out.rows, instance.out.cols},
                                           in.data(),
                                           static_cast<int>(in.size()),
                                           instance.tasks,
                                           instance.attr});
  return out;
}

double relative_error(double got, long double want) {
  if (static_cast<long double>(got) == want) return 0;
  return static_cast<double>(std::fabs(got - want) / std::fabs(want));
}

using Real = long double;
struct Smooth {
  const char* name;
  Op op;
  std::vector<double> points;
  Real (*slope)(Real);
};

const std::vector<Smooth>& smooth_functions() {
  static const std::vector<double> anywhere = {-300,  -40,  -20, -1.5, -0.6, -0.4, -1e-3, -1e-12, 0,
                                               1e-12, 1e-3, 0.4, 0.6,  1.5,  20,   40,    300};
  static const std::vector<double> positive = {1e-12, 1e-3, 0.5, 1, 1.5, 20, 1e5};
  static const std::vector<Smooth> all = {
      {"exp", Op::exp, anywhere, [](Real x) { return std::exp(x); }},
      {"log", Op::log, positive, [](Real x) { return 1 / x; }},
      {"log1p",
       Op::log1p,
       {-0.99, -0.6, -0.4, -1e-3, -1e-12, 0, 1e-12, 0.4, 0.6, 3, 1e8, 1e200},
       [](Real x) { return 1 / (1 + x); }},
      {"expm1", Op::expm1, anywhere, [](Real x) { return std::exp(x); }},
      {"tanh", Op::tanh, anywhere, [](Real x) { return 1 / (std::cosh(x) * std::cosh(x)); }},
      {"sigmoid", Op::sigmoid, anywhere,
       [](Real x) {
         return std::exp(-std::fabs(x)) / ((1 + std::exp(-std::fabs(x))) * (1 + std::exp(-std::fabs(x))));
       }},
      {"softplus", Op::softplus, anywhere,
       [](Real x) { return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }},
      {"square", Op::square, anywhere, [](Real x) { return 2 * x; }},
      {"sqrt", Op::sqrt, positive, [](Real x) { return 1 / (2 * std::sqrt(x)); }},
      {"reciprocal", Op::reciprocal, {-20, -1e-3, 1e-3, 3, 1e8}, [](Real x) { return -1 / (x * x); }},
      {"sin", Op::sin, anywhere, [](Real x) { return std::cos(x); }},
      {"cos", Op::cos, anywhere, [](Real x) { return -std::sin(x); }},
  };
  return all;
}

TEST_CASE("complex step gives the slope of every smooth function to 4 eps, also for large arguments") {
  for (const Smooth& f : smooth_functions())
    for (double x : f.points) {
      INFO(f.name << " at " << x);
      const Instance instance{f.op, {}, {{1, 1}}, {1, 1}, 1, {{x}}};
      const Step step = complex_step(instance, {{1}});
      CHECK(relative_error(step.slope[0], f.slope(static_cast<Real>(x))) <= 4 * 2.2e-16);
      const double value = in_double(instance)[0];
      CHECK(std::fabs(step.value[0] - value) <= 4 * 2.2e-16 * std::fabs(value) + 2 * h * h);  // f''·h² remains
    }
}

TEST_CASE("kinks in complex follow the stated conventions") {
  const auto slope = [](Op op, Attr attr, std::vector<double> x, std::vector<double> direction) {
    Instance instance{op, attr, {}, {1, 1}, 1, {}};
    std::vector<std::vector<double>> directions;
    for (std::size_t k = 0; k < x.size(); ++k) {
      instance.in.push_back({1, 1});
      instance.values.push_back({x[k]});
      directions.push_back({direction[k]});
    }
    return complex_step(instance, directions).slope[0];
  };
  // (function, point) → slope: off the kink on both sides, and the minimum-norm subgradient on it.
  CHECK(slope(Op::relu, {}, {-1}, {1}) == 0);
  CHECK(slope(Op::relu, {}, {0}, {1}) == 0);
  CHECK(slope(Op::relu, {}, {1}, {1}) == 1);
  CHECK(slope(Op::abs, {}, {-2}, {1}) == -1);
  CHECK(slope(Op::abs, {}, {0}, {1}) == 0);
  CHECK(slope(Op::abs, {}, {2}, {1}) == 1);
  CHECK(slope(Op::clip, {-1, 1, 0, 0}, {-1}, {1}) == 0);
  CHECK(slope(Op::clip, {-1, 1, 0, 0}, {0.5}, {1}) == 1);
  CHECK(slope(Op::clip, {-1, 1, 0, 0}, {1}, {1}) == 0);
  CHECK(slope(Op::minimum, {}, {1, 2}, {3, 5}) == Approx(3));
  CHECK(slope(Op::minimum, {}, {2, 2}, {3, 5}) == Approx(4));
  CHECK(slope(Op::maximum, {}, {2, 2}, {3, 5}) == Approx(4));
  CHECK(slope(Op::maximum, {}, {1, 2}, {3, 5}) == Approx(5));
  CHECK(slope(Op::select, {}, {0, 1, 1}, {7, 3, 5}) == Approx(5));
  for (Op op : {Op::step, Op::sign, Op::inside}) CHECK(slope(op, {-1, 1, 0, 0}, {0.5}, {1}) == 0);
  CHECK(slope(Op::less, {}, {2, 2}, {3, 5}) == 0);
}

TEST_CASE("the real part of every operation in complex is the operation in double") {
  for (int op = static_cast<int>(first_op); op < static_cast<int>(Op::count_); ++op)
    for (const Instance& instance : instances_of(static_cast<Op>(op))) {
      if (instance.out.count() > 500) continue;
      INFO(instance.text());
      std::vector<std::vector<double>> still;
      for (const auto& values : instance.values) still.emplace_back(values.size(), 0.0);
      const Step step = complex_step(instance, still);
      const std::vector<double> want = in_double(instance);
      double worst = 0, largest = 1;
      for (std::size_t n = 0; n < want.size(); ++n) {
        worst = std::fmax(worst, std::fabs(step.value[n] - want[n]));
        largest = std::fmax(largest, std::fabs(want[n]));
        CHECK(step.slope[n] == 0);
      }
      CHECK(worst <= 1e-14 * largest);
    }
}

TEST_CASE("the slope of logsumexp is softmax") {
  Instance instance{Op::logsumexp, {}, {{1, 4}}, {1, 1}, 1, {{700, 1.5, 702, -800}}};
  Instance softmax = instance;
  softmax.op = Op::softmax, softmax.out = {1, 4};
  const std::vector<double> want = in_double(softmax);
  for (std::size_t k = 0; k < 4; ++k) {
    std::vector<double> direction(4, 0.0);
    direction[k] = 1;
    CHECK(complex_step(instance, {direction}).slope[0] == Approx(want[k]).epsilon(1e-14).margin(1e-300));
  }
}

// ⟨w, J v⟩ by a complex step through the forward pass, ⟨Jᵀ w, v⟩ by the backward kernel.
TEST_CASE("lstm_sequence_bwd is the transposed derivative of lstm_sequence") {
  for (Instance forward : instances_of(Op::lstm_sequence)) {
    INFO(forward.text());
    Numbers numbers(7);
    std::vector<std::vector<double>> v;
    for (Size size : forward.in) v.push_back(numbers.matrix(size, -1, 1));
    v[1].assign(v[1].size(), 0.0);  // the cotangent of U is not this kernel's affair
    v[4].assign(v[4].size(), 0.0);
    const std::vector<double> w = numbers.matrix(forward.out, -1, 1);
    const Step step = complex_step(forward, v);

    const int rows = forward.in[4].rows, batch = forward.in[2].rows, cells = forward.in[2].cols;
    const Instance backward{
        Op::lstm_sequence_bwd,
        forward.attr,
        {forward.out, forward.in[1], forward.in[2], forward.in[3], forward.in[4], forward.out},
        {4 * rows + 2 * batch, cells},
        1,
        {step.value, forward.values[1], forward.values[2], forward.values[3], forward.values[4], w}};
    const std::vector<double> cotangents = in_double(backward);

    std::vector<double> tangents = v[0];
    tangents.insert(tangents.end(), v[2].begin(), v[2].end());
    tangents.insert(tangents.end(), v[3].begin(), v[3].end());
    REQUIRE(tangents.size() == cotangents.size());
    double left = 0, right = 0, scale = 0;
    for (std::size_t n = 0; n < w.size(); ++n) left += w[n] * step.slope[n], scale += std::fabs(w[n] * step.slope[n]);
    for (std::size_t n = 0; n < tangents.size(); ++n) right += cotangents[n] * tangents[n];
    CHECK(std::fabs(left - right) <= 1e-14 * scale);
  }
}

}  // namespace
}  // namespace innerloop::kernels
