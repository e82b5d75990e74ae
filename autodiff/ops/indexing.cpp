// Linear operations that move numbers: slices and pads, concatenation, shifts, lookups by index.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;

std::vector<Example> one_input(Attr (*attr)(Shape)) {
  std::vector<Example> examples = unary_examples(Domain::real);
  for (Example& e : examples) e.attr = attr(e.shapes[0]);
  return examples;
}

// Where input k begins in a concatenation along rows (or columns).
int rows_before(C c, int k) {
  int rows = 0;
  for (int i = 0; i < k; ++i) rows += c.x[static_cast<std::size_t>(i)].shape().rows;
  return rows;
}
int cols_before(C c, int k) {
  int cols = 0;
  for (int i = 0; i < k; ++i) cols += c.x[static_cast<std::size_t>(i)].shape().cols;
  return cols;
}

std::vector<Example> concat_examples(bool rows) {
  std::vector<Example> examples;
  for (Shape s : example_shapes()) {
    Shape other = s;
    (rows ? other.rows : other.cols) += 2;
    examples.push_back({.shapes = {s, other}, .attr = {}, .domains = {Domain::real, Domain::real}});
  }
  const std::vector<Domain> three(3, Domain::real);
  const Shape s{2, 3, 5};
  add_shared_and_per_task(examples, {.shapes = {s, s, s}, .attr = {}, .domains = three});
  for (const std::vector<int>& same_as : {std::vector{0, 0, 2}, {0, 1, 1}, {0, 1, 0}, {0, 0, 0}})
    examples.push_back({.shapes = {s, s, s}, .attr = {}, .domains = three, .same_as = same_as});
  examples.push_back({.shapes = {s}, .attr = {}, .domains = {Domain::real}});
  examples.push_back({.shapes = {{1, 1, 1}, {1, 1, 1}}, .attr = {}, .domains = {Domain::real, Domain::real}});
  return examples;
}

Shape concat_shape(S r, bool rows) {
  Shape out = r.shape(0);
  out.tasks = r.tasks();
  for (std::size_t k = 1; k < r.inputs.size(); ++k) {
    Shape s = r.inputs[k].shape();
    r.check(rows ? s.cols == out.cols : s.rows == out.rows,
            rows ? "all inputs must have the same number of columns" : "all inputs must have the same number of rows");
    (rows ? out.rows : out.cols) += rows ? s.rows : s.cols;
  }
  return out;
}

// Rows of a window, and the stride: windows that overlap, touch, or leave gaps and a rest.
Attr window_of(Shape s) { return {.i = std::min((s.rows + 1) / 2, 3), .j = s.rows % 3 + 1}; }

void check_window(S r) {
  r.check(r.attr.i >= 1 && r.attr.j >= 1, "the rows of a window and the stride must be at least 1");
}

Shape windows_shape(S r) {
  check_window(r);
  const Shape a = r.shape(0);
  if (a.rows < r.attr.i)
    r.refuse("A has " + std::to_string(a.rows) + " rows, fewer than one window of " + std::to_string(r.attr.i) +
             " (nothing is padded)");
  return {r.tasks(), (a.rows - r.attr.i) / r.attr.j + 1, r.attr.i * a.cols};
}

Shape overlap_add_shape(S r) {
  check_window(r);
  const Shape a = r.shape(0);
  if (a.cols % r.attr.i != 0)
    r.refuse("A has " + std::to_string(a.cols) + " columns, which are not " + std::to_string(r.attr.i) +
             " blocks, one for each row of a window");
  const std::int64_t rows = std::int64_t{a.rows - 1} * r.attr.j + r.attr.i;
  r.check(rows <= std::numeric_limits<int>::max(), "the result would have more than 2³¹ − 1 rows");
  return {r.tasks(), static_cast<int>(rows), a.cols / r.attr.i};
}

// Examples of (values, index) pairs: an index per task, and either one shared by all tasks.
template <class MakeExample>
std::vector<Example> lookups(MakeExample make) {
  std::vector<Example> examples;
  for (Shape s : example_shapes()) {
    Example e = make(s);
    e.shapes[1].tasks = s.tasks;
    e.domains = {Domain::real, Domain::index};
    examples.push_back(e);
    if (s.tasks > 1) add_shared_and_per_task(examples, e);
  }
  return examples;
}

void check_index_column(S r, int rows) {
  r.check(r.shape(1).cols == 1 && r.shape(1).rows == rows,
          "the index must be one column with a row for every row of values");
}

}  // namespace

