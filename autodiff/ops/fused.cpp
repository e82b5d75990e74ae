// Fused operations: several primitives in one kernel. What a derivative needs is never hidden: it is the output or
// an input.
#include <cmath>
#include <numbers>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/ops/activation.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;

Activation activation_of(C c) { return static_cast<Activation>(c.attr.i); }

Shape dense_shape(S r) {
  Shape x = r.shape(0), w = r.shape(1), b = r.shape(2);
  if (x.cols != w.rows)
    r.refuse("A has " + std::to_string(x.cols) + " columns but B has " + std::to_string(w.rows) + " rows.");
  r.check(b.rows == 1 && b.cols == w.cols, "the bias C must be one row with the columns of B");
  return {r.tasks(), x.rows, w.cols};
}

// z̄ = act'(z)∘ȳ;  x̄ = z̄·Wᵀ, W̄ = xᵀ·z̄, b̄ = Σ_rows z̄.
void dense_vjp(C c, Var y_bar, std::span<Var> x_bar) {
  Var z_bar = activation_slope(activation_of(c), c.y, y_bar);
  x_bar[0] = matmul(z_bar, c.x[1], false, true);
  x_bar[1] = matmul(c.x[0], z_bar, true, false);
  x_bar[2] = sum_rows(z_bar);
}

// ẏ = act'(z)∘(ẋ·W + x·Ẇ + ḃ).
Var dense_jvp(C c, std::span<const Var> x_dot) {
  Var z_dot;
  if (x_dot[0].valid()) z_dot = matmul(x_dot[0], c.x[1]);
  if (x_dot[1].valid()) {
    Var product = matmul(c.x[0], x_dot[1]);
    z_dot = z_dot.valid() ? z_dot + product : product;
  }
  if (x_dot[2].valid()) z_dot = z_dot.valid() ? add_row(z_dot, x_dot[2]) : broadcast_rows(x_dot[2], c.y.shape().rows);
  return activation_slope(activation_of(c), c.y, z_dot);
}

std::vector<Example> dense_examples() {
  std::vector<Example> examples;
  const int sizes[][3] = {{1, 1, 1}, {3, 2, 4}, {7, 5, 3}, {17, 9, 2}, {1, 4, 6}};
  for (auto [m, k, n] : sizes)
    for (Activation activation : {Activation::identity, Activation::tanh, Activation::relu, Activation::sigmoid}) {
      Attr attr{.i = static_cast<int>(activation)};
      for (int weight_tasks : {1, 2})
        examples.push_back({.shapes = {{2, m, k}, {weight_tasks, k, n}, {weight_tasks, 1, n}}, .attr = attr,
                            .domains = {Domain::real, Domain::real, Domain::real}});
    }

  // Each input shared or per task by itself; and equal ones: X = W, X = b, W = b.
  const std::vector<Domain> real(3, Domain::real);
  for (Activation activation : {Activation::identity, Activation::tanh}) {
    const Attr attr{.i = static_cast<int>(activation)};
    add_shared_and_per_task(examples, {.shapes = {{2, 5, 3}, {2, 3, 3}, {2, 1, 3}}, .attr = attr, .domains = real});
    for (const std::vector<Shape>& shapes :
         {std::vector<Shape>{{2, 3, 3}, {2, 3, 3}, {2, 1, 3}}, {{2, 1, 3}, {2, 3, 3}, {2, 1, 3}},
          {{2, 5, 1}, {2, 1, 3}, {2, 1, 3}}, {{2, 1, 1}, {2, 1, 1}, {2, 1, 1}}})
      examples.push_back(with_equal_inputs({.shapes = shapes, .attr = attr, .domains = real}));
  }
  return examples;
}

Shape gaussian_shape(S r) {
  Shape mean = r.shape(0), log_sigma = r.shape(1), action = r.shape(2);
  r.check(mean.rows == action.rows && mean.cols == action.cols,
          "the mean A and the action C must agree in rows and columns");
  r.check(log_sigma.rows == 1 && log_sigma.cols == mean.cols, "log σ (B) must be one row with the columns of A");
  return {r.tasks(), mean.rows, 1};
}

// Σ_c −½((a − μ)/σ)² − log σ − ½ log 2π
Var gaussian_expansion(C c) {
  Var mean = c.x[0], log_sigma = c.x[1], action = c.x[2];
  Shape s = mean.shape();
  Var delta = (action - mean) * broadcast_rows(exp(-log_sigma), s.rows);  // (tasks, rows, cols): (a − μ)/σ
  Var constant = sum_cols(log_sigma) + 0.5 * s.cols * std::log(2 * std::numbers::pi);
  return -0.5 * sum_cols(square(delta)) - broadcast_rows(constant, s.rows);
}

std::vector<Example> gaussian_examples() {
  std::vector<Example> examples;
  for (Shape s : example_shapes())
    for (int shared : {1, s.tasks})
      examples.push_back({.shapes = {s, {shared, 1, s.cols}, {shared, s.rows, s.cols}}, .attr = {},
                          .domains = {Domain::real, Domain::unit, Domain::real}});

  // Each input shared or per task by itself; the mean is the action; and with one row all three are one tensor.
  const std::vector<Domain> unit(3, Domain::unit);
  const Example all{.shapes = {{2, 5, 3}, {2, 1, 3}, {2, 5, 3}}, .attr = {}, .domains = unit};
  add_shared_and_per_task(examples, all);
  examples.push_back(with_equal_inputs(all));
  examples.push_back(with_equal_inputs({.shapes = std::vector<Shape>(3, {2, 1, 3}), .attr = {}, .domains = unit}));
  return examples;
}

}  // namespace

std::span<const OpDef> fused_ops() {
  static const OpDef rows[] = {
      {.op = Op::dense, .name = "dense",
       .maths = "Y = act(X·W + b);  Z̄ = act'(Z)∘Ȳ, X̄ = Z̄·Wᵀ, W̄ = Xᵀ·Z̄, b̄ = Σ_r Z̄",
       .arity = 3, .kind = Kind::general, .shape = dense_shape, .vjp = dense_vjp, .jvp = dense_jvp,
       .expand = [](C c) { return activate(activation_of(c), add_row(matmul(c.x[0], c.x[1]), c.x[2])); },
       .examples = dense_examples},
      {.op = Op::gaussian_log_prob, .name = "gaussian_log_prob",
       .maths = "y = Σ_c −½((a − μ)/σ)² − log σ − ½ log 2π;  derivative by its expansion",
       .arity = 3, .kind = Kind::general,
       .shape = gaussian_shape, .expand = gaussian_expansion, .examples = gaussian_examples},
  };
  return rows;
}

}  // namespace innerloop
