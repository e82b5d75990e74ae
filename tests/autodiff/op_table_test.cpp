// The operator table is complete, closed, and guarded: a rule that is wrong by one part in a thousand is caught.
#include "autodiff/op_table.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/autodiff/instances.h"
#include "tests/catch.h"
#include "tests/sanitized.h"

using namespace innerloop;
using innerloop::tests::Instance;

namespace {

bool is_leaf(const OpDef& def) { return def.kind == Kind::leaf; }

// Inputs through which no derivative flows, so that no rule can be wrong: only the sign of relu_slope's y matters,
// lstm_sequence_bwd reads h0 for its shape alone, and no derivative of a network depends on its last bias: input 8 of
// the largest mlp_bwd; smaller ones have no such input.
bool has_no_effect(Op op, int input) {
  return (op == Op::relu_slope && input == 0) || (op == Op::lstm_sequence_bwd && input == 2) ||
         (op == Op::mlp_bwd && input == 8);
}

// How many inputs the largest instance has.
int inputs_of(const OpDef& def) {
  std::size_t count = 0;
  for (const Example& example : def.examples()) count = std::max(count, example.shapes.size());
  return static_cast<int>(count);
}

// Whether the instance is the smallest there is: single numbers; one step of one row and one cell of a sequence.
bool is_smallest(const OpDef& def, const Example& example) {
  const bool sequence = def.op >= Op::lstm_sequence && def.op <= Op::gru_sequence_bwd;
  return std::ranges::any_of(example.shapes, [](Shape s) { return s.per_task() == 1; }) &&
         std::ranges::all_of(example.shapes, [=](Shape s) { return sequence ? s.per_task() <= 6 : s.per_task() == 1; });
}

// Whether in some instance input k alone is shared by several tasks (or it alone is not).
bool tried_alone(const OpDef& def, int k, bool shared) {
  return std::ranges::any_of(def.examples(), [=](const Example& example) {
    if (k >= static_cast<int>(example.shapes.size())) return false;
    for (int j = 0; j < static_cast<int>(example.shapes.size()); ++j)
      if ((example.shapes[static_cast<std::size_t>(j)].tasks == 1) != ((j == k) == shared)) return false;
    return true;
  });
}

// Operands of networks of more than two layers: what holds of those of two layers holds of them.
bool beyond_small_instances(const OpDef& def, int k) {
  const int operands_of_two_layers[] = {5, 6, 10, 12};  // mlp, mlp_bwd, mlp_jvp, mlp_hvp
  return def.op >= Op::mlp && k >= operands_of_two_layers[static_cast<int>(def.op) - static_cast<int>(Op::mlp)];
}

// The cases of one operation, the smallest first.
std::vector<CheckCase> cases_of(const std::string& subject) {
  static const std::vector<CheckCase> all = op_cases();
  std::vector<CheckCase> cases;
  std::ranges::copy_if(all, std::back_inserter(cases), [&](const CheckCase& c) { return c.subject == subject; });
  return cases;
}

// Whether some case of the operation fails with this table.
bool caught(const std::vector<CheckCase>& cases, const OpTable& table) {
  const CheckOptions quick{.table = &table, .second_order = false, .f32 = false, .bisect = false, .elements = 12};
  for (const CheckCase& c : cases)
    if (!run_check(c, quick).ok) return true;
  return false;
}

}  // namespace

TEST_CASE("operator table: every operation has a name, its maths, a shape rule and ten different instances") {
  std::set<std::string> names;
  for (const OpDef& def : op_table()) {
    INFO(def.name);
    CHECK(names.insert(def.name).second);
    CHECK(std::string(def.maths).size() > 3);
    if (is_leaf(def)) continue;
    CHECK(def.shape != nullptr);
    REQUIRE(def.examples != nullptr);
    std::set<std::string> instances;
    for (const CheckCase& c : cases_of(def.name)) instances.insert(c.name);
    INFO(instances.size() << " instances");
    CHECK(instances.size() >= 10);
  }
}

TEST_CASE("operator table: every operation is tried on single numbers and on an odd number of them") {
  for (const OpDef& def : op_table()) {
    if (is_leaf(def)) continue;
    bool single = false, odd = false;
    for (const Example& example : def.examples()) {
      single = single || is_smallest(def, example);
      Graph graph;
      std::vector<Var> all = Instance(def, example, 1).bind(graph);
      all.push_back(graph.append(def.op, all, example.attr, SourceLocation::current()));
      for (Var v : all) odd = odd || (v.shape().per_task() > 1 && v.shape().per_task() % 2 == 1);
    }
    INFO(def.name);
    CHECK(single);
    CHECK(odd);
  }
}

TEST_CASE("operator table: every input is tried alone shared by all tasks, and alone with a block per task") {
  for (const OpDef& def : op_table()) {
    if (is_leaf(def)) continue;
    const int inputs = inputs_of(def);
    for (int k = 0; inputs > 1 && k < inputs; ++k) {
      if (beyond_small_instances(def, k)) continue;
      INFO(def.name << ", input " << k);
      CHECK(tried_alone(def, k, true));
      CHECK(tried_alone(def, k, false));
    }
  }
}

