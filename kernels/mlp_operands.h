// The operands of the four operations on multilayer perceptrons, and how their packed results are laid out.
//
// With x (rows, I) and θ = W1 (I, H1), b1 (1, H1), W2 (H1, H2), …, b_L (1, O), the last layer without activation:
//   mlp      x, θ                       → y (rows, O)
//   mlp_bwd  x, θ, ȳ                    → θ̄ [, x̄]
//   mlp_jvp  x, θ [, ẋ], θ̇              → ẏ (rows, O)
//   mlp_hvp  x, θ, ȳ [, ẋ], θ̇ [, ȳ̇]     → the tangents of θ̄ [and x̄], then ẏ
// Where several results are packed they form one column: each block's numbers, row-major, one block after the other.
// attr.i is the Activation; attr.j says which of the operands in brackets are there. x̄ and ẋ go together.
#pragma once

#include "kernels/ops.h"

namespace innerloop::kernels {

inline constexpr int mlp_with_x = 1, mlp_with_y_bar_dot = 2;  // bits of attr.j
inline constexpr int mlp_max_layers = 4;

// Places in the list of operands; −1 for one that is not there.
struct MlpOperands {
  int layers = 0;
  int y_bar = -1, x_dot = -1, theta_dot = -1, y_bar_dot = -1;

  static constexpr int x = 0;
  static constexpr int weights(int layer) { return 1 + 2 * layer; }  // layer = 0 … layers − 1
  static constexpr int bias(int layer) { return 2 + 2 * layer; }
  constexpr int weights_dot(int layer) const { return theta_dot + 2 * layer; }
  constexpr int bias_dot(int layer) const { return theta_dot + 2 * layer + 1; }
  constexpr int theta_count() const { return 2 * layers; }
  constexpr bool with_x() const { return x_dot >= 0; }
};

// layers = −1 where no number of layers gives this number of operands.
constexpr MlpOperands mlp_operands(Op op, int arity, const Attr& attr) {
  const bool bar = op == Op::mlp_bwd || op == Op::mlp_hvp, dot = op == Op::mlp_jvp || op == Op::mlp_hvp;
  const bool x_dot = dot && (attr.j & mlp_with_x) != 0, y_bar_dot = dot && bar && (attr.j & mlp_with_y_bar_dot) != 0;
  const int others = 1 + bar + x_dot + y_bar_dot, per_layer = dot ? 4 : 2;
  MlpOperands at;
  at.layers = (arity - others) % per_layer == 0 ? (arity - others) / per_layer : -1;
  int next = 1 + at.theta_count();
  if (bar) at.y_bar = next++;
  if (x_dot) at.x_dot = next++;
  if (dot) at.theta_dot = next, next += at.theta_count();
  if (y_bar_dot) at.y_bar_dot = next;
  return at;
}

}  // namespace innerloop::kernels
