#include "kernels/cpu/gemm.h"

#include <cstddef>

namespace innerloop::kernels {

template <class T>
void gemm(int m, int n, int k, const T* a, int lda, bool transpose_a, const T* b, int ldb, bool transpose_b, T* c,
          int ldc, bool accumulate) {
  const std::ptrdiff_t a_row = transpose_a ? 1 : lda, a_col = transpose_a ? lda : 1;
  const std::ptrdiff_t b_row = transpose_b ? 1 : ldb, b_col = transpose_b ? ldb : 1;
  for (int i = 0; i < m; ++i) {
    T* row = c + static_cast<std::ptrdiff_t>(i) * ldc;
    if (!accumulate)
      for (int j = 0; j < n; ++j) row[j] = 0;
    for (int p = 0; p < k; ++p)
      for (int j = 0; j < n; ++j) row[j] += a[i * a_row + p * a_col] * b[p * b_row + j * b_col];
  }
}

template <class T>
void gemm_bias(int m, int n, int k, const T* a, int lda, const T* b, int ldb, const T* bias, T* c, int ldc) {
  gemm(m, n, k, a, lda, false, b, ldb, false, c, ldc, false);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) c[static_cast<std::ptrdiff_t>(i) * ldc + j] += bias[j];
}

template void gemm<float>(int, int, int, const float*, int, bool, const float*, int, bool, float*, int, bool);
template void gemm<double>(int, int, int, const double*, int, bool, const double*, int, bool, double*, int, bool);
template void gemm_bias<float>(int, int, int, const float*, int, const float*, int, const float*, float*, int);
template void gemm_bias<double>(int, int, int, const double*, int, const double*, int, const double*, double*, int);

}  // namespace innerloop::kernels
