// The long short-term memory over a whole sequence in one launch: forward, tangent, backward.
//
// What is known for all steps beforehand (x·W, or the tangent's D) comes in as one matrix product over all steps, and
// what is needed after all steps (Ū, W̄) leaves as another. Between them lies the recurrence, whose steps wait for each
// other: here a step costs the latency of a walk through shared memory, not of a launch.
//
//   few cells   a block owns some rows of the batch and all of U, in shared memory; the state passes from step to step
//               through shared memory too; one barrier a step, and no block waits for another
//   more cells  blocks own some cells each, with their part of U; the state passes through global memory, and the whole
//               grid waits for itself at every step (cooperative launch: the grid must fit on the device at once)
//   any number  as the first, but U and the state are read from global memory at every step; no shared memory at all
//
// All three add up the same products in the same order, so they give the same bits. Resets are data: a select, never a
// branch around a barrier.
#include <algorithm>

#include "kernels/cpu/vecmath.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/lstm.h"
#include "kernels/cuda/lstm_share.h"
#include "kernels/cuda/this_device.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

using namespace lstm_share;

// ---- Forward, and the tangent: the state goes through U ------------------------------------------------------------

template <class T, Op op, bool resident, bool cooperative>
struct Forward : Share<T, resident, cooperative> {
  using Base = Share<T, resident, cooperative>;
  using Base::p;
  T *u, *tile;  // u: [l][own cell][gate]; tile: [cell][row], two where the state stays in the block; both if resident

  SIMT_DEVICE Forward(const Sequence<T>& sequence, T* u_memory, T* tile_memory)
      : Base(sequence), u(u_memory), tile(tile_memory) {}

  SIMT_DEVICE T* tile_of(int t) const { return tile + (cooperative ? 0 : (t & 1) * p.hidden * this->stride()); }
  SIMT_DEVICE T u_of(int l, int gate, int k) const {
    return p.u.task(this->task)[static_cast<std::size_t>(l) * 4 * p.hidden + gate * p.hidden + k];
  }
  SIMT_DEVICE void keep_u() const {
    if constexpr (resident) {
      const int own = this->cell_end - this->cell0;
      for (int n = static_cast<int>(threadIdx.x); n < p.hidden * own * 4; n += threads) {
        const int gate = n % 4, k = n / 4 % own, l = n / (4 * own);
        u[n] = u_of(l, gate, this->cell0 + k);
      }
    }
  }
  // U's four gates of cell k, in row l.
  SIMT_DEVICE Four<T> u_gates(int l, int k) const {
    if constexpr (resident) return load(u + (l * (this->cell_end - this->cell0) + k - this->cell0) * 4);
    else return {{u_of(l, 0, k), u_of(l, 1, k), u_of(l, 2, k), u_of(l, 3, k)}};
  }

