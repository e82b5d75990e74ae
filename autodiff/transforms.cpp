// Reverse and forward sweeps. Creation order is topological, so each is one loop that visits every node once.
#include "autodiff/transforms.h"

#include <algorithm>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"

namespace innerloop {
namespace {

const OpDef& def_of(const Graph& graph, NodeId id) {
  return graph.table()[static_cast<std::size_t>(graph.node(id).op)];
}

std::vector<Var> input_vars(Graph& graph, NodeId id) {
  std::vector<Var> vars;
  for (NodeId input : graph.inputs_of(id)) vars.push_back(graph.var(input));
  return vars;
}

// Which nodes up to `last` depend on the inputs. Nothing before the first input can.
std::vector<char> depends_on(const Graph& graph, std::span<const Var> inputs, NodeId last) {
  std::vector<char> depends(last + 1, 0);
  NodeId first = last;
  for (Var input : inputs)
    if (input.id <= last) depends[input.id] = 1, first = std::min(first, input.id);
  for (NodeId id = first; id <= last; ++id) {
    const OpDef& def = def_of(graph, id);
    if (depends[id] || def.kind == Kind::constant) continue;
    std::span<const NodeId> sources = graph.inputs_of(id);
    for (std::size_t k = 0; k < sources.size(); ++k)
      if (depends[sources[k]] && !def.is_data(static_cast<int>(k))) depends[id] = 1;
  }
  return depends;
}

// The graph of all Vars of a sweep: that of its first output. Error for an empty Var and for one of another graph.
struct Operands {
  const char* what;  // "input"
  std::span<const Var> vars;
};
Graph& common_graph(const char* sweep, std::initializer_list<Operands> all) {
  const std::span<const Var> outputs = all.begin()->vars;
  require(outputs[0].valid(), [&] { return std::string(sweep) + ": output 1 is an empty Var"; });
  Graph& graph = *outputs[0].graph;
  for (const Operands& operands : all)
    for (std::size_t k = 0; k < operands.vars.size(); ++k)
      if (operands.vars[k].graph != &graph || operands.vars[k].id >= graph.size())  // no message for the right ones
        graph.require_own(operands.vars[k], std::string(sweep) + ": " + operands.what + " " + std::to_string(k + 1));
  return graph;
}

NodeId last_of(std::span<const Var> vars) {
  NodeId last = 0;
  for (Var v : vars) last = std::max(last, v.id);
  return last;
}

// sum + term, where either may be missing. A row that was broadcast is added as a row: that saves a pass over memory.
Var accumulate(Var sum, Var term) {
  if (!sum.valid() || !term.valid()) return sum.valid() ? sum : term;
  Graph& graph = *sum.graph;
  if (graph.node(sum.id).op == Op::broadcast_rows) std::swap(sum, term);
  if (graph.node(term.id).op != Op::broadcast_rows) return sum + term;
  return add_row(sum, graph.var(graph.inputs_of(term.id)[0]));
}

// A copy of the expansion of a fused node, on fresh names for its inputs: the same Var may be given twice.
struct Expansion {
  std::vector<Var> x;
  Var y;
};
Expansion expand(const RuleContext& c, const OpDef& def) {
  if (!def.expand)
    require(false, std::string("the operation ") + def.name + " has no derivative rule and no expansion");
  Expansion e;
  for (Var x : c.x) e.x.push_back(reshape(x, x.shape().rows, x.shape().cols));
  e.y = def.expand({c.graph, e.x, Var{}, c.attr});
  return e;
}

// x̄_k for the inputs of one node, by the rule of its kind.
std::vector<Var> reverse_rule(const RuleContext& c, const OpDef& def, const std::vector<char>& wanted, Var y_bar) {
  std::vector<Var> x_bar(c.x.size());
  if (def.kind == Kind::general && def.vjp) def.vjp(c, y_bar, x_bar);
  if (def.kind == Kind::general && !def.vjp) {
    Expansion e = expand(c, def);
    x_bar = vjp(std::span(&e.y, 1), e.x, std::span(&y_bar, 1));
  }
  for (std::size_t k = 0; k < c.x.size(); ++k) {
    if (!wanted[k]) continue;
    int index = static_cast<int>(k);
    if (def.kind == Kind::elementwise) x_bar[k] = def.slope(c, index, y_bar);
    if (def.kind == Kind::linear) x_bar[k] = def.transpose(c, index, y_bar);
    if (!x_bar[k].valid()) continue;
    x_bar[k] = sum_to(x_bar[k], c.x[k].shape());  // the transpose of implicit broadcasting
    if (double factor = factor_of(def.vjp_factor, k); factor != 1) x_bar[k] = factor * x_bar[k];
  }
  return x_bar;
}

// What a broadcast input's tangent lacks of the output's shape.
Var widen(Var term, Shape shape) {
  if (term.shape().is_scalar()) term = broadcast_all(term, shape.rows, shape.cols);
  return term.shape().tasks == 1 ? broadcast_tasks(term, shape.tasks) : term;
}

// ẏ of one node, by the rule of its kind.
Var forward_rule(const RuleContext& c, const OpDef& def, Op op, std::span<const Var> x_dot) {
  if (def.kind == Kind::general && def.jvp) return widen(def.jvp(c, x_dot), c.y.shape());
  if (def.kind == Kind::general) {
    Expansion e = expand(c, def);
    std::vector<Var> inputs, tangents;
    for (std::size_t k = 0; k < x_dot.size(); ++k)
      if (x_dot[k].valid()) inputs.push_back(e.x[k]), tangents.push_back(x_dot[k]);
    return widen(jvp(std::span(&e.y, 1), inputs, tangents)[0], c.y.shape());
  }
  Var y_dot;
  for (std::size_t k = 0; k < x_dot.size(); ++k) {
    if (!x_dot[k].valid()) continue;
    Var term;
    if (def.kind == Kind::elementwise) {
      term = def.slope(c, static_cast<int>(k), x_dot[k]);
    } else if (op == Op::add_row) {  // additive, not multilinear: y(ẋ, 0) = ẋ, y(0, ẋ) = ẋ in every row
      term = k == 0 ? x_dot[k] : broadcast_rows(x_dot[k], c.y.shape().rows);
    } else if (op == Op::concat_rows || op == Op::concat_cols) {
      std::vector<Var> parts(c.x.size());
      for (std::size_t j = 0; j < parts.size(); ++j) parts[j] = j == k ? x_dot[k] : zeros_like(c.x[j]);
      term = c.graph.append(op, parts, c.attr, SourceLocation::current());
    } else {  // linear in input k: the operation itself, applied to the tangent
      std::vector<Var> at_tangent(c.x.begin(), c.x.end());
      at_tangent[k] = x_dot[k];
      term = c.graph.append(op, at_tangent, c.attr, SourceLocation::current());
    }
    if (term.valid()) y_dot = accumulate(y_dot, widen(term, c.y.shape()));
  }
  return y_dot;
}

}  // namespace

// [AD eq. vjp]  x̄ = Jᵀȳ = Σ_j (∂y_j/∂x)ᵀ ȳ_j, summed over every path from x to y
std::vector<Var> vjp(std::span<const Var> outputs, std::span<const Var> inputs, std::span<const Var> cotangents) {
  require(!outputs.empty() && !inputs.empty(), "vjp needs at least one output and one input");
  require(outputs.size() == cotangents.size(), "vjp needs one cotangent per output");
  Graph& graph = common_graph("vjp", {{"output", outputs}, {"input", inputs}, {"cotangent", cotangents}});
  NodeId last = last_of(outputs);
  std::vector<char> depends = depends_on(graph, inputs, last);

  // Seed the outputs.
  std::vector<Var> bar(last + 1);
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    require(cotangents[j].shape() == outputs[j].shape(), [&] {
      return "vjp: a cotangent has shape " + to_string(cotangents[j].shape()) + ", its output " +
             graph.describe(outputs[j].id);
    });
    bar[outputs[j].id] = accumulate(bar[outputs[j].id], cotangents[j]);
  }

