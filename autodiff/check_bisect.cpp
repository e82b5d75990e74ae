// Looks for the smallest node that fails by itself: every node of the program, forward and derivative, is checked as a
// function of its own inputs, with the values that it really had.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "autodiff/check_subject.h"
#include "autodiff/op_table.h"

namespace innerloop::checking {
namespace {

CheckCase case_of(const Graph& graph, NodeId id, const NodeNumbers<long double>& values) {
  const Node& node = graph.node(id);
  const OpDef& def = op_def(node.op);
  CheckCase c{.name = graph.describe(id), .subject = def.name, .inputs = {}, .build = {}};
  const std::span<const NodeId> in = graph.inputs_of(id);
  for (std::size_t k = 0; k < in.size(); ++k) {
    const Numbers<long double>& numbers = values[in[k]];
    const std::vector<double> rounded(numbers.begin(), numbers.end());
    c.inputs.push_back({fmt::format("input {}", k), Tensor::from(graph.node(in[k]).shape, rounded),
                        !def.is_data(static_cast<int>(k))});
  }
  c.build = [op = node.op, attr = node.attr, where = node.where](const Vars& x) {
    return std::vector<Var>{x[0].graph->append(op, x.all(), attr, where)};
  };
  return c;
}

}  // namespace

std::string find_culprit(const Subject& s) {
  const Graph& graph = *s.program.graph;
  std::vector<Var> last = s.gradient;
  if (s.options.second_order) last.insert(last.end(), s.reverse_reverse.begin(), s.reverse_reverse.end());
  const NodeNumbers<long double> values = evaluate<long double>(graph, block_of(s.all_inputs), last);

  // Smallest first; of equal nodes only one.
  std::vector<NodeId> candidates;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (!values[id].empty() && graph.node(id).arity > 0 && op_def(graph.node(id).op).kind != Kind::constant)
      candidates.push_back(id);
  std::ranges::stable_sort(candidates, {}, [&](NodeId id) { return graph.node(id).shape.size(); });

  CheckOptions options = s.options;
  options.bisect = options.f32 = false;
  options.elements = 20;
  constexpr int kMostTried = 400;
  // A node whose first derivative is wrong; then, for what is wrong at second order alone, one whose second is.
  for (bool second_order : {false, true}) {
    if (second_order && !s.options.second_order) break;
    options.second_order = second_order;
    int tried = 0;
    for (NodeId id : candidates) {
      if (++tried > kMostTried) break;
      const CheckReport report = run_check(case_of(graph, id, values), options);
      if (report.ok) continue;
      const auto failed = std::ranges::find(report.levels, false, &CheckLevel::ok);
      return fmt::format("The smallest node that fails by itself is {}, at '{}': {}.  Its rule: {}",
                         graph.describe(id), failed->name, failed->finding, op_def(graph.node(id).op).maths);
    }
  }
  return {};
}

}  // namespace innerloop::checking
