// What has to be computed, in which phase, and how long its numbers are needed.
#include "autodiff/planner.h"

#include <bit>
#include <cstdint>
#include <map>
#include <tuple>

#include "autodiff/planner_passes.h"

namespace innerloop {
namespace {

// A view costs nothing: it is another way to read the numbers of its input.
bool is_view(Op op) {
  return op == Op::reshape || op == Op::slice_rows || op == Op::broadcast_tasks || op == Op::stop_gradient;
}

}  // namespace

// What the step of a node reads. An add that took in a product reads the other input, in place, and the product's
// factors.
std::vector<NodeId> Planner::reads(NodeId id) const {
  std::vector<NodeId> sources;
  for (NodeId raw : graph_.inputs_of(id)) {
    NodeId source = canonical(raw);
    if (source != info_[id].product) sources.push_back(source);
    else
      for (NodeId factor : graph_.inputs_of(source)) sources.push_back(canonical(factor));
  }
  return sources;
}

void Planner::mark_live() {
  for (Var output : outputs_) info_[output.id].live = true;
  for (NodeId id = graph_.size(); id-- > 0;)
    if (info_[id].live)
      for (NodeId source : graph_.inputs_of(id)) info_[source].live = true;
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (info_[id].live && per_task(id)) {
      int& tasks = plan_.report.tasks;
      require(tasks == 1 || tasks == node(id).shape.tasks, [&] {
        return "one program cannot mix " + std::to_string(tasks) + " tasks and " + graph_.describe(id);
      });
      tasks = node(id).shape.tasks;
    }
}

// Two nodes with the same operation, inputs and attributes compute the same: keep the first. Numbers are the same if
// their bits are: 0 is not −0, and NaN is NaN.
void Planner::merge_equal_nodes() {
  using Bits = std::uint64_t;
  std::map<std::tuple<Op, std::vector<NodeId>, Bits, Bits, int, int, int, int>, NodeId> seen;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    info_[id].same_as = id;
    const Node& n = node(id);
    if (!info_[id].live || n.op == Op::input || n.op == Op::constant) continue;
    std::vector<NodeId> sources;
    for (NodeId source : graph_.inputs_of(id)) sources.push_back(canonical(source));
    const Attr& a = n.attr;
    const Bits x = std::bit_cast<Bits>(a.x), y = std::bit_cast<Bits>(a.y);
    auto [place, is_new] = seen.try_emplace({n.op, sources, x, y, a.i, a.j, n.shape.rows, n.shape.cols}, id);
    if (!is_new) info_[id].same_as = place->second, info_[id].live = false;
  }
}

// phase = number of sum_tasks on the longest path. What depends on fixed inputs alone comes first, then the rest.
void Planner::find_phases() {
  for (NodeId id = 0; id < graph_.size(); ++id) {
    Info& info = info_[id];
    const Node& n = node(id);
    const auto input = static_cast<std::size_t>(n.attr.i);
    if (is_leaf(n.op)) info.fixed = n.op != Op::input || (!fixed_inputs_.empty() && fixed_inputs_[input]);
    if (!info.live || is_leaf(n.op)) continue;
    info.fixed = !fixed_inputs_.empty();
    for (NodeId source : graph_.inputs_of(id)) {
      NodeId s = canonical(source);
      info.fixed = info.fixed && info_[s].fixed;
      info.phase = std::max(info.phase, info_[s].phase + (n.op == Op::sum_tasks));
    }
    if (info.fixed) fixed_phases_ = std::max(fixed_phases_, info.phase + 1);
  }
  if (fixed_phases_ == 0) return;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    Info& info = info_[id];
    if (!info.live || is_leaf(node(id).op) || info.fixed) continue;
    info.phase = std::max(info.phase, fixed_phases_);
    for (NodeId source : graph_.inputs_of(id)) {
      NodeId s = canonical(source);
      if (!is_leaf(node(s).op)) info.phase = std::max(info.phase, info_[s].phase + (node(id).op == Op::sum_tasks));
    }
  }
}

