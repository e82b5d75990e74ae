// Graphs as text and for Graphviz.
#include "autodiff/print.h"

#include "autodiff/ops.h"
#include "tests/catch.h"

using namespace innerloop;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("print: a graph as text, one line per node, with names, shapes and source lines") {
  Graph graph;
  Var x = graph.input({1, 2, 3}, "x"), w = graph.input({1, 3, 1}, "policy/W");
  Var unused = exp(x);
  Var y = 0.5 * tanh(matmul(x, w));
  graph.set_name(y, "y");
  const std::string text = to_text(graph, std::span(&y, 1));
  CHECK_THAT(text, ContainsSubstring("    1  policy/W = input"));
  CHECK_THAT(text, ContainsSubstring("    3  #3 = matmul(x, policy/W)") && ContainsSubstring("(1, 2, 1)"));
  CHECK_THAT(text, ContainsSubstring("    5  y = scale[0.5](#4)") && ContainsSubstring("print_test.cpp:14"));
  CHECK_THAT(text, !ContainsSubstring("exp"));
  CHECK_THAT(to_text(graph), ContainsSubstring("exp(x)"));
  CHECK(unused.id == 2);
}

TEST_CASE("print: a graph for Graphviz") {
  Graph graph;
  Var x = graph.input({1, 1, 1}, "the \"x\"");
  Var y = x * stop_gradient(x);
  const std::string dot = to_dot(graph, std::span(&y, 1));
  CHECK(dot ==
        "digraph program {\n  rankdir=BT;\n  node [fontname=\"Helvetica\", fontsize=10];\n"
        "  n0 [label=\"the \\\"x\\\"\\ninput\\n(1, 1, 1)\", shape=box];\n"
        "  n1 [label=\"stop_gradient\\n(1, 1, 1)\", color=red];\n  n0 -> n1;\n"
        "  n2 [label=\"mul\\n(1, 1, 1)\"];\n  n0 -> n2;\n  n1 -> n2;\n}\n");
}
