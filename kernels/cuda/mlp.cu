// Multilayer perceptrons, whole, each task with its own weights: forward, backward, tangent, Hessian-vector product.
//
// A block keeps a task's weights in shared memory and takes tile after tile of its rows through all layers. Nothing but
// x, the weights and the results passes through the device's memory. Gradients are summed in shared memory too, by
// blocks that each own a slice of the tiles; a second kernel adds the slices in order. No atomics, so the same bits on
// every run. Where a network does not fit, its gradients stay in global memory, and beyond that its weights too: right
// for every width, and slower; a caller does better with layers one by one there (see mlp_fits).
//
//   x ──► tile [unit][row] ──► h_1 ──► … ──► h_{L−1} ──► y                           each h_l in shared memory
//              │                │                │        │
//              │                ▼                ▼        ▼
//   x̄ ◄────────┴── z̄_1 (in the place of h_1) ◄── … ◄──── ȳ        W̄_l += h_{l−1}ᵀ·z̄_l before h_{l−1} is overwritten
#include <algorithm>

#include "kernels/cuda/families.h"
#include "kernels/cuda/mlp.h"
#include "kernels/cuda/mlp_tile.h"
#include "kernels/cuda/this_device.h"
#include "kernels/mlp_operands.h"
#include "kernels/require.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

using namespace mlp_tile;

constexpr bool has_bar(Op op) { return op == Op::mlp_bwd || op == Op::mlp_hvp; }
constexpr bool has_dot(Op op) { return op == Op::mlp_jvp || op == Op::mlp_hvp; }

template <class T>
struct Operand {
  const T* data = nullptr;
  std::size_t stride = 0;  // between tasks
  SIMT_HOST_DEVICE const T* task(int t) const { return data ? data + static_cast<std::size_t>(t) * stride : nullptr; }
};

// A layer as the kernel is given it, and as its block knows it. Layer 0 is the input: only `out` and `tile` count.
template <class T>
struct Layer {
  Operand<T> w, b, w_dot, b_dot;
  int in = 0, out = 0;
  int weights = 0;  // first number of W, padded, in the block's memory; b follows, then Ẇ and ḃ in the same way
  int tile = 0;     // first number of the tile of h_l, then that of ḣ_l
  int sums = 0;     // first number of W̄ in the packed column; b̄ follows
};

template <class T>
struct Mlp {
  Layer<T> layer[mlp_max_layers + 1];
  Operand<T> x, y_bar, x_dot, y_bar_dot;
  T *out, *partial;  // partial: [task][slice][θ]; with one slice, out itself
  std::size_t out_stride;
  int layers, rows, slices, theta_numbers;
  int tile_numbers, sums;  // numbers in one set of tiles; where the gradients' sums begin in the block's memory
  int shared_numbers;
  Tile tile;
  Activation activation;
  bool with_x;
};

// A block at work: one task, one slice of its rows.
template <class T, Op op, bool resident, bool resident_sums>
struct Worker {
  const Mlp<T>& p;
  const Layer<T>* layer;  // in shared memory, pointers already those of the task
  T* memory;
  int task, first_row;

  SIMT_DEVICE T* tile(int l) const { return memory + layer[l].tile; }
  SIMT_DEVICE T* dot_tile(int l) const { return memory + layer[l].tile + p.tile_numbers; }
  SIMT_DEVICE int padded(int l) const { return up_to_patch(layer[l].in) * up_to_patch(layer[l].out); }
  SIMT_DEVICE bool is_row(int r) const { return first_row + r < p.rows; }
  SIMT_DEVICE Activation activation(int l) const { return l == p.layers ? Activation::identity : p.activation; }

  SIMT_DEVICE Weights<T, resident> weights(int l) const {
    return {resident ? memory + layer[l].weights : layer[l].w.data, layer[l].in, layer[l].out};
  }
  SIMT_DEVICE Weights<T, resident> weights_dot(int l) const {
    const int skip = padded(l) + up_to_patch(layer[l].out);
    return {resident ? memory + layer[l].weights + skip : layer[l].w_dot.data, layer[l].in, layer[l].out};
  }
  SIMT_DEVICE T bias(int l, int c) const {
    if constexpr (resident) return memory[layer[l].weights + padded(l) + c];
    return c < layer[l].out ? layer[l].b.data[c] : T(0);
  }
  SIMT_DEVICE T bias_dot(int l, int c) const {
    if constexpr (resident) return memory[layer[l].weights + 2 * padded(l) + up_to_patch(layer[l].out) + c];
    return c < layer[l].out ? layer[l].b_dot.data[c] : T(0);
  }

