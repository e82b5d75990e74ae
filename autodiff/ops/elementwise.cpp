// Elementwise operations: every derivative of the family on one screen, one slope per input.
#include "autodiff/op_table.h"
#include "autodiff/ops.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
constexpr Var kZero{};  // "identically zero": no node is appended

Var zero_scalar(C c) { return c.graph.fill({1, 1, 1}, 0); }

// Instances for two inputs: equal shapes, scalars and shared tasks on either side, the same tensor in both places.
std::vector<Example> pairs(Domain first, Domain second) {
  std::vector<Example> examples;
  for (Shape s : example_shapes()) examples.push_back({.shapes = {s, s}, .attr = {}, .domains = {first, second}});
  for (Shape s : {Shape{3, 4, 5}, Shape{2, 7, 1}}) {
    examples.push_back({.shapes = {s, {1, s.rows, s.cols}}, .attr = {}, .domains = {first, second}});
    examples.push_back({.shapes = {{1, s.rows, s.cols}, s}, .attr = {}, .domains = {first, second}});
    examples.push_back({.shapes = {s, {1, 1, 1}}, .attr = {}, .domains = {first, second}});
    examples.push_back({.shapes = {{s.tasks, 1, 1}, s}, .attr = {}, .domains = {first, second}});
    examples.push_back({.shapes = {{s.tasks, 1, 1}, {1, s.rows, s.cols}}, .attr = {}, .domains = {first, second}});
    examples.push_back({.shapes = {s, s}, .attr = {}, .domains = {second, second}, .same_as = {0, 0}});
  }
  return examples;
}
// For three: as for two, the third like the second; then one shared or per task alone, and each two the same.
std::vector<Example> triples(Domain first) {
  constexpr Domain real = Domain::real;
  std::vector<Example> examples;
  for (Example e : pairs(first, real)) {
    if (!e.same_as.empty()) continue;
    e.shapes.push_back(e.shapes[1]);
    e.domains.push_back(real);
    examples.push_back(e);
  }
  const Shape s{2, 3, 5};
  const Example all{.shapes = {s, s, s}, .attr = {}, .domains = {first, real, real}};
  examples.push_back({.shapes = {s, {1, 1, 1}, s}, .attr = {}, .domains = all.domains});
  add_shared_and_per_task(examples, all);
  const std::vector<int> equal[] = {{0, 1, 1}, {0, 0, 2}, {0, 1, 0}, {0, 0, 0}};
  for (const std::vector<int>& same_as : equal) {
    if (first != real && same_as != equal[0]) continue;  // a mask is no number to be differentiated
    examples.push_back(all);
    examples.back().same_as = same_as;
  }
  return examples;
}
template <Domain domain>
std::vector<Example> one() { return unary_examples(domain); }
template <Domain first, Domain second>
std::vector<Example> two() { return pairs(first, second); }
std::vector<Example> with_numbers(double x, double y) {
  std::vector<Example> examples = unary_examples(Domain::real);
  for (Example& e : examples) e.attr = {.x = x, .y = y};
  return examples;
}

// Kinks: signed distance of the inputs to where the branch changes.
int kink_at_zero(double a, double, const Attr&, std::array<double, 2>& margin) { return margin[0] = a, 1; }
int kink_at_tie(double a, double b, const Attr&, std::array<double, 2>& margin) { return margin[0] = a - b, 1; }
int kink_at_bounds(double a, double, const Attr& attr, std::array<double, 2>& margin) {
  return margin = {a - attr.x, a - attr.y}, 2;
}

// What the rows of a family have in common.
OpDef with(OpDef row, int arity, Kind kind, Shape (*shape)(const ShapeRequest&)) {
  row.arity = arity;
  row.kind = kind;
  row.shape = shape;
  return row;
}
OpDef unary(const OpDef& row) { return with(row, 1, Kind::elementwise, same_shape); }
OpDef binary(const OpDef& row) { return with(row, 2, Kind::elementwise, broadcast_shape); }
OpDef ternary(const OpDef& row) { return with(row, 3, Kind::elementwise, broadcast_shape); }
Shape bounded_shape(const ShapeRequest& r) {
  r.check(r.attr.x <= r.attr.y, "the lower bound must not lie above the upper one");
  return same_shape(r);
}
OpDef flat_unary(const OpDef& row) { return with(row, 1, Kind::constant, same_shape); }
OpDef flat_binary(const OpDef& row) { return with(row, 2, Kind::constant, broadcast_shape); }

}  // namespace

