// The LSTM over a whole sequence as one operation, its reverse sweep as another, and both as expansions.
//
// Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000. Rows are time-major: row t·N + n is step t of
// sequence n. With m_t = 1 where reset_t = 0 (a reset clears the state *before* step t):
//   h⁻ = m_t·h_{t−1},  c⁻ = m_t·c_{t−1},   (i, f, g, o) = (σ, σ, tanh, σ)(Z_t + h⁻·U),
//   c_t = f·c⁻ + i·g,   h_t = o·tanh c_t
// The output packs six blocks of T·N rows: i, f, g, o, c, h. So everything that the reverse sweep needs is an output.
#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/ops/lstm_rules.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;
using lstm::cleared;

struct Sizes {
  int steps, n, hidden;  // T, N, H
};

Sizes sizes_of(C c, int hidden) { return {c.attr.i, c.x[2].shape().rows, hidden}; }

Shape lstm_shape(S r) {
  Shape z = r.shape(0), u = r.shape(1), h0 = r.shape(2), c0 = r.shape(3), reset = r.shape(4);
  r.check(r.attr.i >= 1, "the number of time steps must be at least 1");
  r.check(u.cols == 4 * u.rows, "U (B) must be (H, 4H)");
  r.check(z.cols == u.cols, "Z (A) must have the 4H columns of U (B)");
  r.check(h0.cols == u.rows && c0.cols == u.rows && h0.rows == c0.rows, "h0 (C) and c0 (D) must be (N, H)");
  r.check(z.rows == r.attr.i * h0.rows, "Z (A) must have T·N rows");
  r.check(reset.rows == z.rows && reset.cols == 1, "reset (E) must be (T·N, 1)");
  return {r.tasks(), 6 * z.rows, u.rows};
}

Shape lstm_bwd_shape(S r) {
  Shape packed = r.shape(0), h0 = r.shape(2), bar = r.shape(5);
  r.check(packed.rows == 6 * r.attr.i * h0.rows && bar.rows == packed.rows && bar.cols == packed.cols,
          "the packed results (A) and their cotangent (F) must be (6·T·N, H)");
  return {r.tasks(), 4 * r.attr.i * h0.rows + 2 * h0.rows, packed.cols};
}

Var lstm_expansion(C c) {
  Var z = c.x[0], u = c.x[1], h = c.x[2], cell = c.x[3], reset = c.x[4];
  auto [steps, n, hidden] = sizes_of(c, u.shape().rows);
  std::vector<Var> blocks[6];
  for (int t = 0; t < steps; ++t) {
    Var reset_t = slice_rows(reset, t * n, n);       // (tasks, N, 1)
    Var h_before = cleared(reset_t, h), c_before = cleared(reset_t, cell);
    Var gates = slice_rows(z, t * n, n) + matmul(h_before, u);  // (tasks, N, 4H)
    Var i = sigmoid(slice_cols(gates, 0, hidden));
    Var f = sigmoid(slice_cols(gates, hidden, hidden));
    Var g = tanh(slice_cols(gates, 2 * hidden, hidden));
    Var o = sigmoid(slice_cols(gates, 3 * hidden, hidden));
    cell = f * c_before + i * g;
    h = o * tanh(cell);
    Var step[6] = {i, f, g, o, cell, h};
    for (int block = 0; block < 6; ++block) blocks[block].push_back(step[block]);
  }
  std::vector<Var> rows;
  for (const std::vector<Var>& block : blocks) rows.insert(rows.end(), block.begin(), block.end());
  return concat_rows(rows);
}