  // Copies a (in, out) matrix into the block's memory, zeros in the padding.
  SIMT_DEVICE void keep(T* to, const T* from, int in, int out, int padded_rows) const {
    const int width = up_to_patch(out);
    for (int n = static_cast<int>(threadIdx.x); n < padded_rows * width; n += threads) {
      const int k = n / width, c = n % width;
      to[n] = k < in && c < out ? from[static_cast<std::size_t>(k) * out + c] : T(0);
    }
  }
  SIMT_DEVICE void keep_weights() const {
    if constexpr (resident)
      for (int l = 1; l <= p.layers; ++l) keep_layer(l);
  }
  SIMT_DEVICE void keep_layer(int l) const {
    const int in = layer[l].in, out = layer[l].out, rows = up_to_patch(in), skip = padded(l) + up_to_patch(out);
    T* to = memory + layer[l].weights;
    keep(to, layer[l].w.data, in, out, rows);
    keep(to + padded(l), layer[l].b.data, 1, out, 1);
    if constexpr (has_dot(op)) {
      keep(to + skip, layer[l].w_dot.data, in, out, rows);
      keep(to + skip + padded(l), layer[l].b_dot.data, 1, out, 1);
    }
  }

  // A tile of rows of a (rows, width) matrix, turned so that the rows lie side by side; zeros beyond, or everywhere.
  SIMT_DEVICE void bring(T* to, const Operand<T>& from, int width) const {
    const T* numbers = from.task(task);
    const int units = up_to_patch(width);
    for (int n = static_cast<int>(threadIdx.x); n < units * p.tile.rows(); n += threads) {
      const int r = n / units, c = n % units;
      const bool there = numbers && is_row(r) && c < width;
      to[c * p.tile.stride() + r] = there ? numbers[static_cast<std::size_t>(first_row + r) * width + c] : T(0);
    }
  }
  SIMT_DEVICE void bring_tile() const {
    bring(tile(0), p.x, layer[0].out);
    if (has_dot(op) && p.with_x) bring(dot_tile(0), p.x_dot, layer[0].out);
    if constexpr (has_bar(op)) bring(tile(p.layers), p.y_bar, layer[p.layers].out);
    if constexpr (op == Op::mlp_hvp) bring(dot_tile(p.layers), p.y_bar_dot, layer[p.layers].out);
  }