  // Sweep from the last node to the first, handing each node's cotangent to the inputs that matter.
  for (NodeId id = last + 1; id-- > 0;) {
    if (!bar[id].valid() || !depends[id] || graph.node(id).arity == 0) continue;
    const OpDef& def = def_of(graph, id);
    if (def.kind == Kind::constant) continue;
    std::vector<Var> x = input_vars(graph, id);
    std::vector<char> wanted(x.size());
    bool any = false;
    for (std::size_t k = 0; k < x.size(); ++k)
      any |= (wanted[k] = depends[x[k].id] && !def.is_data(static_cast<int>(k))) != 0;
    if (!any) continue;
    Graph::Origin origin(graph, graph.node(id).where);
    std::vector<Var> x_bar = reverse_rule({graph, x, graph.var(id), graph.node(id).attr, wanted}, def, wanted, bar[id]);
    for (std::size_t k = 0; k < x.size(); ++k)
      if (wanted[k] && x_bar[k].valid()) bar[x[k].id] = accumulate(bar[x[k].id], x_bar[k]);
  }

  std::vector<Var> result;
  for (Var input : inputs)
    result.push_back(input.id <= last && bar[input.id].valid() ? bar[input.id] : zeros_like(input));
  return result;
}

// [AD eq. jvp]  ẏ = J·ẋ = Σ_k (∂y/∂x_k) ẋ_k
std::vector<Var> jvp(std::span<const Var> outputs, std::span<const Var> inputs, std::span<const Var> tangents) {
  require(!outputs.empty() && inputs.size() == tangents.size(), "jvp needs an output, and one tangent per input");
  Graph& graph = common_graph("jvp", {{"output", outputs}, {"input", inputs}, {"tangent", tangents}});
  NodeId last = last_of(outputs);
  std::vector<char> depends = depends_on(graph, inputs, last);
  std::vector<char> needed(last + 1, 0);  // nodes that some output depends on
  for (Var output : outputs) needed[output.id] = 1;
  for (NodeId id = last + 1; id-- > 0;)
    if (needed[id])
      for (NodeId source : graph.inputs_of(id)) needed[source] = 1;

  std::vector<Var> dot(last + 1);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    require(tangents[k].shape() == inputs[k].shape(), [&] {
      return "jvp: a tangent has shape " + to_string(tangents[k].shape()) + ", its input " +
             graph.describe(inputs[k].id);
    });
    if (inputs[k].id <= last) dot[inputs[k].id] = accumulate(dot[inputs[k].id], tangents[k]);
  }

  // Sweep forward, pushing tangents through the nodes that lie between inputs and outputs.
  for (NodeId id = 0; id <= last; ++id) {
    if (!depends[id] || !needed[id] || graph.node(id).arity == 0) continue;
    const OpDef& def = def_of(graph, id);
    if (def.kind == Kind::constant) continue;
    std::vector<Var> x = input_vars(graph, id), x_dot(x.size());
    bool any = false;
    for (std::size_t k = 0; k < x.size(); ++k)
      if (!def.is_data(static_cast<int>(k))) x_dot[k] = dot[x[k].id], any |= x_dot[k].valid();
    if (!any) continue;
    Graph::Origin origin(graph, graph.node(id).where);
    // The negative controls scale one input's rule: scale its tangent.
    for (std::size_t k = 0; k < x.size(); ++k)
      if (double factor = factor_of(def.jvp_factor, k); factor != 1 && x_dot[k].valid()) x_dot[k] = factor * x_dot[k];
    Var y_dot = forward_rule({graph, x, graph.var(id), graph.node(id).attr}, def, graph.node(id).op, x_dot);
    if (y_dot.valid()) dot[id] = accumulate(dot[id], y_dot);
  }

  std::vector<Var> result;
  for (Var output : outputs) result.push_back(dot[output.id].valid() ? dot[output.id] : zeros_like(output));
  return result;
}

