// The list of operations that kernels implement, and the form in which a kernel is called.
//
// A kernel works on ONE task: matrices of rows × cols numbers, row-major and dense. The executor above it walks over
// tasks. The only exception is sum_tasks, which sees all of them (Call::tasks).
// What each operation computes is defined by kernels/reference.h, the plainest possible loop.
#pragma once

#include <cstdint>

#include "kernels/shape.h"

namespace innerloop {

// Operations, grouped by the kind of their derivative (autodiff/ops/). "data" marks inputs without derivative.
enum class Op : std::uint8_t {
  // Leaves: no inputs, no kernel.
  input,     // bound at every run
  constant,  // numbers stored in the graph
  fill,      // every element = x
  // Elementwise, one input.
  neg,         // −a
  scale,       // x·a
  add_scalar,  // a + x
  exp,
  log,
  log1p,
  expm1,
  tanh,
  sigmoid,
  softplus,  // log(1 + eᵃ)
  square,
  sqrt,
  reciprocal,  // 1/a
  sin,
  cos,
  relu,  // max(a, 0)
  abs,
  clip,  // min(max(a, x), y)
  // Elementwise, piecewise constant: derivative zero everywhere.
  step,    // 1 if a > 0, else 0
  sign,    // −1, 0, 1
  inside,  // 1 if x < a < y, else 0
  less,    // 1 if a < b, ½ if a = b, 0 if a > b   (two inputs)
  // Elementwise, two inputs; a (1,1) input is used for every element.
  add,
  sub,
  mul,
  div,
  minimum,
  maximum,
  tanh_slope,     // (y, g):  g·(1 − y²)
  sigmoid_slope,  // (y, g):  g·y·(1 − y)
  relu_slope,     // (y, g):  g if y > 0, else 0
  // Elementwise, three inputs.
  mul3,    // a·b·c
  select,  // (mask: data, a, b):  a where mask ≠ 0, else b.  A NaN that is not chosen stays there.
  // Linear in every input.
  matmul,           // op(A)·op(B);  i = 1 transposes A, j = 1 transposes B  (x = 1, by the planner: added to C)
  transpose,        // (r, c) → (c, r)
  add_row,          // (r, c) + (1, c)
  sum_rows,         // (r, c) → (1, c)
  broadcast_rows,   // (1, c) → (i, c)
  sum_cols,         // (r, c) → (r, 1)
  broadcast_cols,   // (r, 1) → (r, j)
  sum_all,          // (r, c) → (1, 1)
  broadcast_all,    // (1, 1) → (i, j)
  sum_tasks,        // (B, r, c) → (1, r, c), added in task order
  broadcast_tasks,  // (1, r, c) → (i, r, c)
  reshape,          // (r, c) → (i, j), same order of numbers
  slice_rows,       // rows i … i+j−1
  pad_rows,         // place (r, c) at row i of j zero rows
  slice_cols,       // columns i … i+j−1
  pad_cols,         // place (r, c) at column i of j zero columns
  concat_rows,      // any number of inputs, one above the other
  concat_cols,      // any number of inputs, side by side
  shift_rows,       // y[r] = a[r − i], 0 where r − i is outside; i may be negative
  windows,          // (T, c) → ((T − i)/j + 1, i·c):  row k is rows k·j … k·j+i−1 of a, side by side
  overlap_add,      // (T, i·c) → ((T − 1)·j + i, c):  y[k·j + s] += block s of a[k], in the order of k
  gather_rows,      // (table, index (n,1): data):  y[r] = table[index[r]]
  scatter_rows,     // (v (n,c), index (n,1): data) → (i, c):  y[index[r]] += v[r], in row order
  pick_cols,        // (z (r,c), index (r,1): data) → (r, 1):  y[r] = z[r, index[r]]
  place_cols,       // (v (r,1), index (r,1): data) → (r, j):  y[r, index[r]] = v[r], else 0
  // General.
  linear_recurrence,  // (x, a):  i time steps of r/i rows;  y_t = x_t + a_t·y_{t−j}, j = ±1
  logsumexp,          // (r, c) → (r, 1), over columns
  softmax,            // over columns
  stop_gradient,      // a
  // Fused.
  dense,                 // (x, W, b (1,c)):  act(x·W + b);  i = Activation
  gaussian_log_prob,     // (μ (r,c), log σ (1,c), a (r,c)) → (r, 1):  Σ_c −½((a−μ)/σ)² − log σ − ½ log 2π
  lstm_sequence,         // see autodiff/ops/lstm.cpp
  lstm_sequence_bwd,
  lstm_sequence_jvp,
  lstm_sequence_curvature,
  gru_sequence,  // see autodiff/ops/gru.cpp
  gru_sequence_bwd,
  mlp,  // a whole network; i = Activation. See autodiff/ops/mlp.cpp, and kernels/mlp_operands.h for the operands
  mlp_bwd,
  mlp_jvp,
  mlp_hvp,
  count_
};

enum class Activation : std::uint8_t { identity, tanh, relu, sigmoid };
// Of hidden layers: the identity would make two layers one.
constexpr auto words_of(Activation) {
  return std::to_array<Word<Activation>>(
      {{"relu", Activation::relu}, {"tanh", Activation::tanh}, {"sigmoid", Activation::sigmoid}});
}

// What an operation needs beside its inputs. Which field means what stands at the operation above.
struct Attr {
  double x = 0, y = 0;
  int i = 0, j = 0;
  friend constexpr bool operator==(const Attr&, const Attr&) = default;
};

namespace kernels {

// A dense row-major block of one task (all tasks, one after the other, for sum_tasks).
struct Matrix {
  void* data = nullptr;
  int rows = 0;
  int cols = 0;

  std::size_t size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }
  template <class T> T* as() const { return static_cast<T*>(data); }
};

struct Call {
  Matrix out;
  const Matrix* in = nullptr;
  int arity = 0;
  int tasks = 1;  // sum_tasks only: the blocks lying one after the other in in[0]
  Attr attr;
};

// out never overlaps an input, except that an elementwise kernel may be given out.data == in[k].data of equal size,
// and add_row out.data == in[0].data. A kernel writes every element of out, allocates nothing on the heap, and gives
// the same bits on every call.
using Kernel = void (*)(const Call&);

// Up to this many products per element, a matmul that adds to C gives the bits of the product followed by one addition.
inline constexpr int exact_accumulate_depth = 128;

// [backend][dtype][op]; null where a backend has no kernel for an op (leaves have none anywhere).
Kernel find_kernel(Device device, Dtype dtype, Op op);

}  // namespace kernels
}  // namespace innerloop