// Indices and masks are exempt: they are drawn from numbers of their own, and a tensor that is its own mask jumps
// wherever a number of it passes through 0. So are single numbers, all of which have the same shape.
TEST_CASE("operator table: wherever two inputs can be the same tensor, they are in some instance") {
  for (const OpDef& def : op_table()) {
    if (is_leaf(def)) continue;
    std::set<std::pair<std::size_t, std::size_t>> possible, tried;
    for (const Example& example : def.examples())
      for (std::size_t k = 0; k < example.shapes.size(); ++k)
        for (std::size_t j = 0; j < k; ++j) {
          if (example.shapes[j] != example.shapes[k] || example.shapes[k].per_task() == 1) continue;
          if (def.is_data(static_cast<int>(j)) || def.is_data(static_cast<int>(k))) continue;
          possible.insert({j, k});
          if (example.source(j) == example.source(k)) tried.insert({j, k});
        }
    for (auto [j, k] : possible) {
      INFO(def.name << ", inputs " << j << " and " << k);
      CHECK(tried.contains({j, k}));
    }
  }
}

TEST_CASE("operator table: each kind has the rules of its kind") {
  for (const OpDef& def : op_table()) {
    INFO(def.name);
    CHECK((def.slope != nullptr) == (def.kind == Kind::elementwise));
    CHECK((def.transpose != nullptr) == (def.kind == Kind::linear));
    if (def.kind == Kind::general) CHECK(((def.vjp && def.jvp) || def.expand));
  }
}

// All instances, along three seeds: tests/app/check_seeds_test.cpp.
TEST_CASE("operator table: every operation holds every level of the check") {
  for (const CheckCase& c : one_of_a_kind(op_cases(), &CheckCase::subject)) {
    const CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
}

// [plain] the cases of the check above, hundreds of times; only the factor of a rule differs
TEST_CASE("operator table: a reverse rule off by 0.1 % is caught, for every operation and every input", "[plain]") {
  for (const OpDef& def : op_table()) {
    if (is_leaf(def) || def.kind == Kind::constant) continue;
    const std::vector<CheckCase> cases = cases_of(def.name);
    const int inputs = inputs_of(def);
    REQUIRE(inputs <= static_cast<int>(def.vjp_factor.size()));
    for (int k = 0; k < inputs; ++k) {
      if (def.is_data(k) || has_no_effect(def.op, k)) continue;
      OpTable wrong = op_table();
      wrong[static_cast<std::size_t>(def.op)].vjp_factor[static_cast<std::size_t>(k)] = 1.001;
      INFO(def.name << ", input " << k);
      CHECK(caught(cases, wrong));
    }
  }
}

// [plain] the cases of the check above, hundreds of times; only the factor of a rule differs
TEST_CASE("operator table: a forward rule off by 0.1 % is caught, for every operation and every input", "[plain]") {
  for (const OpDef& def : op_table()) {
    if (is_leaf(def) || def.kind == Kind::constant) continue;
    const std::vector<CheckCase> cases = cases_of(def.name);
    const int inputs = inputs_of(def);
    REQUIRE(inputs <= static_cast<int>(def.vjp_factor.size()));
    for (int k = 0; k < inputs; ++k) {
      if (def.is_data(k) || has_no_effect(def.op, k)) continue;
      OpTable wrong = op_table();
      wrong[static_cast<std::size_t>(def.op)].jvp_factor[static_cast<std::size_t>(k)] = 1.001;
      INFO(def.name << ", input " << k);
      CHECK(caught(cases, wrong));
    }
  }
}

TEST_CASE("operator table: a rule wrong in both modes alike is caught, though duality cannot see it") {
  for (Op op : {Op::tanh, Op::matmul, Op::logsumexp}) {
    OpTable wrong = op_table();
    wrong[static_cast<std::size_t>(op)].vjp_factor.fill(1.001);
    wrong[static_cast<std::size_t>(op)].jvp_factor.fill(1.001);
    INFO(op_def(op).name);
    CHECK(caught(cases_of(op_def(op).name), wrong));
  }
}

TEST_CASE("operator table: closed under differentiation, to order three") {
  // Every operation that differentiating emits can itself be differentiated: three times over, without an error.
  std::map<std::string, std::set<std::string>> emitted;
  for (const OpDef& def : op_table()) {
    if (is_leaf(def)) continue;
    const Example example = def.examples()[3];
    Instance instance(def, example, 3);
    Graph graph;
    std::vector<Var> x = instance.bind(graph), wrt = instance.differentiable(x);
    Var y = graph.append(def.op, x, example.attr, SourceLocation::current());
    for (int order = 1; order <= 3; ++order) {
      std::vector<Var> g = grad(sum_tasks(sum_all(tanh(y))), wrt);
      y = inner_product(g, g);
    }
    INFO(def.name);
    for (NodeId id = 0; id < graph.size(); ++id) {
      const OpDef& row = op_def(graph.node(id).op);
      emitted[def.name].insert(row.name);
      CHECK((is_leaf(row) || row.kind == Kind::constant || row.slope || row.transpose || row.vjp || row.expand));
    }
  }
  CHECK(emitted["tanh"].contains("tanh_slope"));
  CHECK(emitted["lstm_sequence"].contains("lstm_sequence_bwd"));
  CHECK(emitted["gru_sequence"].contains("gru_sequence_bwd"));
  CHECK(emitted["windows"].contains("overlap_add"));
  CHECK(emitted["overlap_add"].contains("windows"));
  CHECK(emitted["gather_rows"].contains("scatter_rows"));
}
