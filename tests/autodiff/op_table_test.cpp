// The operator table is complete, closed, and guarded: a rule that is wrong by one part in a thousand is caught.
#include "autodiff/op_table.h"

#include <algorithm>
#include <map>
#include <set>

#include "autodiff/check.h"
#include "autodiff/ops.h"
#include "autodiff/transforms.h"
#include "tests/autodiff/instances.h"
#include "tests/catch.h"

using namespace innerloop;
using innerloop::tests::Instance;

namespace {

bool is_leaf(const OpDef& def) { return def.kind == Kind::leaf; }

// Inputs through which no derivative flows, so that no rule can be wrong: only the sign of relu_slope's y matters,
// lstm_sequence_bwd reads h0 for its shape alone, and no derivative of a network depends on its last bias (input 4 of
// the smallest instance).
bool has_no_effect(Op op, int input) {
  return (op == Op::relu_slope && input == 0) || (op == Op::lstm_sequence_bwd && input == 2) ||
         (op > Op::mlp && input == 4);
}

// Inputs whose rules are tried: all of them, but no more than there are factors. Of operations with any number of
// inputs, those of the smallest instance.
int inputs_of(const OpDef& def, const std::vector<CheckCase>& cases) {
  const std::size_t count = def.arity > 0 ? static_cast<std::size_t>(def.arity) : cases.front().inputs.size();
  return static_cast<int>(std::min(count, def.vjp_factor.size()));
}

// The cases of one operation, the smallest first.
std::vector<CheckCase> cases_of(const std::string& subject) {
  std::vector<CheckCase> cases;
  for (CheckCase& c : op_cases())
    if (c.subject == subject) cases.push_back(std::move(c));
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

TEST_CASE("operator table: each kind has the rules of its kind") {
  for (const OpDef& def : op_table()) {
    INFO(def.name);
    CHECK((def.slope != nullptr) == (def.kind == Kind::elementwise));
    CHECK((def.transpose != nullptr) == (def.kind == Kind::linear));
    if (def.kind == Kind::general) CHECK(((def.vjp && def.jvp) || def.expand));
  }
}

TEST_CASE("operator table: every operation holds every level of the check, on every instance") {
  for (const CheckCase& c : op_cases()) {
    const CheckReport report = run_check(c);
    INFO(to_text(report));
    CHECK(report.ok);
  }
}

TEST_CASE("operator table: a reverse rule off by 0.1 % is caught, for every operation and every input") {
  for (const OpDef& def : op_table()) {
    if (is_leaf(def) || def.kind == Kind::constant) continue;
    const std::vector<CheckCase> cases = cases_of(def.name);
    const int inputs = inputs_of(def, cases);
    for (int k = 0; k < inputs; ++k) {
      if (def.is_data(k) || has_no_effect(def.op, k)) continue;
      OpTable wrong = op_table();
      wrong[static_cast<std::size_t>(def.op)].vjp_factor[static_cast<std::size_t>(k)] = 1.001;
      INFO(def.name << ", input " << k);
      CHECK(caught(cases, wrong));
    }
  }
}

TEST_CASE("operator table: a forward rule off by 0.1 % is caught, for every operation and every input") {
  for (const OpDef& def : op_table()) {
    if (is_leaf(def) || def.kind == Kind::constant) continue;
    const std::vector<CheckCase> cases = cases_of(def.name);
    const int inputs = inputs_of(def, cases);
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
  CHECK(emitted["gather_rows"].contains("scatter_rows"));
}
