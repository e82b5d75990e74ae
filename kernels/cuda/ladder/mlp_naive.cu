// First step of the network's ladder: a launch per layer, a thread per number of its output.
//
// Every thread reads a row of X and a column of W from global memory: two numbers for each multiply-add. The hidden
// layers are written to global memory and read again.
#include "kernels/cuda/ladder/mlp_layers.h"
#include "kernels/cuda/ladder/network_steps.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

struct Number {
  LayerCall layer;
  SIMT_DEVICE float operator()(int task, int n) const {
    const int width = layer.y.cols, row = n / width, col = n % width;
    const float *x = layer.x.task(task) + row * layer.x.cols, *w = layer.w.task(task) + col;
    float sum = layer.b.task(task)[col];
    for (int k = 0; k < layer.x.cols; ++k) sum = vecmath::mul_add(x[k], w[k * width], sum);
    return mlp_tile::activate(layer.activation, sum);
  }
};

}  // namespace

void mlp_naive(const DeviceCall& call) {
  for_layers(call, [](const LayerCall& layer) { for_elements(layer.y, layer.tasks, layer.stream, Number{layer}); });
}

}  // namespace innerloop::kernels::SIMT_BACKEND
