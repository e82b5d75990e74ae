#include "nn/mlp.h"

#include "autodiff/ops.h"
#include "kernels/cuda/mlp.h"
#include "nn/init.h"

namespace innerloop::nn {
namespace {

std::string layer_name(std::string_view prefix, char kind, int layer) {
  return std::string(prefix) + "/" + kind + std::to_string(layer);
}

// On a device a network whose weights fit into shared memory is one operation. On the CPU layers one by one are faster:
// they keep what the backward pass needs, where the one operation computes it anew.
bool is_one_operation(const MlpSpec& spec, const Graph& graph) {
  if (graph.device() == Device::cpu || !spec.biases) return false;
  std::vector<int> widths{spec.inputs};
  widths.insert(widths.end(), spec.hidden.begin(), spec.hidden.end());
  widths.push_back(spec.outputs);
  return kernels::mlp_fits(graph.device(), widths, graph.dtype());
}

}  // namespace

ParamValues init_mlp(const MlpSpec& spec, std::uint64_t seed, std::string_view prefix, Dtype dtype) {
  ParamValues theta;
  int inputs = spec.inputs;
  for (int layer = 1; layer <= spec.layers(); ++layer) {
    const int outputs = layer < spec.layers() ? spec.hidden[static_cast<std::size_t>(layer - 1)] : spec.outputs;
    const std::string name = layer_name(prefix, 'W', layer);
    theta.add(name, xavier_uniform(name, inputs, outputs, seed, dtype));
    if (spec.biases) theta.add(layer_name(prefix, 'b', layer), Tensor({1, 1, outputs}, dtype));
    inputs = outputs;
  }
  return theta;
}

// region: mlp
// [MLP eq. layer]  h_l = act(h_{l−1}·W_l + b_l), the last layer without activation
Var mlp(const Params& theta, const MlpSpec& spec, std::string_view prefix, Var x) {
  require(x.shape().cols == spec.inputs, [&] {
    return std::string(prefix) + ": the network takes " + std::to_string(spec.inputs) + " inputs, but x is " +
           to_string(x.shape());
  });
  if (is_one_operation(spec, *x.graph)) {
    std::vector<Var> layers;
    for (int layer = 1; layer <= spec.layers(); ++layer)
      for (char kind : {'W', 'b'}) layers.push_back(theta[layer_name(prefix, kind, layer)]);
    return fused_mlp(x, layers, spec.activation);
  }
  Var h = x;
  for (int layer = 1; layer <= spec.layers(); ++layer) {
    const Activation activation = layer < spec.layers() ? spec.activation : Activation::identity;
    const Var weights = theta[layer_name(prefix, 'W', layer)];
    const Var bias =
        spec.biases ? theta[layer_name(prefix, 'b', layer)] : x.graph->fill({1, 1, weights.shape().cols}, 0);
    h = dense(h, weights, bias, activation);
  }
  return h;  // (tasks, rows, outputs)
}
// endregion

}  // namespace innerloop::nn
