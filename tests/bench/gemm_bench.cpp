// Matrix products of the sizes that small networks use: ours and Eigen's in turn, and the share of the measured
// multiply-add rate that ours reaches. One thread. The table is Markdown.
//
//   gemm [word ...]      only the products whose name contains one of the words
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the "undefined" vectors of its own AVX-512 header, inlined into Eigen, for uninitialised variables.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <fmt/format.h>
#include <time.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/simd.h"
#include "kernels/threads.h"

namespace {

using namespace innerloop::kernels;

struct Shape {
  int m, n, k;
  bool transpose_a, transpose_b;
  const char* use;
};

constexpr Shape shapes[] = {
    {64, 64, 64, false, false, ""},
    {128, 128, 128, false, false, ""},
    {256, 256, 256, false, false, ""},
    {512, 512, 512, false, false, ""},
    {2000, 64, 64, false, false, "mlp forward"},
    {2000, 64, 64, false, true, "mlp dX"},
    {64, 64, 2000, true, false, "mlp dW"},
    {2000, 64, 2, false, false, "mlp in"},
    {2000, 64, 2, false, true, "mlp out dX"},
    {2000, 2, 64, false, false, "mlp out"},
    {2000, 2, 64, false, true, "mlp in dX"},
    {64, 2, 2000, true, false, "mlp out dW"},
    {2, 64, 2000, true, false, "mlp in dW"},
    {2000, 100, 100, false, false, "mlp forward"},
    {2000, 100, 100, false, true, "mlp dX"},
    {100, 100, 2000, true, false, "mlp dW"},
    {2000, 100, 2, false, false, "mlp in"},
    {2000, 2, 100, false, false, "mlp out"},
    {100, 2, 2000, true, false, "mlp out dW"},
    {2, 100, 2000, true, false, "mlp in dW"},
    {20, 64, 64, false, false, "act, 20 environments"},
    {20, 100, 100, false, false, "act, 20 environments"},
    {1, 64, 64, false, false, "act, 1 environment"},
    {64, 192, 48, false, false, "lstm 48"},
    {64, 512, 128, false, false, "lstm 128"},
    {64, 1024, 256, false, false, "lstm 256"},
    {6400, 1024, 256, false, false, "lstm 256, all steps"},
    {256, 256, 256, false, true, "sac dX"},
    {256, 256, 256, true, false, "sac dW"},
    {100, 64, 64, false, false, "sac 64"},
    {100, 64, 64, false, true, "sac 64 dX"},
    {64, 64, 100, true, false, "sac 64 dW"},
};

// CPU time of this thread, so that other work on the machine counts less.
double seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

// GFLOP/s of multiply-add alone: 12 independent sums in registers.
template <class T>
double measure_peak() {
  using S = Simd<T>;
  constexpr int chains = 12;
  constexpr long rounds = 100000;
  typename S::Vec sum[1][chains], x = S::broadcast(T(0.5)), y = S::broadcast(T(1));
  for_each_vector<1, chains>([&](auto, auto v) __attribute__((always_inline)) { sum[0][v] = S::broadcast(T(v)); });
  const double start = seconds();
  for (long i = 0; i < rounds; ++i) {
    asm volatile("" : "+v"(x), "+v"(y));
    for_each_vector<1, chains>([&](auto, auto v) __attribute__((always_inline)) {
      sum[0][v] = S::multiply_add(sum[0][v], x, y);
    });
  }
  const double time = seconds() - start;
  // All chains are needed for what nobody reads, so none of them is optimised away.
  typename S::Vec needed = y;
  for_each_vector<1, chains>([&](auto, auto v) __attribute__((always_inline)) {
    needed = S::multiply_add(needed, x, sum[0][v]);
  });
  asm volatile("" : : "v"(needed));
  return 2e-9 * static_cast<double>(rounds) * chains * S::width / time;
}

template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
void eigen_product(const Shape& s, const T* a, const T* b, T* c) {
  const Eigen::Map<const RowMajor<T>> A(a, s.transpose_a ? s.k : s.m, s.transpose_a ? s.m : s.k);
  const Eigen::Map<const RowMajor<T>> B(b, s.transpose_b ? s.n : s.k, s.transpose_b ? s.k : s.n);
  Eigen::Map<RowMajor<T>> C(c, s.m, s.n);
  if (s.transpose_a) C.noalias() = A.transpose() * B;
  else if (s.transpose_b) C.noalias() = A * B.transpose();
  else C.noalias() = A * B;
}

template <class T>
void our_product(const Shape& s, const T* a, const T* b, T* c) {
  gemm(s.m, s.n, s.k, a, s.transpose_a ? s.m : s.k, s.transpose_a, b, s.transpose_b ? s.k : s.n, s.transpose_b, c, s.n,
       false);
}

// Seconds of one call, from `calls` calls in a row.
template <class F>
double time_calls(int calls, F&& f) {
  const double start = seconds();
  for (int i = 0; i < calls; ++i) f();
  return (seconds() - start) / calls;
}

// One row of the table: medians of 15 rounds, in each of which the peak, ours and Eigen's are timed in turn.
template <class T>
void measure(const Shape& s, const std::string& name) {
  RowMajor<T> a = RowMajor<T>::Random(s.m, s.k), b = RowMajor<T>::Random(s.k, s.n), c(s.m, s.n);
  const auto ours_once = [&] { our_product(s, a.data(), b.data(), c.data()); };
  const auto eigen_once = [&] { eigen_product(s, a.data(), b.data(), c.data()); };
  const double flop = 2.0 * s.m * s.n * s.k;
  const int calls = static_cast<int>(std::clamp(1.5e8 / flop, 1.0, 20000.0));

  std::vector<double> ours, eigen, peak;
  for (int round = 0; round < 15; ++round) {
    peak.push_back(measure_peak<T>());
    ours.push_back(1e-9 * flop / time_calls(calls, ours_once));
    eigen.push_back(1e-9 * flop / time_calls(calls, eigen_once));
  }
  fmt::print("| {} | {:.0f} | {:.0f} | {:.1f} | {:.0f} | {:.0f}% |\n", name, median(ours), median(eigen),
             median(ours) / median(eigen), median(peak), 100 * median(ours) / median(peak));
}

bool wanted(const std::string& name, int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (name.find(argv[i]) != std::string::npos) return true;
  return argc == 1;
}

}  // namespace

int main(int argc, char** argv) {
  innerloop::set_thread_count(1);
  fmt::print("| product m×n×k | ours, GFLOP/s | Eigen | ratio | peak | ours / peak |\n");
  fmt::print("| --- | --- | --- | --- | --- | --- |\n");
  for (const Shape& s : shapes) {
    const std::string name = fmt::format("{}x{}x{} {}{} {}", s.m, s.n, s.k, s.transpose_a ? 'T' : 'N',
                                         s.transpose_b ? 'T' : 'N', s.use);
    if (wanted("f32 " + name, argc, argv)) measure<float>(s, "f32 " + name);
    if (wanted("f64 " + name, argc, argv)) measure<double>(s, "f64 " + name);
  }
}
