// The loops that the operator kernels are written with. Internal to kernels/cpu.
#pragma once

#include <cstddef>
#include <cstring>

#include "kernels/ops.h"

namespace innerloop::kernels::cpu {

// f(0) … f(n−1), vectorised. Promises the compiler that no iteration reads what another one writes; reading and writing
// the same place within one iteration, as elementwise kernels in place do, is fine.
template <class F>
inline void each(std::size_t n, F f) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (std::size_t i = 0; i < n; ++i) f(i);
}

// The two kinds of operand of an elementwise kernel: one number per element, or one number for all.
template <class T>
struct Many {
  const T* values;
  T operator[](std::size_t n) const { return values[n]; }
};
template <class T>
struct One {
  T value;
  T operator[](std::size_t) const { return value; }
};

// body(operand): the loop inside is compiled for both kinds.
template <class T, class Body>
inline void with_operand(const Matrix& matrix, Body body) {
  if (matrix.size() == 1)
    body(One<T>{*matrix.as<T>()});
  else
    body(Many<T>{matrix.as<T>()});
}

// Row r of a matrix.
template <class T>
inline T* row(const Matrix& matrix, int r) {
  return matrix.as<T>() + static_cast<std::size_t>(r) * static_cast<std::size_t>(matrix.cols);
}

template <class T>
inline void copy(const T* from, T* to, std::size_t n) {
  std::memcpy(to, from, n * sizeof(T));
}

template <class T>
inline void fill(T* to, std::size_t n, T value) {
  for (std::size_t i = 0; i < n; ++i) to[i] = value;
}

inline std::size_t count(int n) { return static_cast<std::size_t>(n); }

}  // namespace innerloop::kernels::cpu
