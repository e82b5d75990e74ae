// Linear operations: forward mode is the operation itself, reverse mode its transpose, named here for every input.
#include "autodiff/op_table.h"
#include "autodiff/ops.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;

template <int x_rows, int x_cols>  // examples of one input whose attribute is derived from its shape
std::vector<Example> sized(Attr (*attr)(Shape)) {
  std::vector<Example> examples;
  for (Shape original : example_shapes()) {
    Shape s = original;
    if (x_rows > 0) s.rows = x_rows;
    if (x_cols > 0) s.cols = x_cols;
    examples.push_back({.shapes = {s}, .attr = attr(original), .domains = {Domain::real}});
  }
  return examples;
}
std::vector<Example> plain() { return unary_examples(Domain::real); }

Shape matmul_shape(S r) {
  Shape a = r.shape(0), b = r.shape(1);
  int m = r.attr.i ? a.cols : a.rows, inner_a = r.attr.i ? a.rows : a.cols;
  int n = r.attr.j ? b.rows : b.cols, inner_b = r.attr.j ? b.cols : b.rows;
  if (inner_a != inner_b)
    r.refuse(std::string(r.attr.i ? "A transposed" : "A") + " has " + std::to_string(inner_a) + " columns but " +
             (r.attr.j ? "B transposed" : "B") + " has " + std::to_string(inner_b) + " rows.");
  return {r.tasks(), m, n};
}

// y = op(A)·op(B).  With Y = A·B:  Ā = Ȳ·Bᵀ, B̄ = Aᵀ·Ȳ; the other three cases follow by transposing.
Var matmul_transpose(C c, int k, Var y_bar) {
  Var a = c.x[0], b = c.x[1];
  bool ta = c.attr.i != 0, tb = c.attr.j != 0;
  if (k == 0) return ta ? matmul(b, y_bar, tb, true) : matmul(y_bar, b, false, !tb);
  return tb ? matmul(y_bar, a, true, ta) : matmul(a, y_bar, !ta, false);
}

std::vector<Example> matmul_examples() {
  std::vector<Example> examples;
  const int sizes[][3] = {{1, 1, 1}, {2, 3, 4}, {7, 5, 3}, {1, 6, 1}, {17, 2, 9}, {5, 8, 2}};
  for (auto [m, k, n] : sizes)
    for (int transposed = 0; transposed < 4; ++transposed) {
      int ta = transposed & 1, tb = transposed >> 1;
      Shape a{2, ta ? k : m, ta ? m : k}, b{2, tb ? n : k, tb ? k : n};
      examples.push_back({.shapes = {a, b}, .attr = {.i = ta, .j = tb}, .domains = {Domain::real, Domain::real}});
      if (m == 2 || m == 7) {  // one side shared by all tasks
        Shape a1 = a, b1 = b;
        a1.tasks = 1, b1.tasks = 1;
        examples.push_back({.shapes = {a1, b}, .attr = {.i = ta, .j = tb}, .domains = {Domain::real, Domain::real}});
        examples.push_back({.shapes = {a, b1}, .attr = {.i = ta, .j = tb}, .domains = {Domain::real, Domain::real}});
      }
    }
  examples.push_back({.shapes = {{2, 4, 4}, {2, 4, 4}},
                      .attr = {},
                      .domains = {Domain::real, Domain::real},
                      .same_as = {0, 0}});
  return examples;
}

std::vector<Example> add_row_examples() {
  std::vector<Example> examples;
  for (Shape s : example_shapes()) {
    const Example e{.shapes = {s, {s.tasks, 1, s.cols}}, .attr = {}, .domains = {Domain::real, Domain::real}};
    examples.push_back(e);
    if (s.tasks > 1) add_shared_and_per_task(examples, e);
  }
  for (Shape row : {Shape{1, 1, 7}, Shape{3, 1, 5}})  // a row added to itself
    examples.push_back(
        {.shapes = {row, row}, .attr = {}, .domains = {Domain::real, Domain::real}, .same_as = {0, 0}});
  return examples;
}

}  // namespace