  // z_l of one patch: b_l + h_{l−1}·W_l.
  SIMT_DEVICE void values(Patch<T>& z, int l, int r, int c) const {
    SIMT_UNROLL
    for (int i = 0; i < patch; ++i) {
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j) z[i][j] = bias(l, c + j);
    }
    add_values(z, tile(l - 1), p.tile.stride(), r, weights(l), c);
  }
  // Its tangent: ḃ_l + h_{l−1}·Ẇ_l + ḣ_{l−1}·W_l.
  SIMT_DEVICE void tangents(Patch<T>& z_dot, int l, int r, int c) const {
    SIMT_UNROLL
    for (int i = 0; i < patch; ++i) {
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j) z_dot[i][j] = bias_dot(l, c + j);
    }
    add_values(z_dot, tile(l - 1), p.tile.stride(), r, weights_dot(l), c);
    if (l > 1 || p.with_x) add_values(z_dot, dot_tile(l - 1), p.tile.stride(), r, weights(l), c);
  }

  // Hidden layers: h_l = act(z_l) and ḣ_l = act'(z_l)·ż_l go into their tiles.
  SIMT_DEVICE void forward(int l) const {
    const int stride = p.tile.stride();
    for_patches(p.tile, layer[l].out, [&](int r, int c) {
      Patch<T> h, h_dot;
      values(h, l, r, c);
      if constexpr (has_dot(op)) tangents(h_dot, l, r, c);
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j) {
        Four<T> column, column_dot;
        SIMT_UNROLL
        for (int i = 0; i < patch; ++i) {
          column.at[i] = activate(p.activation, h[i][j]);
          if constexpr (has_dot(op)) column_dot.at[i] = slope(p.activation, column.at[i], h_dot[i][j]);
        }
        store(tile(l) + (c + j) * stride + r, column);
        if constexpr (has_dot(op)) store(dot_tile(l) + (c + j) * stride + r, column_dot);
      }
    });
  }

  // Writes the rows that exist of a patch to a (rows, width) matrix.
  SIMT_DEVICE void write(T* to, int width, const Patch<T>& numbers, int r, int c) const {
    SIMT_UNROLL
    for (int i = 0; i < patch; ++i) {
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j)
        if (is_row(r + i) && c + j < width)
          to[static_cast<std::size_t>(first_row + r + i) * width + c + j] = numbers[i][j];
    }
  }
  // The last layer's y or ẏ, straight to global memory.
  SIMT_DEVICE void write_output() const {
    T* to = p.out + static_cast<std::size_t>(task) * p.out_stride;
    const int width = layer[p.layers].out;
    if constexpr (op == Op::mlp_hvp) to += p.theta_numbers + (p.with_x ? p.rows * layer[0].out : 0);
    for_patches(p.tile, width, [&](int r, int c) {
      Patch<T> y;
      if constexpr (op == Op::mlp) values(y, p.layers, r, c);
      else tangents(y, p.layers, r, c);
      write(to, width, y, r, c);
    });
  }

  // W̄_l and b̄_l, or their tangents.
  SIMT_DEVICE void gradients(int l, T* to, bool first) const {
    const T *h = tile(l - 1), *z_bar = tile(l);
    if constexpr (op == Op::mlp_bwd) {
      add_layer_gradients<T>(to + layer[l].sums, first, layer[l].in, layer[l].out, p.tile, h, z_bar, nullptr, nullptr,
                             z_bar);
    } else {
      const T* h_dot = l > 1 || p.with_x ? dot_tile(l - 1) : nullptr;
      add_layer_gradients<T>(to + layer[l].sums, first, layer[l].in, layer[l].out, p.tile, h, dot_tile(l), h_dot, z_bar,
                             dot_tile(l));
    }
  }

  // z̄_{l−1} = act'·(z̄_l·W_lᵀ) takes the place of h_{l−1}, its tangent that of ḣ_{l−1}; x̄ or its tangent goes out.
  SIMT_DEVICE void backward(int l) const {
    const int stride = p.tile.stride();
    for_patches(p.tile, layer[l].in, [&](int r, int k) {
      Patch<T> bar = {}, bar_dot = {};
      add_cotangents(bar, tile(l), stride, r, weights(l), k);
      if constexpr (op == Op::mlp_hvp) {
        add_cotangents(bar_dot, dot_tile(l), stride, r, weights(l), k);
        add_cotangents(bar_dot, tile(l), stride, r, weights_dot(l), k);
      }
      if (l == 1) {
        T* to = p.out + static_cast<std::size_t>(task) * p.out_stride + p.theta_numbers;
        return write(to, layer[0].out, op == Op::mlp_hvp ? bar_dot : bar, r, k);
      }
      SIMT_UNROLL
      for (int j = 0; j < patch; ++j) {
        T *at = tile(l - 1) + (k + j) * stride + r, *dot_at = dot_tile(l - 1) + (k + j) * stride + r;
        const Four<T> h = load(at);
        Four<T> z_bar, z_bar_dot;
        SIMT_UNROLL
        for (int i = 0; i < patch; ++i) z_bar.at[i] = slope(p.activation, h.at[i], bar[i][j]);
        if constexpr (op == Op::mlp_hvp) {
          const Four<T> h_dot = load(dot_at);
          SIMT_UNROLL
          for (int i = 0; i < patch; ++i)
            z_bar_dot.at[i] = slope(p.activation, h.at[i], bar_dot[i][j]) +
                              curvature(p.activation, h.at[i], h_dot.at[i], bar[i][j]);
          store(dot_at, z_bar_dot);
        }
        store(at, z_bar);
      }
    });
  }

  // One tile, all the way.
  SIMT_DEVICE void run(T* sums, bool first) const {
    __syncthreads();  // the tile before is done with its memory; the weights are there
    bring_tile();
    __syncthreads();
    for (int l = 1; l < p.layers; ++l) {
      forward(l);
      __syncthreads();
    }
    if constexpr (op != Op::mlp_bwd) write_output();
    if constexpr (has_bar(op)) run_back(sums, first);
  }
  SIMT_DEVICE void run_back(T* sums, bool first) const {
    for (int l = p.layers; l >= 1; --l) {
      gradients(l, sums, first);
      if (l == 1 && !p.with_x) return;
      __syncthreads();  // all have read h_{l−1}
      backward(l);
      __syncthreads();
    }
  }
};