  // The cells of h (or its tangent) before step t, in row n; nullptr where all are zero.
  SIMT_DEVICE const T* h_before(int t, int n) const {
    if (n >= this->row_end || this->cleared(t, n)) return nullptr;
    return t == 0 ? p.h0.task(this->task) + static_cast<std::size_t>(n) * p.hidden
                  : p.out.task(this->task) + this->at(block_h, t - 1, n, 0);
  }
  SIMT_DEVICE void bring_state(int t, int chunk) const {
    const int count = p.hidden * p.tile_rows;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) {
      const int k = i % p.hidden, r = i / p.hidden;
      const T* h = h_before(t, chunk + r);
      tile_of(t)[k * this->stride() + r] = h ? h[k] : T(0);
    }
  }

  // a += h·U for a patch of rows, all gates of cell k.
  SIMT_DEVICE void add_products(int t, int chunk, int r, int k, T (&a)[patch][4]) const {
    const T* h[patch] = {};  // where the rows lie, unless they are in the tile
    if constexpr (!resident) {
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) h[i] = h_before(t, chunk + r + i);
    }
    const T* tile_t = resident ? tile_of(t) + r : nullptr;
    const int stride = this->stride();
    for (int l = 0; l < p.hidden; ++l) {
      const Four<T> weights = u_gates(l, k);
      Four<T> state;
      if constexpr (resident) {
        state = load(tile_t + l * stride);
      } else {
        SIMT_UNROLL
        for (int i = 0; i < patch; ++i) state.at[i] = h[i] ? h[i][l] : T(0);
      }
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        SIMT_UNROLL
        for (int gate = 0; gate < 4; ++gate)
          a[i][gate] = vecmath::mul_add(state.at[i], weights.at[gate], a[i][gate]);
      }
    }
  }

  // One row of a cell: from the pre-activations to the six results, which are returned as the new h.
  SIMT_DEVICE T finish(int t, int n, int k, const T (&a)[4]) const {
    T* out = p.out.task(this->task);
    const bool cleared = this->cleared(t, n);
    const std::size_t start = static_cast<std::size_t>(n) * p.hidden + k;
    const T c_before = cleared  ? T(0)
                       : t == 0 ? p.c0.task(this->task)[start]
                                : out[this->at(block_c, t - 1, n, k)];
    T six[6];
    if constexpr (op == Op::lstm_sequence) {
      six[0] = vecmath::sigmoid(a[0]), six[1] = vecmath::sigmoid(a[1]), six[2] = vecmath::tanh(a[2]);
      six[3] = vecmath::sigmoid(a[3]), six[4] = six[1] * c_before + six[0] * six[2];
      six[5] = six[3] * vecmath::tanh(six[4]);
    } else {
      const T* packed = p.packed.task(this->task);
      const T i = packed[this->at(block_i, t, n, k)], f = packed[this->at(block_f, t, n, k)];
      const T g = packed[this->at(block_g, t, n, k)], o = packed[this->at(block_o, t, n, k)];
      const T tanh_c = vecmath::tanh(packed[this->at(block_c, t, n, k)]);
      const T c_primal = cleared  ? T(0)
                         : t == 0 ? p.c0_primal.task(this->task)[start]
                                  : packed[this->at(block_c, t - 1, n, k)];
      six[0] = a[0] * i * (T(1) - i), six[1] = a[1] * f * (T(1) - f), six[2] = a[2] * (T(1) - g * g);
      six[3] = a[3] * o * (T(1) - o);
      six[4] = six[1] * c_primal + f * c_before + six[0] * g + i * six[2];
      six[5] = six[3] * tanh_c + o * (T(1) - tanh_c * tanh_c) * six[4];
    }
    SIMT_UNROLL
    for (int block = 0; block < 6; ++block) out[this->at(static_cast<Block>(block), t, n, k)] = six[block];
    return six[5];
  }

  // Step t of a chunk of rows. What the next step starts from goes into the other tile, where there is one.
  SIMT_DEVICE void step(int t, int chunk) const {
    const T* gates = p.gates.task(this->task);
    constexpr bool two_tiles = resident && !cooperative;
    T* next = two_tiles ? tile_of(t + 1) : nullptr;
    const int stride = this->stride();
    this->for_patches([&](int r, int k) {
      T a[patch][4];
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        const int n = chunk + r + i;
        SIMT_UNROLL
        for (int gate = 0; gate < 4; ++gate)
          a[i][gate] = n < this->row_end ? gates[this->row(t, n) * 4 * p.hidden + gate * p.hidden + k] : T(0);
      }
      add_products(t, chunk, r, k, a);
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        const int n = chunk + r + i;
        const bool there = n < this->row_end;
        const T h_new = there ? finish(t, n, k, a[i]) : T(0);
        if (two_tiles && t + 1 < p.steps)
          next[k * stride + r + i] = there && !this->cleared(t + 1, n) ? h_new : T(0);
      }
    });
  }

  SIMT_DEVICE void run() const {
    keep_u();
    for (int t = 0; t < p.steps; ++t) {
      for (int chunk = this->row0; chunk < this->row_end; chunk += p.tile_rows) {
        if (resident && (cooperative || t == 0)) {
          bring_state(t, chunk);
          __syncthreads();
        }
        step(t, chunk);
        if constexpr (cooperative) __syncthreads();  // the next chunk, or step, takes the same tile
      }
      if (t + 1 < p.steps) this->step_barrier();
    }
  }
};

template <class T, Op op, bool resident, bool cooperative>
SIMT_KERNEL void __launch_bounds__(threads, sizeof(T) == 4 ? 2 : 1) forward(Sequence<T> p) {
  SIMT_DYN_SHARED(raw);
  simt::Carver carver{raw};
  T* u = carver.template take<T>(resident ? static_cast<std::size_t>(p.hidden) * p.cells * 4 : 0);
  T* tile = carver.template take<T>(tile_numbers(resident, cooperative, p.hidden, p.tile_rows));
  Forward<T, op, resident, cooperative>(p, u, tile).run();
}

// ---- Backward: the cotangents go through Uᵀ ------------------------------------------------------------------------

