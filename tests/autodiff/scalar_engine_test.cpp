// The whole idea of autodiff/ on single numbers, in about a hundred lines. The chapter autodiff/README.md walks through
// it.
#include <cmath>
#include <vector>

#include "tests/catch.h"

namespace {

// region: graph
enum class Op { leaf, add, mul, tanh, stop };

struct Node {
  Op op;
  int a, b;  // the inputs' numbers; −1: none
  double value;
};

// Nodes are only ever appended, so an input's number is smaller than its reader's: the order is topological.
struct Graph {
  std::vector<Node> nodes;
};

struct Num {
  Graph* graph = nullptr;
  int id = -1;
  double value() const { return graph->nodes[static_cast<std::size_t>(id)].value; }
};

Num push(Graph* graph, Op op, int a, int b, double value) {
  graph->nodes.push_back({op, a, b, value});
  return {graph, static_cast<int>(graph->nodes.size()) - 1};
}

Num leaf(Graph& graph, double value) { return push(&graph, Op::leaf, -1, -1, value); }
Num operator+(Num a, Num b) { return push(a.graph, Op::add, a.id, b.id, a.value() + b.value()); }
Num operator*(Num a, Num b) { return push(a.graph, Op::mul, a.id, b.id, a.value() * b.value()); }
Num tanh(Num a) { return push(a.graph, Op::tanh, a.id, -1, std::tanh(a.value())); }
Num stop(Num a) { return push(a.graph, Op::stop, a.id, -1, a.value()); }  // the same number, no derivative
Num operator*(double a, Num b) { return leaf(*b.graph, a) * b; }
Num operator-(Num a, Num b) { return a + -1.0 * b; }
// endregion

// region: slope
// v·∂y/∂(input k): the only place where a derivative is written. It appends nodes, so it can be differentiated in turn.
Num slope(Graph* graph, int id, int k, Num v) {
  const Node n = graph->nodes[static_cast<std::size_t>(id)];
  const Num y{graph, id};
  switch (n.op) {
    case Op::add: return v;
    case Op::mul: return v * Num{graph, k == 0 ? n.b : n.a};
    case Op::tanh: return v - v * (y * y);
    default: return {};  // leaves and stop: zero
  }
}
// endregion

// region: grad
// Reverse mode: one loop from the result to the beginning. bar[i] = ∂y/∂(node i), itself a node.
Num grad(Num y, Num x) {
  Graph* graph = y.graph;
  std::vector<Num> bar(static_cast<std::size_t>(y.id) + 1);
  bar.back() = leaf(*graph, 1);
  for (int id = y.id; id > x.id; --id) {
    const Num v = bar[static_cast<std::size_t>(id)];
    if (!v.graph) continue;  // y does not depend on this node
    const Node n = graph->nodes[static_cast<std::size_t>(id)];
    for (int k = 0; k < 2; ++k) {
      const int input = k == 0 ? n.a : n.b;
      if (input < 0) continue;
      const Num term = slope(graph, id, k, v);
      Num& sum = bar[static_cast<std::size_t>(input)];
      if (term.graph) sum = sum.graph ? sum + term : term;
    }
  }
  const Num result = bar[static_cast<std::size_t>(x.id)];
  return result.graph ? result : leaf(*graph, 0);
}
// endregion

// region: jvp
// Forward mode: one loop the other way, with the same slopes. dot[i] = ∂(node i)/∂x.
Num jvp(Num y, Num x) {
  Graph* graph = y.graph;
  std::vector<Num> dot(static_cast<std::size_t>(y.id) + 1);
  dot[static_cast<std::size_t>(x.id)] = leaf(*graph, 1);
  for (int id = x.id + 1; id <= y.id; ++id) {
    const Node n = graph->nodes[static_cast<std::size_t>(id)];
    for (int k = 0; k < 2; ++k) {
      const int input = k == 0 ? n.a : n.b;
      if (input < 0 || !dot[static_cast<std::size_t>(input)].graph) continue;
      const Num term = slope(graph, id, k, dot[static_cast<std::size_t>(input)]);
      Num& sum = dot[static_cast<std::size_t>(id)];
      if (term.graph) sum = sum.graph ? sum + term : term;
    }
  }
  const Num result = dot[static_cast<std::size_t>(y.id)];
  return result.graph ? result : leaf(*graph, 0);
}
// endregion

}  // namespace

TEST_CASE("scalar engine: derivatives of derivatives of tanh") {
  // region: second
  Graph graph;
  Num x = leaf(graph, 0.3);
  Num y = tanh(x);
  Num dy = grad(y, x);    // 1 − y²
  Num ddy = grad(dy, x);  // −2y(1 − y²)
  // endregion
  const double t = std::tanh(0.3);
  CHECK(dy.value() == Approx(1 - t * t).epsilon(1e-15));
  CHECK(ddy.value() == Approx(-2 * t * (1 - t * t)).epsilon(1e-15));
  CHECK(jvp(y, x).value() == dy.value());
  CHECK(jvp(dy, x).value() == Approx(ddy.value()).epsilon(1e-15));
}

TEST_CASE("scalar engine: MAML on one number, and what first-order MAML leaves out") {
  // region: maml
  Graph graph;
  const double alpha = 0.1, goal = 2;
  const auto loss = [&](Num theta) { return (theta - leaf(graph, goal)) * (theta - leaf(graph, goal)); };
  Num theta = leaf(graph, 0.5);
  Num adapted = theta - alpha * grad(loss(theta), theta);  // θ' = θ − α ∇L(θ)
  Num meta_gradient = grad(loss(adapted), theta);          // ∇θ L(θ'): through the step, nothing switched on
  Num first_order = theta - alpha * stop(grad(loss(theta), theta));  // first-order MAML is one word
  Num first_order_gradient = grad(loss(first_order), theta);
  // endregion
  // L = (θ − g)²: θ' − g = (1 − 2α)(θ − g), so ∇θ L(θ') = 2(1 − 2α)²(θ − g); without the second derivative one factor
  // less.
  CHECK(meta_gradient.value() == Approx(2 * 0.8 * 0.8 * (0.5 - goal)).epsilon(1e-14));
  CHECK(first_order_gradient.value() == Approx(2 * 0.8 * (0.5 - goal)).epsilon(1e-14));
}

TEST_CASE("scalar engine: the same node used twice adds both ways") {
  Graph graph;
  Num x = leaf(graph, 3), y = x * x * x;
  CHECK(grad(y, x).value() == 27);
  CHECK(grad(grad(y, x), x).value() == 18);
  CHECK(grad(leaf(graph, 1), x).value() == 0);
}
