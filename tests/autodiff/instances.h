// Random legal instances of an operation, from its examples in the operator table.
#pragma once

#include <vector>

#include "autodiff/op_table.h"
#include "autodiff/tensor.h"
#include "kernels/philox.h"

namespace innerloop::tests {

class Instance {
 public:
  Instance(const OpDef& def, const Example& example, std::uint64_t seed)
      : def_(&def), example_(&example), random_(seed, {.purpose = Purpose::check}) {
    for (std::size_t k = 0; k < example.shapes.size(); ++k)
      values_.push_back(draw(example.shapes[k], example.domains[k], example.index_below));
  }
  const std::vector<Tensor>& values() const { return values_; }
  Tensor random(Shape shape) { return draw(shape, Domain::real, 1); }

  // The inputs as Vars of a graph: the same Var in every place where the example asks for that.
  std::vector<Var> bind(Graph& graph) const {
    std::vector<Var> x;
    for (std::size_t k = 0; k < values_.size(); ++k)
      x.push_back(example_->same_input_twice && k > 0 ? x[0] : graph.input(values_[k], "x" + std::to_string(k)));
    return x;
  }
  // Those among them that have a derivative, each once.
  std::vector<Var> differentiable(const std::vector<Var>& x) const {
    std::vector<Var> wrt;
    for (std::size_t k = 0; k < x.size(); ++k)
      if (!def_->is_data(static_cast<int>(k)) && !(example_->same_input_twice && k > 0)) wrt.push_back(x[k]);
    return wrt;
  }

 private:
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

}  // namespace innerloop::tests
