// The curvature of the LSTM: how ⟨bar, tangent⟩ depends on the packed results. There is no product with U in it, so a
// thread takes one cell of one row back through all steps, alone. What it computes: kernels/reference/lstm.h.
#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/grid.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

template <class T>
struct Bend {
  View<T> out;
  View<const T> packed, c0, reset, bar, h_bar, a_dot, c_dot, c0_dot;
  int steps;
};

template <class T>
SIMT_KERNEL void curvature(Bend<T> p) {
  const int batch = p.c0.rows, hidden = p.c0.cols, index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int task = static_cast<int>(blockIdx.y);
  if (index >= batch * hidden) return;
  const int n = index / hidden, k = index % hidden;
  const std::size_t block = static_cast<std::size_t>(p.steps) * batch * hidden,
                    step = static_cast<std::size_t>(batch) * hidden;
  const T *packed = p.packed.task(task), *bar = p.bar.task(task);
  T *out = p.out.task(task), carried = 0,
    to_c = 0;  // what the later step sends to c's cotangent, and to its derivative
  for (int t = p.steps - 1; t >= 0; --t) {
    const std::size_t at = static_cast<std::size_t>(t) * step + static_cast<std::size_t>(index);
    const std::size_t row = static_cast<std::size_t>(t) * batch + n;
    const T* a = p.a_dot.task(task) + row * 4 * hidden + k;
    const bool cleared = p.reset.task(task)[row] != T(0);
    const T i = packed[at], f = packed[at + block], g = packed[at + 2 * block], o = packed[at + 3 * block];
    const T tanh_c = vecmath::tanh(packed[at + 4 * block]), slope = T(1) - tanh_c * tanh_c;
    const T before = cleared ? T(0) : t == 0 ? p.c0.task(task)[index] : packed[at + 4 * block - step];
    const T before_dot = cleared ? T(0) : t == 0 ? p.c0_dot.task(task)[index] : p.c_dot.task(task)[at - step];
    const T ai = a[0], af = a[hidden], ag = a[2 * hidden], ao = a[3 * hidden];
    const T c_dot = p.c_dot.task(task)[at], h = p.h_bar.task(task)[at];
    const T c = bar[at + 4 * block] + carried + h * o * slope;
    out[at] = ai * (bar[at] + c * g) * (T(1) - T(2) * i) + ag * c * (T(1) - g * g);
    out[at + block] = af * (bar[at + block] + c * before) * (T(1) - T(2) * f) + before_dot * c;
    out[at + 2 * block] = ai * c * i * (T(1) - i) - T(2) * ag * (bar[at + 2 * block] + c * i) * g;
    out[at + 3 * block] = ao * (bar[at + 3 * block] + h * tanh_c) * (T(1) - T(2) * o) + c_dot * h * slope;
    out[at + 4 * block] = to_c + (ao * h * o * (T(1) - o) - T(2) * c_dot * h * o * tanh_c) * slope;
    out[at + 5 * block] = 0;
    to_c = cleared ? T(0) : af * c * f * (T(1) - f);
    carried = cleared ? T(0) : c * f;
  }
  out[6 * block + static_cast<std::size_t>(index)] = to_c;
}

template <class T>
void lstm_sequence_curvature(const DeviceCall& call) {
  require(call.tasks <= 65535, "lstm: a device takes at most 65535 tasks in one call");
  const auto in = [&](int k) { return view<const T>(call.in[k]); };
  const Bend<T> p{view<T>(call.out), in(0), in(1), in(2), in(3), in(4), in(5), in(6), in(7), call.attr.i};
  const unsigned blocks = (static_cast<unsigned>(p.c0.size()) + threads_per_block - 1) / threads_per_block;
  simt::launch({.grid = dim3(blocks, static_cast<unsigned>(call.tasks)), .block = threads_per_block,
                .stream = call.stream},
               curvature<T>, p);
}

}  // namespace

std::span<const DeviceKernelRow> lstm_curvature_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::lstm_sequence_curvature, lstm_sequence_curvature<float>, lstm_sequence_curvature<double>}};
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
