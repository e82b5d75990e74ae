#include "autodiff/planner.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "autodiff/op_table.h"

namespace innerloop {
namespace {

constexpr std::size_t kAlign = 64;
constexpr int kForever = 1 << 30;
constexpr NodeId kNone = ~NodeId{0};
std::size_t round_up(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// A view costs nothing: it is another way to read the numbers of its input.
bool is_view(Op op) {
  return op == Op::reshape || op == Op::slice_rows || op == Op::broadcast_tasks || op == Op::stop_gradient;
}
bool is_leaf(Op op) { return op == Op::input || op == Op::constant || op == Op::fill; }

// Places for blocks that live from one step to another. First fit at the lowest address keeps the buffer small and warm.
class Allocator {
 public:
  std::size_t take(std::size_t bytes) {
    bytes = round_up(bytes);
    std::size_t at = 0;
    auto before = used_.begin();
    for (; before != used_.end() && at + bytes > before->first; ++before) at = before->second;
    used_.insert(before, {at, at + bytes});
    peak_ = std::max(peak_, at + bytes);
    return at;
  }
  void release(std::size_t at) {
    used_.erase(std::ranges::find_if(used_, [at](const auto& block) { return block.first == at; }));
  }
  std::size_t peak() const { return peak_; }

 private:
  std::vector<std::pair<std::size_t, std::size_t>> used_;  // begin and end, in order of address
  std::size_t peak_ = 0;
};

class Planner {
 public:
  Planner(const Graph& graph, std::span<const Var> outputs, std::span<const char> fixed_inputs)
      : graph_(graph), outputs_(outputs), fixed_inputs_(fixed_inputs), element_(size_of(graph.dtype())), info_(graph.size()) {}

  Plan make() {
    mark_live();
    merge_equal_nodes();
    find_phases();
    find_views();
    absorb_products();
    order_segments();
    find_lifetimes();
    place_constants();
    place_and_emit();
    finish_report();
    return std::move(plan_);
  }

 private:
  struct Info {
    bool live = false;
    bool fixed = false;
    NodeId same_as = 0;  // the first node that computes the same
    NodeId root = 0;     // the node whose buffer holds the numbers
    std::size_t view_offset = 0;
    int phase = 0;
    int segment = -1;
    bool view = false;
    NodeId product = kNone;    // an add that became "product added to what the other input holds": the matmul
    bool absorbed = false;     // such a matmul: has no step of its own
    int dies = -1;             // position of the last use in the order of execution (roots only)
    bool crosses = false;      // per task, and needed in another segment: has a place for every task
    bool placed = false;
    Operand place;
  };

  const Node& node(NodeId id) const { return graph_.node(id); }
  NodeId canonical(NodeId id) const { return info_[id].same_as; }
  bool per_task(NodeId id) const { return node(id).shape.tasks > 1; }
  bool is_computed(NodeId id) const { return info_[id].live && !is_leaf(node(id).op) && !info_[id].view && !info_[id].absorbed; }
  // What the step of a node reads. An add that took in a product reads the other input, in place, and the product's factors.
  std::vector<NodeId> reads(NodeId id) const {
    std::vector<NodeId> sources;
    for (NodeId raw : graph_.inputs_of(id)) {
      NodeId source = canonical(raw);
      if (source != info_[id].product) sources.push_back(source);
      else
        for (NodeId factor : graph_.inputs_of(source)) sources.push_back(canonical(factor));
    }
    return sources;
  }

  void mark_live() {
    for (Var output : outputs_) info_[output.id].live = true;
    for (NodeId id = graph_.size(); id-- > 0;)
      if (info_[id].live)
        for (NodeId source : graph_.inputs_of(id)) info_[source].live = true;
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (info_[id].live && per_task(id)) {
        int& tasks = plan_.report.tasks;
        require(tasks == 1 || tasks == node(id).shape.tasks,
                "one program cannot mix " + std::to_string(tasks) + " tasks and " + graph_.describe(id));
        tasks = node(id).shape.tasks;
      }
  }

  // Two nodes with the same operation, inputs and attributes compute the same: keep the first.
  void merge_equal_nodes() {
    std::map<std::tuple<Op, std::vector<NodeId>, double, double, int, int, int, int>, NodeId> seen;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      info_[id].same_as = id;
      const Node& n = node(id);
      if (!info_[id].live || n.op == Op::input || n.op == Op::constant) continue;
      std::vector<NodeId> sources;
      for (NodeId source : graph_.inputs_of(id)) sources.push_back(canonical(source));
      auto [place, is_new] = seen.try_emplace({n.op, sources, n.attr.x, n.attr.y, n.attr.i, n.attr.j, n.shape.rows, n.shape.cols}, id);
      if (!is_new) info_[id].same_as = place->second, info_[id].live = false;
    }
  }

  // phase = number of sum_tasks on the longest path. What depends on fixed inputs alone comes first; the rest starts after it.
  void find_phases() {
    int fixed_phases = 0;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      Info& info = info_[id];
      const Node& n = node(id);
      if (is_leaf(n.op)) info.fixed = n.op != Op::input || (!fixed_inputs_.empty() && fixed_inputs_[static_cast<std::size_t>(n.attr.i)]);
      if (!info.live || is_leaf(n.op)) continue;
      info.fixed = !fixed_inputs_.empty();
      for (NodeId source : graph_.inputs_of(id)) {
        NodeId s = canonical(source);
        info.fixed = info.fixed && info_[s].fixed;
        info.phase = std::max(info.phase, info_[s].phase + (n.op == Op::sum_tasks));
      }
      if (info.fixed) fixed_phases = std::max(fixed_phases, info.phase + 1);
    }
    if (fixed_phases == 0) return;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      Info& info = info_[id];
      if (!info.live || is_leaf(node(id).op) || info.fixed) continue;
      info.phase = std::max(info.phase, fixed_phases);
      for (NodeId source : graph_.inputs_of(id)) {
        NodeId s = canonical(source);
        if (!is_leaf(node(s).op)) info.phase = std::max(info.phase, info_[s].phase + (node(id).op == Op::sum_tasks));
      }
    }
  }

