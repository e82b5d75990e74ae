// One result per row, or a row made to sum to 1: sum_cols, logsumexp, softmax, the log-probability of a Gaussian.
//
// A row is worked on by a team: one thread if the row is short, a warp of 32 if it is long. The lanes of a warp read
// neighbouring numbers and add up what they have by a butterfly of shuffles: lane l and lane l xor 16 add, then l and
// l xor 8, and so on, after which every lane holds the same sum, to the last bit.
#include <limits>

#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/grid.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

constexpr int longest_row_of_a_thread = 64;
constexpr unsigned whole_warp = 0xffffffff;

// f(0) … f(cols − 1) added in f64 by a team of `lanes` threads, of which this is number `lane`.
template <int lanes, class F>
SIMT_DEVICE double team_sum(int lane, int cols, F f) {
  double sum = 0;
  for (int c = lane; c < cols; c += lanes) sum += static_cast<double>(f(c));
  if constexpr (lanes == 32)
    for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(whole_warp, sum, distance);
  return sum;
}

// What is taken off a row before exp: its maximum, or 0 where that is infinite or the row is all NaN.
template <int lanes, class T>
SIMT_DEVICE T row_shift(int lane, const T* z, int cols) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  T largest = -infinity;
  for (int c = lane; c < cols; c += lanes) largest = z[c] > largest ? z[c] : largest;
  if constexpr (lanes == 32)
    for (int distance = 16; distance > 0; distance /= 2) {
      const T other = __shfl_xor_sync(whole_warp, largest, distance);
      largest = other > largest ? other : largest;
    }
  return largest > -infinity && largest < infinity ? largest : T(0);
}

// y[r] = Σ_c a[r, c]
template <class T>
struct SumCols {
  View<T> y;
  View<const T> a;

  template <int lanes>
  SIMT_DEVICE void run(int lane, int t, int r) const {
    const T* row = a.task(t) + static_cast<std::size_t>(r) * a.cols;
    const double sum = team_sum<lanes>(lane, a.cols, [row](int c) { return row[c]; });
    if (lane == 0) y.task(t)[r] = static_cast<T>(sum);
  }
};

// y[r] = m + log Σ_c exp(z[r, c] − m),  m = max_c z[r, c]
template <class T>
struct LogSumExp {
  View<T> y;
  View<const T> a;

  template <int lanes>
  SIMT_DEVICE void run(int lane, int t, int r) const {
    const T* row = a.task(t) + static_cast<std::size_t>(r) * a.cols;
    const T shift = row_shift<lanes>(lane, row, a.cols);
    const double sum = team_sum<lanes>(lane, a.cols, [=](int c) { return vecmath::exp(row[c] - shift); });
    if (lane == 0) y.task(t)[r] = shift + vecmath::log(static_cast<T>(sum));
  }
};

// y[r, c] = exp(z[r, c] − m)/Σ_c exp(z[r, c] − m)
template <class T>
struct Softmax {
  View<T> y;
  View<const T> a;

  template <int lanes>
  SIMT_DEVICE void run(int lane, int t, int r) const {
    const std::size_t first = static_cast<std::size_t>(r) * a.cols;
    const T* row = a.task(t) + first;
    const T shift = row_shift<lanes>(lane, row, a.cols);
    const T sum =
        static_cast<T>(team_sum<lanes>(lane, a.cols, [=](int c) { return vecmath::exp(row[c] - shift); }));
    for (int c = lane; c < a.cols; c += lanes) y.task(t)[first + c] = vecmath::exp(row[c] - shift) / sum;
  }
};

// y[r] = Σ_c −½((x − μ)/σ)² − log σ − ½ log 2π
template <class T>
struct GaussianLogProb {
  View<T> y;
  View<const T> a, log_sigma, x;  // a: the means

  template <int lanes>
  SIMT_DEVICE void run(int lane, int t, int r) const {
    constexpr T half_log_two_pi = T(0.91893853320467274178);
    const std::size_t first = static_cast<std::size_t>(r) * a.cols;
    const T *mean = a.task(t) + first, *action = x.task(t) + first, *log_s = log_sigma.task(t);
    const double sum = team_sum<lanes>(lane, a.cols, [=](int c) {
      const T u = (action[c] - mean[c]) * vecmath::exp(-log_s[c]);
      return T(-0.5) * (u * u) - log_s[c] - half_log_two_pi;
    });
    if (lane == 0) y.task(t)[r] = static_cast<T>(sum);
  }
};

// Every row of every task by its team. blockDim.x is the team, blockDim.y the teams of a block.
template <int lanes, class F>
SIMT_KERNEL void for_rows(F f, int rows, int tasks) {
  const int step = static_cast<int>(gridDim.x * blockDim.y);
  for (int t = static_cast<int>(blockIdx.y); t < tasks; t += static_cast<int>(gridDim.y))
    for (int r = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y); r < rows; r += step)
      f.template run<lanes>(static_cast<int>(threadIdx.x), t, r);
}

template <int lanes, class F>
void launch_teams(F f, int rows, const DeviceCall& call) {
  constexpr unsigned teams = threads_per_block / lanes;
  const unsigned blocks = std::min((static_cast<unsigned>(rows) + teams - 1) / teams, most_blocks);
  simt::launch({.grid = {blocks, grid_tasks(call.tasks)}, .block = {lanes, teams}, .stream = call.stream},
               for_rows<lanes, F>, f, rows, call.tasks);
}

template <class F>
void launch_rows(F f, const DeviceCall& call) {
  if (f.a.cols <= longest_row_of_a_thread) launch_teams<1>(f, f.a.rows, call);
  else launch_teams<32>(f, f.a.rows, call);
}

template <class T>
void sum_cols(const DeviceCall& call) {
  launch_rows(SumCols<T>{view<T>(call.out), view<const T>(call.in[0])}, call);
}
template <class T>
void logsumexp(const DeviceCall& call) {
  launch_rows(LogSumExp<T>{view<T>(call.out), view<const T>(call.in[0])}, call);
}
template <class T>
void softmax(const DeviceCall& call) {
  launch_rows(Softmax<T>{view<T>(call.out), view<const T>(call.in[0])}, call);
}
template <class T>
void gaussian_log_prob(const DeviceCall& call) {
  launch_rows(GaussianLogProb<T>{view<T>(call.out), view<const T>(call.in[0]), view<const T>(call.in[1]),
                                 view<const T>(call.in[2])},
              call);
}

}  // namespace

std::span<const DeviceKernelRow> distribution_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::sum_cols, sum_cols<float>, sum_cols<double>},
      {Op::logsumexp, logsumexp<float>, logsumexp<double>},
      {Op::softmax, softmax<float>, softmax<double>},
      {Op::gaussian_log_prob, gaussian_log_prob<float>, gaussian_log_prob<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