std::span<const OpDef> indexing_ops() {
  constexpr auto L = Kind::linear;
  static const OpDef rows[] = {
      {.op = Op::slice_rows, .name = "slice_rows", .maths = "Y = rows i … i+n−1 of A;  Ā = Ȳ at row i of zeros",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.attr.i >= 0 && r.attr.j >= 1 && r.attr.i + r.attr.j <= r.shape(0).rows,
                 "the slice (first, count) leaves A");
         return Shape{r.tasks(), r.attr.j, r.shape(0).cols};
       },
       .transpose = [](C c, int, Var v) { return pad_rows(v, c.attr.i, c.x[0].shape().rows); },
       .examples = [] { return one_input([](Shape s) { return Attr{.i = s.rows / 2, .j = (s.rows + 2) / 3}; }); }},
      {.op = Op::pad_rows, .name = "pad_rows", .maths = "Y = A at row i of zeros;  Ā = rows i … of Ȳ",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.attr.i >= 0 && r.attr.i + r.shape(0).rows <= r.attr.j, "A does not fit at that row of that many");
         return Shape{r.tasks(), r.attr.j, r.shape(0).cols};
       },
       .transpose = [](C c, int, Var v) { return slice_rows(v, c.attr.i, c.x[0].shape().rows); },
       .examples = [] { return one_input([](Shape s) { return Attr{.i = 2, .j = s.rows + 3}; }); }},
      {.op = Op::slice_cols, .name = "slice_cols", .maths = "Y = columns i … i+n−1 of A;  Ā = Ȳ at column i of zeros",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.attr.i >= 0 && r.attr.j >= 1 && r.attr.i + r.attr.j <= r.shape(0).cols,
                 "the slice (first, count) leaves A");
         return Shape{r.tasks(), r.shape(0).rows, r.attr.j};
       },
       .transpose = [](C c, int, Var v) { return pad_cols(v, c.attr.i, c.x[0].shape().cols); },
       .examples = [] { return one_input([](Shape s) { return Attr{.i = s.cols / 2, .j = (s.cols + 2) / 3}; }); }},
      {.op = Op::pad_cols, .name = "pad_cols", .maths = "Y = A at column i of zeros;  Ā = columns i … of Ȳ",
       .arity = 1, .kind = L, .shape = [](S r) {
         r.check(r.attr.i >= 0 && r.attr.i + r.shape(0).cols <= r.attr.j, "A does not fit at that column of that many");
         return Shape{r.tasks(), r.shape(0).rows, r.attr.j};
       },
       .transpose = [](C c, int, Var v) { return slice_cols(v, c.attr.i, c.x[0].shape().cols); },
       .examples = [] { return one_input([](Shape s) { return Attr{.i = 2, .j = s.cols + 3}; }); }},
      {.op = Op::concat_rows, .name = "concat_rows",
       .maths = "Y = the inputs one above the other;  each takes its rows of Ȳ",
       .arity = -1, .kind = L, .shape = [](S r) { return concat_shape(r, true); },
       .transpose = [](C c, int k, Var v) {
         return slice_rows(v, rows_before(c, k), c.x[static_cast<std::size_t>(k)].shape().rows);
       },
       .examples = [] { return concat_examples(true); }},
      {.op = Op::concat_cols, .name = "concat_cols",
       .maths = "Y = the inputs side by side;  each takes its columns of Ȳ",
       .arity = -1, .kind = L, .shape = [](S r) { return concat_shape(r, false); },
       .transpose = [](C c, int k, Var v) {
         return slice_cols(v, cols_before(c, k), c.x[static_cast<std::size_t>(k)].shape().cols);
       },
       .examples = [] { return concat_examples(false); }},
      {.op = Op::shift_rows, .name = "shift_rows", .maths = "y[r] = a[r − i], 0 outside;  ā[r] = ȳ[r + i]",
       .arity = 1, .kind = L,
       .shape = same_shape, .transpose = [](C c, int, Var v) { return shift_rows(v, -c.attr.i); },
       .examples = [] { return one_input([](Shape s) { return Attr{.i = s.tasks % 2 ? 2 : -1}; }); }},
      {.op = Op::windows, .name = "windows",
       .maths = "y[k] = a[kj … kj+i−1], side by side;  ā[r] = Σ_k ȳ[k, block r − kj]",
       .arity = 1, .kind = L, .shape = windows_shape,
       .transpose = [](C c, int, Var v) {
         const Var reached = overlap_add(v, c.attr.i, c.attr.j);
         const int time_steps = c.x[0].shape().rows;  // the rest, which fills no window, is reached by none
         return reached.shape().rows == time_steps ? reached : pad_rows(reached, 0, time_steps);
       },
       .examples = [] {
         std::vector<Example> examples = one_input(window_of);
         examples.push_back({.shapes = {{2, 9, 3}}, .attr = {.i = 2, .j = 3}, .domains = {Domain::real}});
         return examples;
       }},
      {.op = Op::overlap_add, .name = "overlap_add",
       .maths = "y[r] = Σ_k a[k, block r − kj];  ā[k] = ȳ[kj … kj+i−1], side by side",
       .arity = 1, .kind = L, .shape = overlap_add_shape,
       .transpose = [](C c, int, Var v) { return windows(v, c.attr.i, c.attr.j); },
       .examples = [] {
         std::vector<Example> examples = one_input(window_of);
         for (Example& e : examples) e.shapes[0].cols *= e.attr.i;
         return examples;
       }},
      {.op = Op::gather_rows, .name = "gather_rows", .maths = "y[r] = a[index r];  ā[i] = Σ_{r: index r = i} ȳ[r]",
       .arity = 2, .kind = L, .shape = [](S r) {
         r.check(r.shape(1).cols == 1, "the index must be one column");
         return Shape{r.tasks(), r.shape(1).rows, r.shape(0).cols};
       },
       .transpose = [](C c, int, Var v) { return scatter_rows(v, c.x[1], c.x[0].shape().rows); },
       .examples = [] {
         return lookups([](Shape s) {
           const Shape index{1, s.rows == 1 && s.cols == 1 ? 1 : 6, 1};
           return Example{.shapes = {s, index}, .attr = {}, .domains = {}, .index_below = s.rows};
         });
       },
       .data_inputs = 0b10},
      {.op = Op::scatter_rows, .name = "scatter_rows", .maths = "y[index r] += a[r], in row order;  ā[r] = ȳ[index r]",
       .arity = 2, .kind = L, .shape = [](S r) {
         check_index_column(r, r.shape(0).rows);
         r.check(r.attr.i >= 1, "the number of rows must be at least 1");
         return Shape{r.tasks(), r.attr.i, r.shape(0).cols};
       },
       .transpose = [](C c, int, Var v) { return gather_rows(v, c.x[1]); },
       .examples = [] {
         return lookups([](Shape s) {
           return Example{.shapes = {s, {1, s.rows, 1}}, .attr = {.i = 4}, .domains = {}, .index_below = 4};
         });
       },
       .data_inputs = 0b10},
      {.op = Op::pick_cols, .name = "pick_cols", .maths = "y[r] = a[r, index r];  ā[r, index r] = ȳ[r], else 0",
       .arity = 2, .kind = L, .shape = [](S r) {
         check_index_column(r, r.shape(0).rows);
         return Shape{r.tasks(), r.shape(0).rows, 1};
       },
       .transpose = [](C c, int, Var v) { return place_cols(v, c.x[1], c.x[0].shape().cols); },
       .examples = [] {
         return lookups([](Shape s) {
           return Example{.shapes = {s, {1, s.rows, 1}}, .attr = {}, .domains = {}, .index_below = s.cols};
         });
       },
       .data_inputs = 0b10},
      {.op = Op::place_cols, .name = "place_cols", .maths = "y[r, index r] = a[r], else 0;  ā[r] = ȳ[r, index r]",
       .arity = 2, .kind = L, .shape = [](S r) {
         check_index_column(r, r.shape(0).rows);
         r.check(r.shape(0).cols == 1 && r.attr.j >= 1,
                 "the values must be one column, and the number of columns at least 1");
         return Shape{r.tasks(), r.shape(0).rows, r.attr.j};
       },
       .transpose = [](C c, int, Var v) { return pick_cols(v, c.x[1]); },
       .examples = [] {
         return lookups([](Shape s) {
           const Shape column{s.tasks, s.rows, 1}, index{1, s.rows, 1};
           return Example{.shapes = {column, index}, .attr = {.j = 5}, .domains = {}, .index_below = 5};
         });
       },
       .data_inputs = 0b10},
  };
  return rows;
}

}  // namespace innerloop