// Block (slice, task).
template <class T, Op op, bool resident, bool resident_sums>
SIMT_KERNEL void __launch_bounds__(threads, sizeof(T) == 4 ? 2 : 1) take_rows(Mlp<T> p) {
  SIMT_DYN_SHARED(raw);
  simt::Carver carver{raw};
  T* memory = carver.template take<T>(static_cast<std::size_t>(p.shared_numbers));
  SIMT_SHARED(Layer<T>, layer, [mlp_max_layers + 1]);
  const int slice = static_cast<int>(blockIdx.x), task = static_cast<int>(blockIdx.y);
  SIMT_UNROLL
  for (int l = 0; l <= mlp_max_layers; ++l)
    if (static_cast<int>(threadIdx.x) == l) {
      Layer<T> mine = p.layer[l];
      mine.w.data = mine.w.task(task), mine.b.data = mine.b.task(task);
      mine.w_dot.data = mine.w_dot.task(task), mine.b_dot.data = mine.b_dot.task(task);
      layer[l] = mine;
    }
  __syncthreads();

  Worker<T, op, resident, resident_sums> worker{p, layer, memory, task, 0};
  worker.keep_weights();
  const std::size_t place =
      static_cast<std::size_t>(task) * (p.slices == 1 ? p.out_stride : p.theta_numbers * p.slices) +
      static_cast<std::size_t>(slice) * p.theta_numbers;
  T* partial = p.partial + place;
  T* sums = resident_sums ? memory + p.sums : partial;
  const int tiles = (p.rows + p.tile.rows() - 1) / p.tile.rows();
  for (int tile = slice; tile < tiles; tile += p.slices) {
    worker.first_row = tile * p.tile.rows();
    worker.run(sums, tile == slice);
  }
  if constexpr (has_bar(op) && resident_sums) {
    __syncthreads();
    for (int n = static_cast<int>(threadIdx.x); n < p.theta_numbers; n += threads) partial[n] = sums[n];
  }
}

// θ̄ = Σ_slices, in order.
template <class T>
SIMT_KERNEL void add_slices(Mlp<T> p) {
  const T* from = p.partial + static_cast<std::size_t>(blockIdx.y) * p.theta_numbers * p.slices;
  T* to = p.out + static_cast<std::size_t>(blockIdx.y) * p.out_stride;
  const int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (n >= p.theta_numbers) return;
  T sum = from[n];
  for (int slice = 1; slice < p.slices; ++slice) sum += from[static_cast<std::size_t>(slice) * p.theta_numbers + n];
  to[n] = sum;
}

// ---- Host ----------------------------------------------------------------------------------------------------------

template <class T, Op op>
Mlp<T> operands_of(const DeviceCall& call, const MlpPlan& plan) {
  const MlpOperands at = mlp_operands(op, call.arity, call.attr);
  const auto operand = [&](int k) {
    return k < 0 ? Operand<T>{} : Operand<T>{static_cast<const T*>(call.in[k].data), call.in[k].stride};
  };
  Mlp<T> p{};
  p.x = operand(0), p.y_bar = operand(at.y_bar), p.x_dot = operand(at.x_dot), p.y_bar_dot = operand(at.y_bar_dot);
  p.out = static_cast<T*>(call.out.data), p.out_stride = call.out.stride;
  p.layers = at.layers, p.rows = call.in[0].rows, p.slices = plan.slices;
  p.tile.log_groups = plan.log_groups;
  p.activation = static_cast<Activation>(call.attr.i), p.with_x = op != Op::mlp && (call.attr.j & mlp_with_x) != 0;
  p.partial = plan.slices > 1 ? static_cast<T*>(call.workspace) : p.out;

  // Widths, and places in the block's memory: weights, sums, tiles.
  int next = 0;
  p.layer[0].out = call.in[0].cols;
  for (int l = 1; l <= at.layers; ++l) {
    Layer<T>& layer = p.layer[l];
    layer.in = p.layer[l - 1].out, layer.out = call.in[at.bias(l - 1)].cols;
    layer.w = operand(at.weights(l - 1)), layer.b = operand(at.bias(l - 1));
    if (has_dot(op)) layer.w_dot = operand(at.weights_dot(l - 1)), layer.b_dot = operand(at.bias_dot(l - 1));
    layer.weights = next, layer.sums = p.theta_numbers;
    p.theta_numbers += (layer.in + 1) * layer.out;
    if (plan.resident) next += (has_dot(op) ? 2 : 1) * (up_to_patch(layer.in) + 1) * up_to_patch(layer.out);
  }
  p.sums = next;
  if (has_bar(op) && plan.resident_sums) next += up_to_patch(p.theta_numbers);
  for (int l = 0; l <= at.layers; ++l) {
    p.layer[l].tile = next;
    const int stride = (patch << plan.log_groups) + patch;
    next += l == at.layers && !has_bar(op) ? 0 : up_to_patch(p.layer[l].out) * stride;
  }
  p.tile_numbers = next - p.layer[0].tile;
  p.shared_numbers = next + (has_dot(op) ? p.tile_numbers : 0);
  return p;
}

