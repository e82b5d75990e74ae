// A multilayer perceptron as one operation; its backward pass, its tangent, and its Hessian-vector product as three
// more.
//
// With θ = (W1, b1, …, W_L, b_L), f(x, θ) = y and J its Jacobian with respect to (x, θ), for a direction v = (ẋ, θ̇):
//   mlp       y = f(x, θ)         h_l = act(h_{l−1}·W_l + b_l), h_0 = x; y without act
//   mlp_bwd   (θ̄, x̄) = Jᵀȳ        z̄_{l−1} = act'(z_{l−1})∘(z̄_l·W_lᵀ), W̄_l = h_{l−1}ᵀ·z̄_l
//   mlp_jvp   ẏ = J·v              ż_l = ḣ_{l−1}·W_l + h_{l−1}·Ẇ_l + ḃ_l
//   mlp_hvp   the tangent of Jᵀȳ in the direction (v, ȳ̇), and ẏ
//             (the R-operator of Pearlmutter 1994, "Fast exact multiplication by the Hessian")
// Activations are computed anew in each of them, so nothing is saved and any order exists. The four are closed up to
// second order: the cotangent of mlp_bwd pairs it with a direction v, ⟨v, Jᵀȳ⟩ = ⟨Jv, ȳ⟩, and since second derivatives
// are symmetric, ∇⟨Jv, ȳ⟩ is the tangent of Jᵀȳ along v. The same holds for mlp_jvp. So MAML's second order, TRPO's
// Fisher product and a product with the Hessian run through these four, and nothing else.
// Which operand stands where, and the packing of results: kernels/mlp_operands.h.
#include <algorithm>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/ops/activation.h"
#include "kernels/mlp_operands.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;
using kernels::mlp_operands;
using kernels::mlp_with_x;
using kernels::mlp_with_y_bar_dot;
using kernels::MlpOperands;
using List = std::vector<Var>;

std::size_t index(int k) { return static_cast<std::size_t>(k); }
int numbers(Var v) { return v.shape().rows * v.shape().cols; }

// ---- Shapes ---------------------------------------------------------------------------------------------------------

void check_same(S r, int k, int like, const char* why) {
  r.check(r.shape(k).rows == r.shape(like).rows && r.shape(k).cols == r.shape(like).cols, why);
}

// Checks every operand; returns the places.
MlpOperands check_operands(S r, Op op) {
  const MlpOperands at = mlp_operands(op, static_cast<int>(r.inputs.size()), r.attr);
  r.check(at.layers >= 2 && at.layers <= kernels::mlp_max_layers,
          "it takes x, W1, b1, W2, b2, … of 1 to 3 hidden layers and the output layer");
  int width = r.shape(0).cols;
  for (int l = 0; l < at.layers; ++l) {
    const Shape w = r.shape(at.weights(l)), b = r.shape(at.bias(l));
    r.check(w.rows == width, "every W must have as many rows as the layer before has units");
    r.check(b.rows == 1 && b.cols == w.cols, "every b must be one row with the columns of its W");
    width = w.cols;
  }
  for (int bar : {at.y_bar, at.y_bar_dot})
    r.check(bar < 0 || (r.shape(bar).rows == r.shape(0).rows && r.shape(bar).cols == width),
            "the cotangent of y must have the shape of y");
  if (at.with_x()) check_same(r, at.x_dot, 0, "the tangent of x must have the shape of x");
  if (at.theta_dot >= 0)
    for (int k = 0; k < at.theta_count(); ++k)
      check_same(r, at.theta_dot + k, 1 + k, "the tangents of θ must have the shapes of θ");
  return at;
}

template <Op op>
Shape output_shape(S r) {
  const MlpOperands at = check_operands(r, op);
  return {r.tasks(), r.shape(0).rows, r.shape(at.bias(at.layers - 1)).cols};
}

template <Op op>
Shape packed_shape(S r) {
  const MlpOperands at = check_operands(r, op);
  const Shape x = r.shape(0);
  int count = (r.attr.j & mlp_with_x) != 0 ? x.rows * x.cols : 0;
  for (int k = 1; k <= at.theta_count(); ++k) count += numbers(r.inputs[index(k)]);
  if (op == Op::mlp_hvp) count += x.rows * r.shape(at.bias(at.layers - 1)).cols;
  return {r.tasks(), count, 1};
}

// ---- Packing --------------------------------------------------------------------------------------------------------