std::span<const OpDef> linear_ops() {
  constexpr auto L = Kind::linear;
  static const OpDef rows[] = {
      {.op = Op::matmul, .name = "matmul", .maths = "Y = A·B;  dY = dA·B + A·dB;  Ā = Ȳ·Bᵀ, B̄ = Aᵀ·Ȳ",
       .arity = 2, .kind = L, .shape = matmul_shape, .transpose = matmul_transpose, .examples = matmul_examples},
      {.op = Op::transpose, .name = "transpose", .maths = "Y = Aᵀ;  Ā = Ȳᵀ", .arity = 1, .kind = L,
       .shape = [](S r) { return Shape{r.tasks(), r.shape(0).cols, r.shape(0).rows}; },
       .transpose = [](C, int, Var v) { return transpose(v); }, .examples = plain},
      {.op = Op::add_row, .name = "add_row", .maths = "y[r,c] = a[r,c] + b[c];  ā = ȳ, b̄ = Σ_r ȳ",
       .arity = 2, .kind = L, .shape = [](S r) {
         r.check(r.shape(1).rows == 1 && r.shape(1).cols == r.shape(0).cols, "B must be one row with the columns of A");
         return Shape{r.tasks(), r.shape(0).rows, r.shape(0).cols};
       },
       .transpose = [](C, int k, Var v) { return k == 0 ? v : sum_rows(v); }, .examples = add_row_examples},
      {.op = Op::sum_rows, .name = "sum_rows", .maths = "y[c] = Σ_r a[r,c];  ā[r,c] = ȳ[c]", .arity = 1, .kind = L,
       .shape = [](S r) { return Shape{r.tasks(), 1, r.shape(0).cols}; },
       .transpose = [](C c, int, Var v) { return broadcast_rows(v, c.x[0].shape().rows); }, .examples = plain},
      {.op = Op::broadcast_rows, .name = "broadcast_rows", .maths = "y[r,c] = a[c];  ā[c] = Σ_r ȳ[r,c]",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.shape(0).rows == 1 && r.attr.i >= 1, "A must be one row, and the number of rows at least 1");
         return Shape{r.tasks(), r.attr.i, r.shape(0).cols};
       },
       .transpose = [](C, int, Var v) { return sum_rows(v); },
       .examples = [] { return sized<1, 0>([](Shape s) { return Attr{.i = s.rows + 1}; }); }},
      {.op = Op::sum_cols, .name = "sum_cols", .maths = "y[r] = Σ_c a[r,c];  ā[r,c] = ȳ[r]", .arity = 1, .kind = L,
       .shape = [](S r) { return Shape{r.tasks(), r.shape(0).rows, 1}; },
       .transpose = [](C c, int, Var v) { return broadcast_cols(v, c.x[0].shape().cols); }, .examples = plain},
      {.op = Op::broadcast_cols, .name = "broadcast_cols", .maths = "y[r,c] = a[r];  ā[r] = Σ_c ȳ[r,c]",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.shape(0).cols == 1 && r.attr.j >= 1, "A must be one column, and the number of columns at least 1");
         return Shape{r.tasks(), r.shape(0).rows, r.attr.j};
       },
       .transpose = [](C, int, Var v) { return sum_cols(v); },
       .examples = [] { return sized<0, 1>([](Shape s) { return Attr{.j = s.cols + 1}; }); }},
      {.op = Op::sum_all, .name = "sum_all", .maths = "y = Σ a;  ā = ȳ everywhere", .arity = 1, .kind = L,
       .shape = [](S r) { return Shape{r.tasks(), 1, 1}; },
       .transpose = [](C c, int, Var v) { return broadcast_all(v, c.x[0].shape().rows, c.x[0].shape().cols); },
       .examples = plain},
      {.op = Op::broadcast_all, .name = "broadcast_all", .maths = "y = a everywhere;  ā = Σ ȳ", .arity = 1, .kind = L,
       .shape = [](S r) {
         r.check(r.shape(0).is_scalar() && r.attr.i >= 1 && r.attr.j >= 1,
                 "A must be (·, 1, 1) and the new sizes at least 1");
         return Shape{r.tasks(), r.attr.i, r.attr.j};
       },
       .transpose = [](C, int, Var v) { return sum_all(v); },
       .examples = [] { return sized<1, 1>([](Shape s) { return Attr{.i = s.rows + 1, .j = s.cols}; }); }},
      {.op = Op::sum_tasks, .name = "sum_tasks", .maths = "y = Σ_tasks a, in task order;  ā = ȳ for every task",
       .arity = 1, .kind = L, .shape = [](S r) { return Shape{1, r.shape(0).rows, r.shape(0).cols}; },
       .transpose = [](C c, int, Var v) { return broadcast_tasks(v, c.x[0].shape().tasks); }, .examples = plain},
      {.op = Op::broadcast_tasks, .name = "broadcast_tasks", .maths = "y = a for every task;  ā = Σ_tasks ȳ",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.shape(0).tasks == 1 && r.attr.i >= 1,
                 "A must be shared (1 task), and the number of tasks at least 1");
         return Shape{r.attr.i, r.shape(0).rows, r.shape(0).cols};
       },
       .transpose = [](C, int, Var v) { return sum_tasks(v); },
       .examples = [] {
         std::vector<Example> examples = plain();
         for (Example& e : examples) e.attr = {.i = e.shapes[0].tasks + 2}, e.shapes[0].tasks = 1;
         return examples;
       }},
      {.op = Op::reshape, .name = "reshape", .maths = "Y = the numbers of A in another shape;  Ā = Ȳ in the shape of A",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.attr.i >= 1 && r.attr.j >= 1 && Shape{1, r.attr.i, r.attr.j}.size() == r.shape(0).per_task(),
                 "the new shape must hold as many numbers per task");
         return Shape{r.tasks(), r.attr.i, r.attr.j};
       },
       .transpose = [](C c, int, Var v) { return reshape(v, c.x[0].shape().rows, c.x[0].shape().cols); },
       .examples = [] { return sized<0, 0>([](Shape s) { return Attr{.i = s.cols, .j = s.rows}; }); }},
  };
  return rows;
}

}  // namespace innerloop