std::vector<Var> grad(At at, std::span<const Var> wrt) {
  const Var loss = at.var;
  require(loss.valid(), "grad: the loss is an empty Var", at.where);
  if (!loss.shape().is_scalar()) [[unlikely]]
    require(false, "grad needs a loss of one number per task, not " + loss.graph->describe(loss.id) +
                       ". Reduce it with sum_all or mean_all.", at.where);
  Var one = loss.graph->fill(loss.shape(), 1);
  return vjp(std::span(&loss, 1), wrt, std::span(&one, 1));
}

Var grad(At loss, Var wrt) { return grad(loss, std::span(&wrt, 1))[0]; }
std::vector<Var> grad(At loss, std::initializer_list<Var> wrt) {
  return grad(loss, std::span(wrt.begin(), wrt.size()));
}
Params grad(At loss, const Params& wrt) { return wrt.with(grad(loss, wrt.all())); }

// [AD eq. hvp]  H·v = ∇⟨∇f, v⟩ with v constant: a gradient of a gradient, and no matrix
// As a cotangent, v is not differentiated here, whatever it was made of.
std::vector<Var> hvp(At loss, std::span<const Var> wrt, std::span<const Var> v) {
  require(wrt.size() == v.size(), "hvp needs one vector per input", loss.where);
  return vjp(grad(loss, wrt), wrt, v);
}

Var hvp(At loss, Var wrt, Var v) { return hvp(loss, std::span(&wrt, 1), std::span(&v, 1))[0]; }
Params hvp(At loss, const Params& wrt, const Params& v) {
  require_same_names("hvp: parameters and vector", wrt, v);
  return wrt.with(hvp(loss, wrt.all(), v.all()));
}

Var inner_product(std::span<const Var> a, std::span<const Var> b) {
  require(!a.empty() && a.size() == b.size(), "inner_product needs two lists of the same length");
  Var sum;
  for (std::size_t k = 0; k < a.size(); ++k) sum = accumulate(sum, sum_tasks(sum_all(a[k] * b[k])));
  return sum;
}

}  // namespace innerloop