// Takes block after block from a packed column.
class Unpacker {
 public:
  explicit Unpacker(Var packed) : packed_(packed) {}
  Var next(Var like) { return next(like.shape().rows, like.shape().cols); }
  Var next(int rows, int cols) {
    Var block = reshape(slice_rows(packed_, begin_, rows * cols), rows, cols);
    begin_ += rows * cols;
    return block;
  }

 private:
  Var packed_;
  int begin_ = 0;
};

// One column; a block that does not depend on the tasks is the same for each.
Var pack(std::span<const Var> blocks, int tasks) {
  List columns;
  for (Var block : blocks) columns.push_back(reshape(block, numbers(block), 1));
  return broadcast_tasks(concat_rows(columns), tasks);
}

// ---- The passes, in primitives --------------------------------------------------------------------------------------

struct Net {
  C c;
  MlpOperands at;

  Net(C context, Op op) : c(context), at(mlp_operands(op, static_cast<int>(context.x.size()), context.attr)) {}
  Var x(int k) const { return c.x[index(k)]; }
  Var weights(int l) const { return x(at.weights(l - 1)); }  // of layer l = 1 … L
  Activation hidden() const { return static_cast<Activation>(c.attr.i); }

  List values() const {
    List h{x(0)};
    for (int l = 1; l <= at.layers; ++l) {
      Var z = add_row(matmul(h.back(), weights(l)), x(at.bias(l - 1)));  // (tasks, rows, width of l)
      h.push_back(l == at.layers ? z : activate(hidden(), z));
    }
    return h;
  }

  // ḣ_l; the first is empty where x has no tangent.
  List tangents(const List& h) const {
    List h_dot{at.with_x() ? x(at.x_dot) : Var{}};
    for (int l = 1; l <= at.layers; ++l) {
      Var z_dot = add_row(matmul(h[index(l - 1)], x(at.weights_dot(l - 1))), x(at.bias_dot(l - 1)));
      if (h_dot.back().valid()) z_dot = z_dot + matmul(h_dot.back(), weights(l));
      h_dot.push_back(l == at.layers ? z_dot : activation_slope(hidden(), h[index(l)], z_dot));
    }
    return h_dot;
  }

  // The tangent of activation_slope(y, g) with respect to y; empty where the slope is piecewise constant.
  Var curvature(Var y, Var y_dot, Var g) const {
    switch (hidden()) {
      case Activation::tanh: return -2 * mul3(y, y_dot, g);
      case Activation::sigmoid: return mul3(1 - 2 * y, y_dot, g);
      default: return {};
    }
  }

  // z̄_l for l = 0 … L, where z̄_0 = x̄; and, with ḣ given, their tangents.
  struct Cotangents {
    List z_bar, z_bar_dot;
  };
  Cotangents cotangents(const List& h, const List* h_dot) const {
    Cotangents result{List(h.size()), List(h.size())};
    auto& [z_bar, z_bar_dot] = result;
    z_bar[index(at.layers)] = x(at.y_bar);
    if (at.y_bar_dot >= 0) z_bar_dot[index(at.layers)] = x(at.y_bar_dot);
    for (int l = at.layers; l >= 1; --l) {
      Var h_bar = matmul(z_bar[index(l)], weights(l), false, true);  // (tasks, rows, width of l − 1)
      const Var y = h[index(l - 1)];
      z_bar[index(l - 1)] = l == 1 ? h_bar : activation_slope(hidden(), y, h_bar);
      if (!h_dot) continue;
      Var h_bar_dot = matmul(z_bar[index(l)], x(at.weights_dot(l - 1)), false, true);
      if (z_bar_dot[index(l)].valid()) h_bar_dot = h_bar_dot + matmul(z_bar_dot[index(l)], weights(l), false, true);
      Var& dot = z_bar_dot[index(l - 1)];
      dot = l == 1 ? h_bar_dot : activation_slope(hidden(), y, h_bar_dot);
      if (Var bend = l == 1 ? Var{} : curvature(y, (*h_dot)[index(l - 1)], h_bar); bend.valid()) dot = dot + bend;
    }
    return result;
  }
};

// ẏ and y depend on every operand but for the tasks that they come with.
Var of_all_tasks(C c, Var y) { return broadcast_tasks(y, c.tasks()); }

Var mlp_expansion(C c) { return of_all_tasks(c, Net(c, Op::mlp).values().back()); }

Var mlp_jvp_expansion(C c) {
  const Net net(c, Op::mlp_jvp);
  return of_all_tasks(c, net.tangents(net.values()).back());
}

