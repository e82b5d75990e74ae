// The graph: what it refuses, and in which words.
#include "autodiff/graph.h"

#include "autodiff/ops.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("graph: a shape error names both operands, their shapes, their names, and the lines that made them") {
  Graph graph;
  Var observations = graph.input({20, 200, 2}, "batch/observations");
  Var weights = graph.input({1, 3, 64}, "theta/policy/W1");
  const std::string message = message_of([&] { matmul(observations, weights); });
  CHECK(message ==
        "shape error: matmul, at autodiff/graph_test.cpp:27\n"
        "    A = batch/observations (20, 200, 2)  made at autodiff/graph_test.cpp:25\n"
        "    B = theta/policy/W1 (1, 3, 64)  made at autodiff/graph_test.cpp:26\n"
        "    A has 2 columns but B has 3 rows.");
}

TEST_CASE("graph: unnamed operands are named by operation, number and line") {
  Graph graph;
  Var x = graph.input({1, 2, 3}, "x"), h = tanh(x);
  CHECK_THAT(message_of([&] { h + transpose(x); }), ContainsSubstring("A = tanh #1 (1, 2, 3)") &&
                                                        ContainsSubstring("B = transpose #2 (1, 3, 2)") &&
                                                        ContainsSubstring("named operations"));
}

TEST_CASE("graph: task axes that do not fit are refused") {
  Graph graph;
  Var a = graph.input({2, 1, 1}, "a"), b = graph.input({3, 1, 1}, "b");
  CHECK_THAT(message_of([&] { a* b; }), ContainsSubstring("the task axes do not fit"));
}

TEST_CASE("graph: Vars of two graphs, and empty ones, are refused") {
  Graph one, two;
  Var a = one.input({1, 1, 1}, "a"), b = two.input({1, 1, 1}, "b");
  CHECK_THAT(message_of([&] { a + b; }),
             ContainsSubstring("mixes Vars of two graphs") && ContainsSubstring("graph_test.cpp"));
  CHECK_THAT(message_of([&] { a + Var{}; }), ContainsSubstring("empty Var"));
}

TEST_CASE("graph: nodes emitted by a derivative rule carry the line of the node they derive from") {
  Graph graph;
  Var x = graph.input({1, 1, 1}, "x");
  Var y = tanh(x);
  const auto line = graph.node(y.id).where.line();
  Graph::Origin origin(graph, graph.node(y.id).where);
  Var emitted = tanh_slope(y, x);
  CHECK(graph.node(emitted.id).where.line() == line);
}

TEST_CASE("graph: a traced graph has no numbers, an eager one needs them") {
  Graph traced, eager(Dtype::f64, Graph::Mode::eager);
  Var x = traced.input({1, 1, 1}, "x");
  CHECK_THAT(message_of([&] { exp(x).value(); }), ContainsSubstring("holds no numbers"));
  CHECK_THAT(message_of([&] { eager.input({1, 1, 1}, "x"); }), ContainsSubstring("pass a Tensor"));
  CHECK(exp(eager.input(Tensor::scalar(0), "x")).value().item() == 1);
}

TEST_CASE("graph: a list of Vars knows its names") {
  Graph graph;
  Params theta;
  theta.add("policy/W1", graph.input({1, 1, 1}, "W1"));
  CHECK(theta.contains("policy/W1"));
  CHECK_THAT(message_of([&] { theta["policy/W2"]; }), ContainsSubstring("policy/W1"));
  CHECK_THAT(message_of([&] { theta.add("policy/W1", theta[0]); }), ContainsSubstring("already holds"));
  Params doubled = theta + theta;
  CHECK(doubled.name(0) == "policy/W1");
}
