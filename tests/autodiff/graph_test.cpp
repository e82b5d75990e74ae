// The graph: what it refuses, and in which words.
#include "autodiff/graph.h"

#include <cmath>
#include <functional>
#include <limits>

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
        "shape error: matmul, at autodiff/graph_test.cpp:31\n"
        "    A = batch/observations (20, 200, 2)  made at autodiff/graph_test.cpp:29\n"
        "    B = theta/policy/W1 (1, 3, 64)  made at autodiff/graph_test.cpp:30\n"
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

TEST_CASE("graph: an empty Var is refused wherever it stands, and so is a foreign one") {
  Graph graph(Dtype::f64, Graph::Mode::eager), other;
  Var a = graph.input(Tensor::scalar(1), "a");
  const std::vector<std::function<void()>> wrong = {
      [] { -Var{}; },
      [&] { Var{} + a; },
      [&] { mul3(Var{}, a, a); },
      [] { Var{} / 2.0; },
      [] { sum_all(Var{}); },
      [] { zeros_like(Var{}); },
      [] { concat_rows(std::vector<Var>{Var{}}); },
      [&] { lstm_sequence(Var{}, a, a, a, a, 1); },
      [&] { fused_mlp(Var{}, std::vector<Var>{a, a}, Activation::tanh); },
      [] { static_cast<void>(Var{}.value()); },
      [&] { graph.set_name(Var{}, "nobody"); },
  };
  for (const std::function<void()>& f : wrong) CHECK_THAT(message_of(f), ContainsSubstring("empty Var"));
  CHECK_THAT(message_of([&] { graph.set_name(other.fill({1, 1, 1}, 1), "x"); }), ContainsSubstring("another graph"));
}

TEST_CASE("graph: a value that somebody refers to stays where it is while the graph grows") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var x = graph.input(Tensor::scalar(2), "x");
  const Tensor& held = (x + x).value();
  for (int i = 0; i < 300; ++i) x = x + 1.0;
  CHECK(held.shape() == Shape{1, 1, 1});
  CHECK(held.item() == 4);
}

TEST_CASE("graph: a value without numbers is refused, where it is made") {
  Graph graph(Dtype::f64, Graph::Mode::eager), traced;
  CHECK_THAT(message_of([&] { graph.input(Tensor({1, 3, 0}), "z"); }),
             ContainsSubstring("(1, 3, 0)") && ContainsSubstring("at least one") && ContainsSubstring("graph_test"));
  CHECK_THAT(message_of([&] { graph.constant(Tensor({1, 0, 3})); }), ContainsSubstring("at least one"));
  CHECK_THAT(message_of([&] { traced.input({0, 1, 1}, "z"); }), ContainsSubstring("at least one"));
  CHECK_THAT(message_of([&] { traced.fill({1, 0, 1}, 1); }), ContainsSubstring("at least one"));
}

TEST_CASE("ops: division by a number is right where its reciprocal is none") {
  Graph graph(Dtype::f64, Graph::Mode::eager), single(Dtype::f32, Graph::Mode::eager);
  CHECK((graph.input(Tensor::scalar(1e-310), "x") / 1e-310).value().item() == 1);
  CHECK((graph.input(Tensor::scalar(1), "x") / 0.0).value().item() == std::numeric_limits<double>::infinity());
  CHECK((single.input(Tensor::scalar(1e-39, Dtype::f32), "x") / 1e-39).value().item() == 1);
}

TEST_CASE("ops: bounds in the wrong order and numbers of rows that are not whole are refused") {
  Graph graph(Dtype::f64, Graph::Mode::eager);
  Var x = graph.input(Tensor::scalar(0.5), "x");
  CHECK_THAT(message_of([&] { clip(x, 1, -1); }), ContainsSubstring("clip") && ContainsSubstring("lower bound"));
  CHECK_THAT(message_of([&] { inside(x, 1, -1); }), ContainsSubstring("lower bound"));
  CHECK_THAT(message_of([&] { clip(x, std::nan(""), 1); }), ContainsSubstring("lower bound"));
  CHECK(clip(x, 0.25, 0.25).value().item() == 0.25);

  Var table = graph.input(Tensor({1, 3, 3}), "table"), index = graph.input(Tensor::scalar(1.5), "index");
  Var one = graph.input(Tensor({1, 1, 3}), "one");
  CHECK_THAT(message_of([&] { gather_rows(table, index); }), ContainsSubstring("whole number from 0 to 2"));
  CHECK_THAT(message_of([&] { pick_cols(one, index); }), ContainsSubstring("whole number from 0 to 2"));
  CHECK_THAT(message_of([&] { scatter_rows(one, index, 3); }), ContainsSubstring("whole number from 0 to 2"));
  CHECK_THAT(message_of([&] { place_cols(index, index, 3); }), ContainsSubstring("whole number from 0 to 2"));
}

TEST_CASE("ops: windows that do not fit and blocks that are none are refused") {
  Graph graph;
  Var x = graph.input({2, 3, 4}, "steps");
  CHECK_THAT(message_of([&] { windows(x, 4, 1); }),
             ContainsSubstring("windows") && ContainsSubstring("steps (2, 3, 4)") &&
                 ContainsSubstring("3 rows, fewer than one window of 4"));
  CHECK_THAT(message_of([&] { windows(x, 0, 1); }), ContainsSubstring("at least 1"));
  CHECK_THAT(message_of([&] { windows(x, 1, 0); }), ContainsSubstring("at least 1"));
  CHECK_THAT(message_of([&] { overlap_add(x, 3, 1); }), ContainsSubstring("4 columns, which are not 3 blocks"));
  CHECK_THAT(message_of([&] { overlap_add(x, 2, -1); }), ContainsSubstring("at least 1"));
  CHECK_THAT(message_of([&] { overlap_add(x, 2, 2'000'000'000); }), ContainsSubstring("more than 2³¹ − 1 rows"));
  CHECK(windows(x, 3, 1).shape() == Shape{2, 1, 12});
  CHECK(overlap_add(x, 2, 5).shape() == Shape{2, 12, 2});
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