Var mlp_bwd_expansion(C c) {
  const Net net(c, Op::mlp_bwd);
  const List h = net.values(), z_bar = net.cotangents(h, nullptr).z_bar;
  List blocks;
  for (int l = 1; l <= net.at.layers; ++l) {
    blocks.push_back(matmul(h[index(l - 1)], z_bar[index(l)], true, false));
    blocks.push_back(sum_rows(z_bar[index(l)]));
  }
  if ((c.attr.j & mlp_with_x) != 0) blocks.push_back(z_bar[0]);
  return pack(blocks, c.tasks());
}

Var mlp_hvp_expansion(C c) {
  const Net net(c, Op::mlp_hvp);
  const List h = net.values(), h_dot = net.tangents(h);
  const auto [z_bar, z_bar_dot] = net.cotangents(h, &h_dot);
  List blocks;
  for (int l = 1; l <= net.at.layers; ++l) {
    const Var moved = h_dot[index(l - 1)], turned = z_bar_dot[index(l)];
    Var w = moved.valid() ? matmul(moved, z_bar[index(l)], true, false) : Var{};
    if (turned.valid()) {
      Var product = matmul(h[index(l - 1)], turned, true, false);
      w = w.valid() ? w + product : product;
    }
    blocks.push_back(w.valid() ? w : zeros_like(net.weights(l)));
    blocks.push_back(turned.valid() ? sum_rows(turned) : zeros_like(net.x(net.at.bias(l - 1))));
  }
  if (net.at.with_x()) blocks.push_back(z_bar_dot[0]);
  blocks.push_back(h_dot.back());
  return pack(blocks, c.tasks());
}

// ---- Rules ----------------------------------------------------------------------------------------------------------

Var call(C c, Op op, std::span<const Var> inputs, int sides) {
  return c.graph.append(op, inputs, {.i = c.attr.i, .j = sides}, SourceLocation::current());
}

// Splits a packed column into blocks like those of θ. If all of these are shared by the tasks, they get their sum over
// tasks at once.
List unpack_theta(Var packed, std::span<const Var> theta) {
  int count = 0;
  bool shared = true;
  for (Var block : theta) count += numbers(block), shared = shared && block.shape().tasks == 1;
  Var column = slice_rows(packed, 0, count);
  Unpacker blocks(shared ? sum_tasks(column) : column);
  List result;
  for (Var block : theta) result.push_back(blocks.next(block));
  return result;
}

// The block of x, which follows that of θ.
Var unpack_x(C c, Var packed, std::span<const Var> theta) {
  int begin = 0;
  for (Var block : theta) begin += numbers(block);
  return reshape(slice_rows(packed, begin, numbers(c.x[0])), c.x[0].shape().rows, c.x[0].shape().cols);
}

// Hands the cotangents of x and θ to a rule's inputs, which begin with these.
void give_cotangents(C c, Var packed, int theta_count, bool with_x, std::span<Var> x_bar) {
  const std::span<const Var> theta = c.x.subspan(1, index(theta_count));
  const List theta_bar = unpack_theta(packed, theta);
  std::ranges::copy(theta_bar, x_bar.begin() + 1);
  if (with_x) x_bar[0] = unpack_x(c, packed, theta);
}

// The operands of mlp_hvp at the point (x, θ) of c, for a cotangent of y and a direction. Without a tangent of x its
// place is filled with zeros if `with_x` asks for the side of x.
Var hvp(C c, int theta_count, Var y_bar, bool with_x, Var x_dot, std::span<const Var> theta_dot, Var y_bar_dot) {
  List inputs(c.x.begin(), c.x.begin() + 1 + theta_count);
  inputs.push_back(y_bar);
  if (with_x) inputs.push_back(x_dot.valid() ? x_dot : zeros_like(c.x[0]));
  inputs.insert(inputs.end(), theta_dot.begin(), theta_dot.end());
  if (y_bar_dot.valid()) inputs.push_back(y_bar_dot);
  return call(c, Op::mlp_hvp, inputs, (with_x ? mlp_with_x : 0) | (y_bar_dot.valid() ? mlp_with_y_bar_dot : 0));
}

List tangents_of_theta(C c, std::span<const Var> x_dot, int theta_count) {
  List theta_dot;
  for (int k = 1; k <= theta_count; ++k)
    theta_dot.push_back(x_dot[index(k)].valid() ? x_dot[index(k)] : zeros_like(c.x[index(k)]));
  return theta_dot;
}