template <class T, bool resident, bool cooperative>
struct Backward : Share<T, resident, cooperative> {
  using Base = Share<T, resident, cooperative>;
  using Base::p;
  T *u, *tile;  // if resident. u: [own cell][4H], rows 4 numbers apart more; tile: [4H][row], the cotangents of a
                // step's Z, two of them where no other block needs any
  T *h_bar, *c_bar;  // dh0, dc0 of the output: (N, H), what the later step sends; a number belongs to one thread

  SIMT_DEVICE Backward(const Sequence<T>& sequence, T* u_memory, T* tile_memory)
      : Base(sequence), u(u_memory), tile(tile_memory) {
    h_bar = p.out.task(this->task) + static_cast<std::size_t>(p.steps) * p.batch * 4 * p.hidden;
    c_bar = h_bar + static_cast<std::size_t>(p.batch) * p.hidden;
  }
  SIMT_DEVICE int width() const { return 4 * p.hidden; }
  SIMT_DEVICE T* tile_of(int t) const { return tile + (cooperative ? 0 : (t & 1) * width() * this->stride()); }
  SIMT_DEVICE void keep_u() const {
    if constexpr (resident)
      for (int n = static_cast<int>(threadIdx.x); n < (this->cell_end - this->cell0) * width(); n += threads)
        u[n / width() * (width() + patch) + n % width()] =
            p.u.task(this->task)[static_cast<std::size_t>(this->cell0) * width() + n];
  }
  // U[l][j … j + 3].
  SIMT_DEVICE Four<T> u_part(int l, int j) const {
    if constexpr (resident) {
      return load(u + (l - this->cell0) * (width() + patch) + j);
    } else {
      const T* from = p.u.task(this->task) + static_cast<std::size_t>(l) * width() + j;
      return {{from[0], from[1], from[2], from[3]}};
    }
  }

  // Through the cell: z̄ of the four gates of one cell, from what comes from above and from the later step.
  SIMT_DEVICE void through_cell(int t, int n, int k, T (&z_bar)[4]) const {
    const T *packed = p.packed.task(this->task), *bar = p.bar.task(this->task);
    const auto of = [&](const T* six, Block block) { return six[this->at(block, t, n, k)]; };
    const std::size_t start = static_cast<std::size_t>(n) * p.hidden + k;
    const bool last = t + 1 == p.steps, cleared = this->cleared(t, n);
    const T i = of(packed, block_i), f = of(packed, block_f), g = of(packed, block_g), o = of(packed, block_o);
    const T tanh_c = vecmath::tanh(of(packed, block_c));
    const T c_before = cleared  ? T(0)
                       : t == 0 ? p.c0.task(this->task)[start]
                                : packed[this->at(block_c, t - 1, n, k)];
    const T h = of(bar, block_h) + (last ? T(0) : h_bar[start]);
    const T c = of(bar, block_c) + (last ? T(0) : c_bar[start]) + h * o * (T(1) - tanh_c * tanh_c);
    z_bar[0] = (of(bar, block_i) + c * g) * i * (T(1) - i);
    z_bar[1] = (of(bar, block_f) + c * c_before) * f * (T(1) - f);
    z_bar[2] = (of(bar, block_g) + c * i) * (T(1) - g * g);
    z_bar[3] = (of(bar, block_o) + h * tanh_c) * o * (T(1) - o);
    c_bar[start] = cleared ? T(0) : c * f;
  }

