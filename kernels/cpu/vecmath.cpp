#include "kernels/cpu/vecmath.h"

#include <cstring>

namespace innerloop::kernels::vecmath {

namespace {

// y[i] = f(x[i]) in blocks of fixed length. The block lies in local arrays, so the compiler knows that nothing overlaps
// and makes straight vector code of it; the last, incomplete block runs through the same code, filled up with zeros.
template <class T, class F>
[[gnu::always_inline]] inline void map(const T* x, T* y, std::size_t n, F f) {
  constexpr std::size_t block = 64 / sizeof(T);
  T in[block], out[block];
  std::size_t i = 0;
  for (; i + block <= n; i += block) {
    std::memcpy(in, x + i, sizeof in);
    for (std::size_t j = 0; j < block; ++j) out[j] = f(in[j]);
    std::memcpy(y + i, out, sizeof out);
  }
  if (i == n) return;
  std::memset(in, 0, sizeof in);
  std::memcpy(in, x + i, (n - i) * sizeof(T));
  for (std::size_t j = 0; j < block; ++j) out[j] = f(in[j]);
  std::memcpy(y + i, out, (n - i) * sizeof(T));
}

}  // namespace

template <class T>
void exp(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return exp(v); });
}
template <class T>
void expm1(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return expm1(v); });
}
template <class T>
void log(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return log(v); });
}
template <class T>
void log1p(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return log1p(v); });
}
template <class T>
void tanh(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return tanh(v); });
}
template <class T>
void sigmoid(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return sigmoid(v); });
}
template <class T>
void softplus(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return softplus(v); });
}
template <class T>
void sin(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return sin(v); });
}
template <class T>
void cos(const T* x, T* y, std::size_t n) {
  map(x, y, n, [](T v) { return cos(v); });
}

template void exp(const float*, float*, std::size_t);
template void exp(const double*, double*, std::size_t);
template void expm1(const float*, float*, std::size_t);
template void expm1(const double*, double*, std::size_t);
template void log(const float*, float*, std::size_t);
template void log(const double*, double*, std::size_t);
template void log1p(const float*, float*, std::size_t);
template void log1p(const double*, double*, std::size_t);
template void tanh(const float*, float*, std::size_t);
template void tanh(const double*, double*, std::size_t);
template void sigmoid(const float*, float*, std::size_t);
template void sigmoid(const double*, double*, std::size_t);
template void softplus(const float*, float*, std::size_t);
template void softplus(const double*, double*, std::size_t);
template void sin(const float*, float*, std::size_t);
template void sin(const double*, double*, std::size_t);
template void cos(const float*, float*, std::size_t);
template void cos(const double*, double*, std::size_t);

}  // namespace innerloop::kernels::vecmath
