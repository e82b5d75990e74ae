// The multilayer perceptron: h_l = act(h_{l−1} W_l + b_l), the last layer without activation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/graph.h"
#include "autodiff/tensor.h"
#include "kernels/ops.h"

namespace innerloop::nn {

struct MlpSpec {
  int inputs = 1;
  std::vector<int> hidden;  // widths of the hidden layers
  int outputs = 1;
  Activation activation = Activation::tanh;  // of the hidden layers
  bool biases = true;  // without hidden layers and biases, on one-hot inputs, the weights are a table

  int layers() const { return static_cast<int>(hidden.size()) + 1; }
  friend bool operator==(const MlpSpec&, const MlpSpec&) = default;
};

// Parameters "prefix/W1" (1, inputs, width), "prefix/b1" (1, 1, width), "prefix/W2", …: weights Xavier uniform, biases
// zero.
ParamValues init_mlp(const MlpSpec& spec, std::uint64_t seed, std::string_view prefix, Dtype dtype = Dtype::f64);

// x (tasks, rows, inputs) → (tasks, rows, outputs). Parameters are shared (1, ·, ·) or one set per task (tasks, ·, ·).
Var mlp(const Params& theta, const MlpSpec& spec, std::string_view prefix, Var x);

}  // namespace innerloop::nn
