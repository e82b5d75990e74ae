// What goes step by step through time: the linear recurrence, and the long short-term memory forwards and backwards.
//
// These are the plain versions, right for every size. A block owns one row of the batch of one task and walks through
// time alone, so no block ever waits for another.
#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/grid.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// y_t = x_t + a_t·y_{t−j}: a thread per sequence and column.
template <class T>
SIMT_KERNEL void recur(View<T> y, View<const T> x, View<const T> a, int steps, bool forward, int tasks) {
  const int width = y.size() / steps, stride = static_cast<int>(gridDim.x * blockDim.x);
  for (int t = static_cast<int>(blockIdx.y); t < tasks; t += static_cast<int>(gridDim.y))
    for (int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); n < width; n += stride) {
      T before = 0;
      for (int s = 0; s < steps; ++s) {
        const int at = (forward ? s : steps - 1 - s) * width + n;
        before = s == 0 ? x.task(t)[at] : x.task(t)[at] + a.task(t)[at] * before;
        y.task(t)[at] = before;
      }
    }
}

template <class T>
void linear_recurrence(const DeviceCall& call) {
  const View<T> y = view<T>(call.out);
  const unsigned width = static_cast<unsigned>(y.size() / call.attr.i);
  const unsigned blocks = std::min((width + threads_per_block - 1) / threads_per_block, most_blocks);
  simt::launch({.grid = {blocks, grid_tasks(call.tasks)}, .block = threads_per_block, .stream = call.stream}, recur<T>,
               y, view<const T>(call.in[0]), view<const T>(call.in[1]), call.attr.i, call.attr.j > 0, call.tasks);
}

// The operands of lstm_sequence; sizes as in kernels/reference/general.h.
template <class T>
struct Lstm {
  View<T> packed;  // (6·T·N, H): blocks i, f, g, o, c, h
  View<const T> z, u, h0, c0, reset;
  int steps, tasks;
};

// Where number k of a block of `packed` lies, for row r = t·N + n.
template <class T>
constexpr T* at_block(T* packed, int block, int rows, int r, int cells) {
  return packed + (static_cast<std::size_t>(block) * rows + r) * cells;
}

// Each thread owns cells k, k + blockDim.x, …; h of the step before lies in shared memory, since all gates of all cells
// read all of it.
template <class T>
SIMT_KERNEL void lstm_forward(Lstm<T> p) {
  SIMT_DYN_SHARED(raw);
  simt::Carver carver{raw};
  const int cells = p.h0.cols, batch = p.h0.rows, rows = p.steps * batch;
  T* h = carver.template take<T>(static_cast<std::size_t>(cells));

  for (int t = static_cast<int>(blockIdx.y); t < p.tasks; t += static_cast<int>(gridDim.y))
    for (int n = static_cast<int>(blockIdx.x); n < batch; n += static_cast<int>(gridDim.x)) {
      T* packed = p.packed.task(t);
      const T* u = p.u.task(t);
      for (int s = 0; s < p.steps; ++s) {
        const int r = s * batch + n;
        const bool cleared = p.reset.task(t)[r] != T(0);

        // The state that the step starts from.
        const T* h_before = s == 0 ? p.h0.task(t) + n * cells : at_block(packed, 5, rows, r - batch, cells);
        const T* c_before = s == 0 ? p.c0.task(t) + n * cells : at_block(packed, 4, rows, r - batch, cells);
        for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x))
          h[k] = cleared ? T(0) : h_before[k];
        __syncthreads();

        // Gates, cell, output: i, f, o = sigmoid, g = tanh of Z_t + h·U;  c = f·c + i·g;  h = o·tanh c.
        for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x)) {
          T pre[4];
          for (int gate = 0; gate < 4; ++gate)
            pre[gate] = p.z.task(t)[static_cast<std::size_t>(r) * 4 * cells + gate * cells + k];
          for (int l = 0; l < cells; ++l)
            for (int gate = 0; gate < 4; ++gate)
              pre[gate] =
                  vecmath::mul_add(h[l], u[static_cast<std::size_t>(l) * 4 * cells + gate * cells + k], pre[gate]);
          const T i = vecmath::sigmoid(pre[0]), f = vecmath::sigmoid(pre[1]), g = vecmath::tanh(pre[2]);
          const T o = vecmath::sigmoid(pre[3]), c = f * (cleared ? T(0) : c_before[k]) + i * g;
          const T blocks[] = {i, f, g, o, c, o * vecmath::tanh(c)};
          for (int b = 0; b < 6; ++b) at_block(packed, b, rows, r, cells)[k] = blocks[b];
        }
        __syncthreads();  // all have read h, and see the h of this step
      }
    }
}

// The operands of lstm_sequence_bwd.
template <class T>
struct LstmBackward {
  View<T> out;  // (4·T·N + 2N, H): dZ as (T·N, 4H), dh0, dc0
  View<const T> packed, u, c0, reset, bar;
  int steps, tasks;
};