void mlp_vjp(C c, Var y_bar, std::span<Var> x_bar) {
  const bool with_x = c.wants(0);
  List inputs(c.x.begin(), c.x.end());
  inputs.push_back(y_bar);
  Var packed = call(c, Op::mlp_bwd, inputs, with_x ? mlp_with_x : 0);
  give_cotangents(c, packed, static_cast<int>(c.x.size()) - 1, with_x, x_bar);
}

Var mlp_jvp_rule(C c, std::span<const Var> x_dot) {
  const bool with_x = x_dot[0].valid();
  List inputs(c.x.begin(), c.x.end());
  if (with_x) inputs.push_back(x_dot[0]);
  for (Var theta_dot : tangents_of_theta(c, x_dot, static_cast<int>(c.x.size()) - 1)) inputs.push_back(theta_dot);
  return call(c, Op::mlp_jvp, inputs, with_x ? mlp_with_x : 0);
}

// ⟨v, Jᵀȳ⟩ = ⟨Jv, ȳ⟩: the cotangent v of the packed result is a direction; ȳ gets ẏ = Jv.
void mlp_bwd_vjp(C c, Var v, std::span<Var> x_bar) {
  const Net net(c, Op::mlp_bwd);
  const int theta_count = net.at.theta_count();
  const bool has_x = (c.attr.j & mlp_with_x) != 0, with_x = has_x || c.wants(0);
  Unpacker direction(v);
  List theta_dot;
  for (int k = 1; k <= theta_count; ++k) theta_dot.push_back(direction.next(c.x[index(k)]));
  const Var x_dot = has_x ? direction.next(c.x[0]) : Var{}, y_bar = net.x(net.at.y_bar);
  Var packed = hvp(c, theta_count, y_bar, with_x, x_dot, theta_dot, {});
  give_cotangents(c, packed, theta_count, with_x, x_bar);
  const int size = numbers(y_bar);
  x_bar[index(net.at.y_bar)] =
      reshape(slice_rows(packed, packed.shape().rows - size, size), y_bar.shape().rows, y_bar.shape().cols);
}

Var mlp_bwd_jvp(C c, std::span<const Var> x_dot) {
  const Net net(c, Op::mlp_bwd);
  const int theta_count = net.at.theta_count();
  const bool with_x = (c.attr.j & mlp_with_x) != 0 || x_dot[0].valid();
  Var packed = hvp(c, theta_count, net.x(net.at.y_bar), with_x, x_dot[0], tangents_of_theta(c, x_dot, theta_count),
                   x_dot[index(net.at.y_bar)]);
  return slice_rows(packed, 0, c.y.shape().rows);
}

// ⟨w, J·v⟩: v gets Jᵀw, and (x, θ) the tangent of Jᵀw along v.
void mlp_jvp_vjp(C c, Var w, std::span<Var> x_bar) {
  const Net net(c, Op::mlp_jvp);
  const int theta_count = net.at.theta_count();
  const bool has_x = net.at.with_x(), with_x = has_x || c.wants(0);
  const std::span<const Var> theta_dot = c.x.subspan(index(net.at.theta_dot), index(theta_count));

  List inputs(c.x.begin(), c.x.begin() + 1 + theta_count);
  inputs.push_back(w);
  Var of_direction = call(c, Op::mlp_bwd, inputs, has_x ? mlp_with_x : 0);
  const List theta_dot_bar = unpack_theta(of_direction, theta_dot);
  std::ranges::copy(theta_dot_bar, x_bar.begin() + net.at.theta_dot);
  if (has_x) x_bar[index(net.at.x_dot)] = unpack_x(c, of_direction, theta_dot);

  Var of_point = hvp(c, theta_count, w, with_x, has_x ? net.x(net.at.x_dot) : Var{}, theta_dot, {});
  give_cotangents(c, of_point, theta_count, with_x, x_bar);
}

// ---- Examples -------------------------------------------------------------------------------------------------------

struct ExampleCase {
  int rows;
  std::vector<int> widths;  // inputs, hidden layers, outputs
  Activation activation;
  int x_tasks, theta_tasks, sides;
};

