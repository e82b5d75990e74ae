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
Interpreter<T>::Interpreter(const Graph& graph, std::span<const Var> wanted)
    : graph_(graph), values_(graph.size()), changed_(graph.size()) {
  const std::vector<char> needed = ancestors(graph, wanted);
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!needed[id]) continue;
    nodes_.push_back(id);
    const Node& node = graph.node(id);
    if (node.op == Op::constant) values_[id] = numbers_of<T>(graph.constant_value(node.attr.i));
    else values_[id].assign(node.shape.size(), node.op == Op::fill ? number<T>(node.attr.x) : T(0));
  }
}

template <class T>
const NodeNumbers<T>& Interpreter<T>::run(std::span<const Numbers<T>> inputs, const NodeNumbers<long double>* frozen,
                                          const After& after) {
  require(inputs.size() == graph_.inputs().size(), [&] {
    return "evaluate needs the numbers of " + std::to_string(graph_.inputs().size()) + " inputs, not of " +
           std::to_string(inputs.size());
  });
  const bool all = !plain_ || after || frozen != frozen_;
  plain_ = false;
  for (NodeId id : nodes_) {
    const Node& node = graph_.node(id);
    Numbers<T>& y = values_[id];
    changed_[id] = all;
    if (node.op == Op::input) {
      const Numbers<T>& given = inputs[static_cast<std::size_t>(node.attr.i)];
      require(given.size() == node.shape.size(), [&] {
        return "evaluate: the input " + graph_.describe(id) + " was given " + std::to_string(given.size()) + " numbers";
      });
      if (all || given != y) y = given, changed_[id] = 1;
    } else if (node.op == Op::constant || node.op == Op::fill) {
      if (all && node.op == Op::constant) y = numbers_of<T>(graph_.constant_value(node.attr.i));
      else if (all) y.assign(node.shape.size(), number<T>(node.attr.x));
    } else if (node.op == Op::stop_gradient && frozen && !(*frozen)[id].empty()) {
      const Numbers<long double>& kept = (*frozen)[id];
      if (all)
        for (std::size_t n = 0; n < y.size(); ++n) y[n] = T(static_cast<kernels::reference::Real<T>>(kept[n]));
    } else if (all || depends_on_changed(id)) {
      changed_[id] = 1;
      compute(id);
    }
    if (after) after(id, values_);
  }
  plain_ = !after, frozen_ = frozen;
  return values_;
}

template <class T>
bool Interpreter<T>::depends_on_changed(NodeId id) const {
  return std::ranges::any_of(graph_.inputs_of(id), [&](NodeId source) { return changed_[source] != 0; });
}

// One node: a call per task. An input shared by all tasks is read again by each; sum_tasks alone sees all tasks at
// once.
template <class T>
void Interpreter<T>::compute(NodeId id) {
  const Node& node = graph_.node(id);
  Numbers<T>& out = values_[id];
  std::ranges::fill(out, T(0));
  operands_.resize(node.arity);
  kernels::Call call{.out = {}, .in = operands_.data(), .arity = node.arity, .tasks = 1, .attr = node.attr};
  for (int task = 0; task < node.shape.tasks; ++task) {
    for (std::size_t k = 0; k < operands_.size(); ++k) {
      const NodeId source = graph_.inputs_of(id)[k];
      const Shape shape = graph_.node(source).shape;
      const bool whole = shape.tasks == 1 || node.op == Op::sum_tasks;
      operands_[k] = {values_[source].data() + (whole ? 0 : shape.per_task() * static_cast<std::size_t>(task)),
                      shape.rows, shape.cols};
      if (node.op == Op::sum_tasks) call.tasks = shape.tasks;
    }
    call.out = {out.data() + node.shape.per_task() * static_cast<std::size_t>(task), node.shape.rows, node.shape.cols};
    try {
      kernels::run_reference<T>(node.op, call);
    } catch (const Error& error) {
      graph_.rethrow_at(id, task, error);
    }
  }
}

template <class T>
NodeNumbers<T> evaluate(const Graph& graph, std::span<const Numbers<T>> inputs, std::span<const Var> wanted,
                        const NodeNumbers<long double>* frozen) {
  Interpreter<T> interpreter(graph, wanted);
  return interpreter.run(inputs, frozen);
}

template class Interpreter<float>;
template class Interpreter<double>;
template class Interpreter<long double>;
template class Interpreter<std::complex<double>>;

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
