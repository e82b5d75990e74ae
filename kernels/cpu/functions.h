// exp, log, tanh and their kin over arrays: y[n] = f(x[n]); y may be x. Internal to kernels/cpu.
#pragma once

#include <cmath>
#include <cstddef>

#include "kernels/cpu/loops.h"
#include "kernels/reference/scalar.h"

namespace innerloop::kernels::cpu::functions {

template <class T>
void exp(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = std::exp(x[i]); });
}
template <class T>
void log(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = std::log(x[i]); });
}
template <class T>
void log1p(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = std::log1p(x[i]); });
}
template <class T>
void expm1(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = std::expm1(x[i]); });
}
template <class T>
void tanh(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = std::tanh(x[i]); });
}
template <class T>
void sigmoid(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = reference::scalar::sigmoid(x[i]); });
}
template <class T>
void softplus(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = reference::scalar::softplus(x[i]); });
}
template <class T>
void sin(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = std::sin(x[i]); });
}
template <class T>
void cos(const T* x, T* y, std::size_t n) {
  each(n, [=](std::size_t i) { y[i] = std::cos(x[i]); });
}

}  // namespace innerloop::kernels::cpu::functions
