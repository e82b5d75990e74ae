// The gated recurrent unit over a whole sequence as one operation, its reverse sweep as another, and both as
// expansions.
//
// Cho et al. 2014, in the form of cuDNN, whose reset gate acts on the product h·U. Rows are time-major: row t·N + m is
// step t of sequence m. With h⁻ = h_{t−1}, or 0 where reset_t ≠ 0:
//   r, z = σ(Z_t + h⁻·U),   q = h⁻·U_n,   n = tanh(Z_n + r·q),   h_t = (1 − z)·n + z·h⁻
// The output packs five blocks of T·N rows: r, z, n, q, h. So everything that the reverse sweep needs is an output.
#include "autodiff/op_table.h"
#include "autodiff/ops.h"

namespace innerloop {
namespace {

using C = const RuleContext&;
using S = const ShapeRequest&;

struct GruSizes {
  int steps, batch, hidden;  // T, N, H
};

GruSizes gru_sizes(C c, int hidden) { return {c.attr.i, c.x[2].shape().rows, hidden}; }

Shape gru_shape(S r) {
  Shape z = r.shape(0), u = r.shape(1), h0 = r.shape(2), reset = r.shape(3);
  r.check(r.attr.i >= 1, "the number of time steps must be at least 1");
  r.check(u.cols == 3 * u.rows, "U (B) must be (H, 3H)");
  r.check(z.cols == u.cols, "Z (A) must have the 3H columns of U (B)");
  r.check(h0.cols == u.rows, "h0 (C) must be (N, H)");
  r.check(z.rows == r.attr.i * h0.rows, "Z (A) must have T·N rows");
  r.check(reset.rows == z.rows && reset.cols == 1, "reset (D) must be (T·N, 1)");
  return {r.tasks(), 5 * z.rows, u.rows};
}

Shape gru_bwd_shape(S r) {
  Shape packed = r.shape(0), h0 = r.shape(2), bar = r.shape(4);
  r.check(packed.rows == 5 * r.attr.i * h0.rows && bar.rows == packed.rows && bar.cols == packed.cols,
          "the packed results (A) and their cotangent (E) must be (5·T·N, H)");
  return {r.tasks(), 4 * r.attr.i * h0.rows + h0.rows, packed.cols};
}

// `state` where the step goes on, zero where it begins anew.
Var cleared(C c, Var reset_t, Var state) {
  return select(broadcast_cols(reset_t, state.shape().cols), c.graph.fill({1, 1, 1}, 0), state);
}

Var gru_expansion(C c) {
  Var z_in = c.x[0], u = c.x[1], h = c.x[2], reset = c.x[3];
  auto [steps, batch, hidden] = gru_sizes(c, u.shape().rows);
  std::vector<Var> blocks[5];
  for (int t = 0; t < steps; ++t) {
    Var h_before = cleared(c, slice_rows(reset, t * batch, batch), h);  // (tasks, N, H)
    Var input = slice_rows(z_in, t * batch, batch), product = matmul(h_before, u);  // (tasks, N, 3H)
    Var gates = sigmoid(slice_cols(input, 0, 2 * hidden) + slice_cols(product, 0, 2 * hidden));
    Var r = slice_cols(gates, 0, hidden), z = slice_cols(gates, hidden, hidden);
    Var q = slice_cols(product, 2 * hidden, hidden);
    Var n = tanh(slice_cols(input, 2 * hidden, hidden) + r * q);
    h = (1.0 - z) * n + z * h_before;
    Var step[5] = {r, z, n, q, h};
    for (int block = 0; block < 5; ++block) blocks[block].push_back(step[block]);
  }
  std::vector<Var> rows;
  for (const std::vector<Var>& block : blocks) rows.insert(rows.end(), block.begin(), block.end());
  return concat_rows(rows);
}

// Backward through time. Returns dZ (T·N, 3H) as 3·T·N rows of H, then dq (T·N, H), then dh0.
Var gru_bwd_expansion(C c) {
  Var packed = c.x[0], u = c.x[1], h0 = c.x[2], reset = c.x[3], packed_bar = c.x[4];
  auto [steps, batch, hidden] = gru_sizes(c, packed.shape().cols);
  int total = steps * batch;
  auto at = [n = batch, total](Var all, GruBlock block, int t) {
    return slice_rows(all, static_cast<int>(block) * total + t * n, n);
  };
  std::vector<Var> z_in_bar(static_cast<std::size_t>(steps)), q_bar(z_in_bar.size());
  Var h_bar;  // what the step after t sends back; nothing after the last
  for (int t = steps - 1; t >= 0; --t) {
    Var r = at(packed, GruBlock::r, t), z = at(packed, GruBlock::z, t), n = at(packed, GruBlock::n, t),
        q = at(packed, GruBlock::q, t);
    Var reset_t = slice_rows(reset, t * batch, batch);
    Var h_before = cleared(c, reset_t, t > 0 ? at(packed, GruBlock::h, t - 1) : h0);

    // h = (1 − z)·n + z·h⁻
    Var h_total = at(packed_bar, GruBlock::h, t);
    if (h_bar.valid()) h_total = h_total + h_bar;
    Var n_pre = tanh_slope(n, at(packed_bar, GruBlock::n, t) + h_total * (1.0 - z));
    Var z_pre = sigmoid_slope(z, at(packed_bar, GruBlock::z, t) + h_total * (h_before - n));

    // n = tanh(Z_n + r·q)
    Var r_pre = sigmoid_slope(r, at(packed_bar, GruBlock::r, t) + n_pre * q);
    Var q_total = at(packed_bar, GruBlock::q, t) + n_pre * r;

    // All three products share h⁻.
    Var into_z[3] = {r_pre, z_pre, n_pre}, into_u[3] = {r_pre, z_pre, q_total};
    z_in_bar[static_cast<std::size_t>(t)] = concat_cols(into_z);  // (tasks, N, 3H)
    q_bar[static_cast<std::size_t>(t)] = q_total;
    h_bar = cleared(c, reset_t, h_total * z + matmul(concat_cols(into_u), u, false, true));
  }
  Var parts[3] = {reshape(concat_rows(z_in_bar), 3 * total, hidden), concat_rows(q_bar), h_bar};
  return concat_rows(parts);
}

void gru_vjp(C c, Var y_bar, std::span<Var> x_bar) {
  Var u = c.x[1], h0 = c.x[2], reset = c.x[3];
  auto [steps, batch, hidden] = gru_sizes(c, u.shape().rows);
  int total = steps * batch;
  const Var inputs[5] = {c.y, u, h0, reset, y_bar};
  Var swept = c.graph.append(Op::gru_sequence_bwd, inputs, c.attr, SourceLocation::current());
  x_bar[0] = reshape(slice_rows(swept, 0, 3 * total), total, 3 * hidden);
  x_bar[2] = slice_rows(swept, 4 * total, batch);

  // Ū = Σ_t h⁻ᵀ·(r̄, z̄, q̄)_t, one product over all steps.
  Var h_before = h0;
  if (steps > 1) h_before = concat_rows(std::array{h0, slice_rows(gru_block(c.y, GruBlock::h), 0, total - batch)});
  const Var gates[2] = {slice_cols(x_bar[0], 0, 2 * hidden), slice_rows(swept, 3 * total, total)};
  x_bar[1] = matmul(cleared(c, reset, h_before), concat_cols(gates), true, false);
}

// T steps of N rows and H cells; U and the mask are shared by the tasks or not.
Example gru_example(bool backward, int steps, int n, int hidden, int tasks, int shared_tasks) {
  const Shape packed{tasks, 5 * steps * n, hidden}, z{tasks, steps * n, 3 * hidden};
  Example e{.shapes = {backward ? packed : z, {shared_tasks, hidden, 3 * hidden}, {tasks, n, hidden},
                       {shared_tasks, steps * n, 1}},
            .attr = {.i = steps}, .domains = std::vector<Domain>(4, Domain::real)};
  if (backward) e.shapes.push_back(packed), e.domains[0] = Domain::unit, e.domains.push_back(Domain::unit);
  e.domains[3] = Domain::mask;
  return e;
}

std::vector<Example> gru_examples(bool backward) {
  std::vector<Example> examples;
  const int sizes[][3] = {{1, 1, 1}, {1, 2, 3}, {2, 1, 2}, {3, 2, 2}, {4, 1, 3}};  // T, N, H
  for (auto [steps, n, hidden] : sizes)
    for (int tasks : {1, 2}) examples.push_back(gru_example(backward, steps, n, hidden, tasks, 1));

  // Each input shared or per task by itself; and equal ones: Z = U, packed = its cotangent.
  add_shared_and_per_task(examples, gru_example(backward, 3, 2, 3, 2, 2));
  examples.push_back(with_equal_inputs(gru_example(backward, 2, 2, 4, 2, 2)));
  return examples;
}

}  // namespace

std::span<const OpDef> gru_ops() {
  static const OpDef rows[] = {
      {.op = Op::gru_sequence, .name = "gru_sequence",
       .maths = "r, z = σ(Z_t + h⁻·U), q = h⁻·U_n, n = tanh(Z_n + r·q), h = (1 − z)·n + z·h⁻;  "
                "reverse: gru_sequence_bwd, Ū = h⁻ᵀ·(r̄, z̄, q̄)",
       .arity = 4, .kind = Kind::general, .shape = gru_shape, .vjp = gru_vjp, .expand = gru_expansion,
       .examples = [] { return gru_examples(false); }, .data_inputs = 0b1000},
      {.op = Op::gru_sequence_bwd, .name = "gru_sequence_bwd",
       .maths = "backward through time: Z̄, q̄, h̄₀ from the packed results and their cotangent;  "
                "derivative by its expansion",
       .arity = 5, .kind = Kind::general, .shape = gru_bwd_shape, .expand = gru_bwd_expansion,
       .examples = [] { return gru_examples(true); },
       .data_inputs = 0b1000},
  };
  return rows;
}

}  // namespace innerloop
