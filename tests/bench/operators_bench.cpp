// Nanoseconds per element of the operator kernels beside memcpy of the same size, f32 and f64.
//
//   operators_bench [rows cols]      (default 2000 × 64, and 64 × 64)
//
// An element is one number of the first input (of the output, where that is larger). The figure is the median of
// repeats.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels/ops.h"

namespace {

using namespace innerloop;

// Median seconds of one call of `body`.
template <class Body>
double seconds(Body body) {
  using Clock = std::chrono::steady_clock;
  const auto once = [&](int calls) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) body();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  int calls = 1;
  while (once(calls) < 5e-4) calls *= 2;
  std::vector<double> samples;
  for (int i = 0; i < 15; ++i) samples.push_back(once(calls) / calls);
  std::nth_element(samples.begin(), samples.begin() + 7, samples.end());
  return samples[7];
}

struct Case {
  const char* name;
  Op op;
  Attr attr;
  int in[3][2];  // rows, cols of the inputs; 0 rows: no further input
  int out[2];
};

template <class T>
double time_of(const Case& c) {
  std::vector<T> data[3], out(static_cast<std::size_t>(c.out[0]) * static_cast<std::size_t>(c.out[1]));
  kernels::Matrix in[3];
  int arity = 0;
  for (; arity < 3 && c.in[arity][0] > 0; ++arity) {
    data[arity].resize(static_cast<std::size_t>(c.in[arity][0]) * static_cast<std::size_t>(c.in[arity][1]));
    for (std::size_t n = 0; n < data[arity].size(); ++n)
      data[arity][n] =
          static_cast<T>(static_cast<double>(n * 2654435761u % 4096) / 2048.0 - (arity == 0 ? 0.999 : 0.5));
    in[arity] = {data[arity].data(), c.in[arity][0], c.in[arity][1]};
  }
  const kernels::Call call{{out.data(), c.out[0], c.out[1]}, in, arity, 1, c.attr};
  const kernels::Kernel kernel = kernels::find_kernel(Device::cpu, sizeof(T) == 4 ? Dtype::f32 : Dtype::f64, c.op);
  const double per_call = seconds([&] { kernel(call); });
  return 1e9 * per_call / static_cast<double>(std::max(in[0].size(), call.out.size()));
}

template <class T>
double memcpy_time(int rows, int cols) {
  const std::size_t size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
  std::vector<T> from(size, T(1)), to(size);
  void* (*volatile copy)(void*, const void*, std::size_t) = std::memcpy;
  return 1e9 * seconds([&] { copy(to.data(), from.data(), size * sizeof(T)); }) / static_cast<double>(size);
}