void Planner::find_views() {
  for (NodeId id = 0; id < graph_.size(); ++id) info_[id].view = info_[id].live && is_view(node(id).op);
  // sum_tasks reads the tasks' blocks one after the other: it needs them dense, so its input is no view.
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (info_[id].live && node(id).op == Op::sum_tasks) info_[canonical(graph_.inputs_of(id)[0])].view = false;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    Info& info = info_[id];
    info.root = id;
    if (!info.view) continue;
    NodeId source = canonical(graph_.inputs_of(id)[0]);
    info.root = info_[source].root;
    info.view_offset = info_[source].view_offset;
    const std::size_t row_bytes = static_cast<std::size_t>(node(id).shape.cols) * element_;
    if (node(id).op == Op::slice_rows) info.view_offset += static_cast<std::size_t>(node(id).attr.i) * row_bytes;
  }
}

// add(a, A·B) becomes C += A·B in a's buffer, where nobody else reads the product and nobody later reads a. It saves a
// pass over memory and changes no bit.
void Planner::absorb_products() {
  const Readers readers = find_readers();
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (!is_computed(id) || node(id).op != Op::add || readers.elsewhere[id]) continue;
    const auto [first, second] = std::minmax({canonical(graph_.inputs_of(id)[0]), canonical(graph_.inputs_of(id)[1])});
    // The later product is tried first: it can be added to an earlier one, and not the other way round.
    for (auto [product, other] : {std::pair{second, first}, std::pair{first, second}}) {
      if (!can_absorb(id, product, other, readers)) continue;
      overwritten_.insert(other);
      info_[product].absorbed = true;
      info_[id].product = product;
      break;
    }
  }
}

Planner::Readers Planner::find_readers() const {
  const std::size_t n = graph_.size();
  Readers readers{std::vector<int>(n), std::vector<NodeId>(n), std::vector<char>(n)};
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (info_[id].live && !is_leaf(node(id).op))
      for (NodeId raw : graph_.inputs_of(id)) {
        const NodeId root = info_[canonical(raw)].root;
        ++readers.count[canonical(raw)];
        readers.last[root] = std::max(readers.last[root], id);
        if (!same_segment(root, id)) readers.elsewhere[root] = 1;
      }
  for (Var output : outputs_) {
    const NodeId root = info_[canonical(output.id)].root;
    readers.count[canonical(output.id)] += 2, readers.last[root] = kNone;
    // Copied at every run, computed at some: it keeps a place of its own.
    if (info_[root].fixed) readers.elsewhere[root] = 1;
  }
  return readers;
}

bool Planner::can_absorb(NodeId id, NodeId product, NodeId other, const Readers& readers) const {
  // The product is computed for this sum alone, and the other input is not needed after it.
  if (node(product).op != Op::matmul || readers.count[product] != 1 || info_[product].absorbed) return false;
  if (!is_computed(other) || readers.elsewhere[other] || readers.last[other] != id || other == product) return false;
  if (!same_segment(product, id) || !same_segment(other, id)) return false;
  if (node(product).shape != node(id).shape || node(other).shape != node(id).shape) return false;

  // A product of this depth adds up in the same order in place as apart.
  const Shape a = node(canonical(graph_.inputs_of(product)[0])).shape;
  if ((node(product).attr.i ? a.rows : a.cols) > kernels::exact_accumulate_depth) return false;

  // The factors are read here and no longer where the product stood: they must still be what they were.
  return std::ranges::none_of(graph_.inputs_of(product), [&](NodeId factor) {
    const NodeId root = info_[canonical(factor)].root;
    return root == other || overwritten_.contains(root);
  });
}