// Backward through time. Returns dZ (T·N, 4H) as 4·T·N rows of H, then dh0, then dc0.
Var lstm_bwd_expansion(C c) {
  Var packed = c.x[0], u = c.x[1], c0 = c.x[3], reset = c.x[4], packed_bar = c.x[5];
  auto [steps, n, hidden] = sizes_of(c, packed.shape().cols);
  int total = steps * n;
  auto at = [n = n, total](Var all, LstmBlock block, int t) {
    return slice_rows(all, static_cast<int>(block) * total + t * n, n);
  };
  std::vector<Var> z_bar(static_cast<std::size_t>(steps));
  Var h_bar, c_bar;  // what the step after t sends back; nothing after the last
  for (int t = steps - 1; t >= 0; --t) {
    Var i = at(packed, LstmBlock::i, t), f = at(packed, LstmBlock::f, t), g = at(packed, LstmBlock::g, t),
        o = at(packed, LstmBlock::o, t);
    Var reset_t = slice_rows(reset, t * n, n);
    Var c_before = cleared(reset_t, t > 0 ? at(packed, LstmBlock::c, t - 1) : c0);

    // h = o·tanh c
    Var h_total = at(packed_bar, LstmBlock::h, t);
    if (h_bar.valid()) h_total = h_total + h_bar;
    Var tanh_c = tanh(at(packed, LstmBlock::c, t));
    Var c_total = at(packed_bar, LstmBlock::c, t) + tanh_slope(tanh_c, h_total * o);
    if (c_bar.valid()) c_total = c_total + c_bar;

    // c = f·c⁻ + i·g, through the gates' own slopes
    Var parts[4] = {sigmoid_slope(i, at(packed_bar, LstmBlock::i, t) + c_total * g),
                    sigmoid_slope(f, at(packed_bar, LstmBlock::f, t) + c_total * c_before),
                    tanh_slope(g, at(packed_bar, LstmBlock::g, t) + c_total * i),
                    sigmoid_slope(o, at(packed_bar, LstmBlock::o, t) + h_total * tanh_c)};
    z_bar[static_cast<std::size_t>(t)] = concat_cols(parts);  // (tasks, N, 4H)
    h_bar = cleared(reset_t, matmul(z_bar[static_cast<std::size_t>(t)], u, false, true));
    c_bar = cleared(reset_t, c_total * f);
  }
  Var parts[3] = {reshape(concat_rows(z_bar), 4 * total, hidden), h_bar, c_bar};
  return broadcast_tasks(concat_rows(parts), c.tasks());  // h0 counts, though no number of it is read
}

void lstm_vjp(C c, Var y_bar, std::span<Var> x_bar) {
  Var u = c.x[1], h0 = c.x[2], reset = c.x[4];
  const lstm::Swept swept = lstm::sweep_back(c.y, u, h0, c.x[3], reset, y_bar, c.attr);
  x_bar[0] = swept.z_bar;
  x_bar[2] = swept.h0_bar;
  x_bar[3] = swept.c0_bar;

  // Ū = Σ_t h⁻ᵀ·Z̄_t, one product over all steps.
  x_bar[1] = matmul(lstm::before(reset, h0, lstm_block(c.y, LstmBlock::h)), swept.z_bar, true, false);
}

// The tangents that are known before the first step go into one matrix: D = Ż + h⁻·U̇, one product over all steps.
Var lstm_jvp(C c, std::span<const Var> x_dot) {
  Var u = c.x[1], h0 = c.x[2], c0 = c.x[3], reset = c.x[4], d = x_dot[0];
  if (x_dot[1].valid()) {
    Var product = matmul(lstm::before(reset, h0, lstm_block(c.y, LstmBlock::h)), x_dot[1]);
    d = d.valid() ? d + product : product;
  }
  const Var inputs[] = {c.y,
                        u,
                        c0,
                        reset,
                        d.valid() ? d : zeros_like(c.x[0]),
                        x_dot[2].valid() ? x_dot[2] : zeros_like(h0),
                        x_dot[3].valid() ? x_dot[3] : zeros_like(c0)};
  return c.graph.append(Op::lstm_sequence_jvp, inputs, c.attr, SourceLocation::current());
}

