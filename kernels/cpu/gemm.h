// The matrix product on the CPU: no heap, the same bits on every call. Threads share a large one, if it is not called
// from a body of parallel_for.
//
// All matrices are row-major. A stride (lda, ldb, ldc) is the distance in elements between two rows as they are stored,
// so it counts stored columns and is never smaller than their number.
//
// The order in which the k products of an element of C are added depends on (m, n, k) and the transposes alone: not on
// strides, pointers, alignment or threads. Rounding differs between builds for different instruction sets (fused
// multiply-add, vector width), so results are equal bit by bit within one build only.
#pragma once

#include <cstddef>

namespace innerloop::kernels {

// C = op(A)·op(B), or C += op(A)·op(B) with accumulate.   C: (m, n), op(A): (m, k), op(B): (k, n)
// transpose_a: A is stored as (k, m), else as (m, k).  transpose_b: B is stored as (n, k), else as (k, n).
// C overlaps neither A nor B. k = 0 gives C = 0. Numbers beside the matrices (row padding) are neither read into the
// result nor written. Instantiated for float and double.
// panels: what pack made of the same B, or null. It saves time, and changes no bit; B is needed all the same: thin
// products and shared ones read it as it is.
template <class T>
void gemm(int m, int n, int k, const T* a, int lda, bool transpose_a, const T* b, int ldb, bool transpose_b, T* c,
          int ldc, bool accumulate, const T* panels = nullptr);

// op(B) in the order in which products read it, for a B that many products share: a recurrent network multiplies by the
// same weights at every step. Without, each product copies what it does not find in order.
// panels: packed_size<T>(n, k) numbers.
template <class T>
std::size_t packed_size(int n, int k);
template <class T>
void pack(int n, int k, const T* b, int ldb, bool transpose_b, T* panels);

// C = A·B + bias in every row, A: (m, k), B: (k, n), bias: (n). The same bits as gemm followed by one addition; with
// relu, followed by max(0, ·), which costs nothing here (NaN stays NaN). Cheap to call for a few rows at a time (16 and
// more) if B is small, so that the caller can use C while it lies in the cache.
template <class T>
void gemm_bias(int m, int n, int k, const T* a, int lda, const T* b, int ldb, const T* bias, bool relu, T* c, int ldc);

// m·n·k from which on threads share a product: below, waking one costs more than it saves. 40 µs of one thread.
inline constexpr double worth_threads = 2e6;

extern template void gemm<float>(int, int, int, const float*, int, bool, const float*, int, bool, float*, int, bool,
                                 const float*);
extern template void gemm<double>(int, int, int, const double*, int, bool, const double*, int, bool, double*, int,
                                  bool, const double*);
extern template std::size_t packed_size<float>(int, int);
extern template std::size_t packed_size<double>(int, int);
extern template void pack<float>(int, int, const float*, int, bool, float*);
extern template void pack<double>(int, int, const double*, int, bool, double*);
extern template void gemm_bias<float>(int, int, int, const float*, int, const float*, int, const float*, bool, float*,
                                      int);
extern template void gemm_bias<double>(int, int, int, const double*, int, const double*, int, const double*, bool,
                                       double*, int);

}  // namespace innerloop::kernels
