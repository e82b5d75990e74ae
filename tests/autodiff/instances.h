// Random legal instances of an operation, from its examples in the operator table.
#pragma once

#include <string>
#include <vector>

#include "autodiff/op_table.h"
#include "autodiff/ops.h"
#include "autodiff/tensor.h"
#include "autodiff/transforms.h"
#include "kernels/philox.h"

namespace innerloop::tests {

class Instance {
 public:
  Instance(const OpDef& def, const Example& example, std::uint64_t seed)
      : def_(&def), example_(&example), random_(seed, {.purpose = Purpose::check}) {
    for (std::size_t k = 0; k < example.shapes.size(); ++k)
      if (is_first(k)) values_.push_back(draw(example.shapes[k], example.domains[k], example.index_below));
  }
  const std::vector<Tensor>& values() const { return values_; }  // of the inputs of the graph: each tensor once
  Tensor random(Shape shape) { return draw(shape, Domain::real, 1); }

  // The operation's inputs as Vars of a graph: the same Var in every place where the example asks for that.
  std::vector<Var> bind(Graph& graph) const {
    std::vector<Var> x;
    for (std::size_t next = 0, k = 0; k < example_->shapes.size(); ++k)
      x.push_back(is_first(k) ? graph.input(values_[next++], "x" + std::to_string(k)) : x[example_->source(k)]);
    return x;
  }
  // Those among them that have a derivative, each once.
  std::vector<Var> differentiable(const std::vector<Var>& x) const {
    std::vector<Var> wrt;
    for (std::size_t k = 0; k < x.size(); ++k)
      if (!def_->is_data(static_cast<int>(k)) && is_first(k)) wrt.push_back(x[k]);
    return wrt;
  }

 private:
  bool is_first(std::size_t k) const { return example_->source(k) == k; }
  Tensor draw(Shape shape, Domain domain, int index_below) {
    std::vector<double> numbers(shape.size());
    for (double& n : numbers) {
      switch (domain) {
        case Domain::real: n = random_.normal(); break;
        case Domain::positive: n = random_.uniform(0.3, 3); break;
        case Domain::unit: n = random_.uniform(-0.9, 0.9); break;
        case Domain::probability_like: n = random_.uniform(0.1, 0.9); break;
        case Domain::index: n = random_.below(static_cast<std::uint32_t>(index_below)); break;
        case Domain::mask: n = random_.below(2); break;
      }
    }
    return Tensor::from(shape, numbers);
  }

  const OpDef* def_;
  const Example* example_;
  Philox random_;
  std::vector<Tensor> values_;
};

// y, ∇Σtanh y and the gradient of its squared length, for one operation: values, first and second order.
inline std::vector<Var> three_orders(const OpDef& def, const Example& example, const Instance& instance,
                                     const std::vector<Var>& x) {
  const Var y = x[0].graph->append(def.op, x, example.attr, SourceLocation::current());
  const std::vector<Var> wrt = instance.differentiable(x), first = grad(sum_all(tanh(y)), wrt),
                         second = grad(inner_product(first, first), wrt);
  std::vector<Var> outputs{y};
  outputs.insert(outputs.end(), first.begin(), first.end());
  outputs.insert(outputs.end(), second.begin(), second.end());
  return outputs;
}

// "dense (2, 5, 3) × (1, 3, 3) × (2, 1, 3), C = A", for messages.
inline std::string text_of(const OpDef& def, const Example& example) {
  std::string text = def.name;
  for (std::size_t k = 0; k < example.shapes.size(); ++k) text += (k ? " × " : " ") + to_string(example.shapes[k]);
  for (std::size_t k = 0; k < example.shapes.size(); ++k)
    if (const std::size_t source = example.source(k); source != k)
      text += std::string(", ") + static_cast<char>('A' + k) + " = " + static_cast<char>('A' + source);
  return text;
}

}  // namespace innerloop::tests
