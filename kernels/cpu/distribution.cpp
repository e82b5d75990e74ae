// logsumexp, softmax and the log-probability of a diagonal Gaussian.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/loops.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/table.h"
#include "kernels/cpu/vecmath.h"

namespace innerloop::kernels::cpu {
namespace {

// Numbers on the stack that one step works on.
constexpr int block_size = 1024;

// What is taken off a row before exp: its maximum, or 0 where that is infinite or the row is all NaN.
template <class T>
T row_shift(const T* z, int cols) {
  const T largest = lane_max(z, count(cols));
  return std::isfinite(largest) ? largest : T(0);
}

// exp(z[c] − shift) of a part of a row
template <class T>
void subtract(const T* z, T shift, std::size_t n, T* y) {
  each(n, [=](std::size_t c) { y[c] = z[c] - shift; });
}

// A row too long for the block: the sum goes from part to part.
template <class T>
T long_logsumexp(const T* z, int cols) {
  T part[block_size];
  const T shift = row_shift(z, cols);
  double sum = 0;
  for (int c = 0; c < cols; c += block_size) {
    const std::size_t n = count(std::min(block_size, cols - c));
    subtract(z + c, shift, n, part);
    vecmath::exp(part, part, n);
    sum += static_cast<double>(block_sum(part, n));
  }
  T y = static_cast<T>(sum);
  vecmath::log(&y, &y, 1);
  return shift + y;
}

// As many rows at a time as fill a block, so that exp and log always see long arrays.
template <class T>
void logsumexp(const Call& call) {
  const Matrix& z = call.in[0];
  T* y = call.out.as<T>();
  if (z.cols > block_size) {
    for (int r = 0; r < z.rows; ++r) y[r] = long_logsumexp(row<T>(z, r), z.cols);
    return;
  }

  T terms[block_size], shifts[block_size];
  const int block_rows = block_size / z.cols;
  for (int first = 0; first < z.rows; first += block_rows) {
    const int rows = std::min(block_rows, z.rows - first);
    for (int r = 0; r < rows; ++r) {
      shifts[r] = row_shift(row<T>(z, first + r), z.cols);
      subtract(row<T>(z, first + r), shifts[r], count(z.cols), terms + r * z.cols);
    }
    vecmath::exp(terms, terms, count(rows) * count(z.cols));
    T* y_block = y + first;
    row_sums(terms, rows, z.cols, y_block);
    vecmath::log(y_block, y_block, count(rows));
    each(count(rows), [=, shift = &shifts[0]](std::size_t r) { y_block[r] += shift[r]; });
  }
}

// The output holds the terms until their sum is known.
template <class T>
void softmax(const Call& call) {
  const Matrix &z = call.in[0], &y = call.out;
  const int block_rows = std::max(1, block_size / z.cols);
  for (int first = 0; first < z.rows; first += block_rows) {
    const int rows = std::min(block_rows, z.rows - first);
    for (int r = first; r < first + rows; ++r)
      subtract(row<T>(z, r), row_shift(row<T>(z, r), z.cols), count(z.cols), row<T>(y, r));
    vecmath::exp(row<T>(y, first), row<T>(y, first), count(rows) * count(z.cols));
    T sums[block_size];
    row_sums(row<T>(y, first), rows, z.cols, sums);
    for (int r = 0; r < rows; ++r) {
      T* y_r = row<T>(y, first + r);
      each(count(z.cols), [=, sum = sums[r]](std::size_t c) { y_r[c] /= sum; });
    }
  }
}

// The columns first … first+cols−1 of a Gaussian with independent components, prepared for many rows.
template <class T>
struct GaussianColumns {
  static constexpr int capacity = 512;
  T inverse_sigma[capacity];  // repeated for several rows
  T constant = 0;             // Σ_c −log σ − ½ log 2π

  GaussianColumns(const T* log_sigma, int cols, int block_rows) {
    constexpr double half_log_two_pi = 0.91893853320467274178;
    T one_row[capacity];
    for (int c = 0; c < cols; ++c) {
      one_row[c] = vecmath::exp(-log_sigma[c]);
      constant -= log_sigma[c] + static_cast<T>(half_log_two_pi);
    }
    repeat(one_row, count(cols), count(block_rows), inverse_sigma);
  }
};

// log_prob[r] += Σ_c of the terms in `cols` columns of matrices with `stride` columns.
template <class T>
void add_gaussian_terms(const T* mean, const T* log_sigma, const T* action, int rows, int stride, int cols,
                        T* log_prob) {
  const bool gapless = stride == cols;
  const int block_rows = gapless ? std::min(rows, GaussianColumns<T>::capacity / cols) : 1;
  const GaussianColumns<T> gaussian(log_sigma, cols, block_rows);
  T squares[GaussianColumns<T>::capacity], sums[GaussianColumns<T>::capacity];
  for (int first = 0; first < rows; first += block_rows) {
    const int n = std::min(block_rows, rows - first);
    const std::size_t start = count(first) * count(stride);
    each(count(n) * count(cols),
         [mu = mean + start, a = action + start, s = gaussian.inverse_sigma, y = &squares[0]](std::size_t k) {
           const T u = (a[k] - mu[k]) * s[k];
           y[k] = u * u;
         });
    row_sums(squares, n, cols, sums);
    each(count(n), [y = log_prob + first, s = &sums[0], constant = gaussian.constant](std::size_t r) {
      y[r] += constant - T(0.5) * s[r];
    });
  }
}

template <class T>
void gaussian_log_prob(const Call& call) {
  const Matrix &mean = call.in[0], &log_sigma = call.in[1], &action = call.in[2];
  fill(call.out.as<T>(), call.out.size(), T(0));
  for (int c = 0; c < mean.cols; c += GaussianColumns<T>::capacity)
    add_gaussian_terms(mean.as<T>() + c, log_sigma.as<T>() + c, action.as<T>() + c, mean.rows, mean.cols,
                       std::min(GaussianColumns<T>::capacity, mean.cols - c), call.out.as<T>());
}

}  // namespace

std::span<const KernelRow> distribution_rows() {
  static constexpr KernelRow rows[] = {
      {Op::logsumexp, logsumexp<float>, logsumexp<double>},
      {Op::softmax, softmax<float>, softmax<double>},
      {Op::gaussian_log_prob, gaussian_log_prob<float>, gaussian_log_prob<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::cpu
