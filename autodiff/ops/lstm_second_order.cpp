// Second derivatives of the LSTM: the tangent of the sequence, and how tangent and backward pass depend on the point.
//
// Both passes through time are linear once the packed results P = (i, f, g, o, c, h) are there: the tangent
// Ṗ = L·v in the direction v = (D, ḣ0, ċ0), D = Ż + h⁻·U̇, and the backward pass Lᵀ·P̄ with its cotangent. A second
// derivative asks how s = ⟨P̄, L·v⟩ = ⟨Lᵀ·P̄, v⟩ depends on P, U and c0. With the tangents of all steps and the
// cotangents of all steps at hand there is no recurrence through U left in that: a formula for each step, and
// ∂s/∂U = ḣ⁻ᵀ·Z̄, one product over all steps. So a product with the Hessian costs one pass more in each direction.
#include "autodiff/ops/lstm_rules.h"

#include <array>

namespace innerloop {
namespace lstm {

Var cleared(Var reset, Var state) {
  return select(broadcast_cols(reset, state.shape().cols), state.graph->fill({1, 1, 1}, 0), state);
}

Var before(Var reset, Var start, Var states) {
  const int n = start.shape().rows, rows = states.shape().rows;
  if (rows == n) return cleared(reset, start);
  return cleared(reset, concat_rows(std::array{start, slice_rows(states, 0, rows - n)}));
}

Swept split(Var swept, int steps, int n) {
  const int total = steps * n, hidden = swept.shape().cols;
  return {reshape(slice_rows(swept, 0, 4 * total), total, 4 * hidden), slice_rows(swept, 4 * total, n),
          slice_rows(swept, 4 * total + n, n)};
}

Swept sweep_back(Var packed, Var u, Var h0, Var c0, Var reset, Var packed_bar, Attr attr) {
  const Var inputs[] = {packed, u, h0, c0, reset, packed_bar};
  Var swept = packed.graph->append(Op::lstm_sequence_bwd, inputs, attr, SourceLocation::current());
  return split(swept, attr.i, c0.shape().rows);
}

Curvature curvature(const Point& p, const Swept& direction, Var tangent, Var bar, const Swept& swept) {
  const int n = p.c0.shape().rows, total = p.attr.i * n;
  // The whole tangent of the pre-activations, and the whole cotangent of h: one product each.
  Var h_dot_before = before(p.reset, direction.h0_bar, lstm_block(tangent, LstmBlock::h));  // (tasks, T·N, H)
  Var a_dot = direction.z_bar + matmul(h_dot_before, p.u);                                  // (tasks, T·N, 4H)
  Var from_later = shift_rows(cleared(p.reset, matmul(swept.z_bar, p.u, false, true)), -n);
  Var h_bar = lstm_block(bar, LstmBlock::h) + from_later;

  const Var inputs[] = {
      p.packed, p.c0, p.reset, bar, h_bar, a_dot, lstm_block(tangent, LstmBlock::c), direction.c0_bar};
  Var bend = p.packed.graph->append(Op::lstm_sequence_curvature, inputs, p.attr, SourceLocation::current());
  return {slice_rows(bend, 0, 6 * total), matmul(h_dot_before, swept.z_bar, true, false),
          slice_rows(bend, 6 * total, n)};
}

}  // namespace lstm

namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;

Shape tangent_shape(S r) {
  const Shape packed = r.shape(0), u = r.shape(1), c0 = r.shape(2), reset = r.shape(3), d = r.shape(4);
  const int total = r.attr.i * c0.rows;
  r.check(r.attr.i >= 1 && packed.rows == 6 * total && packed.cols == c0.cols, "packed (A) must be (6·T·N, H)");
  r.check(u.rows == c0.cols && u.cols == 4 * c0.cols, "U (B) must be (H, 4H)");
  r.check(reset.rows == total && reset.cols == 1, "reset (D) must be (T·N, 1)");
  r.check(d.rows == total && d.cols == 4 * c0.cols, "D (E) must be (T·N, 4H)");
  for (int k : {5, 6})
    r.check(r.shape(k).rows == c0.rows && r.shape(k).cols == c0.cols, "the tangents of h0 and c0 must be (N, H)");
  return {r.tasks(), packed.rows, packed.cols};
}

Shape curvature_shape(S r) {
  const Shape packed = r.shape(0), c0 = r.shape(1), bar = r.shape(3);
  const int total = r.attr.i * c0.rows, hidden = c0.cols;
  r.check(r.attr.i >= 1 && packed.rows == 6 * total && packed.cols == hidden, "packed (A) must be (6·T·N, H)");
  r.check(r.shape(2).rows == total && r.shape(2).cols == 1, "reset (C) must be (T·N, 1)");
  r.check(bar.rows == packed.rows && bar.cols == hidden, "the cotangent (D) must have the shape of packed (A)");
  r.check(r.shape(5).rows == total && r.shape(5).cols == 4 * hidden, "the tangent (F) must be (T·N, 4H)");
  for (int k : {4, 6}) r.check(r.shape(k).rows == total && r.shape(k).cols == hidden, "E and G must be (T·N, H)");
  r.check(r.shape(7).rows == c0.rows && r.shape(7).cols == hidden, "the tangent of c0 (H) must be (N, H)");
  return {r.tasks(), packed.rows + c0.rows, hidden};
}

Var tangent_expansion(C c) {
  Var packed = c.x[0], u = c.x[1], reset = c.x[3], d = c.x[4], h_dot = c.x[5], c_dot = c.x[6];
  const int n = c_dot.shape().rows, hidden = c_dot.shape().cols, steps = c.attr.i;
  const Var c_before = lstm::before(reset, c.x[2], lstm_block(packed, LstmBlock::c));
  std::vector<Var> blocks[6];
  for (int t = 0; t < steps; ++t) {
    auto at = [&](LstmBlock block) { return slice_rows(packed, (static_cast<int>(block) * steps + t) * n, n); };
    Var i = at(LstmBlock::i), f = at(LstmBlock::f), g = at(LstmBlock::g), o = at(LstmBlock::o);
    Var tanh_c = tanh(at(LstmBlock::c)), reset_t = slice_rows(reset, t * n, n);
    Var a = slice_rows(d, t * n, n) + matmul(lstm::cleared(reset_t, h_dot), u);  // (tasks, N, 4H)
    Var i_dot = sigmoid_slope(i, slice_cols(a, 0, hidden)), f_dot = sigmoid_slope(f, slice_cols(a, hidden, hidden));
    Var g_dot = tanh_slope(g, slice_cols(a, 2 * hidden, hidden));
    Var o_dot = sigmoid_slope(o, slice_cols(a, 3 * hidden, hidden));
    c_dot = f_dot * slice_rows(c_before, t * n, n) + f * lstm::cleared(reset_t, c_dot) + i_dot * g + i * g_dot;
    h_dot = o_dot * tanh_c + tanh_slope(tanh_c, o * c_dot);
    const Var step[6] = {i_dot, f_dot, g_dot, o_dot, c_dot, h_dot};
    for (int block = 0; block < 6; ++block) blocks[block].push_back(step[block]);
  }
  std::vector<Var> rows;
  for (const std::vector<Var>& block : blocks) rows.insert(rows.end(), block.begin(), block.end());
  return broadcast_tasks(concat_rows(rows), c.tasks());
}

// Linear in (D, ḣ0, ċ0): there the transpose, which is the backward pass.
void tangent_vjp(C c, Var y_bar, std::span<Var> x_bar) {
  Var packed = c.x[0], u = c.x[1], c0 = c.x[2], reset = c.x[3];
  const lstm::Swept swept = lstm::sweep_back(packed, u, c.x[5], c0, reset, y_bar, c.attr);
  x_bar[4] = swept.z_bar;
  x_bar[5] = swept.h0_bar;
  x_bar[6] = swept.c0_bar;
  const lstm::Curvature bend =
      lstm::curvature({packed, u, c0, reset, c.attr}, {c.x[4], c.x[5], c.x[6]}, c.y, y_bar, swept);
  x_bar[0] = bend.packed;
  x_bar[1] = bend.u;
  x_bar[2] = bend.c0;
}

// s = Σ_t ⟨ȧ, Z̄⟩ + …, differentiated with respect to each gate where it stands in the backward pass.
Var curvature_expansion(C c) {
  Var packed = c.x[0], c0 = c.x[1], reset = c.x[2], bar = c.x[3], h_bar = c.x[4], a = c.x[5], c_dot = c.x[6];
  const int n = c0.shape().rows, hidden = c0.shape().cols, rows = c_dot.shape().rows;
  auto gate = [&](int k) { return slice_cols(a, k * hidden, hidden); };
  Var i = lstm_block(packed, LstmBlock::i), f = lstm_block(packed, LstmBlock::f), g = lstm_block(packed, LstmBlock::g),
      o = lstm_block(packed, LstmBlock::o), cell = lstm_block(packed, LstmBlock::c), tanh_c = tanh(cell);
  Var c_before = lstm::before(reset, c0, cell), c_dot_before = lstm::before(reset, c.x[7], c_dot);

  // The whole cotangent of c: what it gets from h, and f times that of the later step.
  Var from_h = lstm_block(bar, LstmBlock::c) + tanh_slope(tanh_c, h_bar * o);
  Var c_bar = linear_recurrence(from_h, shift_rows(lstm::cleared(reset, f), -n), c.attr.i, -1);

  Var i_bar = lstm_block(bar, LstmBlock::i) + c_bar * g, f_bar = lstm_block(bar, LstmBlock::f) + c_bar * c_before;
  Var g_bar = lstm_block(bar, LstmBlock::g) + c_bar * i, o_bar = lstm_block(bar, LstmBlock::o) + h_bar * tanh_c;
  Var of_i = mul3(gate(0), i_bar, 1 - 2 * i) + tanh_slope(g, gate(2) * c_bar);
  Var of_f = mul3(gate(1), f_bar, 1 - 2 * f) + c_dot_before * c_bar;
  Var of_g = sigmoid_slope(i, gate(0) * c_bar) - 2 * mul3(gate(2), g_bar, g);
  Var of_o = mul3(gate(3), o_bar, 1 - 2 * o) + tanh_slope(tanh_c, c_dot * h_bar);
  Var of_tanh_c = sigmoid_slope(o, gate(3) * h_bar) - 2 * mul3(c_dot * h_bar, o, tanh_c);
  Var of_c_before = lstm::cleared(reset, sigmoid_slope(f, gate(1) * c_bar));  // row t: what step t sends to t − 1
  Var of_c = tanh_slope(tanh_c, of_tanh_c) + shift_rows(of_c_before, -n);
  const Var blocks[] = {
      of_i, of_f, of_g, of_o, of_c, c.graph.fill({1, rows, hidden}, 0), slice_rows(of_c_before, 0, n)};
  return broadcast_tasks(concat_rows(blocks), c.tasks());
}

// T steps of N rows and H cells; U and the mask are shared by the tasks or not.
Example tangent_example(int steps, int n, int hidden, int tasks, int shared_tasks) {
  const int total = steps * n;
  const Shape state{tasks, n, hidden};
  Example e{.shapes = {{tasks, 6 * total, hidden}, {shared_tasks, hidden, 4 * hidden}, state, {shared_tasks, total, 1},
                       {tasks, total, 4 * hidden}, state, state},
            .attr = {.i = steps}, .domains = std::vector<Domain>(7, Domain::real)};
  e.domains[0] = Domain::unit, e.domains[3] = Domain::mask;
  return e;
}

Example curvature_example(int steps, int n, int hidden, int tasks, int mask_tasks) {
  const int total = steps * n;
  const Shape packed{tasks, 6 * total, hidden}, state{tasks, n, hidden}, rows{tasks, total, hidden};
  Example e{.shapes = {packed, state, {mask_tasks, total, 1}, packed, rows, {tasks, total, 4 * hidden}, rows, state},
            .attr = {.i = steps}, .domains = std::vector<Domain>(8, Domain::real)};
  e.domains[0] = e.domains[3] = Domain::unit, e.domains[2] = Domain::mask;
  return e;
}

// Several sizes; each input shared or per task by itself; and equal ones.
std::vector<Example> examples_of(Example (*make)(int steps, int n, int hidden, int tasks, int shared_tasks)) {
  std::vector<Example> list;
  const int sizes[][3] = {{1, 1, 1}, {1, 2, 3}, {2, 1, 2}, {3, 2, 2}, {4, 1, 3}};  // T, N, H
  for (auto [steps, n, hidden] : sizes)
    for (int tasks : {1, 2}) list.push_back(make(steps, n, hidden, tasks, 1));
  add_shared_and_per_task(list, make(3, 2, 3, 2, 2));
  list.push_back(with_equal_inputs(make(1, 2, 3, 2, 2)));
  list.push_back(with_equal_inputs(make(2, 2, 4, 2, 2)));
  return list;
}

}  // namespace

std::span<const OpDef> lstm_second_order_ops() {
  static const OpDef rows[] = {
      {.op = Op::lstm_sequence_jvp, .name = "lstm_sequence_jvp",
       .maths = "ȧ_t = D_t + ḣ⁻·U, ċ = ḟ·c⁻ + f·ċ⁻ + (i·g)˙, ḣ = (o·tanh c)˙;  "
                "reverse: lstm_sequence_bwd, lstm_sequence_curvature",
       .arity = 7, .kind = Kind::general, .shape = tangent_shape, .vjp = tangent_vjp, .expand = tangent_expansion,
       .examples = [] { return examples_of(tangent_example); }, .data_inputs = 0b1000},
      {.op = Op::lstm_sequence_curvature, .name = "lstm_sequence_curvature",
       .maths = "∂⟨P̄, Ṗ⟩/∂P, ∂⟨P̄, Ṗ⟩/∂c0 from the tangents and cotangents of all steps;  derivative by its expansion",
       .arity = 8, .kind = Kind::general, .shape = curvature_shape, .expand = curvature_expansion,
       .examples = [] { return examples_of(curvature_example); }, .data_inputs = 0b100},
  };
  return rows;
}

}  // namespace innerloop
