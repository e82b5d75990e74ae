// Numbers worked out by hand: what each operation means, shown where its name alone does not say it.
// Every case runs on the reference and on both CPU kernels.
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference.h"
#include "tests/catch.h"
#include "tests/kernels/operator_instances.h"

namespace innerloop::kernels {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
std::vector<double> compute(const Instance& instance, Kernel kernel) {
  std::vector<std::vector<T>> storage;
  std::vector<Matrix> in;
  for (const auto& values : instance.values) storage.emplace_back(values.begin(), values.end());
  for (std::size_t k = 0; k < storage.size(); ++k)
    in.push_back({storage[k].data(), instance.in[k].rows, instance.in[k].cols});
  std::vector<T> out(instance.out.count(), static_cast<T>(nan));
  kernel(Call{{out.data(), instance.out.rows, instance.out.cols},
              in.data(),
              static_cast<int>(in.size()),
              instance.tasks,
              instance.attr});
  return {out.begin(), out.end()};
}

void check_close(const std::vector<double>& got, const std::vector<double>& want, double tolerance) {
  REQUIRE(got.size() == want.size());
  for (std::size_t n = 0; n < want.size(); ++n) {
    INFO("element " << n << ": got " << got[n] << ", want " << want[n]);
    if (std::isnan(want[n]))
      CHECK(std::isnan(got[n]));
    else
      CHECK((got[n] == want[n] || std::fabs(got[n] - want[n]) <= tolerance * std::fmax(1, std::fabs(want[n]))));
  }
}

// The reference and both kernels give `want`.
void expect(const Instance& instance, const std::vector<double>& want) {
  INFO(instance.text());
  for (const auto& row : reference::rows<double>)
    if (row.op == instance.op) check_close(compute<double>(instance, row.kernel), want, 1e-15);
  check_close(compute<double>(instance, find_kernel(Device::cpu, Dtype::f64, instance.op)), want, 1e-15);
  check_close(compute<float>(instance, find_kernel(Device::cpu, Dtype::f32, instance.op)), want, 1e-6);
}

// Elementwise on rows of equal length.
void expect_row(Op op, Attr attr, std::vector<std::vector<double>> in, const std::vector<double>& want) {
  Instance instance{op, attr, {}, {1, static_cast<int>(want.size())}, 1, std::move(in)};
  for (const auto& values : instance.values) instance.in.push_back({1, static_cast<int>(values.size())});
  expect(instance, want);
}

TEST_CASE("slopes take the output, not the input: tanh_slope(y, g) = g(1 - y^2)") {
  expect_row(Op::tanh_slope, {}, {{0, 0.5, -1}, {3, 4, 5}}, {3, 3, 0});
  expect_row(Op::sigmoid_slope, {}, {{0.5, 0.25, 1}, {4, 16, 5}}, {1, 3, 0});
  expect_row(Op::relu_slope, {}, {{2, 0, -1, 0}, {7, 8, 9, nan}}, {7, 0, 0, 0});
}

TEST_CASE("comparisons at ties and bounds") {
  expect_row(Op::less, {}, {{1, 2, 3, nan, 1}, {2, 2, 2, 0, nan}}, {1, 0.5, 0, 0, 0});
  expect_row(Op::step, {}, {{-1, 0, 2, nan}}, {0, 0, 1, 0});
  expect_row(Op::sign, {}, {{-3, 0, 2, nan}}, {-1, 0, 1, 0});
  expect_row(Op::inside, {-1, 2, 0, 0}, {{-1, -0.5, 2, 1.5, 3, nan}}, {0, 1, 0, 1, 0, 0});
  expect_row(Op::clip, {-1, 2, 0, 0}, {{-5, -1, 0.25, 2, 7, nan}}, {-1, -1, 0.25, 2, 2, nan});
  expect_row(Op::relu, {}, {{-5, 0, 0.25, nan}}, {0, 0, 0.25, nan});
  expect_row(Op::abs, {}, {{-5, 0, 0.25, nan, -infinity}}, {5, 0, 0.25, nan, infinity});
}

TEST_CASE("minimum and maximum pass on NaN from either side") {
  expect_row(Op::minimum, {}, {{1, 3, 2, nan, 1}, {2, 1, 2, 1, nan}}, {1, 1, 2, nan, nan});
  expect_row(Op::maximum, {}, {{1, 3, 2, nan, 1}, {2, 1, 2, 1, nan}}, {2, 3, 2, nan, nan});
}

TEST_CASE("select never looks at the branch that is not chosen") {
  expect_row(Op::select, {}, {{1, 0, 1, 0, -2}, {3, nan, nan, infinity, 4}, {nan, 5, 6, 7, nan}}, {3, 5, nan, 7, 4});
  expect_row(Op::select, {}, {{1, 0, 1}, {8, nan, 9}, {0}}, {8, 0, 9});
}

TEST_CASE("softplus, sigmoid and logsumexp do not overflow") {
  const double e = std::exp(-1.0);
  expect_row(Op::softplus, {}, {{-1, 0, 1, 1000, -1000}}, {std::log1p(e), std::log(2.0), 1 + std::log1p(e), 1000, 0});
  expect_row(Op::sigmoid, {}, {{0, 1, -1, 1000, -1000}}, {0.5, 1 / (1 + e), e / (1 + e), 1, 0});
  expect({Op::logsumexp, {}, {{4, 2}}, {4, 1}, 1, {{0, 0, 1000, 1000, -infinity, 3, -infinity, -infinity}}},
         {std::log(2.0), 1000 + std::log(2.0), 3, -infinity});
  expect({Op::softmax, {}, {{2, 2}}, {2, 2}, 1, {{0, std::log(3.0), -2000, 2000}}}, {0.25, 0.75, 0, 1});
}

TEST_CASE("an operand of size 1 is used for every element, on either side") {
  expect_row(Op::sub, {}, {{10}, {1, 2, 3}}, {9, 8, 7});
  expect_row(Op::div, {}, {{2, 4, 6}, {2}}, {1, 2, 3});
  expect_row(Op::mul3, {}, {{2}, {1, 2, 3}, {-1}}, {-2, -4, -6});
}

TEST_CASE("linear recurrence runs either way and is cut by a = 0") {
  // Two sequences side by side: x = 1 2 3 4 and 1 1 1 1; the first is cut at its third step.
  const std::vector<double> x = {1, 1, 2, 1, 3, 1, 4, 1}, a = {0.5, 2, 0.5, 2, 0, 2, 0.5, 2};
  // Forwards 1, 2 + .5, 3 + 0, 4 + 1.5; and 1, 3, 7, 15.
  expect({Op::linear_recurrence, {0, 0, 4, 1}, {{8, 1}, {8, 1}}, {8, 1}, 1, {x, a}}, {1, 1, 2.5, 3, 3, 7, 5.5, 15});
  // Backwards, the discounted return: 4, 3 + 0, 2 + 1.5, 1 + 1.75; and 1, 3, 7, 15.
  expect({Op::linear_recurrence, {0, 0, 4, -1}, {{8, 1}, {8, 1}}, {8, 1}, 1, {x, a}}, {2.75, 15, 3.5, 7, 3, 3, 4, 1});
  // The same numbers as 4 rows of 2 columns.
  expect({Op::linear_recurrence, {0, 0, 4, 1}, {{4, 2}, {4, 2}}, {4, 2}, 1, {x, a}}, {1, 1, 2.5, 3, 3, 7, 5.5, 15});
}

TEST_CASE("products, transposed and not") {
  const std::vector<double> a = {1, 2, 3, 4, 5, 6}, b = {1, 0, 2, 1, 0, 3};
  expect({Op::matmul, {}, {{2, 3}, {3, 2}}, {2, 2}, 1, {a, b}}, {5, 11, 14, 23});
  expect({Op::matmul, {0, 0, 1, 0}, {{3, 2}, {3, 2}}, {2, 2}, 1, {a, b}}, {7, 18, 10, 22});
  expect({Op::matmul, {0, 0, 0, 1}, {{2, 3}, {2, 3}}, {2, 2}, 1, {a, b}}, {7, 10, 16, 22});
  expect({Op::dense,
          {0, 0, static_cast<int>(Activation::relu), 0},
          {{1, 2}, {2, 2}, {1, 2}},
          {1, 2},
          1,
          {{1, 2}, {3, -4, 5, 1}, {0.5, -1}}},
         {13.5, 0});
}

TEST_CASE("rows and columns moved about") {
  const std::vector<double> a = {1, 2, 3, 4, 5, 6};
  expect({Op::shift_rows, {0, 0, 1, 0}, {{3, 2}}, {3, 2}, 1, {a}}, {0, 0, 1, 2, 3, 4});
  expect({Op::shift_rows, {0, 0, -2, 0}, {{3, 2}}, {3, 2}, 1, {a}}, {5, 6, 0, 0, 0, 0});
  expect({Op::pad_rows, {0, 0, 1, 4}, {{2, 3}}, {4, 3}, 1, {a}}, {0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0});
  expect({Op::pad_cols, {0, 0, 1, 4}, {{3, 2}}, {3, 4}, 1, {a}}, {0, 1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0});
  expect({Op::slice_cols, {0, 0, 1, 2}, {{2, 3}}, {2, 2}, 1, {a}}, {2, 3, 5, 6});
  expect({Op::concat_cols, {}, {{2, 1}, {2, 2}}, {2, 3}, 1, {{7, 8}, {1, 2, 3, 4}}}, {7, 1, 2, 8, 3, 4});
  expect({Op::gather_rows, {}, {{3, 2}, {2, 1}}, {2, 2}, 1, {a, {2, 0}}}, {5, 6, 1, 2});
  expect({Op::scatter_rows, {0, 0, 2, 0}, {{3, 2}, {3, 1}}, {2, 2}, 1, {a, {1, 1, 1}}}, {0, 0, 9, 12});
  expect({Op::pick_cols, {}, {{2, 3}, {2, 1}}, {2, 1}, 1, {a, {2, 0}}}, {3, 4});
  expect({Op::place_cols, {0, 0, 0, 3}, {{2, 1}, {2, 1}}, {2, 3}, 1, {{8, 9}, {2, 0}}}, {0, 0, 8, 9, 0, 0});
}

TEST_CASE("windows overlap, touch or leave gaps, a rest that fills none is left out; the transpose adds them up") {
  // Five steps of two channels: step t is 10t, 10t + 1.
  const std::vector<double> a = {0, 1, 10, 11, 20, 21, 30, 31, 40, 41};
  expect({Op::windows, {0, 0, 3, 2}, {{5, 2}}, {2, 6}, 1, {a}}, {0, 1, 10, 11, 20, 21, 20, 21, 30, 31, 40, 41});
  expect({Op::windows, {0, 0, 2, 2}, {{5, 2}}, {2, 4}, 1, {a}}, {0, 1, 10, 11, 20, 21, 30, 31});
  expect({Op::windows, {0, 0, 1, 3}, {{5, 2}}, {2, 2}, 1, {a}}, {0, 1, 30, 31});
  expect({Op::windows, {0, 0, 5, 7}, {{5, 2}}, {1, 10}, 1, {a}}, a);
  // Two windows of two steps: one step apart they meet in the middle, three apart nothing reaches the third step.
  const std::vector<double> w = {1, 2, 3, 4, 10, 20, 30, 40};
  expect({Op::overlap_add, {0, 0, 2, 1}, {{2, 4}}, {3, 2}, 1, {w}}, {1, 2, 13, 24, 30, 40});
  expect({Op::overlap_add, {0, 0, 2, 2}, {{2, 4}}, {4, 2}, 1, {w}}, w);
  expect({Op::overlap_add, {0, 0, 2, 3}, {{2, 4}}, {5, 2}, 1, {w}}, {1, 2, 3, 4, 0, 0, 10, 20, 30, 40});
}

TEST_CASE("sum_tasks adds the blocks of all tasks") {
  expect({Op::sum_tasks, {}, {{3, 2}}, {1, 2}, 3, {{1, 2, 10, 20, 100, 200}}}, {111, 222});
}

TEST_CASE("gaussian_log_prob of two independent components") {
  // One component at its mean, the other two standard deviations off: −½·0 − ½·4 − log σ₁ − log σ₂ − log 2π.
  const double log_sigma_0 = std::log(0.5), log_sigma_1 = std::log(2.0);
  expect({Op::gaussian_log_prob, {}, {{1, 2}, {1, 2}, {1, 2}}, {1, 1}, 1, {{1, 1}, {log_sigma_0, log_sigma_1}, {1, 5}}},
         {-2 - std::log(2 * std::acos(-1.0))});
}

TEST_CASE("one LSTM cell over two steps, by hand") {
  const double u_i = 0.1, u_f = -0.2, u_g = 0.3, u_o = 0.4, h0 = 0.5, c0 = -0.25;
  const std::vector<double> z = {0.1, 0.2, 0.3, 0.4, -0.5, 0.6, -0.7, 0.8};
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (double reset : {0.0, 1.0}) {
    // The second step starts from zeros where it is reset.
    const double i1 = sigmoid(0.1 + u_i * h0), f1 = sigmoid(0.2 + u_f * h0), g1 = std::tanh(0.3 + u_g * h0);
    const double o1 = sigmoid(0.4 + u_o * h0), c1 = f1 * c0 + i1 * g1, h1 = o1 * std::tanh(c1);
    const double h = reset == 0 ? h1 : 0, c = reset == 0 ? c1 : 0;
    const double i2 = sigmoid(-0.5 + u_i * h), f2 = sigmoid(0.6 + u_f * h), g2 = std::tanh(-0.7 + u_g * h);
    const double o2 = sigmoid(0.8 + u_o * h), c2 = f2 * c + i2 * g2, h2 = o2 * std::tanh(c2);
    expect({Op::lstm_sequence,
            {0, 0, 2, 0},
            {{2, 4}, {1, 4}, {1, 1}, {1, 1}, {2, 1}},
            {12, 1},
            1,
            {z, {u_i, u_f, u_g, u_o}, {h0}, {c0}, {0, reset}}},
           {i1, i2, f1, f2, g1, g2, o1, o2, c1, c2, h1, h2});
  }
}

TEST_CASE("a reset LSTM forgets even NaN") {
  expect({Op::lstm_sequence,
          {0, 0, 1, 0},
          {{1, 4}, {1, 4}, {1, 1}, {1, 1}, {1, 1}},
          {6, 1},
          1,
          {{0, 0, 0, 0}, {1, 1, 1, 1}, {nan}, {infinity}, {1}}},
         {0.5, 0.5, 0, 0.5, 0, 0});
}

}  // namespace
}  // namespace innerloop::kernels
