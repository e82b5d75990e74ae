// The planner's passes, each a loop over the nodes. planner.cpp finds out what has to be computed, and when;
// planner_places.cpp where it lies in memory, and writes down the steps.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "autodiff/op_table.h"
#include "autodiff/planner.h"

namespace innerloop {

class Planner {
 public:
  Planner(const Graph& graph, std::span<const Var> outputs, std::span<const char> fixed_inputs, Device device)
      : graph_(graph),
        outputs_(outputs),
        fixed_inputs_(fixed_inputs),
        device_(device),
        element_(size_of(graph.dtype())),
        info_(graph.size()) {}

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
  static constexpr int kForever = 1 << 30;
  static constexpr NodeId kNone = ~NodeId{0};

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

  // Passes, in order.
  void mark_live();
  void merge_equal_nodes();
  void find_phases();
  void find_views();
  void absorb_products();
  void order_segments();
  void find_lifetimes();
  void place_constants();
  void place_and_emit();
  void finish_report();

  // Questions about a node.
  const Node& node(NodeId id) const { return graph_.node(id); }
  NodeId canonical(NodeId id) const { return info_[id].same_as; }
  bool per_task(NodeId id) const { return node(id).shape.tasks > 1; }
  static bool is_leaf(Op op) { return op == Op::input || op == Op::constant || op == Op::fill; }
  bool is_computed(NodeId id) const {
    return info_[id].live && !is_leaf(node(id).op) && !info_[id].view && !info_[id].absorbed;
  }
  bool same_segment(NodeId a, NodeId b) const {
    return info_[a].phase == info_[b].phase && per_task(a) == per_task(b) && info_[a].fixed == info_[b].fixed;
  }
  bool node_major() const { return device_ != Device::cpu; }
  // Replayed task by task in a thread's own memory.
  bool in_arena(NodeId id) const { return per_task(id) && !info_[id].crosses && !node_major(); }
  std::vector<NodeId> reads(NodeId id) const;
  NodeId reads_other_than_product(NodeId id) const;
  bool reads_part_of(NodeId id, NodeId root) const;

  // Parts of passes.
  struct Readers {
    std::vector<int> count;       // of the node's value; an output counts twice
    std::vector<NodeId> last;     // of the buffer, by root
    std::vector<char> elsewhere;  // by root: read in another segment, so the value has a place for every task
  };
  Readers find_readers() const;
  bool can_absorb(NodeId id, NodeId product, NodeId other, const Readers& readers) const;
  template <class Use>
  void for_each_use(Use use);
  bool take_over_dying_input(NodeId id, int position);
  Operand operand_of(NodeId id) const;
  Step step_of(NodeId id, const Node& n) const;
  void emit(Segment& segment, NodeId id);
  void emit_copy(Segment& segment, std::size_t output);

  const Graph& graph_;
  std::span<const Var> outputs_;
  std::span<const char> fixed_inputs_;
  Device device_;
  std::size_t element_;
  std::vector<Info> info_;
  int fixed_phases_ = 0;          // those below hold what is computed from fixed inputs alone, the others the rest
  std::set<NodeId> overwritten_;  // values that a product was added to, in place
  std::vector<std::vector<NodeId>> segment_nodes_;
  std::vector<std::vector<std::size_t>> segment_copies_;
  Plan plan_;
};

}  // namespace innerloop