  // All cells of a chunk of rows; the cotangents go to the output and, where no other block needs them, into the tile.
  SIMT_DEVICE void cells_of_step(int t, int chunk) const {
    constexpr bool into_tile = resident && !cooperative;
    T *to = p.out.task(this->task), *tile_t = into_tile ? tile_of(t) : nullptr;
    this->for_patches([&](int r, int k) {
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        const int n = chunk + r + i;
        T z_bar[4] = {};
        if (n < this->row_end) {
          through_cell(t, n, k, z_bar);
          SIMT_UNROLL
          for (int gate = 0; gate < 4; ++gate) to[this->row(t, n) * width() + gate * p.hidden + k] = z_bar[gate];
        }
        if constexpr (into_tile) {
          SIMT_UNROLL
          for (int gate = 0; gate < 4; ++gate) tile_t[(gate * p.hidden + k) * this->stride() + r + i] = z_bar[gate];
        }
      }
    });
  }
  SIMT_DEVICE void bring_cotangents(int t, int chunk) const {
    for (int i = static_cast<int>(threadIdx.x); i < width() * p.tile_rows; i += threads) {
      const int j = i % width(), r = i / width(), n = chunk + r;
      tile_of(t)[j * this->stride() + r] =
          n < this->row_end ? p.out.task(this->task)[this->row(t, n) * width() + j] : T(0);
    }
  }

  // Number j of the cotangents of Z at step t, of a patch of rows; rows that are not there are those of the last one.
  SIMT_DEVICE Four<T> cotangents(int t, int chunk, int r, int j) const {
    if constexpr (resident) {
      return load(tile_of(t) + j * this->stride() + r);
    } else {
      Four<T> z;
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i) {
        const int n = chunk + r + i < this->row_end ? chunk + r + i : this->row_end - 1;
        z.at[i] = p.out.task(this->task)[this->row(t, n) * width() + j];
      }
      return z;
    }
  }

  // h̄ of the step before: z̄·Uᵀ, cut where the state was cleared.
  SIMT_DEVICE void through_u(int t, int chunk) const {
    this->for_patches([&](int r, int l) {
      T sum[patch] = {};
      for (int j = 0; j < width(); j += patch) {
        const Four<T> weights = u_part(l, j);
        SIMT_UNROLL
        for (int m = 0; m < patch; ++m) {
          const Four<T> z = cotangents(t, chunk, r, j + m);
          SIMT_UNROLL
          for (int i = 0; i < patch; ++i) sum[i] = vecmath::mul_add(z.at[i], weights.at[m], sum[i]);
        }
      }
      SIMT_UNROLL
      for (int i = 0; i < patch; ++i)
        if (const int n = chunk + r + i; n < this->row_end)
          h_bar[static_cast<std::size_t>(n) * p.hidden + l] = this->cleared(t, n) ? T(0) : sum[i];
    });
  }

  SIMT_DEVICE void run() const {
    keep_u();
    for (int t = p.steps - 1; t >= 0; --t) {
      for (int chunk = this->row0; chunk < this->row_end; chunk += p.tile_rows) cells_of_step(t, chunk);
      this->step_barrier();
      for (int chunk = this->row0; chunk < this->row_end; chunk += p.tile_rows) {
        if constexpr (cooperative) {
          bring_cotangents(t, chunk);
          __syncthreads();
        }
        through_u(t, chunk);
        if constexpr (cooperative) __syncthreads();  // the next chunk, or step, takes the same tile
      }
    }
  }
};

template <class T, bool resident, bool cooperative>
SIMT_KERNEL void __launch_bounds__(threads, sizeof(T) == 4 ? 2 : 1) backward(Sequence<T> p) {
  SIMT_DYN_SHARED(raw);
  simt::Carver carver{raw};
  T* u = carver.template take<T>(resident ? static_cast<std::size_t>(p.cells) * (4 * p.hidden + patch) : 0);
  T* tile = carver.template take<T>(4 * tile_numbers(resident, cooperative, p.hidden, p.tile_rows));
  Backward<T, resident, cooperative>(p, u, tile).run();
}

// ---- Plans ---------------------------------------------------------------------------------------------------------

int divide_up(int a, int b) { return (a + b - 1) / b; }

template <class T>
std::size_t shared_bytes(bool backwards, int hidden, const LstmPlan& plan) {
  const std::size_t cells = static_cast<std::size_t>(plan.cells), h = static_cast<std::size_t>(hidden);
  const std::size_t u = backwards ? cells * (4 * h + patch) : 4 * h * cells;
  const std::size_t tile = tile_numbers(plan.resident, plan.cooperative, hidden, plan.tile_rows);
  return simt::carved<T>(plan.resident ? u : 0) + simt::carved<T>(backwards ? 4 * tile : tile);
}

// A block owns all cells: as few rows as still leave no more blocks than multiprocessors. False if U is to be
// `resident` in shared memory and does not fit; else any number of cells will do.
template <class T>
bool plan_alone(LstmPlan& plan, bool backwards, int batch, int hidden, int tasks, bool resident) {
  const DeviceProperties& device = this_device();
  bool found = false;
  for (int rows : {4, 8, 16, 32}) {
    LstmPlan next{.resident = resident, .cells = hidden};
    next.rows = next.tile_rows = rows;
    next.row_slices = divide_up(batch, rows), next.cell_slices = 1;
    next.shared_bytes = shared_bytes<T>(backwards, hidden, next);
    if (next.shared_bytes > device.shared_bytes_per_block) break;
    plan = next, found = true;
    if (next.row_slices * tasks <= device.multiprocessors) break;
  }
  return found;
}