// Linear in the cotangent of the packed results: there the transpose, which is the tangent of the sequence.
void lstm_bwd_vjp(C c, Var y_bar, std::span<Var> x_bar) {
  Var packed = c.x[0], u = c.x[1], c0 = c.x[3], reset = c.x[4], packed_bar = c.x[5];
  const lstm::Swept swept = lstm::split(c.y, c.attr.i, c0.shape().rows),
                    direction = lstm::split(y_bar, c.attr.i, c0.shape().rows);
  const Var inputs[] = {packed, u, c0, reset, direction.z_bar, direction.h0_bar, direction.c0_bar};
  Var tangent = c.graph.append(Op::lstm_sequence_jvp, inputs, c.attr, SourceLocation::current());
  x_bar[5] = tangent;
  const lstm::Curvature bend = lstm::curvature({packed, u, c0, reset, c.attr}, direction, tangent, packed_bar, swept);
  x_bar[0] = bend.packed;
  x_bar[1] = bend.u;
  x_bar[3] = bend.c0;
}

// T steps of N rows and H cells; U and the mask are shared by the tasks or not.
Example lstm_example(bool backward, int steps, int n, int hidden, int tasks, int shared_tasks) {
  const Shape packed{tasks, 6 * steps * n, hidden}, z{tasks, steps * n, 4 * hidden}, state{tasks, n, hidden};
  Example e{.shapes = {backward ? packed : z, {shared_tasks, hidden, 4 * hidden}, state, state,
                       {shared_tasks, steps * n, 1}},
            .attr = {.i = steps}, .domains = std::vector<Domain>(5, Domain::real)};
  if (backward) e.shapes.push_back(packed), e.domains[0] = Domain::unit, e.domains.push_back(Domain::unit);
  e.domains[4] = Domain::mask;
  return e;
}

std::vector<Example> lstm_examples(bool backward) {
  std::vector<Example> examples;
  const int sizes[][3] = {{1, 1, 1}, {1, 2, 3}, {2, 1, 2}, {3, 2, 2}, {4, 1, 3}};  // T, N, H
  for (auto [steps, n, hidden] : sizes)
    for (int tasks : {1, 2}) examples.push_back(lstm_example(backward, steps, n, hidden, tasks, 1));

  // Each input shared or per task by itself; and equal ones: h0 = c0, Z = U, packed = its cotangent.
  add_shared_and_per_task(examples, lstm_example(backward, 3, 2, 3, 2, 2));
  examples.push_back(with_equal_inputs(lstm_example(backward, 1, 2, 3, 2, 2)));
  examples.push_back(with_equal_inputs(lstm_example(backward, 2, 2, 4, 2, 2)));
  return examples;
}

}  // namespace

std::span<const OpDef> lstm_ops() {
  static const OpDef rows[] = {
      {.op = Op::lstm_sequence, .name = "lstm_sequence",
       .maths = "(i, f, g, o) = (σ, σ, tanh, σ)(Z_t + h⁻·U), c = f·c⁻ + i·g, h = o·tanh c;  "
                "reverse: lstm_sequence_bwd, Ū = h⁻ᵀ·Z̄;  forward: lstm_sequence_jvp",
       .arity = 5, .kind = Kind::general, .shape = lstm_shape, .vjp = lstm_vjp, .jvp = lstm_jvp,
       .expand = lstm_expansion,
       .examples = [] { return lstm_examples(false); }, .data_inputs = 0b10000},
      {.op = Op::lstm_sequence_bwd, .name = "lstm_sequence_bwd",
       .maths = "backward through time: Z̄, h̄₀, c̄₀ from the packed results and their cotangent;  "
                "reverse: lstm_sequence_jvp, lstm_sequence_curvature;  forward by its expansion",
       .arity = 6, .kind = Kind::general, .shape = lstm_bwd_shape, .vjp = lstm_bwd_vjp, .expand = lstm_bwd_expansion,
       .examples = [] { return lstm_examples(true); },
       .data_inputs = 0b10000},
  };
  return rows;
}

}  // namespace innerloop