// The first choice that fits into shared memory.
template <class T, Op op>
MlpPlan plan_of(const DeviceCall& call) {
  const std::size_t most = this_device().shared_bytes_per_block - 1024;  // less what the layers' table takes
  struct Choice {
    int log_groups;
    bool resident, resident_sums;
  };
  constexpr Choice choices[] = {{3, true, true},  {2, true, true},   {3, true, false},  {2, true, false},
                                {1, true, true},  {1, true, false},  {3, false, false}, {2, false, false},
                                {1, false, false}, {0, false, false}};
  for (const Choice& choice : choices) {
    if (choice.log_groups > 1 && (patch << choice.log_groups) >= 2 * call.in[0].rows) continue;  // mostly padding
    MlpPlan plan{.log_groups = choice.log_groups, .resident = choice.resident, .resident_sums = choice.resident_sums};
    const Mlp<T> p = operands_of<T, op>(call, plan);
    plan.shared_bytes = simt::carved<T>(static_cast<std::size_t>(p.shared_numbers));
    if (plan.shared_bytes > most) continue;

    // As many blocks as run at once on 132 multiprocessors, two on each if they fit: a constant, so that sums are added
    // in the same order on every device that has room for the same tiles.
    const int tiles = (p.rows + (patch << choice.log_groups) - 1) / (patch << choice.log_groups);
    const int blocks = 132 * (2 * (plan.shared_bytes + 2048) <= 233472 ? 2 : 1);
    plan.slices = std::clamp(blocks / call.tasks, 1, tiles);
    if (has_bar(op))
      plan.workspace_bytes = static_cast<std::size_t>(plan.slices) * static_cast<std::size_t>(call.tasks) *
                             static_cast<std::size_t>(p.theta_numbers) * sizeof(T);
    return plan;
  }
  require(false, "mlp: the layers are too wide: not even a tile of 4 rows fits into the " + std::to_string(most) +
                     " bytes of shared memory that a block of this device has; use layers one by one");
  return {};
}

template <class T, Op op, bool resident, bool resident_sums>
void launch(const Mlp<T>& p, const MlpPlan& plan, const DeviceCall& call) {
  simt::launch({.grid = dim3(static_cast<unsigned>(plan.slices), static_cast<unsigned>(call.tasks)), .block = threads,
                .shared_bytes = plan.shared_bytes, .stream = call.stream},
               take_rows<T, op, resident, resident_sums>, p);
}

template <class T, Op op>
void run(const DeviceCall& call) {
  require(call.tasks <= 65535, "mlp: a device takes at most 65535 tasks in one call");
  MlpPlan plan = plan_of<T, op>(call);
  // Without the memory for slices one block does a whole task.
  if (has_bar(op) && (plan.slices == 1 || call.workspace_bytes < plan.workspace_bytes)) plan.slices = 1;
  const Mlp<T> p = operands_of<T, op>(call, plan);
  if (plan.resident && (plan.resident_sums || !has_bar(op))) launch<T, op, true, has_bar(op)>(p, plan, call);
  else if (plan.resident) launch<T, op, true, false>(p, plan, call);
  else launch<T, op, false, false>(p, plan, call);
  if (!has_bar(op) || plan.slices == 1) return;
  simt::launch({.grid = dim3((static_cast<unsigned>(p.theta_numbers) + threads - 1) / threads,
                             static_cast<unsigned>(call.tasks)),
                .block = threads, .stream = call.stream},
               add_slices<T>, p);
}

template <class T>
MlpPlan plan_for(Op op, const DeviceCall& call) {
  switch (op) {
    case Op::mlp_bwd: return plan_of<T, Op::mlp_bwd>(call);
    case Op::mlp_jvp: return plan_of<T, Op::mlp_jvp>(call);
    case Op::mlp_hvp: return plan_of<T, Op::mlp_hvp>(call);
    default: return plan_of<T, Op::mlp>(call);
  }
}

}  // namespace

MlpPlan plan_mlp(Op op, Dtype dtype, const DeviceCall& call) {
  return dtype == Dtype::f32 ? plan_for<float>(op, call) : plan_for<double>(op, call);
}

std::span<const DeviceKernelRow> mlp_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::mlp, run<float, Op::mlp>, run<double, Op::mlp>},
      {Op::mlp_bwd, run<float, Op::mlp_bwd>, run<double, Op::mlp_bwd>},
      {Op::mlp_jvp, run<float, Op::mlp_jvp>, run<double, Op::mlp_jvp>},
      {Op::mlp_hvp, run<float, Op::mlp_hvp>, run<double, Op::mlp_hvp>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