Example example_of(Op op, const ExampleCase& e) {
  const int tasks = std::max(e.x_tasks, e.theta_tasks), outputs = e.widths.back();
  const bool bar = op == Op::mlp_bwd || op == Op::mlp_hvp, dot = op == Op::mlp_jvp || op == Op::mlp_hvp;
  std::vector<Shape> theta;
  for (std::size_t l = 1; l < e.widths.size(); ++l) {
    theta.push_back({e.theta_tasks, e.widths[l - 1], e.widths[l]});
    theta.push_back({e.theta_tasks, 1, e.widths[l]});
  }
  Example example{.shapes = {{e.x_tasks, e.rows, e.widths[0]}}, .attr = {.i = static_cast<int>(e.activation)},
                  .domains = {}};
  std::vector<Shape>& shapes = example.shapes;
  shapes.insert(shapes.end(), theta.begin(), theta.end());
  if (op == Op::mlp_bwd || dot) example.attr.j = e.sides & (op == Op::mlp_hvp ? 3 : mlp_with_x);
  if (bar) shapes.push_back({tasks, e.rows, outputs});
  if (dot && (e.sides & mlp_with_x) != 0) shapes.push_back(shapes[0]);
  if (dot) shapes.insert(shapes.end(), theta.begin(), theta.end());
  if (op == Op::mlp_hvp && (e.sides & mlp_with_y_bar_dot) != 0) shapes.push_back({tasks, e.rows, outputs});
  example.domains.assign(shapes.size(), Domain::real);
  return example;
}

template <Op op>
std::vector<Example> examples() {
  using enum Activation;
  const ExampleCase cases[] = {
      {1, {1, 1, 1}, tanh, 1, 1, 3},       {2, {1, 2, 1}, tanh, 2, 2, 1},    {3, {2, 3, 1}, tanh, 2, 1, 2},
      {1, {2, 1, 2}, sigmoid, 1, 1, 3},    {2, {2, 2, 2, 1}, tanh, 2, 2, 3}, {5, {1, 2, 1, 2}, tanh, 1, 1, 0},
      {2, {2, 2, 1}, relu, 2, 1, 3},       {3, {1, 3, 2, 1}, relu, 1, 1, 1}, {2, {1, 2, 1, 2, 1}, tanh, 1, 1, 3},
      {2, {2, 1, 2, 1}, sigmoid, 1, 2, 2}, {4, {3, 1, 1}, identity, 1, 1, 3}};
  std::vector<Example> list;
  for (const ExampleCase& e : cases) list.push_back(example_of(op, e));

  // Each input shared or per task by itself; and one tensor for all operands of a shape.
  add_shared_and_per_task(list, example_of(op, {3, {2, 3, 1}, tanh, 2, 2, 3}));
  for (const ExampleCase& e : cases) list.push_back(with_equal_inputs(example_of(op, e)));
  return list;
}

}  // namespace

std::span<const OpDef> mlp_ops() {
  static const OpDef rows[] = {
      {.op = Op::mlp, .name = "mlp",
       .maths = "h_l = act(h_{l−1}·W_l + b_l), Y = h_{L−1}·W_L + b_L;  reverse: mlp_bwd, forward: mlp_jvp",
       .arity = -1, .kind = Kind::general, .shape = output_shape<Op::mlp>, .vjp = mlp_vjp, .jvp = mlp_jvp_rule,
       .expand = mlp_expansion, .examples = examples<Op::mlp>},
      {.op = Op::mlp_bwd, .name = "mlp_bwd",
       .maths = "(θ̄, x̄) = Jᵀȳ: z̄_{l−1} = act'(z_{l−1})∘(z̄_l·W_lᵀ), W̄_l = h_{l−1}ᵀ·z̄_l;  either way: mlp_hvp",
       .arity = -1, .kind = Kind::general, .shape = packed_shape<Op::mlp_bwd>, .vjp = mlp_bwd_vjp,
       .jvp = mlp_bwd_jvp, .expand = mlp_bwd_expansion, .examples = examples<Op::mlp_bwd>},
      {.op = Op::mlp_jvp, .name = "mlp_jvp",
       .maths = "ẏ = J·(ẋ, θ̇): ż_l = ḣ_{l−1}·W_l + h_{l−1}·Ẇ_l + ḃ_l;  reverse: mlp_bwd, mlp_hvp",
       .arity = -1, .kind = Kind::general, .shape = output_shape<Op::mlp_jvp>, .vjp = mlp_jvp_vjp,
       .expand = mlp_jvp_expansion, .examples = examples<Op::mlp_jvp>},
      {.op = Op::mlp_hvp, .name = "mlp_hvp",
       .maths = "the tangents of θ̄ and x̄ along (ẋ, θ̇, ȳ̇), and ẏ;  derivative by its expansion",
       .arity = -1, .kind = Kind::general, .shape = packed_shape<Op::mlp_hvp>, .expand = mlp_hvp_expansion,
       .examples = examples<Op::mlp_hvp>},
  };
  return rows;
}

}  // namespace innerloop