  void find_views() {
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
      if (node(id).op == Op::slice_rows) info.view_offset += static_cast<std::size_t>(node(id).attr.i) * static_cast<std::size_t>(node(id).shape.cols) * element_;
    }
  }

  // add(a, A·B) becomes C += A·B in a's buffer, where nobody else reads the product and nobody later reads a. It saves a pass
  // over memory and changes no bit.
  void absorb_products() {
    std::vector<int> readers(graph_.size(), 0);
    std::vector<NodeId> last_reader(graph_.size(), 0);   // of the buffer, by root
    std::vector<char> read_elsewhere(graph_.size(), 0);  // in another segment: the value has a place for every task
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (info_[id].live && !is_leaf(node(id).op))
        for (NodeId raw : graph_.inputs_of(id)) {
          ++readers[canonical(raw)];
          NodeId root = info_[canonical(raw)].root;
          last_reader[root] = std::max(last_reader[root], id);
          if (!same_segment(root, id)) read_elsewhere[root] = 1;
        }
    for (Var output : outputs_) {
      NodeId root = info_[canonical(output.id)].root;
      readers[canonical(output.id)] += 2, last_reader[root] = kNone;
      if (info_[root].fixed) read_elsewhere[root] = 1;  // copied at every run, computed at some: it keeps a place of its own
    }

    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!is_computed(id) || node(id).op != Op::add || read_elsewhere[id]) continue;
      NodeId first = canonical(graph_.inputs_of(id)[0]), second = canonical(graph_.inputs_of(id)[1]);
      for (auto [product, other] : {std::pair(std::max(first, second), std::min(first, second)), std::pair(std::min(first, second), std::max(first, second))}) {
        if (node(product).op != Op::matmul || readers[product] != 1 || info_[product].absorbed || !same_segment(product, id)) continue;
        if (!is_computed(other) || !same_segment(other, id) || read_elsewhere[other] || last_reader[other] != id) continue;
        if (node(product).shape != node(id).shape || node(other).shape != node(id).shape) continue;
        Shape a = node(canonical(graph_.inputs_of(product)[0])).shape;
        if ((node(product).attr.i ? a.rows : a.cols) > kernels::exact_accumulate_depth) continue;
        // The factors are read here and no longer where the product stood: they must still be what they were.
        bool overwritten = std::ranges::any_of(graph_.inputs_of(product), [&](NodeId f) {
          NodeId root = info_[canonical(f)].root;
          return root == other || overwritten_.contains(root);
        });
        if (overwritten || other == product) continue;
        overwritten_.insert(other);
        info_[product].absorbed = true;
        info_[id].product = product;
        break;
      }
    }
  }
  bool same_segment(NodeId a, NodeId b) const { return info_[a].phase == info_[b].phase && per_task(a) == per_task(b) && info_[a].fixed == info_[b].fixed; }

  // Execution order: by phase, shared before per-task, then creation order. Copies to the outputs end their segment.
  void order_segments() {
    struct Key {
      int phase;
      bool per_task;
      auto operator<=>(const Key&) const = default;
    };
    std::map<Key, std::vector<NodeId>> by_key;
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (is_computed(id)) by_key[{info_[id].phase, per_task(id)}].push_back(id);
    // An output is copied where it is last known: in the segment of its node, or, if that is not run every time, at the end.
    int last_phase = by_key.empty() ? 0 : by_key.rbegin()->first.phase;
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
      bool fixed = !nodes.empty() && !copies.contains(key);
      for (NodeId id : nodes) info_[id].segment = segment, fixed = fixed && info_[id].fixed;
      plan_.segments.push_back({.steps = {}, .per_task = key.per_task, .fixed = fixed});
      segment_nodes_.push_back(nodes);
      segment_copies_.push_back(copies[key]);
    }
    plan_.report.phases = last_phase + 1;
  }

  // Calls use(root of what is read, segment, position) for every read, in order of execution.
  template <class Use>
  void for_each_use(Use use) {
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

  void find_lifetimes() {
    for_each_use([&](NodeId root, std::size_t segment, int) {
      if (is_computed(root) && per_task(root) && info_[root].segment != static_cast<int>(segment)) info_[root].crosses = true;
    });
    std::vector<int> segment_end;  // position after its last step
    int position = 0;
    for (std::size_t s = 0; s < segment_nodes_.size(); ++s)
      segment_end.push_back(position += static_cast<int>(segment_nodes_[s].size() + segment_copies_[s].size()));
    for_each_use([&](NodeId root, std::size_t s, int at) {
      if (!is_computed(root)) return;
      Info& info = info_[root];
      // A segment is replayed for every task: what does not lie in the thread's own arena is needed until its end.
      bool in_arena = per_task(root) && !info.crosses;
      if (plan_.segments[s].per_task && !in_arena) at = segment_end[s] - 1;
      info.dies = std::max(info.dies, at);
      if (info.fixed && !plan_.segments[s].fixed) info.dies = kForever;  // computed once: nothing may take its place
    });
  }

  void place_constants() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& n = node(id);
      if (!info_[id].live || (n.op != Op::constant && n.op != Op::fill)) continue;
      Tensor value = n.op == Op::constant ? graph_.constant_value(n.attr.i) : Tensor::full(n.shape, n.attr.x, graph_.dtype());
      std::size_t at = plan_.constants.size();
      plan_.constants.resize(at + round_up(value.bytes()));
      std::memcpy(plan_.constants.data() + at, value.data(), value.bytes());
      info_[id].place = {kConstants, at, n.shape.tasks > 1 ? n.shape.per_task() * element_ : 0, 0, 0};
    }
    for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
      const Node& n = node(graph_.inputs()[i]);
      info_[graph_.inputs()[i]].place = {kFirstInput + static_cast<int>(i), 0, n.shape.tasks > 1 ? n.shape.per_task() * element_ : 0, 0, 0};
    }
  }

  Operand operand_of(NodeId id) const {
    Operand o = info_[info_[id].root].place;
    o.offset += info_[id].view_offset;
    o.rows = node(id).shape.rows;
    o.cols = node(id).shape.cols;
    return o;
  }

  // Walks over the steps in order, giving each result a place and taking places back after their last use.
  void place_and_emit() {
    // Values that live forever (computed from fixed inputs) are placed before all others.
    Allocator arena, shared;
    auto place = [&](NodeId id, Allocator& allocator, Space space, std::size_t copies) {
      std::size_t bytes = node(id).shape.per_task() * element_;
      info_[id].place = {space, allocator.take(bytes * copies), copies > 1 ? bytes : 0, 0, 0};
      info_[id].placed = true;
    };
    auto place_any = [&](NodeId id) {
      bool in_arena = per_task(id) && !info_[id].crosses;
      place(id, in_arena ? arena : shared, in_arena ? kArena : kShared, per_task(id) && !in_arena ? static_cast<std::size_t>(node(id).shape.tasks) : 1);
    };
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (info_[id].live && info_[id].dies == kForever) place_any(id);

    int position = 0;
    std::vector<std::vector<NodeId>> dying;
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (int d = info_[id].dies; d >= 0 && d < kForever) {
        if (d >= static_cast<int>(dying.size())) dying.resize(static_cast<std::size_t>(d) + 1);
        dying[static_cast<std::size_t>(d)].push_back(id);
      }
    auto release_dying = [&] {
      if (position < static_cast<int>(dying.size()))
        for (NodeId id : dying[static_cast<std::size_t>(position)])
          if (info_[id].placed) (info_[id].place.space == kArena ? arena : shared).release(info_[id].place.offset), info_[id].placed = false;
      ++position;
    };
    for (std::size_t s = 0; s < segment_nodes_.size(); ++s) {
      for (NodeId id : segment_nodes_[s]) {
        if (!info_[id].placed && !take_over_dying_input(id, position)) place_any(id);
        emit(plan_.segments[s], id);
        release_dying();
      }
      for (std::size_t j : segment_copies_[s]) emit_copy(plan_.segments[s], j), release_dying();
    }
    plan_.report.arena_bytes = arena.peak();
    plan_.report.shared_bytes = shared.peak();
  }

  // An elementwise result may be written over an input of equal size that nobody reads any more.
  bool take_over_dying_input(NodeId id, int position) {
    Kind kind = op_def(node(id).op).kind;
    if (info_[id].product != kNone) {  // always: that is what it was chosen for
      NodeId other = reads_other_than_product(id);
      info_[id].place = info_[other].place;
      info_[id].placed = true;
      info_[other].placed = false;
      return true;
    }
    if (kind != Kind::elementwise && kind != Kind::constant && node(id).op != Op::add_row) return false;
    for (NodeId raw : graph_.inputs_of(id)) {
      if (node(id).op == Op::add_row && raw != graph_.inputs_of(id)[0]) break;
      NodeId source = canonical(raw), root = info_[source].root;
      Info& input = info_[root];
      if (!input.placed || input.dies != position || input.crosses || info_[id].crosses) continue;
      if (input.place.space != (per_task(id) ? kArena : kShared) || node(root).shape.per_task() != node(id).shape.per_task()) continue;
      if (reads_part_of(id, root)) continue;
      info_[id].place = input.place;
      info_[id].placed = true;
      input.placed = false;
      return true;
    }
    return false;
  }

  NodeId reads_other_than_product(NodeId id) const {
    NodeId first = canonical(graph_.inputs_of(id)[0]), second = canonical(graph_.inputs_of(id)[1]);
    return first == info_[id].product ? second : first;
  }

  // Whether some input of the node is a mere part of root's numbers (a scalar read for every element, say).
  bool reads_part_of(NodeId id, NodeId root) const {
    return std::ranges::any_of(graph_.inputs_of(id), [&](NodeId raw) {
      NodeId source = canonical(raw);
      return info_[source].root == root && node(source).shape.per_task() != node(root).shape.per_task();
    });
  }

  void emit(Segment& segment, NodeId id) {
    const Node& n = info_[id].product == kNone ? node(id) : node(info_[id].product);
    Step step{.kernel = kernels::find_kernel(Device::cpu, graph_.dtype(), n.op), .op = n.op, .node = id, .first_operand = static_cast<int>(plan_.operands.size()), .arity = n.arity, .attr = n.attr};
    require(step.kernel != nullptr, std::string("there is no cpu kernel for ") + op_def(n.op).name);
    if (info_[id].product != kNone) step.node = id, step.attr.x = 1;
    plan_.operands.push_back(operand_of(id));
    for (NodeId source : graph_.inputs_of(info_[id].product == kNone ? id : info_[id].product)) {
      plan_.operands.push_back(operand_of(canonical(source)));
      segment.work += static_cast<double>(node(source).shape.per_task());
      if (n.op == Op::sum_tasks) step.tasks = node(source).shape.tasks;
    }
    if (n.op == Op::matmul || n.op == Op::dense) segment.work += static_cast<double>(n.shape.per_task()) * node(graph_.inputs_of(id)[1]).shape.rows / 8;  // a product
    segment.steps.push_back(step);
  }

  void emit_copy(Segment& segment, std::size_t output) {
    NodeId id = canonical(outputs_[output].id);
    Step step{.kernel = kernels::find_kernel(Device::cpu, graph_.dtype(), Op::stop_gradient), .op = Op::stop_gradient, .node = id, .first_operand = static_cast<int>(plan_.operands.size()), .arity = 1, .attr = {}};
    Operand from = operand_of(id), to = from;
    to.space = kFirstInput + static_cast<int>(graph_.inputs().size() + output);
    to.offset = 0;
    to.stride = per_task(id) ? node(id).shape.per_task() * element_ : 0;
    plan_.operands.push_back(to);
    plan_.operands.push_back(from);
    segment.steps.push_back(step);
  }

  void finish_report() {
    PlanReport& report = plan_.report;
    plan_.space_count = kFirstInput + static_cast<int>(graph_.inputs().size() + outputs_.size());
    report.traced_nodes = static_cast<int>(graph_.size());
    for (const Segment& segment : plan_.segments) report.planned_nodes += static_cast<int>(segment.steps.size());
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (is_computed(id)) report.unplanned_bytes += node(id).shape.size() * element_;
  }

  const Graph& graph_;
  std::span<const Var> outputs_;
  std::span<const char> fixed_inputs_;
  std::size_t element_;
  std::vector<Info> info_;
  std::set<NodeId> overwritten_;  // values that a product was added to, in place
  std::vector<std::vector<NodeId>> segment_nodes_;
  std::vector<std::vector<std::size_t>> segment_copies_;
  Plan plan_;
};

}  // namespace

Plan plan_program(const Graph& graph, std::span<const Var> outputs, std::span<const char> fixed_inputs) {
  return Planner(graph, outputs, fixed_inputs).make();
}

std::string describe_plan(const Graph& graph, const Plan& plan) {
  const PlanReport& r = plan.report;
  std::string text = std::to_string(r.traced_nodes) + " nodes traced, " + std::to_string(r.planned_nodes) + " steps, " +
                     std::to_string(r.phases) + " phases, " + std::to_string(r.tasks) + " tasks; " + std::to_string(r.arena_bytes) +
                     " bytes per thread, " + std::to_string(r.shared_bytes) + " shared (keeping every value: " +
                     std::to_string(r.unplanned_bytes) + ")\n";
  for (const Segment& segment : plan.segments) {
    text += segment.per_task ? "for every task" : "once";
    text += segment.fixed ? " (kept while its inputs stay the same):\n" : ":\n";
    for (const Step& step : segment.steps) text += "  " + graph.describe(step.node) + "\n";
  }
  return text;
}

}  // namespace innerloop
