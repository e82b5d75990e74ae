// What the layer-by-layer steps of the network's ladders share: the layers, one after the other through global memory.
#pragma once

#include "kernels/cuda/grid.h"
#include "kernels/cuda/ladder/networks.h"
#include "kernels/cuda/mlp_tile.h"
#include "kernels/mlp_operands.h"

namespace innerloop::kernels::SIMT_BACKEND {

// Y = act(X·W + b) of every task.
struct LayerCall {
  View<const float> x, w, b;
  View<float> y;
  Activation activation;
  int tasks;
  void* stream;
};

// A number of Y, by a thread of its own: a row of X and a column of W from global memory.
struct LayerNumber {
  LayerCall layer;
  SIMT_DEVICE float operator()(int task, int n) const {
    const int width = layer.y.cols, row = n / width, col = n % width;
    const float *x = layer.x.task(task) + row * layer.x.cols, *w = layer.w.task(task) + col;
    float sum = layer.b.task(task)[col];
    for (int k = 0; k < layer.x.cols; ++k) sum = vecmath::mul_add(x[k], w[k * width], sum);
    return mlp_tile::activate(layer.activation, sum);
  }
};

// one(LayerCall) for each layer; hidden layers go to one half of the workspace and come from the other.
template <class F>
void for_layers(const DeviceCall& call, F one) {
  require(call.workspace_bytes >= mlp_ladder_workspace(call), "a step of the ladder needs mlp_ladder_workspace()");
  const MlpOperands at = mlp_operands(Op::mlp, call.arity, call.attr);
  float* halves[2] = {static_cast<float*>(call.workspace),
                      static_cast<float*>(call.workspace) + mlp_ladder_workspace(call) / sizeof(float) / 2};
  View<const float> x = view<const float>(call.in[0]);
  for (int l = 0; l < at.layers; ++l) {
    const bool last = l + 1 == at.layers;
    const int width = call.in[at.bias(l)].cols;
    const View<float> hidden{halves[l % 2], x.rows, width, static_cast<std::size_t>(x.rows) * width};
    const View<float> y = last ? view<float>(call.out) : hidden;
    one(LayerCall{x, view<const float>(call.in[at.weights(l)]), view<const float>(call.in[at.bias(l)]), y,
                  last ? Activation::identity : static_cast<Activation>(call.attr.i), call.tasks, call.stream});
    x = {y.data, y.rows, y.cols, y.stride};
  }
}

}  // namespace innerloop::kernels::SIMT_BACKEND
