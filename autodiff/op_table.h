// The operator table: one row per operation, holding everything that innerloop knows about it.
//
// A derivative is written once. There are three kinds:
//   elementwise  one *slope* expression per input, v·∂y/∂x_k: reverse mode calls it with v = ȳ, forward with v = ẋ_k;
//   linear       one *transpose* per input for reverse mode; forward mode is the operation itself, on the tangent;
//   general      both rules by hand, or none: then the rules are those of the expansion.
// Every operation that a rule appends is in the table too, so derivatives of any order exist
// (tests/autodiff/op_table_test.cpp). Rules return an invalid Var for "identically zero".
#pragma once

#include <array>
#include <span>
#include <vector>

#include "autodiff/graph.h"

namespace innerloop {

// What a shape rule sees, and how it refuses.
struct ShapeRequest {
  const Graph& graph;
  const OpDef& def;
  std::span<const Var> inputs;
  const Attr& attr;
  SourceLocation where;

  Shape shape(int k) const { return inputs[static_cast<std::size_t>(k)].shape(); }
  int tasks() const;                                     // the common task count: every input has 1 or B
  [[noreturn]] void refuse(const std::string& why) const;  // throws, naming every operand with its shape and origin
  void check(bool condition, const char* why) const {
    if (!condition) refuse(why);
  }
};

// What a derivative rule sees of the node that it differentiates.
struct RuleContext {
  Graph& graph;
  std::span<const Var> x;  // the inputs
  Var y;                   // the node itself (invalid in expand: it does not exist yet)
  Attr attr;
  std::span<const char> wanted = {};  // vjp: which inputs' cotangents somebody asks for; empty = all

  bool wants(std::size_t k) const { return wanted.empty() || wanted[k] != 0; }
  int tasks() const;  // of the result: one input with a block per task is enough, even if no number of it is read
};

// Instances on which an operation is tested. Domains say where inputs are drawn from.
enum class Domain { real, positive, unit, index, mask, probability_like };
struct Example {
  std::vector<Shape> shapes;
  Attr attr;
  std::vector<Domain> domains;  // one per input; index inputs are drawn from [0, index_below)
  int index_below = 1;
  std::vector<int> same_as = {};  // input k is input same_as[k] ≤ k, the same tensor; empty: all are different

  std::size_t source(std::size_t k) const { return same_as.empty() ? k : static_cast<std::size_t>(same_as[k]); }
};

// What each input's rule is multiplied by: a place for every operand of the largest mlp_hvp. Concatenations may have
// more inputs; the rules of those are as written.
using RuleFactors = std::array<double, 20>;
constexpr RuleFactors all_ones() {
  RuleFactors factors{};
  factors.fill(1);
  return factors;
}
constexpr double factor_of(const RuleFactors& factors, std::size_t k) { return k < factors.size() ? factors[k] : 1; }

enum class Kind { leaf, elementwise, constant, linear, general };

struct OpDef {
  Op op;
  const char* name;
  const char* maths;  // "y = tanh x;  dy = (1 − y²) dx"
  int arity = 0;      // −1: any number from 1 on
  Kind kind = Kind::leaf;
  Shape (*shape)(const ShapeRequest&) = nullptr;
  Var (*slope)(const RuleContext&, int k, Var v) = nullptr;         // elementwise: v·∂y/∂x_k
  Var (*transpose)(const RuleContext&, int k, Var y_bar) = nullptr;  // linear
  void (*vjp)(const RuleContext&, Var y_bar, std::span<Var> x_bar) = nullptr;   // general: fills x̄_k
  Var (*jvp)(const RuleContext&, std::span<const Var> x_dot) = nullptr;         // general: ẋ_k may be invalid (zero)
  Var (*expand)(const RuleContext&) = nullptr;                      // fused: the same function in primitives
  int (*kinks)(double a, double b, const Attr&, std::array<double, 2>& margin) = nullptr;  // signed distances to kinks
  std::vector<Example> (*examples)() = nullptr;
  unsigned data_inputs = 0;  // bit k: input k is data (index, mask), without derivative
  // 1 everywhere, except in the copies of this table with which the verifier proves that it would notice a wrong rule.
  RuleFactors vjp_factor = all_ones();
  RuleFactors jvp_factor = all_ones();

  bool is_data(int k) const { return k < 32 && (data_inputs >> k & 1u) != 0; }
};

// Indexed by Op. The default table of every graph.
const OpTable& op_table();
inline const OpDef& op_def(Op op) { return op_table()[static_cast<std::size_t>(op)]; }

// The rows, a family per file of autodiff/ops/.
std::span<const OpDef> leaf_ops();
std::span<const OpDef> elementwise_ops();
std::span<const OpDef> linear_ops();
std::span<const OpDef> indexing_ops();
std::span<const OpDef> general_ops();
std::span<const OpDef> fused_ops();
std::span<const OpDef> lstm_ops();
std::span<const OpDef> lstm_second_order_ops();
std::span<const OpDef> gru_ops();
std::span<const OpDef> mlp_ops();

// Shape rules and examples shared by rows.
Shape same_shape(const ShapeRequest&);                    // one input
Shape broadcast_shape(const ShapeRequest&);               // tasks 1 → B and (·,1,1) scalars
std::vector<Example> unary_examples(Domain domain);       // ten shapes
std::vector<Shape> example_shapes();                      // 1×1, odd sizes, single row and column, several tasks
// From an example whose inputs all have several tasks: each input in turn alone shared, then each alone per task.
void add_shared_and_per_task(std::vector<Example>& examples, const Example& per_task);
// The example with one tensor in all places of equal shape and domain, but for masks and indices.
Example with_equal_inputs(Example example);

}  // namespace innerloop
