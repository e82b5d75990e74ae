// Each function of ops.h appends one node; the composed ones append a few.
#include "autodiff/ops.h"

#include <array>
#include <cmath>

#include "autodiff/op_table.h"

namespace innerloop {
namespace {

// The graph of an operation is that of its first operand.
Graph& graph_of(At a, const char* what) {
  if (!a.var.valid()) [[unlikely]] require(false, std::string(what) + " was given an empty Var", a.where);
  return *a.var.graph;
}
Var apply(Op op, std::span<const Var> operands, Attr attr, SourceLocation where) {
  if (!operands[0].valid()) [[unlikely]] graph_of({operands[0], where}, op_def(op).name);  // says so
  return operands[0].graph->append(op, operands, attr, where);
}
Var unary(Op op, At a, Attr attr = {}) { return apply(op, std::array{a.var}, attr, a.where); }
Var binary(Op op, At a, At b, Attr attr = {}) { return apply(op, std::array{a.var, b.var}, attr, a.where); }
Var ternary(Op op, At a, At b, At c, Attr attr = {}) {
  return apply(op, std::array{a.var, b.var, c.var}, attr, a.where);
}
Attr number(double x, double y = 0) { return {.x = x, .y = y}; }
Attr sizes(int i, int j = 0) { return {.i = i, .j = j}; }
// A number beside the operand `a`, as a node of its graph.
At beside(At a, double x, const char* what) { return {graph_of(a, what).fill({1, 1, 1}, x, a.where), a.where}; }
std::span<const Var> listed(std::initializer_list<Var> vars) { return {vars.begin(), vars.size()}; }

}  // namespace

// Elementwise.
Var operator-(At a) { return unary(Op::neg, a); }
Var operator+(At a, At b) { return binary(Op::add, a, b); }
Var operator-(At a, At b) { return binary(Op::sub, a, b); }
Var operator*(At a, At b) { return binary(Op::mul, a, b); }
Var operator/(At a, At b) { return binary(Op::div, a, b); }
Var operator+(At a, double b) { return unary(Op::add_scalar, a, number(b)); }
Var operator+(double a, At b) { return unary(Op::add_scalar, b, number(a)); }
Var operator-(At a, double b) { return unary(Op::add_scalar, a, number(-b)); }
Var operator-(double a, At b) { return unary(Op::add_scalar, {-b, b.where}, number(a)); }
Var operator*(At a, double b) { return unary(Op::scale, a, number(b)); }
Var operator*(double a, At b) { return unary(Op::scale, b, number(a)); }
Var operator/(At a, double b) { return a / beside(a, b, "div"); }
Var operator/(double a, At b) { return beside(b, a, "div") / b; }
Var& operator+=(Var& a, At b) { return a = At{a, b.where} + b; }
Var& operator-=(Var& a, At b) { return a = At{a, b.where} - b; }
Var& operator*=(Var& a, At b) { return a = At{a, b.where} * b; }
Var& operator/=(Var& a, At b) { return a = At{a, b.where} / b; }
Var& operator+=(Var& a, NumberAt b) { return a = At{a, b.where} + b.number; }
Var& operator-=(Var& a, NumberAt b) { return a = At{a, b.where} - b.number; }
Var& operator*=(Var& a, NumberAt b) { return a = At{a, b.where} * b.number; }
Var& operator/=(Var& a, NumberAt b) { return a = At{a, b.where} / b.number; }
// a > b exactly if a − b > 0: near zero, differences lose no digit. Both infinite and equal: NaN, so 0.
Var operator>(At a, At b) { return step({a - b, a.where}); }
Var operator<(At a, At b) { return step({At{b.var, a.where} - a, a.where}); }
Var operator>(At a, double b) { return a > beside(a, b, "a comparison"); }
Var operator<(At a, double b) { return a < beside(a, b, "a comparison"); }
Var operator>(double a, At b) { return b < a; }
Var operator<(double a, At b) { return b > a; }

Var pow(At a, double p) {
  Graph& graph = graph_of(a, "pow");
  if (!std::isfinite(p)) require(false, "pow: the exponent is " + std::to_string(p) + "; it must be finite", a.where);
  if (p != std::trunc(p)) return exp({p * At{log(a), a.where}, a.where});
  if (p < 0) return 1.0 / At{pow(a, -p), a.where};
  // By squaring: aᵖ is the product of those a, a², a⁴, … whose bit is set in p.
  Var result;
  At power = a;
  for (double bits = p; bits > 0; bits = std::trunc(bits / 2)) {
    if (std::fmod(bits, 2) == 1) result = result.valid() ? At{result, a.where} * power : power.var;
    if (bits >= 2) power = {square(power), a.where};
  }
  return result.valid() ? result : graph.fill(a.var.shape(), 1, a.where);
}
Var exp(At a) { return unary(Op::exp, a); }
Var log(At a) { return unary(Op::log, a); }
Var log1p(At a) { return unary(Op::log1p, a); }
Var expm1(At a) { return unary(Op::expm1, a); }
Var tanh(At a) { return unary(Op::tanh, a); }
Var sigmoid(At a) { return unary(Op::sigmoid, a); }
Var softplus(At a) { return unary(Op::softplus, a); }
Var square(At a) { return unary(Op::square, a); }
Var sqrt(At a) { return unary(Op::sqrt, a); }
Var reciprocal(At a) { return unary(Op::reciprocal, a); }
Var sin(At a) { return unary(Op::sin, a); }
Var cos(At a) { return unary(Op::cos, a); }
Var relu(At a) { return unary(Op::relu, a); }
Var abs(At a) { return unary(Op::abs, a); }
Var clip(At a, double low, double high) { return unary(Op::clip, a, number(low, high)); }
Var minimum(At a, At b) { return binary(Op::minimum, a, b); }
Var maximum(At a, At b) { return binary(Op::maximum, a, b); }
Var minimum(At a, double b) { return minimum(a, beside(a, b, "minimum")); }
Var maximum(At a, double b) { return maximum(a, beside(a, b, "maximum")); }
Var minimum(double a, At b) { return minimum(beside(b, a, "minimum"), b); }
Var maximum(double a, At b) { return maximum(beside(b, a, "maximum"), b); }
Var mul3(At a, At b, At c) { return ternary(Op::mul3, a, b, c); }
Var select(At mask, At a, At b) { return ternary(Op::select, mask, a, b); }
Var select(At mask, At a, double b) { return select(mask, a, beside(mask, b, "select")); }
Var select(At mask, double a, At b) { return select(mask, beside(mask, a, "select"), b); }
Var select(At mask, double a, double b) { return select(mask, beside(mask, a, "select"), b); }
Var tanh_slope(At y, At g) { return binary(Op::tanh_slope, y, g); }
Var sigmoid_slope(At y, At g) { return binary(Op::sigmoid_slope, y, g); }
Var relu_slope(At y, At g) { return binary(Op::relu_slope, y, g); }
Var step(At a) { return unary(Op::step, a); }
Var sign(At a) { return unary(Op::sign, a); }
Var inside(At a, double low, double high) { return unary(Op::inside, a, number(low, high)); }
Var less(At a, At b) { return binary(Op::less, a, b); }

// Linear. What would copy a tensor onto itself appends nothing.
Var matmul(At a, At b, bool transpose_a, bool transpose_b) {
  return binary(Op::matmul, a, b, sizes(transpose_a, transpose_b));
}
Var transpose(At a) { return unary(Op::transpose, a); }
Var add_row(At a, At row) { return binary(Op::add_row, a, row); }
Var sum_rows(At a) { return a.var.shape().rows == 1 ? a.var : unary(Op::sum_rows, a); }
Var broadcast_rows(At a, int rows) {
  return rows == 1 && a.var.shape().rows == 1 ? a.var : unary(Op::broadcast_rows, a, sizes(rows));
}
Var sum_cols(At a) { return a.var.shape().cols == 1 ? a.var : unary(Op::sum_cols, a); }
Var broadcast_cols(At a, int cols) {
  return cols == 1 && a.var.shape().cols == 1 ? a.var : unary(Op::broadcast_cols, a, sizes(0, cols));
}
Var sum_all(At a) { return a.var.shape().is_scalar() ? a.var : unary(Op::sum_all, a); }
Var broadcast_all(At a, int rows, int cols) {
  return rows == 1 && cols == 1 && a.var.shape().is_scalar() ? a.var : unary(Op::broadcast_all, a, sizes(rows, cols));
}
Var sum_tasks(At a) { return a.var.shape().tasks == 1 ? a.var : unary(Op::sum_tasks, a); }
Var broadcast_tasks(At a, int tasks) {
  return tasks == a.var.shape().tasks ? a.var : unary(Op::broadcast_tasks, a, sizes(tasks));
}
Var reshape(At a, int rows, int cols) { return unary(Op::reshape, a, sizes(rows, cols)); }
Var slice_rows(At a, int first, int count) { return unary(Op::slice_rows, a, sizes(first, count)); }
Var pad_rows(At a, int first, int total) { return unary(Op::pad_rows, a, sizes(first, total)); }
Var slice_cols(At a, int first, int count) { return unary(Op::slice_cols, a, sizes(first, count)); }
Var pad_cols(At a, int first, int total) { return unary(Op::pad_cols, a, sizes(first, total)); }
Var concat_rows(std::span<const Var> parts, SourceLocation where) {
  require(!parts.empty(), "concat_rows of nothing", where);
  return apply(Op::concat_rows, parts, {}, where);
}
Var concat_rows(std::initializer_list<Var> parts, SourceLocation where) { return concat_rows(listed(parts), where); }
Var concat_cols(std::span<const Var> parts, SourceLocation where) {
  require(!parts.empty(), "concat_cols of nothing", where);
  return apply(Op::concat_cols, parts, {}, where);
}
Var concat_cols(std::initializer_list<Var> parts, SourceLocation where) { return concat_cols(listed(parts), where); }
Var shift_rows(At a, int by) { return unary(Op::shift_rows, a, sizes(by)); }
Var windows(At a, int kernel, int stride) { return unary(Op::windows, a, sizes(kernel, stride)); }
Var overlap_add(At a, int kernel, int stride) { return unary(Op::overlap_add, a, sizes(kernel, stride)); }
Var gather_rows(At table, At index) { return binary(Op::gather_rows, table, index); }
Var scatter_rows(At values, At index, int rows) { return binary(Op::scatter_rows, values, index, sizes(rows)); }
Var pick_cols(At a, At index) { return binary(Op::pick_cols, a, index); }
Var place_cols(At values, At index, int cols) { return binary(Op::place_cols, values, index, sizes(0, cols)); }

// General.
Var linear_recurrence(At x, At a, int time_steps, int direction) {
  return binary(Op::linear_recurrence, x, a, sizes(time_steps, direction));
}
Var logsumexp(At a) { return unary(Op::logsumexp, a); }
Var softmax(At a) { return unary(Op::softmax, a); }
Var log_softmax(At a) { return a - At{broadcast_cols(Var(logsumexp(a)), a.var.shape().cols), a.where}; }
Var stop_gradient(At a) { return unary(Op::stop_gradient, a); }

// Fused.
Var dense(At x, At weights, At bias, Activation activation) {
  return ternary(Op::dense, x, weights, bias, sizes(static_cast<int>(activation)));
}
Var gaussian_log_prob(At mean, At log_sigma, At action) {
  return ternary(Op::gaussian_log_prob, mean, log_sigma, action);
}
Var lstm_sequence(At z, At u, At h0, At c0, At reset, int time_steps) {
  return apply(Op::lstm_sequence, std::array{z.var, u.var, h0.var, c0.var, reset.var}, sizes(time_steps), z.where);
}
Var gru_sequence(At z, At u, At h0, At reset, int time_steps) {
  return apply(Op::gru_sequence, std::array{z.var, u.var, h0.var, reset.var}, sizes(time_steps), z.where);
}
Var gru_block(At packed, GruBlock block) {
  int rows = packed.var.shape().rows / 5;
  return slice_rows(packed, static_cast<int>(block) * rows, rows);
}
Var lstm_block(At packed, LstmBlock block) {
  int rows = packed.var.shape().rows / 6;
  return slice_rows(packed, static_cast<int>(block) * rows, rows);
}
Var fused_mlp(At x, std::span<const Var> theta, Activation activation) {
  std::vector<Var> inputs{x.var};
  inputs.insert(inputs.end(), theta.begin(), theta.end());
  return apply(Op::mlp, inputs, sizes(static_cast<int>(activation)), x.where);
}

// Composed.
Var mean_all(At a) { return At{sum_all(a), a.where} * (1.0 / static_cast<double>(a.var.shape().per_task())); }
Var zeros_like(At a) { return graph_of(a, "zeros_like").fill(a.var.shape(), 0, a.where); }
Var sum_to(At a, Shape shape) {
  Var v = a.var;
  if (shape.is_scalar()) v = sum_all({v, a.where});
  if (shape.tasks == 1) v = sum_tasks({v, a.where});
  if (v.shape() != shape) require(false, "cannot sum " + to_string(a.var.shape()) + " to " + to_string(shape), a.where);
  return v;
}

}  // namespace innerloop