void table(int r, int c) {
  const int tanh = 1;
  const Case cases[] = {
      {"add", Op::add, {}, {{r, c}, {r, c}, {}}, {r, c}},
      {"add (scalar operand)", Op::add, {}, {{r, c}, {1, 1}, {}}, {r, c}},
      {"mul3", Op::mul3, {}, {{r, c}, {r, c}, {r, c}}, {r, c}},
      {"scale", Op::scale, {2, 0, 0, 0}, {{r, c}, {}, {}}, {r, c}},
      {"select", Op::select, {}, {{r, c}, {r, c}, {r, c}}, {r, c}},
      {"minimum", Op::minimum, {}, {{r, c}, {r, c}, {}}, {r, c}},
      {"clip", Op::clip, {-0.5, 0.5, 0, 0}, {{r, c}, {}, {}}, {r, c}},
      {"relu", Op::relu, {}, {{r, c}, {}, {}}, {r, c}},
      {"tanh_slope", Op::tanh_slope, {}, {{r, c}, {r, c}, {}}, {r, c}},
      {"sqrt", Op::sqrt, {}, {{r, c}, {}, {}}, {r, c}},
      {"div", Op::div, {}, {{r, c}, {r, c}, {}}, {r, c}},
      {"exp", Op::exp, {}, {{r, c}, {}, {}}, {r, c}},
      {"log1p", Op::log1p, {}, {{r, c}, {}, {}}, {r, c}},
      {"tanh", Op::tanh, {}, {{r, c}, {}, {}}, {r, c}},
      {"sigmoid", Op::sigmoid, {}, {{r, c}, {}, {}}, {r, c}},
      {"softplus", Op::softplus, {}, {{r, c}, {}, {}}, {r, c}},
      {"sin", Op::sin, {}, {{r, c}, {}, {}}, {r, c}},
      {"add_row", Op::add_row, {}, {{r, c}, {1, c}, {}}, {r, c}},
      {"add_row, 2 columns", Op::add_row, {}, {{r * c / 2, 2}, {1, 2}, {}}, {r * c / 2, 2}},
      {"broadcast_rows, 2 columns", Op::broadcast_rows, {0, 0, r * c / 2, 0}, {{1, 2}, {}, {}}, {r * c / 2, 2}},
      {"broadcast_cols", Op::broadcast_cols, {0, 0, 0, c}, {{r, 1}, {}, {}}, {r, c}},
      {"broadcast_cols, 2 columns", Op::broadcast_cols, {0, 0, 0, 2}, {{r * c / 2, 1}, {}, {}}, {r * c / 2, 2}},
      {"transpose", Op::transpose, {}, {{r, c}, {}, {}}, {c, r}},
      {"slice_cols, 2 of 6", Op::slice_cols, {0, 0, 2, 2}, {{r * c / 6, 6}, {}, {}}, {r * c / 6, 2}},
      {"concat_cols, 4 + 2", Op::concat_cols, {}, {{r * c / 6, 4}, {r * c / 6, 2}, {}}, {r * c / 6, 6}},
      {"sum_rows", Op::sum_rows, {}, {{r, c}, {}, {}}, {1, c}},
      {"sum_rows, 2 columns", Op::sum_rows, {}, {{r * c / 2, 2}, {}, {}}, {1, 2}},
      {"sum_cols", Op::sum_cols, {}, {{r, c}, {}, {}}, {r, 1}},
      {"sum_cols, 2 columns", Op::sum_cols, {}, {{r * c / 2, 2}, {}, {}}, {r * c / 2, 1}},
      {"sum_all", Op::sum_all, {}, {{r, c}, {}, {}}, {1, 1}},
      {"linear_recurrence", Op::linear_recurrence, {0, 0, r, -1}, {{r, c}, {r, c}, {}}, {r, c}},
      {"logsumexp, 5 columns", Op::logsumexp, {}, {{r * c / 5, 5}, {}, {}}, {r * c / 5, 1}},
      {"softmax, 5 columns", Op::softmax, {}, {{r * c / 5, 5}, {}, {}}, {r * c / 5, 5}},
      {"logsumexp", Op::logsumexp, {}, {{r, c}, {}, {}}, {r, 1}},
      {"softmax", Op::softmax, {}, {{r, c}, {}, {}}, {r, c}},
      {"gaussian, 2 columns", Op::gaussian_log_prob, {}, {{r * c / 2, 2}, {1, 2}, {r * c / 2, 2}}, {r * c / 2, 1}},
      {"dense tanh, 64 inputs", Op::dense, {0, 0, tanh, 0}, {{r, 64}, {64, c}, {1, c}}, {r, c}},
      {"matmul, 64 inner", Op::matmul, {}, {{r, 64}, {64, c}, {}}, {r, c}},
  };
  const double copy32 = memcpy_time<float>(r, c), copy64 = memcpy_time<double>(r, c);
  std::printf("\n%d x %d             ns/element      (multiple of memcpy)\n%-26s %9s %16s\n", r, c, "", "f32", "f64");
  std::printf("%-26s %9.3f (%5.1f) %9.3f (%5.1f)\n", "memcpy", copy32, 1.0, copy64, 1.0);
  for (const Case& one : cases) {
    const double f32 = time_of<float>(one), f64 = time_of<double>(one);
    std::printf("%-26s %9.3f (%5.1f) %9.3f (%5.1f)\n", one.name, f32, f32 / copy32, f64, f64 / copy64);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    table(std::max(6, std::atoi(argv[1])), std::max(6, std::atoi(argv[2])));
    return 0;
  }
  table(2000, 64);
  table(64, 64);
  return 0;
}
