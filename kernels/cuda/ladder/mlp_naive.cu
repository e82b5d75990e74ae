// First step of the network's ladder: a launch per layer, a thread per number of its output.
//
// Every thread reads a row of X and a column of W from global memory: two numbers for each multiply-add. The hidden
// layers are written to global memory and read again.
#include "kernels/cuda/ladder/mlp_layers.h"
#include "kernels/cuda/ladder/network_steps.h"

namespace innerloop::kernels::SIMT_BACKEND {

void mlp_naive(const DeviceCall& call) {
  for_layers(call, [](const LayerCall& layer) {
    for_elements(layer.y, layer.tasks, layer.stream, LayerNumber{layer});
  });
}

}  // namespace innerloop::kernels::SIMT_BACKEND
