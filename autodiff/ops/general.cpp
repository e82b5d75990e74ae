// Operations that need both rules by hand. The duality test ties the two together.
#include "autodiff/op_table.h"
#include "autodiff/ops.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;

// a + b where either may be "identically zero".
Var add_tangents(Var a, Var b) { return !a.valid() ? b : !b.valid() ? a : a + b; }

Shape recurrence_shape(S r) {
  r.check(r.shape(0).rows == r.shape(1).rows && r.shape(0).cols == r.shape(1).cols,
          "x and a must have the same rows and columns");
  r.check(r.attr.i >= 1 && r.shape(0).rows % r.attr.i == 0, "the rows must be a whole number of rows per time step");
  r.check(r.attr.j == 1 || r.attr.j == -1, "the direction is +1 or −1");
  return {r.tasks(), r.shape(0).rows, r.shape(0).cols};
}

// y_t = x_t + a_t·y_{t−d}.  Reverse: λ_t = ȳ_t + a_{t+d}·λ_{t+d};  x̄ = λ, ā_t = λ_t·y_{t−d}.
void recurrence_vjp(C c, Var y_bar, std::span<Var> x_bar) {
  int rows_per_step = c.y.shape().rows / c.attr.i, by = rows_per_step * c.attr.j;
  Var lambda = linear_recurrence(y_bar, shift_rows(c.x[1], -by), c.attr.i, -c.attr.j);
  x_bar[0] = lambda;
  x_bar[1] = lambda * shift_rows(c.y, by);
}

// ẏ_t = ẋ_t + ȧ_t·y_{t−d} + a_t·ẏ_{t−d}.
Var recurrence_jvp(C c, std::span<const Var> x_dot) {
  int by = c.y.shape().rows / c.attr.i * c.attr.j;
  Var driven = x_dot[1].valid() ? x_dot[1] * shift_rows(c.y, by) : Var{};
  return linear_recurrence(add_tangents(x_dot[0], driven), c.x[1], c.attr.i, c.attr.j);
}

std::vector<Example> recurrence_examples() {
  std::vector<Example> examples;
  for (Shape s : {Shape{1, 1, 1}, Shape{1, 6, 1}, Shape{1, 6, 3}, Shape{2, 12, 1}, Shape{3, 10, 2}, Shape{1, 33, 1}})
    for (int steps : {1, s.rows, s.rows % 2 ? s.rows : s.rows / 2})
      for (int direction : {1, -1})
        examples.push_back(
            {.shapes = {s, s}, .attr = {.i = steps, .j = direction}, .domains = {Domain::real, Domain::unit}});
  for (int direction : {1, -1}) {
    const Example e{.shapes = {{2, 6, 1}, {2, 6, 1}}, .attr = {.i = 3, .j = direction},
                    .domains = {Domain::real, Domain::unit}};
    add_shared_and_per_task(examples, e);
    examples.push_back({.shapes = e.shapes, .attr = e.attr, .domains = {Domain::unit, Domain::unit},
                        .same_as = {0, 0}});
  }
  return examples;
}

// With p = softmax x:  d softmax = p ∘ (v − Σ_c p·v): a symmetric matrix, so one expression serves both modes.
Var softmax_product(C c, Var v) { return c.y * (v - broadcast_cols(sum_cols(c.y * v), c.y.shape().cols)); }

}  // namespace

std::span<const OpDef> general_ops() {
  static const OpDef rows[] = {
      {.op = Op::linear_recurrence, .name = "linear_recurrence",
       .maths = "y_t = x_t + a_t·y_{t−d};  λ_t = ȳ_t + a_{t+d}·λ_{t+d}, x̄ = λ, ā_t = λ_t·y_{t−d}",
       .arity = 2, .kind = Kind::general, .shape = recurrence_shape, .vjp = recurrence_vjp, .jvp = recurrence_jvp,
       .examples = recurrence_examples},
      {.op = Op::logsumexp, .name = "logsumexp", .maths = "y[r] = log Σ_c exp a[r,c];  dy = Σ_c softmax(a)·da",
       .arity = 1, .kind = Kind::general, .shape = [](S r) { return Shape{r.tasks(), r.shape(0).rows, 1}; },
       .vjp = [](C c, Var y_bar, std::span<Var> x_bar) {
         x_bar[0] = broadcast_cols(y_bar, c.x[0].shape().cols) * softmax(c.x[0]);
       },
       .jvp = [](C c, std::span<const Var> x_dot) { return sum_cols(softmax(c.x[0]) * x_dot[0]); },
       .examples = [] { return unary_examples(Domain::real); }},
      {.op = Op::softmax, .name = "softmax", .maths = "y = exp(a − logsumexp a);  dy = y∘(da − Σ_c y·da)",
       .arity = 1, .kind = Kind::general, .shape = same_shape,
       .vjp = [](C c, Var y_bar, std::span<Var> x_bar) { x_bar[0] = softmax_product(c, y_bar); },
       .jvp = [](C c, std::span<const Var> x_dot) { return softmax_product(c, x_dot[0]); },
       .examples = [] { return unary_examples(Domain::real); }},
      {.op = Op::stop_gradient, .name = "stop_gradient", .maths = "y = a;  dy = 0",
       .arity = 1, .kind = Kind::constant, .shape = same_shape,
       .examples = [] { return unary_examples(Domain::real); }},
  };
  return rows;
}

}  // namespace innerloop