// The cells are split: the fewest parts whose U fits beside a tile, the rows over the multiprocessors that are left.
template <class T>
bool plan_together(LstmPlan& plan, bool backwards, int batch, int hidden, int tasks) {
  const DeviceProperties& device = this_device();
  for (int parts = 2; parts * tasks <= device.multiprocessors && parts <= hidden; ++parts) {
    LstmPlan next{.resident = true, .cooperative = true, .cells = divide_up(hidden, parts)};
    next.cell_slices = divide_up(hidden, next.cells);
    const int most = std::max(1, device.multiprocessors / (next.cell_slices * tasks));
    next.rows = divide_up(divide_up(batch, most), patch) * patch;
    next.row_slices = divide_up(batch, next.rows);
    for (next.tile_rows = std::min(next.rows, 32); next.tile_rows >= patch; next.tile_rows -= patch) {
      next.shared_bytes = shared_bytes<T>(backwards, hidden, next);
      if (next.shared_bytes > device.shared_bytes_per_block) continue;
      plan = next;
      return true;
    }
  }
  return false;
}

template <class T>
LstmPlan plan_of(Op op, const DeviceCall& call) {
  const DeviceMatrix& c0 = call.in[op == Op::lstm_sequence_jvp ? 2 : 3];
  const bool backwards = op == Op::lstm_sequence_bwd;
  LstmPlan plan;
  if (plan_alone<T>(plan, backwards, c0.rows, c0.cols, call.tasks, true) ||
      plan_together<T>(plan, backwards, c0.rows, c0.cols, call.tasks))
    return plan;
  plan_alone<T>(plan, backwards, c0.rows, c0.cols, call.tasks, false);
  return plan;
}

template <class T>
Sequence<T> operands_of(Op op, const DeviceCall& call, const LstmPlan& plan) {
  const auto in = [&](int k) { return view<const T>(call.in[k]); };
  Sequence<T> p{};
  p.out = view<T>(call.out);
  switch (op) {
    case Op::lstm_sequence: p.gates = in(0), p.u = in(1), p.h0 = in(2), p.c0 = in(3), p.reset = in(4); break;
    case Op::lstm_sequence_jvp:
      p.packed = in(0), p.u = in(1), p.c0_primal = in(2), p.reset = in(3), p.gates = in(4);
      p.h0 = in(5), p.c0 = in(6);
      break;
    default: p.packed = in(0), p.u = in(1), p.c0 = in(3), p.reset = in(4), p.bar = in(5);
  }
  p.steps = call.attr.i, p.batch = p.c0.rows, p.hidden = p.c0.cols;
  p.rows = plan.rows, p.cells = plan.cells, p.tile_rows = plan.tile_rows, p.cell_slices = plan.cell_slices;
  return p;
}

template <class T, Op op>
void run(const DeviceCall& call) {
  require(call.tasks <= 65535, "lstm: a device takes at most 65535 tasks in one call");
  const LstmPlan plan = plan_of<T>(op, call);
  const Sequence<T> p = operands_of<T>(op, call, plan);
  const simt::Launch shape{.grid = dim3(static_cast<unsigned>(plan.row_slices * plan.cell_slices),
                                        static_cast<unsigned>(call.tasks)),
                           .block = threads, .shared_bytes = plan.shared_bytes, .stream = call.stream,
                           .cooperative = plan.cooperative};
  if constexpr (op == Op::lstm_sequence_bwd) {
    if (plan.cooperative) simt::launch(shape, backward<T, true, true>, p);
    else if (plan.resident) simt::launch(shape, backward<T, true, false>, p);
    else simt::launch(shape, backward<T, false, false>, p);
  } else {
    if (plan.cooperative) simt::launch(shape, forward<T, op, true, true>, p);
    else if (plan.resident) simt::launch(shape, forward<T, op, true, false>, p);
    else simt::launch(shape, forward<T, op, false, false>, p);
  }
}

}  // namespace

LstmPlan plan_lstm(Op op, Dtype dtype, const DeviceCall& call) {
  return dtype == Dtype::f32 ? plan_of<float>(op, call) : plan_of<double>(op, call);
}

std::span<const DeviceKernelRow> lstm_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::lstm_sequence, run<float, Op::lstm_sequence>, run<double, Op::lstm_sequence>},
      {Op::lstm_sequence_bwd, run<float, Op::lstm_sequence_bwd>, run<double, Op::lstm_sequence_bwd>},
      {Op::lstm_sequence_jvp, run<float, Op::lstm_sequence_jvp>, run<double, Op::lstm_sequence_jvp>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
