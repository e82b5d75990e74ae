// The graph: an append-only list of nodes. Creation order is a topological order, so every sweep is a `for` loop.
#pragma once

#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autodiff/tensor.h"
#include "kernels/ops.h"
#include "kernels/require.h"
#include "kernels/source_location.h"

namespace innerloop {

class Graph;
struct OpDef;
using OpTable = std::vector<OpDef>;  // autodiff/op_table.h
const OpTable& op_table();
using NodeId = std::uint32_t;

// A handle to one node: two words, freely copied. Operators and free functions (autodiff/ops.h) take and return Var.
struct Var {
  Graph* graph = nullptr;
  NodeId id = 0;

  bool valid() const { return graph != nullptr; }
  Shape shape() const;  // Error for an empty Var
  // The numbers of this node; the reference lasts as long as the graph. Only in an eager graph (in a traced one there
  // are none yet).
  const Tensor& value() const;
};

// A Var together with the line of the caller that passed it: what lets an error name the line that made a node. Never
// made from a number: where a function takes one, it has an overload with double.
struct At {
  Var var;
  SourceLocation where;
  At(Var v, SourceLocation w = SourceLocation::current()) : var(v), where(w) {}  // NOLINT: implicit
};

// The same for a number, where no Var brings the line: x += 1.0.
struct NumberAt {
  double number;
  SourceLocation where;
  NumberAt(double x, SourceLocation w = SourceLocation::current()) : number(x), where(w) {}  // NOLINT: implicit
};

struct Node {
  Op op;
  std::uint16_t arity = 0;
  std::uint32_t first_input = 0;  // into the graph's list of edges
  Shape shape;
  Attr attr;                      // input: i = input number; constant: i = constant number; fill: x
  SourceLocation where;     // the line that made it; a node emitted by a rule carries its forward node's line
  std::uint32_t name = 0;         // into the graph's list of names; 0 = unnamed
};

class Graph {
 public:
  enum class Mode { traced, eager };  // eager: appending a node evaluates it, for learning and debugging
  explicit Graph(Dtype dtype = Dtype::f64, Mode mode = Mode::traced, const OpTable& table = op_table());
  // Graph graph = Graph::eager();  every Var has its numbers at once: what a first program needs.
  static Graph eager(Dtype dtype = Dtype::f64) { return Graph(dtype, Mode::eager); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Leaves. None without numbers: a shape has at least one task, one row and one column.
  // Traced.
  Var input(Shape shape, std::string_view name, SourceLocation where = SourceLocation::current());
  Var input(const Tensor& value, std::string_view name, SourceLocation where = SourceLocation::current());
  Var constant(const Tensor& value, SourceLocation where = SourceLocation::current());
  Var constant(double value, SourceLocation where = SourceLocation::current()) {  // (1, 1, 1), as fill makes it
    return fill({1, 1, 1}, value, where);
  }
  Var fill(Shape shape, double value, SourceLocation where = SourceLocation::current());

  // Appends a node after checking its shapes with the rule of the operator table. Error messages name both operands.
  // With fuse off, a fused operation is appended as its expansion into primitives.
  Var append(Op op, std::span<const Var> inputs, Attr attr, SourceLocation where);

  // Error unless the Var is one of this graph's; `what` names it: "vjp: input 2".
  void require_own(Var var, std::string_view what) const {
    if (var.graph != this || var.id >= size()) [[unlikely]] refuse_foreign(var, what);
  }
  void set_name(Var var, std::string_view name);
  std::string_view name(NodeId id) const;
  std::string describe(NodeId id) const;  // "h1 (20, 2000, 64)  made at nn/mlp.cpp:41", for messages
  // For the catch of what a kernel throws: the same Error again, with the operation, its line and its operands.
  //   index error: gather_rows, at nn/embedding.cpp:12, task 3
  //       A = table (1, 5, 8)  made at …
  //       B = words (4, 20, 1)  made at …
  //       row 2 of the index holds 7, and must hold a whole number from 0 to 4
  [[noreturn]] void rethrow_at(NodeId id, int task, const Error& error) const;

  void set_fuse(bool on) { fuse_ = on; }
  // Where the graph will run: a fused operation for which the device has no kernel is appended as its expansion too.
  void set_device(Device device) { device_ = device; }
  Device device() const { return device_; }
  const OpTable& table() const { return *table_; }
  Dtype dtype() const { return dtype_; }
  Mode mode() const { return mode_; }
  NodeId size() const { return static_cast<NodeId>(nodes_.size()); }
  const Node& node(NodeId id) const { return nodes_[id]; }
  std::span<const NodeId> inputs_of(NodeId id) const {
    return {edges_.data() + nodes_[id].first_input, nodes_[id].arity};
  }
  Var var(NodeId id) { return {this, id}; }
  const Tensor& constant_value(int number) const { return constants_[static_cast<std::size_t>(number)]; }
  const std::vector<NodeId>& inputs() const { return inputs_; }  // in the order they were made
  const Tensor& value(NodeId id) const;                          // eager only

  // While alive, appended nodes carry `where` instead of the caller's line (derivative rules use it).
  class Origin {
   public:
    Origin(Graph& graph, SourceLocation where) : graph_(graph), saved_(graph.origin_) {
      graph.origin_ = where;
      graph.origin_set_++;
    }
    ~Origin() { graph_.origin_ = saved_; graph_.origin_set_--; }
    Origin(const Origin&) = delete;
   private:
    Graph& graph_;
    SourceLocation saved_;
  };

 private:
  friend class Origin;
  Var push(Node node, std::span<const Var> inputs);
  [[noreturn]] void refuse_foreign(Var var, std::string_view what) const;
  bool has_kernel(Op op) const;
  void evaluate(NodeId id);

  Dtype dtype_;
  Mode mode_;
  const OpTable* table_;
  bool fuse_ = true;
  Device device_ = Device::cpu;
  std::vector<Node> nodes_;
  std::vector<NodeId> edges_;
  std::vector<NodeId> inputs_;
  std::vector<std::string> names_{""};
  std::vector<Tensor> constants_;
  std::deque<Tensor> values_;  // eager only, by node; growing at its end moves none of them
  SourceLocation origin_;
  int origin_set_ = 0;
};

// A named, ordered list of Vars of one graph: Params (θ and its relatives) and Batch (data).
class Vars {
 public:
  Vars() = default;
  Vars(std::string name, Var value) { add(std::move(name), value); }
  Vars(std::initializer_list<std::pair<std::string, Var>> entries);  // Params{{"W", W}, {"b", b}}
  void add(std::string name, Var value);
  std::size_t count() const { return values_.size(); }
  bool contains(std::string_view name) const;
  Var operator[](std::string_view name) const;  // Error with the nearest name if absent
  Var operator[](std::size_t index) const { return values_[index]; }
  const std::string& name(std::size_t index) const { return names_[index]; }
  std::span<const Var> all() const { return values_; }
  Vars with(std::span<const Var> values) const;  // the same names, other values
  Vars below(std::string_view prefix) const;     // the entries whose names begin so, under the rest of their names

 private:
  std::vector<std::string> names_;
  std::vector<Var> values_;
};

using Params = Vars;
using Batch = Vars;

// Arithmetic by position. Error unless both lists have the same names in the same order.
Params operator+(const Params& a, const Params& b);
Params operator-(const Params& a, const Params& b);
Params operator-(const Params& a);
Params operator*(Var factor, const Params& a);
Params operator*(const Params& a, Var factor);
Params operator*(double factor, const Params& a);
Params operator*(const Params& a, double factor);
Params broadcast_tasks(const Params& theta, int tasks);
Params stop_gradient(const Params& a);

}  // namespace innerloop
