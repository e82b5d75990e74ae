// The functions a reader writes programs with. Each appends one node (or a few) to the graph of its arguments.
//
// A number stands for (1, 1, 1) of itself wherever an overload takes double; masks hold 0 and 1.
//
// Shapes are (tasks, rows, cols). Broadcasting is implicit in two cases only: tasks 1 → B, and (·,1,1) against any
// rows × cols in elementwise functions. Everything else is a named operation. What each computes: kernels/ops.h and
// kernels/reference.h; its derivative: autodiff/ops/. Shapes that do not fit throw an Error naming both operands.
#pragma once

#include <initializer_list>
#include <span>

#include "autodiff/graph.h"

namespace innerloop {

// Elementwise.
Var operator-(At a);
Var operator+(At a, At b);
Var operator-(At a, At b);
Var operator*(At a, At b);
Var operator/(At a, At b);
Var operator+(At a, double b);
Var operator+(double a, At b);
Var operator-(At a, double b);
Var operator-(double a, At b);
Var operator*(At a, double b);
Var operator*(double a, At b);
Var operator/(At a, double b);  // a division, and no product with 1/b
Var operator/(double a, At b);
Var& operator+=(Var& a, At b);  // a = a + b: the Var becomes another node
Var& operator-=(Var& a, At b);
Var& operator*=(Var& a, At b);
Var& operator/=(Var& a, At b);
Var& operator+=(Var& a, NumberAt b);
Var& operator-=(Var& a, NumberAt b);
Var& operator*=(Var& a, NumberAt b);
Var& operator/=(Var& a, NumberAt b);
// Masks: 1 where it holds, 0 where not, at equality and for NaN too; no derivative. There is no ==, <= and >=: of
// computed numbers they say little, and of Vars they would be taken for comparisons of the Vars themselves.
Var operator>(At a, At b);
Var operator<(At a, At b);
Var operator>(At a, double b);
Var operator<(At a, double b);
Var operator>(double a, At b);
Var operator<(double a, At b);
// aᵖ. A whole p: by products, so right for every a, with all derivatives (1/a⁻ᵖ for p < 0; 1 for p = 0). Any other p:
// exp(p·log a), for a > 0; NaN for a < 0, and no derivative at 0. Error for a p that is not finite.
Var pow(At a, double p);
Var exp(At a);
Var log(At a);
Var log1p(At a);
Var expm1(At a);
Var tanh(At a);
Var sigmoid(At a);
Var softplus(At a);
Var square(At a);
Var sqrt(At a);
Var reciprocal(At a);
Var sin(At a);
Var cos(At a);
Var relu(At a);
Var abs(At a);
Var clip(At a, double low, double high);
Var minimum(At a, At b);
Var maximum(At a, At b);
Var minimum(At a, double b);
Var maximum(At a, double b);
Var minimum(double a, At b);
Var maximum(double a, At b);
Var mul3(At a, At b, At c);
Var select(At mask, At a, At b);  // a where mask ≠ 0, else b; mask is data
Var select(At mask, At a, double b);
Var select(At mask, double a, At b);
Var select(At mask, double a, double b);
Var tanh_slope(At y, At g);       // g·(1 − y²)
Var sigmoid_slope(At y, At g);    // g·y·(1 − y)
Var relu_slope(At y, At g);       // g where y > 0, else 0
Var step(At a);                   // 1 if a > 0 else 0; no derivative
Var sign(At a);
Var inside(At a, double low, double high);
Var less(At a, At b);

// Linear.
Var matmul(At a, At b, bool transpose_a = false, bool transpose_b = false);
Var transpose(At a);
Var add_row(At a, At row);
Var sum_rows(At a);
Var broadcast_rows(At a, int rows);
Var sum_cols(At a);
Var broadcast_cols(At a, int cols);
Var sum_all(At a);
Var broadcast_all(At a, int rows, int cols);
Var sum_tasks(At a);
Var broadcast_tasks(At a, int tasks);
Var reshape(At a, int rows, int cols);
Var slice_rows(At a, int first, int count);
Var pad_rows(At a, int first, int total);
Var slice_cols(At a, int first, int count);
Var pad_cols(At a, int first, int total);
Var concat_rows(std::span<const Var> parts, SourceLocation where = SourceLocation::current());
Var concat_rows(std::initializer_list<Var> parts, SourceLocation where = SourceLocation::current());
Var concat_cols(std::span<const Var> parts, SourceLocation where = SourceLocation::current());
Var concat_cols(std::initializer_list<Var> parts, SourceLocation where = SourceLocation::current());
Var shift_rows(At a, int by);
// Windows over the rows, which are time: row k is rows k·stride … k·stride+kernel−1 side by side. (T, C) →
// ((T − kernel)/stride + 1, kernel·C); what does not fill a window is left out. Error if a has fewer rows than one.
Var windows(At a, int kernel, int stride);
// Their transpose: row k, of `kernel` blocks side by side, is added to rows k·stride …; 0 where no window reaches.
// (T', kernel·C) → ((T' − 1)·stride + kernel, C)
Var overlap_add(At a, int kernel, int stride);
Var gather_rows(At table, At index);
Var scatter_rows(At values, At index, int rows);
Var pick_cols(At a, At index);
Var place_cols(At values, At index, int cols);

// General.
// direction +1: y_t = x_t + a_t y_{t−1};  −1: y_t = x_t + a_t y_{t+1}
Var linear_recurrence(At x, At a, int time_steps, int direction);
Var logsumexp(At a);
Var softmax(At a);
Var log_softmax(At a);
Var stop_gradient(At a);  // the only switch there is

// Fused; each equals its expansion into the above.
Var dense(At x, At weights, At bias, Activation activation);
Var gaussian_log_prob(At mean, At log_sigma, At action);
// Z (T·N, 4H): input projections x·W + b of all steps, gates in the order i, f, g, o; U (H, 4H); h0, c0 (N, H);
// reset (T·N, 1), data: 1 clears h and c before that step. Returns six blocks of T·N rows × H: i, f, g, o, c, h.
Var lstm_sequence(At z, At u, At h0, At c0, At reset, int time_steps);
enum class LstmBlock { i, f, g, o, c, h };
Var lstm_block(At packed, LstmBlock block);  // (T·N, H), one block of what lstm_sequence returns
// Z (T·N, 3H): input projections of all steps, in the order r, z, n; U (H, 3H); h0 (N, H); reset as above. Returns five
// blocks of T·N rows × H: r, z, n, q, h.
Var gru_sequence(At z, At u, At h0, At reset, int time_steps);
enum class GruBlock { r, z, n, q, h };
Var gru_block(At packed, GruBlock block);
// A whole network: x, then W1, b1, W2, b2, … of 1 to 3 hidden layers; the last layer has no activation. Networks of any
// depth, with named parameters: nn::mlp.
Var fused_mlp(At x, std::span<const Var> theta, Activation activation);

// Composed.
Var mean_all(At a);                           // (r, c) → (1, 1)
Var zeros_like(At a);
Var sum_to(At a, Shape shape);                // sums over what was broadcast: the transpose of implicit broadcasting

}  // namespace innerloop
