// Arithmetic on blocks of numbers, and on which side of its kinks a graph is.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "autodiff/check_subject.h"
#include "autodiff/op_table.h"
#include "autodiff/transforms.h"

namespace innerloop::checking {

long double dot(const Block& a, const Block& b) {
  long double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j)
    for (std::size_t n = 0; n < a[j].size(); ++n) sum += a[j][n] * b[j][n];
  return sum;
}

long double sum_of_magnitudes(const Block& a, const Block& b) {
  long double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j)
    for (std::size_t n = 0; n < a[j].size(); ++n) sum += std::fabs(a[j][n] * b[j][n]);
  return sum;
}

long double largest(const Block& a) {
  long double most = 0;
  for (const Numbers<long double>& list : a)
    for (long double x : list) most = std::max(most, std::fabs(x));
  return most;
}

Block operator*(long double factor, const Block& a) {
  Block result = a;
  for (Numbers<long double>& list : result)
    for (long double& x : list) x *= factor;
  return result;
}

Block operator+(const Block& a, const Block& b) {
  Block result = a;
  for (std::size_t j = 0; j < a.size(); ++j)
    for (std::size_t n = 0; n < a[j].size(); ++n) result[j][n] += b[j][n];
  return result;
}

double relative(const Block& a, const Block& b, std::span<const long double> terms) {
  double worst = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    long double difference = 0, scale = terms[j];
    for (std::size_t n = 0; n < a[j].size(); ++n) {
      const long double d = std::fabs(a[j][n] - b[j][n]);
      difference = std::isnan(d) ? std::numeric_limits<long double>::infinity() : std::max(difference, d);
      scale = std::max({scale, std::fabs(a[j][n]), std::fabs(b[j][n])});
    }
    worst = std::max(worst, ratio(difference, scale));
  }
  return worst;
}

namespace {

int kinks_of(const Node& node) {
  std::array<double, 2> margin{};
  return op_def(node.op).kinks(0, 0, node.attr, margin);
}

}  // namespace

Branches::Branches(const Graph& graph, Var loss) : graph_(graph) {
  const std::vector<char> needed = ancestors(graph, std::span(&loss, 1));
  std::size_t elements = 0;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (const Node& node = graph.node(id); needed[id] && op_def(node.op).kinks) {
      nodes_.push_back(id), first_.push_back(elements);
      elements += node.shape.size() * static_cast<std::size_t>(kinks_of(node));
    }
}

void Branches::hold(NodeId id, const std::vector<signed char>& pattern, const NodeNumbers<long double>& base,
                    NodeNumbers<long double>& values) const {
  const auto found = std::ranges::lower_bound(nodes_, id);
  if (found == nodes_.end() || *found != id) return;
  const Node& node = graph_.node(id);
  const std::size_t kinks = static_cast<std::size_t>(kinks_of(node));
  const signed char* side = &pattern[first_[static_cast<std::size_t>(found - nodes_.begin())]];
  for (std::size_t n = 0; n < node.shape.size(); ++n, side += kinks) {
    const auto operand = [&](std::size_t k) { return element_of(values, id, k, n); };
    long double& y = values[id][n];
    switch (node.op) {
      case Op::relu: y = side[0] > 0 ? operand(0) : 0; break;
      case Op::relu_slope: y = side[0] > 0 ? operand(1) : 0; break;
      case Op::abs: y = side[0] * operand(0); break;
      case Op::clip: y = side[0] <= 0 ? node.attr.x : side[1] >= 0 ? node.attr.y : operand(0); break;
      case Op::minimum: case Op::maximum: {
        const bool first = node.op == Op::minimum ? side[0] < 0 : side[0] > 0;
        y = side[0] == 0 ? (operand(0) + operand(1)) / 2 : operand(first ? 0 : 1);
        break;
      }
      default: y = base[id][n];  // piecewise constant
    }
  }
}

// Element n of operand k: a shared task or a scalar is read again.
template <class T>
T Branches::element_of(const NodeNumbers<T>& values, NodeId id, std::size_t k, std::size_t n) const {
  const NodeId source = graph_.inputs_of(id)[k];
  const Shape shape = graph_.node(source).shape;
  const std::size_t per_task = graph_.node(id).shape.per_task(), task = shape.tasks == 1 ? 0 : n / per_task;
  return values[source][task * shape.per_task() + (shape.is_scalar() ? 0 : n % per_task)];
}

// Calls visit(node, element, signed distance) for every branching element, in order.
template <class T, class Visit>
void Branches::for_each_margin(const NodeNumbers<T>& values, Visit visit) const {
  for (NodeId id : nodes_) {
    const Node& node = graph_.node(id);
    const auto kinks = op_def(node.op).kinks;
    const std::size_t per_task = node.shape.per_task();
    for (std::size_t task = 0; task < static_cast<std::size_t>(node.shape.tasks); ++task) {
      // Where the operands begin; a shared task or a scalar is read again.
      const T* operand[2] = {};
      std::size_t step[2] = {};
      for (std::size_t k = 0; k < std::min<std::size_t>(node.arity, 2); ++k) {
        const NodeId source = graph_.inputs_of(id)[k];
        const Shape shape = graph_.node(source).shape;
        operand[k] = values[source].data() + (shape.tasks == 1 ? 0 : task * shape.per_task());
        step[k] = shape.is_scalar() ? 0 : 1;
      }
      const auto number = [&](int k, std::size_t n) {
        return operand[k] ? static_cast<double>(operand[k][step[k] * n]) : 0;
      };
      for (std::size_t n = 0; n < per_task; ++n) {
        std::array<double, 2> margin{};
        const int count = kinks(number(0, n), number(1, n), node.attr, margin);
        for (int i = 0; i < count; ++i) visit(id, task * per_task + n, margin[static_cast<std::size_t>(i)]);
      }
    }
  }
}

template <class T>
std::vector<signed char> Branches::pattern(const NodeNumbers<T>& values) const {
  std::vector<signed char> sides;
  for_each_margin(values, [&](NodeId, std::size_t, double margin) {
    sides.push_back(static_cast<signed char>((margin > 0) - (margin < 0)));
  });
  return sides;
}
template std::vector<signed char> Branches::pattern<float>(const NodeNumbers<float>&) const;
template std::vector<signed char> Branches::pattern<long double>(const NodeNumbers<long double>&) const;

CheckKink Branches::first_difference(const std::vector<signed char>& a, const std::vector<signed char>& b,
                                     const NodeNumbers<long double>& values) const {
  CheckKink kink;
  std::size_t i = 0;
  bool found = false;
  for_each_margin(values, [&](NodeId id, std::size_t n, double margin) {
    if (!found && a[i] != b[i]) {
      found = true;
      const Shape shape = graph_.node(id).shape;
      const auto cols = static_cast<std::size_t>(shape.cols);
      kink.node = graph_.describe(id);
      kink.task = static_cast<int>(n / shape.per_task());
      kink.row = static_cast<int>(n % shape.per_task() / cols);
      kink.col = static_cast<int>(n % cols);
      kink.distance = std::fabs(margin);
    }
    ++i;
  });
  return kink;
}

}  // namespace innerloop::checking
