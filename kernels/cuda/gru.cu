// The gated recurrent unit over a sequence, forwards and backwards; the definition: kernels/reference/gru.h.
//
// The plain version, right for every size: a block owns one row of the batch of one task and walks through time alone,
// with the state in global memory.
#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/grid.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// The operands of gru_sequence; sizes as in the definition.
template <class T>
struct Gru {
  View<T> packed;  // (5·T·N, H): blocks r, z, n, q, h
  View<const T> z, u, h0, reset;
  int steps, tasks;
};

// Each thread owns cells k, k + blockDim.x, …; all gates of all cells read the whole h of the step before.
template <class T>
SIMT_KERNEL void gru_forward(Gru<T> p) {
  const int cells = p.h0.cols, batch = p.h0.rows, rows = p.steps * batch;
  const std::size_t block = static_cast<std::size_t>(rows) * cells;

  for (int t = static_cast<int>(blockIdx.y); t < p.tasks; t += static_cast<int>(gridDim.y))
    for (int s = 0; s < p.steps; ++s) {
      const int r = s * batch + static_cast<int>(blockIdx.x);
      const bool cleared = p.reset.task(t)[r] != T(0);
      T* row = p.packed.task(t) + static_cast<std::size_t>(r) * cells;  // of block r; the others follow

      // The state that the step starts from.
      const T* h_before = s == 0 ? p.h0.task(t) + static_cast<std::size_t>(r) * cells
                                 : row + 4 * block - static_cast<std::size_t>(batch) * cells;
      const auto h = [&](int k) { return cleared ? T(0) : h_before[k]; };

      // r, z = sigmoid(Z_t + h·U);  q = h·U_n;  n = tanh(Z_n + r·q);  h = (1 − z)·n + z·h
      for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x)) {
        T sum[3] = {};
        for (int l = 0; l < cells; ++l)
          for (int gate = 0; gate < 3; ++gate)
            sum[gate] = vecmath::mul_add(
                h(l), p.u.task(t)[static_cast<std::size_t>(l) * 3 * cells + gate * cells + k], sum[gate]);
        const T* z_in = p.z.task(t) + static_cast<std::size_t>(r) * 3 * cells + k;
        const T reset = vecmath::sigmoid(z_in[0] + sum[0]), z = vecmath::sigmoid(z_in[cells] + sum[1]);
        const T n = vecmath::tanh(z_in[2 * cells] + reset * sum[2]);
        const T blocks[] = {reset, z, n, sum[2], (T(1) - z) * n + z * h(k)};
        for (int b = 0; b < 5; ++b) row[static_cast<std::size_t>(b) * block + k] = blocks[b];
      }
      __syncthreads();  // all of the new h is there
    }
}

// The operands of gru_sequence_bwd.
template <class T>
struct GruBackward {
  View<T> out;  // (4·T·N + N, H): dZ as (T·N, 3H), dq, dh0
  View<const T> packed, u, h0, reset, bar;
  int steps, tasks;
};

// One cell of one step, from the cotangent of its new state to those of dZ and dq; dh becomes what goes past the gates.
// `at` is the cell's place in each block, `block` the distance from block to block.
template <class T>
SIMT_DEVICE void cell_backward(const T* packed, const T* bar, std::size_t at, std::size_t block, T h_before, T* dz,
                               T* dq, T* dh, int cells) {
  const T r = packed[at], z = packed[at + block], n = packed[at + 2 * block], q = packed[at + 3 * block];
  const T h_bar = bar[at + 4 * block] + *dh;
  const T n_pre = (bar[at + 2 * block] + h_bar * (T(1) - z)) * (T(1) - n * n);
  const T z_bar = bar[at + block] + h_bar * (h_before - n), r_bar = bar[at] + n_pre * q;
  dz[0] = r_bar * r * (T(1) - r);
  dz[cells] = z_bar * z * (T(1) - z);
  dz[2 * cells] = n_pre;
  *dq = bar[at + 3 * block] + n_pre * r;
  *dh = h_bar * z;
}

// From the last step to the first. The output's block dh0 carries the running cotangent of h.
template <class T>
SIMT_KERNEL void gru_backward(GruBackward<T> p) {
  const int cells = p.h0.cols, batch = p.h0.rows, rows = p.steps * batch;
  const std::size_t block = static_cast<std::size_t>(rows) * cells;
  for (int t = static_cast<int>(blockIdx.y); t < p.tasks; t += static_cast<int>(gridDim.y)) {
    T* dh = p.out.task(t) + 4 * block + static_cast<std::size_t>(blockIdx.x) * cells;
    for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x)) dh[k] = T(0);

    for (int s = p.steps - 1; s >= 0; --s) {
      const int r = s * batch + static_cast<int>(blockIdx.x);
      const bool cleared = p.reset.task(t)[r] != T(0);
      const std::size_t first = static_cast<std::size_t>(r) * cells;
      T* dz = p.out.task(t) + 3 * first;
      T* dq = p.out.task(t) + 3 * block + first;
      const T* h_before = s == 0 ? p.h0.task(t) + first
                                 : p.packed.task(t) + 4 * block + first - static_cast<std::size_t>(batch) * cells;
      for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x))
        cell_backward(p.packed.task(t), p.bar.task(t), first + k, block, cleared ? T(0) : h_before[k], dz + k, dq + k,
                      dh + k, cells);
      __syncthreads();  // all of dz and dq is there

      // dh of the step before: what went past the gates, and (dz, dq)·Uᵀ; cut where the state was cleared.
      for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x)) {
        const T* u = p.u.task(t) + static_cast<std::size_t>(k) * 3 * cells;
        T sum = dh[k];
        for (int l = 0; l < 2 * cells; ++l) sum = vecmath::mul_add(dz[l], u[l], sum);
        for (int l = 0; l < cells; ++l) sum = vecmath::mul_add(dq[l], u[2 * cells + l], sum);
        dh[k] = cleared ? T(0) : sum;
      }
    }
  }
}

// A thread per cell, in whole warps.
unsigned threads_for(int cells) { return std::min((static_cast<unsigned>(cells) + 31) / 32 * 32, 256u); }

template <class T>
void gru_sequence(const DeviceCall& call) {
  const Gru<T> p{view<T>(call.out),         view<const T>(call.in[0]), view<const T>(call.in[1]),
                 view<const T>(call.in[2]), view<const T>(call.in[3]), call.attr.i,
                 call.tasks};
  simt::launch({.grid = {static_cast<unsigned>(p.h0.rows), grid_tasks(call.tasks)},
                .block = threads_for(p.h0.cols),
                .stream = call.stream},
               gru_forward<T>, p);
}

template <class T>
void gru_sequence_bwd(const DeviceCall& call) {
  const GruBackward<T> p{view<T>(call.out),         view<const T>(call.in[0]), view<const T>(call.in[1]),
                         view<const T>(call.in[2]), view<const T>(call.in[3]), view<const T>(call.in[4]),
                         call.attr.i,               call.tasks};
  simt::launch({.grid = {static_cast<unsigned>(p.h0.rows), grid_tasks(call.tasks)},
                .block = threads_for(p.h0.cols),
                .stream = call.stream},
               gru_backward<T>, p);
}

}  // namespace

std::span<const DeviceKernelRow> gru_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::gru_sequence, gru_sequence<float>, gru_sequence<double>},
      {Op::gru_sequence_bwd, gru_sequence_bwd<float>, gru_sequence_bwd<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
