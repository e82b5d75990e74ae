#include "autodiff/interpreter.h"

#include <algorithm>

#include "kernels/reference/scalar.h"
#include "kernels/reference_run.h"

namespace innerloop {
namespace {

template <class T>
T number(double x) {
  return T(static_cast<kernels::reference::Real<T>>(x));
}

// One node: a call per task. An input shared by all tasks is read again by each; sum_tasks alone sees all tasks at
// once.
template <class T>
Numbers<T> compute(const Graph& graph, NodeId id, NodeNumbers<T>& values) {
  const Node& node = graph.node(id);
  Numbers<T> out(node.shape.size());
  std::vector<kernels::Matrix> in(node.arity);
  kernels::Call call{.out = {}, .in = in.data(), .arity = node.arity, .tasks = 1, .attr = node.attr};
  for (int task = 0; task < node.shape.tasks; ++task) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      const NodeId source = graph.inputs_of(id)[k];
      const Shape shape = graph.node(source).shape;
      const bool whole = shape.tasks == 1 || node.op == Op::sum_tasks;
      in[k] = {values[source].data() + (whole ? 0 : shape.per_task() * static_cast<std::size_t>(task)), shape.rows,
               shape.cols};
      if (node.op == Op::sum_tasks) call.tasks = shape.tasks;
    }
    call.out = {out.data() + node.shape.per_task() * static_cast<std::size_t>(task), node.shape.rows, node.shape.cols};
    try {
      kernels::run_reference<T>(node.op, call);
    } catch (const Error& error) {
      graph.rethrow_at(id, task, error);
    }
  }
  return out;
}

}  // namespace

template <class T>
Numbers<T> numbers_of(const Tensor& tensor) {
  Numbers<T> numbers;
  numbers.reserve(tensor.size());
  for (double x : tensor.to_vector()) numbers.push_back(number<T>(x));
  return numbers;
}

std::vector<char> ancestors(const Graph& graph, std::span<const Var> wanted) {
  std::vector<char> needed(graph.size(), 0);
  for (Var v : wanted) needed[v.id] = 1;
  for (NodeId id = graph.size(); id-- > 0;)
    if (needed[id])
      for (NodeId source : graph.inputs_of(id)) needed[source] = 1;
  return needed;
}

template <class T>
NodeNumbers<T> evaluate(const Graph& graph, std::span<const Numbers<T>> inputs, std::span<const Var> wanted,
                        const NodeNumbers<long double>* frozen) {
  require(inputs.size() == graph.inputs().size(), "evaluate needs the numbers of " +
                                                      std::to_string(graph.inputs().size()) + " inputs, not of " +
                                                      std::to_string(inputs.size()));
  const std::vector<char> needed = ancestors(graph, wanted);
  NodeNumbers<T> values(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!needed[id]) continue;
    const Node& node = graph.node(id);
    if (node.op == Op::input) {
      values[id] = inputs[static_cast<std::size_t>(node.attr.i)];
      require(values[id].size() == node.shape.size(), "evaluate: the input " + graph.describe(id) + " was given " +
                                                          std::to_string(values[id].size()) + " numbers");
    } else if (node.op == Op::constant) {
      values[id] = numbers_of<T>(graph.constant_value(node.attr.i));
    } else if (node.op == Op::fill) {
      values[id].assign(node.shape.size(), number<T>(node.attr.x));
    } else if (node.op == Op::stop_gradient && frozen && !(*frozen)[id].empty()) {
      for (long double x : (*frozen)[id]) values[id].push_back(T(static_cast<kernels::reference::Real<T>>(x)));
    } else {
      values[id] = compute(graph, id, values);
    }
  }
  return values;
}

template Numbers<float> numbers_of<float>(const Tensor&);
template Numbers<double> numbers_of<double>(const Tensor&);
template Numbers<long double> numbers_of<long double>(const Tensor&);
template Numbers<std::complex<double>> numbers_of<std::complex<double>>(const Tensor&);

template NodeNumbers<float> evaluate<float>(const Graph&, std::span<const Numbers<float>>, std::span<const Var>,
                                            const NodeNumbers<long double>*);
template NodeNumbers<double> evaluate<double>(const Graph&, std::span<const Numbers<double>>, std::span<const Var>,
                                              const NodeNumbers<long double>*);
template NodeNumbers<long double> evaluate<long double>(const Graph&, std::span<const Numbers<long double>>,
                                                        std::span<const Var>, const NodeNumbers<long double>*);
template NodeNumbers<std::complex<double>> evaluate<std::complex<double>>(
    const Graph&, std::span<const Numbers<std::complex<double>>>, std::span<const Var>,
    const NodeNumbers<long double>*);

}  // namespace innerloop
