#include "kernels/cpu/vecmath.h"

#include <cstring>

#include "kernels/cpu/loops.h"

namespace innerloop::kernels::vecmath {

namespace {

// y[i] = f(x[i]). The numbers go straight from x to y: a block that passes through a local array is written there in
// pieces of 16 bytes and read as vectors of 32, which AVX2 processors wait for, longer than for f. What does not fill
// 64 bytes at the end runs in a block of its own, filled up with zeros, so that it takes the vector code too.
template <class T, class F>
[[gnu::always_inline]] inline void map(const T* x, T* y, std::size_t n, F f) {
  constexpr std::size_t block = 64 / sizeof(T);
  const std::size_t whole = n / block * block;
  cpu::each(whole, [=](std::size_t i) { y[i] = f(x[i]); });
  if (whole == n) return;
  T in[block] = {}, out[block];
  std::memcpy(in, x + whole, (n - whole) * sizeof(T));
  for (std::size_t j = 0; j < block; ++j) out[j] = f(in[j]);
  std::memcpy(y + whole, out, (n - whole) * sizeof(T));
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
