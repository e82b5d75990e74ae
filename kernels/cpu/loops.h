// The loops that the operator kernels are written with. Internal to kernels/cpu.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

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

// `times` copies of x[0 … n−1], one after the other; what is written is copied in turn, so that few calls do it.
template <class T>
inline void repeat(const T* x, std::size_t n, std::size_t times, T* to) {
  copy(x, to, n);
  for (std::size_t done = n; done < n * times;) {
    const std::size_t more = done < n * times - done ? done : n * times - done;
    copy(to, to + done, more);
    done += more;
  }
}

// f(std::integral_constant<int, cols>) for short rows, f(cols) for all others. A length that the compiler knows turns
// the copy of a short row into one move.
template <class F>
inline void with_length(int cols, F f) {
  switch (cols) {
    case 1: return f(std::integral_constant<int, 1>{});
    case 2: return f(std::integral_constant<int, 2>{});
    case 3: return f(std::integral_constant<int, 3>{});
    case 4: return f(std::integral_constant<int, 4>{});
    case 5: return f(std::integral_constant<int, 5>{});
    case 6: return f(std::integral_constant<int, 6>{});
    case 7: return f(std::integral_constant<int, 7>{});
    case 8: return f(std::integral_constant<int, 8>{});
    default: return f(cols);
  }
}

inline std::size_t count(int n) { return static_cast<std::size_t>(n); }

}  // namespace innerloop::kernels::cpu
