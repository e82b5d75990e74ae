// How far a kernel's result may be from the reference, for tests and nothing else.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/reference.h"
#include "tests/catch.h"
#include "tests/kernels/operator_instances.h"
#include "tests/kernels/terms.h"

namespace innerloop::kernels {

template <class T>
constexpr Dtype dtype_of = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;

// Runs `run` on the instance's numbers as T. Every output starts as NaN, so that one left unwritten is seen.
// `offset` moves all data by that many elements: another alignment. in_place = k gives input k's memory to the output.
template <class T, class Run>
std::vector<T> compute(const Instance& instance, Run run, std::size_t offset = 0, int in_place = -1) {
  std::vector<std::vector<T>> storage;
  std::vector<Matrix> in;
  for (std::size_t k = 0; k < instance.in.size(); ++k) {
    storage.emplace_back(offset + instance.values[k].size());
    for (std::size_t n = 0; n < instance.values[k].size(); ++n)
      storage[k][offset + n] = static_cast<T>(instance.values[k][n]);
  }
  for (std::size_t k = 0; k < instance.in.size(); ++k)
    in.push_back({storage[k].data() + offset, instance.in[k].rows, instance.in[k].cols});
  std::vector<T> out(offset + instance.out.count(), static_cast<T>(std::numeric_limits<double>::quiet_NaN()));
  Matrix result{out.data() + offset, instance.out.rows, instance.out.cols};
  if (in_place >= 0) result.data = in[static_cast<std::size_t>(in_place)].data;
  run(Call{result, in.data(), static_cast<int>(in.size()), instance.tasks, instance.attr});
  return {result.as<T>(), result.as<T>() + result.size()};
}

inline std::vector<long double> exact(const Instance& instance) {
  return compute<long double>(instance, [&](const Call& call) { reference::run<long double>(instance.op, call); });
}

// Σ|terms| of every output of a network, with the terms followed from the inputs (terms.h).
inline std::vector<long double> sizes_of_terms(const Instance& instance) {
  std::vector<long double> sizes;
  for (Terms y : compute<Terms>(instance, [&](const Call& call) { run_with_terms(instance.op, call); }))
    sizes.push_back(y.size);
  return sizes;
}

// Σ|terms| of every output: what rounding errors are measured against. For sums and products of inputs it is the same
// operation on absolute values. Networks follow their terms, which grow with the length of a recurrence: no number is
// judged more mildly than the largest of the result. Elsewhere it is the size of the result.
inline std::vector<long double> magnitude(const Instance& instance, const std::vector<long double>& result) {
  if (is_network(instance.op)) {
    long double largest = 0;
    for (long double v : result) largest = std::max(largest, std::fabs(v));
    std::vector<long double> sizes = sizes_of_terms(instance);
    for (long double& size : sizes) size = std::min(size, largest);
    return sizes;
  }
  Instance absolute = instance;
  for (auto& matrix : absolute.values)
    for (double& v : matrix) v = std::fabs(v);
  switch (instance.op) {
    case Op::sub: absolute.op = Op::add; return exact(absolute);
    case Op::dense: {  // no activation is steeper than 1; it rounds its own result
      absolute.attr.i = 0;
      std::vector<long double> sizes = exact(absolute);
      for (std::size_t n = 0; n < sizes.size(); ++n) sizes[n] += std::fabs(result[n]);
      return sizes;
    }
    case Op::add:
    case Op::add_scalar:
    case Op::matmul:
    case Op::add_row:
    case Op::sum_rows:
    case Op::sum_cols:
    case Op::sum_all:
    case Op::sum_tasks:
    case Op::overlap_add:
    case Op::scatter_rows:
    case Op::linear_recurrence: return exact(absolute);
    case Op::logsumexp:
    case Op::gaussian_log_prob:  // a row has `cols` terms of the order of 1 and above, here at most 8
      return std::vector<long double>(result.size(), 8.0L * instance.in[0].cols);
    case Op::tanh_slope:
    case Op::sigmoid_slope: return std::vector<long double>(result.size(), 100.0L);  // |y|, |g| ≤ 4: g·(1 + y²) ≤ 68
    default: {
      std::vector<long double> sizes = result;
      for (long double& v : sizes) v = std::fabs(v);
      return sizes;
    }
  }
}

// The largest error in units of the tolerance; infinite for a NaN.
template <class T>
long double worst(const std::vector<T>& got, const std::vector<long double>& want,
                  const std::vector<long double>& scale, long double tolerance) {
  long double result = 0;
  for (std::size_t n = 0; n < want.size(); ++n) {
    const long double error = std::fabs(static_cast<long double>(got[n]) - want[n]);
    if (error == 0) continue;
    const long double ratio = error / (tolerance * scale[n]);
    result = std::isnan(ratio) ? std::numeric_limits<long double>::infinity() : std::max(result, ratio);
  }
  return result;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class F>
void for_every_instance(F f) {
  for (int op = static_cast<int>(first_op); op < static_cast<int>(Op::count_); ++op)
    for (const Instance& instance : instances_of(static_cast<Op>(op))) {
      INFO(instance.text());
      f(instance);
    }
}

}  // namespace innerloop::kernels