std::span<const OpDef> elementwise_ops() {
  constexpr auto R = Domain::real;
  constexpr auto P = Domain::positive;
  static const OpDef rows[] = {
      // One input.
      unary({.op = Op::neg, .name = "neg", .maths = "y = −a;  dy = −da",
             .slope = [](C, int, Var v) { return -v; }, .examples = one<R>}),
      unary({.op = Op::scale, .name = "scale", .maths = "y = s·a;  dy = s·da",
             .slope = [](C c, int, Var v) { return c.attr.x * v; }, .examples = [] { return with_numbers(-1.7, 0); }}),
      unary({.op = Op::add_scalar, .name = "add_scalar", .maths = "y = a + s;  dy = da",
             .slope = [](C, int, Var v) { return v; }, .examples = [] { return with_numbers(0.3, 0); }}),
      unary({.op = Op::exp, .name = "exp", .maths = "y = eᵃ;  dy = y·da",
             .slope = [](C c, int, Var v) { return v * c.y; }, .examples = one<R>}),
      unary({.op = Op::log, .name = "log", .maths = "y = log a;  dy = da/a",
             .slope = [](C c, int, Var v) { return v / c.x[0]; }, .examples = one<P>}),
      unary({.op = Op::log1p, .name = "log1p", .maths = "y = log(1 + a);  dy = da/(1 + a)",
             .slope = [](C c, int, Var v) { return v / (c.x[0] + 1.0); }, .examples = one<P>}),
      unary({.op = Op::expm1, .name = "expm1", .maths = "y = eᵃ − 1;  dy = (y + 1)·da",
             .slope = [](C c, int, Var v) { return v * (c.y + 1.0); }, .examples = one<R>}),
      unary({.op = Op::tanh, .name = "tanh", .maths = "y = tanh a;  dy = (1 − y²)·da",
             .slope = [](C c, int, Var v) { return tanh_slope(c.y, v); }, .examples = one<R>}),
      unary({.op = Op::sigmoid, .name = "sigmoid", .maths = "y = 1/(1 + e⁻ᵃ);  dy = y(1 − y)·da",
             .slope = [](C c, int, Var v) { return sigmoid_slope(c.y, v); }, .examples = one<R>}),
      unary({.op = Op::softplus, .name = "softplus", .maths = "y = log(1 + eᵃ);  dy = sigmoid(a)·da",
             .slope = [](C c, int, Var v) { return v * sigmoid(c.x[0]); }, .examples = one<R>}),
      unary({.op = Op::square, .name = "square", .maths = "y = a²;  dy = 2a·da",
             .slope = [](C c, int, Var v) { return 2.0 * (v * c.x[0]); }, .examples = one<R>}),
      unary({.op = Op::sqrt, .name = "sqrt", .maths = "y = √a;  dy = da/(2y)",
             .slope = [](C c, int, Var v) { return 0.5 * (v / c.y); }, .examples = one<P>}),
      unary({.op = Op::reciprocal, .name = "reciprocal", .maths = "y = 1/a;  dy = −y²·da",
             .slope = [](C c, int, Var v) { return -mul3(v, c.y, c.y); }, .examples = one<P>}),
      unary({.op = Op::sin, .name = "sin", .maths = "y = sin a;  dy = cos a·da",
             .slope = [](C c, int, Var v) { return v * cos(c.x[0]); }, .examples = one<R>}),
      unary({.op = Op::cos, .name = "cos", .maths = "y = cos a;  dy = −sin a·da",
             .slope = [](C c, int, Var v) { return -(v * sin(c.x[0])); }, .examples = one<R>}),
      unary({.op = Op::relu, .name = "relu", .maths = "y = max(a, 0);  dy = da where a > 0, else 0",
             .slope = [](C c, int, Var v) { return relu_slope(c.y, v); }, .kinks = kink_at_zero, .examples = one<R>}),
      unary({.op = Op::abs, .name = "abs", .maths = "y = |a|;  dy = sign(a)·da, 0 at a = 0",
             .slope = [](C c, int, Var v) { return v * sign(c.x[0]); }, .kinks = kink_at_zero, .examples = one<R>}),
      with({.op = Op::clip, .name = "clip", .maths = "y = min(max(a, l), h);  dy = da where l < a < h, else 0",
            .slope = [](C c, int, Var v) { return v * inside(c.x[0], c.attr.x, c.attr.y); }, .kinks = kink_at_bounds,
            .examples = [] { return with_numbers(-0.5, 0.8); }}, 1, Kind::elementwise, bounded_shape),

      // Piecewise constant: no derivative.
      flat_unary({.op = Op::step, .name = "step", .maths = "y = 1 if a > 0, else 0;  dy = 0",
                  .kinks = kink_at_zero, .examples = one<R>}),
      flat_unary({.op = Op::sign, .name = "sign", .maths = "y = −1, 0 or 1;  dy = 0",
                  .kinks = kink_at_zero, .examples = one<R>}),
      with({.op = Op::inside, .name = "inside", .maths = "y = 1 if l < a < h, else 0;  dy = 0",
            .kinks = kink_at_bounds, .examples = [] { return with_numbers(-0.5, 0.8); }}, 1, Kind::constant,
           bounded_shape),
      flat_binary({.op = Op::less, .name = "less", .maths = "y = 1 if a < b, ½ if a = b, else 0;  dy = 0",
                   .kinks = kink_at_tie, .examples = two<R, R>}),

      // Two inputs.
      binary({.op = Op::add, .name = "add", .maths = "y = a + b;  dy = da + db",
              .slope = [](C, int, Var v) { return v; }, .examples = two<R, R>}),
      binary({.op = Op::sub, .name = "sub", .maths = "y = a − b;  dy = da − db",
              .slope = [](C, int k, Var v) { return k == 0 ? v : -v; }, .examples = two<R, R>}),
      binary({.op = Op::mul, .name = "mul", .maths = "y = a·b;  dy = b·da + a·db",
              .slope = [](C c, int k, Var v) { return v * c.x[k == 0 ? 1 : 0]; }, .examples = two<R, R>}),
      binary({.op = Op::div, .name = "div", .maths = "y = a/b;  dy = da/b − (y/b)·db",
              .slope = [](C c, int k, Var v) { return k == 0 ? v / c.x[1] : -(v * c.y / c.x[1]); },
              .examples = two<R, P>}),
      binary({.op = Op::minimum, .name = "minimum",
              .maths = "y = min(a, b);  dy = da where a < b, db where b < a, half of each at a tie",
              .slope = [](C c, int k, Var v) { return v * (k == 0 ? less(c.x[0], c.x[1]) : less(c.x[1], c.x[0])); },
              .kinks = kink_at_tie, .examples = two<R, R>}),
      binary({.op = Op::maximum, .name = "maximum",
              .maths = "y = max(a, b);  dy = da where a > b, db where b > a, half of each at a tie",
              .slope = [](C c, int k, Var v) { return v * (k == 0 ? less(c.x[1], c.x[0]) : less(c.x[0], c.x[1])); },
              .kinks = kink_at_tie, .examples = two<R, R>}),
      binary({.op = Op::tanh_slope, .name = "tanh_slope", .maths = "z = g(1 − y²);  dz = (1 − y²)·dg − 2yg·dy",
              .slope = [](C c, int k, Var v) {
                return k == 0 ? -2.0 * mul3(v, c.x[0], c.x[1]) : tanh_slope(c.x[0], v);
              },
              .examples = two<R, R>}),
      binary({.op = Op::sigmoid_slope, .name = "sigmoid_slope",
              .maths = "z = g·y(1 − y);  dz = y(1 − y)·dg + g(1 − 2y)·dy",
              .slope = [](C c, int k, Var v) {
                return k == 0 ? mul3(v, c.x[1], 1.0 - 2.0 * c.x[0]) : sigmoid_slope(c.x[0], v);
              },
              .examples = two<R, R>}),
      binary({.op = Op::relu_slope, .name = "relu_slope", .maths = "z = g where y > 0, else 0;  dz = dg there",
              .slope = [](C c, int k, Var v) { return k == 0 ? kZero : relu_slope(c.x[0], v); },
              .kinks = kink_at_zero, .examples = two<R, R>}),

      // Three inputs.
      ternary({.op = Op::mul3, .name = "mul3", .maths = "y = a·b·c;  dy = bc·da + ac·db + ab·dc",
               .slope = [](C c, int k, Var v) { return mul3(v, c.x[k == 0 ? 1 : 0], c.x[k == 2 ? 1 : 2]); },
               .examples = [] { return triples(R); }}),
      ternary({.op = Op::select, .name = "select", .maths = "y = a where m ≠ 0, else b;  dy = da there, else db",
               .slope = [](C c, int k, Var v) {
                 return k == 1 ? select(c.x[0], v, zero_scalar(c)) : select(c.x[0], zero_scalar(c), v);
               },
               .examples = [] { return triples(Domain::mask); }, .data_inputs = 0b1}),
  };
  return rows;
}

}  // namespace innerloop
