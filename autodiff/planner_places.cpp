// Where every value lies, and the steps in order.
#include <cstring>

#include "autodiff/planner_passes.h"
#include "kernels/cuda/table.h"

namespace innerloop {
namespace {

constexpr std::size_t kAlign = 64;
std::size_t round_up(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// Places for blocks that live from one step to another. First fit at the lowest address keeps the buffer small.
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

}  // namespace

void Planner::place_constants() {
  for (NodeId id = 0; id < graph_.size(); ++id) {
    const Node& n = node(id);
    if (!info_[id].live || (n.op != Op::constant && n.op != Op::fill)) continue;
    const bool stored = n.op == Op::constant;
    Tensor value = stored ? graph_.constant_value(n.attr.i) : Tensor::full(n.shape, n.attr.x, graph_.dtype());
    std::size_t at = plan_.constants.size();
    plan_.constants.resize(at + round_up(value.bytes()));
    std::memcpy(plan_.constants.data() + at, value.data(), value.bytes());
    info_[id].place = {kConstants, at, n.shape.tasks > 1 ? n.shape.per_task() * element_ : 0, 0, 0};
  }
  for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
    const Node& n = node(graph_.inputs()[i]);
    const std::size_t stride = n.shape.tasks > 1 ? n.shape.per_task() * element_ : 0;
    info_[graph_.inputs()[i]].place = {kFirstInput + static_cast<int>(i), 0, stride, 0, 0};
  }
}

Operand Planner::operand_of(NodeId id) const {
  Operand o = info_[info_[id].root].place;
  o.offset += info_[id].view_offset;
  o.rows = node(id).shape.rows;
  o.cols = node(id).shape.cols;
  return o;
}

// Walks over the steps in order, giving each result a place and taking places back after their last use.
void Planner::place_and_emit() {
  // Values that live forever (computed from fixed inputs) are placed before all others.
  Allocator arena, shared;
  auto place = [&](NodeId id, Allocator& allocator, Space space, std::size_t copies) {
    std::size_t bytes = node(id).shape.per_task() * element_;
    info_[id].place = {space, allocator.take(bytes * copies), copies > 1 ? bytes : 0, 0, 0};
    info_[id].placed = true;
  };
  auto place_any = [&](NodeId id) {
    if (in_arena(id)) place(id, arena, kArena, 1);
    else place(id, shared, kShared, static_cast<std::size_t>(node(id).shape.tasks));
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
        if (info_[id].placed) {
          (info_[id].place.space == kArena ? arena : shared).release(info_[id].place.offset);
          info_[id].placed = false;
        }
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
bool Planner::take_over_dying_input(NodeId id, int position) {
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
    if (per_task(root) != per_task(id) || input.place.space != (in_arena(id) ? kArena : kShared)) continue;
    if (node(root).shape.per_task() != node(id).shape.per_task() || reads_part_of(id, root)) continue;
    info_[id].place = input.place;
    info_[id].placed = true;
    input.placed = false;
    return true;
  }
  return false;
}

NodeId Planner::reads_other_than_product(NodeId id) const {
  NodeId first = canonical(graph_.inputs_of(id)[0]), second = canonical(graph_.inputs_of(id)[1]);
  return first == info_[id].product ? second : first;
}

// Whether some input of the node is a mere part of root's numbers (a scalar read for every element, say).
bool Planner::reads_part_of(NodeId id, NodeId root) const {
  return std::ranges::any_of(graph_.inputs_of(id), [&](NodeId raw) {
    NodeId source = canonical(raw);
    return info_[source].root == root && node(source).shape.per_task() != node(root).shape.per_task();
  });
}

// A step for node `id` that computes what node n says.
Step Planner::step_of(NodeId id, const Node& n) const {
  Step step{.op = n.op,
            .node = id,
            .first_operand = static_cast<int>(plan_.operands.size()),
            .arity = n.arity,
            .attr = n.attr};
  if (node_major()) step.device_kernel = kernels::find_device_kernel(device_, graph_.dtype(), n.op);
  else step.kernel = kernels::find_kernel(Device::cpu, graph_.dtype(), n.op);
  require(step.kernel != nullptr || step.device_kernel != nullptr, [&] {
    return std::string("there is no ") + name_of(device_) + " kernel for " + op_def(n.op).name;
  });
  return step;
}

void Planner::emit(Segment& segment, NodeId id) {
  // A sum that took in a product is that product, added to what its buffer holds.
  const NodeId computed = info_[id].product == kNone ? id : info_[id].product;
  const Node& n = node(computed);
  const std::span<const NodeId> sources = graph_.inputs_of(computed);
  Step step = step_of(id, n);
  if (computed != id) step.attr.x = 1;
  plan_.operands.push_back(operand_of(id));
  for (NodeId source : sources) {
    plan_.operands.push_back(operand_of(canonical(source)));
    segment.work += static_cast<double>(node(source).shape.per_task());
    if (n.op == Op::sum_tasks) step.tasks = node(source).shape.tasks;
  }
  const bool multiplies = n.op == Op::matmul || n.op == Op::dense;
  if (multiplies) segment.work += static_cast<double>(n.shape.per_task()) * node(sources[1]).shape.rows / 8;
  segment.steps.push_back(step);
}

void Planner::emit_copy(Segment& segment, std::size_t output) {
  NodeId id = canonical(outputs_[output].id);
  Node copy = node(id);
  copy.op = Op::stop_gradient;
  copy.arity = 1;
  copy.attr = {};
  const Step step = step_of(id, copy);
  Operand from = operand_of(id), to = from;
  to.space = kFirstInput + static_cast<int>(graph_.inputs().size() + output);
  to.offset = 0;
  to.stride = per_task(id) ? node(id).shape.per_task() * element_ : 0;
  plan_.operands.push_back(to);
  plan_.operands.push_back(from);
  segment.steps.push_back(step);
}

void Planner::finish_report() {
  PlanReport& report = plan_.report;
  plan_.space_count = kFirstInput + static_cast<int>(graph_.inputs().size() + outputs_.size());
  report.traced_nodes = static_cast<int>(graph_.size());
  for (const Segment& segment : plan_.segments) report.planned_nodes += static_cast<int>(segment.steps.size());
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (is_computed(id)) report.unplanned_bytes += node(id).shape.size() * element_;
}

}  // namespace innerloop