// Execution order: by phase, shared before per-task, then creation order. Copies to the outputs end their segment. A
// segment is fixed as a whole or not at all.
void Planner::order_segments() {
  struct Key {
    int phase;
    bool per_task;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::vector<NodeId>> by_key;
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (is_computed(id)) by_key[{info_[id].phase, per_task(id)}].push_back(id);
  // An output is copied in the segment of its node, or, if that is not run every time, at the end: after all that is
  // fixed, even where nothing else follows.
  const int last_phase = std::max(by_key.empty() ? 0 : by_key.rbegin()->first.phase, fixed_phases_);
  std::map<Key, std::vector<std::size_t>> copies;
  for (std::size_t j = 0; j < outputs_.size(); ++j) {
    NodeId id = canonical(outputs_[j].id), root = info_[id].root;
    bool always = !is_leaf(node(root).op) && !info_[root].fixed;
    Key key{always ? info_[root].phase : last_phase, per_task(id)};
    copies[key].push_back(j);
    by_key.try_emplace(key);
  }
  for (auto& [key, nodes] : by_key) {
    int segment = static_cast<int>(plan_.segments.size());
    for (NodeId id : nodes) info_[id].segment = segment;
    plan_.segments.push_back({.steps = {}, .per_task = key.per_task, .fixed = key.phase < fixed_phases_});
    segment_nodes_.push_back(nodes);
    segment_copies_.push_back(copies[key]);
  }
  plan_.report.phases = last_phase + 1;
}

// Calls use(root of what is read, segment, position) for every read, in order of execution.
template <class Use>
void Planner::for_each_use(Use use) {
  int position = 0;
  for (std::size_t s = 0; s < segment_nodes_.size(); ++s) {
    for (NodeId id : segment_nodes_[s]) {
      use(id, s, position);  // a result that nobody reads lives for its own step
      for (NodeId source : reads(id)) use(info_[source].root, s, position);
      ++position;
    }
    for (std::size_t j : segment_copies_[s]) use(info_[canonical(outputs_[j].id)].root, s, position++);
  }
}

void Planner::find_lifetimes() {
  for_each_use([&](NodeId root, std::size_t segment, int) {
    const bool elsewhere = info_[root].segment != static_cast<int>(segment);
    if (is_computed(root) && per_task(root) && elsewhere && !node_major()) info_[root].crosses = true;
  });
  std::vector<int> segment_end;  // position after its last step
  int position = 0;
  for (std::size_t s = 0; s < segment_nodes_.size(); ++s)
    segment_end.push_back(position += static_cast<int>(segment_nodes_[s].size() + segment_copies_[s].size()));
  for_each_use([&](NodeId root, std::size_t s, int at) {
    if (!is_computed(root)) return;
    Info& info = info_[root];
    // A segment is replayed for every task: what does not lie in the thread's own arena is needed until its end.
    if (plan_.segments[s].per_task && !in_arena(root) && !node_major()) at = segment_end[s] - 1;
    info.dies = std::max(info.dies, at);
    // Computed once and read at every run: nothing may take its place.
    if (plan_.segments[static_cast<std::size_t>(info.segment)].fixed && !plan_.segments[s].fixed) info.dies = kForever;
  });
}

Plan plan_program(const Graph& graph, std::span<const Var> outputs, std::span<const char> fixed_inputs,
                  Device device) {
  return Planner(graph, outputs, fixed_inputs, device).make();
}

std::string describe_plan(const Graph& graph, const Plan& plan) {
  const PlanReport& r = plan.report;
  std::string text = std::to_string(r.traced_nodes) + " nodes traced, " + std::to_string(r.planned_nodes) + " steps, " +
                     std::to_string(r.phases) + " phases, " + std::to_string(r.tasks) + " tasks; " +
                     std::to_string(r.arena_bytes) + " bytes per thread, " + std::to_string(r.shared_bytes) +
                     " shared (keeping every value: " + std::to_string(r.unplanned_bytes) + ")\n";
  for (const Segment& segment : plan.segments) {
    text += segment.per_task ? "for every task" : "once";
    text += segment.fixed ? " (kept while its inputs stay the same):\n" : ":\n";
    for (const Step& step : segment.steps) text += "  " + graph.describe(step.node) + "\n";
  }
  return text;
}

}  // namespace innerloop