// One cell of one step: the cotangents of its four pre-activations, and what it sends to the step before.
template <class T>
struct CellBackward {
  T dz[4], dc;
};
template <class T>
SIMT_DEVICE CellBackward<T> cell_backward(const T* packed, const T* bar, std::size_t first, std::size_t block, T dh,
                                          T dc, T c_before, bool cleared) {
  const T i = packed[first], f = packed[first + block], g = packed[first + 2 * block], o = packed[first + 3 * block];
  const T tanh_c = vecmath::tanh(packed[first + 4 * block]);
  const T h_bar = bar[first + 5 * block] + dh;
  const T c_bar = bar[first + 4 * block] + dc + h_bar * o * (T(1) - tanh_c * tanh_c);
  return {{(bar[first] + c_bar * g) * i * (T(1) - i), (bar[first + block] + c_bar * c_before) * f * (T(1) - f),
           (bar[first + 2 * block] + c_bar * i) * (T(1) - g * g),
           (bar[first + 3 * block] + h_bar * tanh_c) * o * (T(1) - o)},
          cleared ? T(0) : c_bar * f};
}

// From the last step to the first. The output's blocks dh0 and dc0 carry the running cotangents of h and c.
template <class T>
SIMT_KERNEL void lstm_backward(LstmBackward<T> p) {
  const int cells = p.c0.cols, batch = p.c0.rows, rows = p.steps * batch;
  const std::size_t block = static_cast<std::size_t>(rows) * cells;
  for (int t = static_cast<int>(blockIdx.y); t < p.tasks; t += static_cast<int>(gridDim.y))
    for (int n = static_cast<int>(blockIdx.x); n < batch; n += static_cast<int>(gridDim.x)) {
      T* dh = p.out.task(t) + 4 * block + static_cast<std::size_t>(n) * cells;
      T* dc = dh + static_cast<std::size_t>(batch) * cells;
      const T* u = p.u.task(t);
      for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x)) dh[k] = dc[k] = T(0);

      for (int s = p.steps - 1; s >= 0; --s) {
        const int r = s * batch + n;
        const bool cleared = p.reset.task(t)[r] != T(0);
        T* dz = p.out.task(t) + static_cast<std::size_t>(r) * 4 * cells;
        for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x)) {
          const std::size_t first = static_cast<std::size_t>(r) * cells + k;
          const T c_before = cleared  ? T(0)
                             : s == 0 ? p.c0.task(t)[n * cells + k]
                                      : p.packed.task(t)[first + 4 * block - static_cast<std::size_t>(batch) * cells];
          const CellBackward<T> cell =
              cell_backward(p.packed.task(t), p.bar.task(t), first, block, dh[k], dc[k], c_before, cleared);
          for (int gate = 0; gate < 4; ++gate) dz[gate * cells + k] = cell.dz[gate];
          dc[k] = cell.dc;
        }
        __syncthreads();  // all of dz is there

        // dh of the step before: dZ_t·Uᵀ, cut where the state was cleared.
        for (int k = static_cast<int>(threadIdx.x); k < cells; k += static_cast<int>(blockDim.x)) {
          T sum = 0;
          for (int l = 0; l < 4 * cells; ++l)
            sum = vecmath::mul_add(dz[l], u[static_cast<std::size_t>(k) * 4 * cells + l], sum);
          dh[k] = cleared ? T(0) : sum;
        }
      }
    }
}

// A thread per cell, in whole warps.
unsigned threads_for(int cells) { return std::min((static_cast<unsigned>(cells) + 31) / 32 * 32, 256u); }

template <class T>
void lstm_sequence(const DeviceCall& call) {
  const Lstm<T> p{view<T>(call.out),          view<const T>(call.in[0]), view<const T>(call.in[1]),
                  view<const T>(call.in[2]), view<const T>(call.in[3]), view<const T>(call.in[4]),
                  call.attr.i,                call.tasks};
  require(p.h0.cols <= 16384, "an LSTM on the device has at most 16384 cells: they must fit into shared memory");
  simt::launch({.grid = {static_cast<unsigned>(p.h0.rows), grid_tasks(call.tasks)},
                .block = threads_for(p.h0.cols),
                .shared_bytes = simt::carved<T>(static_cast<std::size_t>(p.h0.cols)),
                .stream = call.stream},
               lstm_forward<T>, p);
}

template <class T>
void lstm_sequence_bwd(const DeviceCall& call) {
  const LstmBackward<T> p{view<T>(call.out),          view<const T>(call.in[0]), view<const T>(call.in[1]),
                          view<const T>(call.in[3]), view<const T>(call.in[4]), view<const T>(call.in[5]),
                          call.attr.i,                call.tasks};
  simt::launch({.grid = {static_cast<unsigned>(p.c0.rows), grid_tasks(call.tasks)},
                .block = threads_for(p.c0.cols),
                .stream = call.stream},
               lstm_backward<T>, p);
}

}  // namespace

std::span<const DeviceKernelRow> recurrence_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::linear_recurrence, linear_recurrence<float>, linear_recurrence<double>},
      {Op::lstm_sequence, lstm_sequence<float>, lstm_sequence<double>},
      {Op::lstm_sequence_bwd, lstm_sequence_bwd<float>, lstm_sequence_bwd<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
