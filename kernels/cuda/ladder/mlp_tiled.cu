// Second step of the network's ladder: still a launch per layer, but tiles of X and W pass through shared memory.
//
// Each number of X and W is read from global memory once per tile, 16 times less often. What remains is the traffic of
// the hidden layers, which go out and come back between the launches, and the launches themselves.
#include "kernels/cuda/ladder/mlp_layers.h"
#include "kernels/cuda/ladder/network_steps.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

constexpr int edge = 16;  // of a tile, and of the block of threads

SIMT_KERNEL void layer_tiled(LayerCall layer) {
  SIMT_SHARED(float, x_tile, [edge][edge]);
  SIMT_SHARED(float, w_tile, [edge][edge]);
  const int ty = static_cast<int>(threadIdx.y), tx = static_cast<int>(threadIdx.x), task = static_cast<int>(blockIdx.z);
  const int row = static_cast<int>(blockIdx.y) * edge + ty, col = static_cast<int>(blockIdx.x) * edge + tx;
  const int rows = layer.y.rows, width = layer.y.cols, depth = layer.x.cols;
  const float *x = layer.x.task(task), *w = layer.w.task(task);
  float sum = col < width ? layer.b.task(task)[col] : 0.0f;
  for (int p0 = 0; p0 < depth; p0 += edge) {
    x_tile[ty][tx] = row < rows && p0 + tx < depth ? x[row * depth + p0 + tx] : 0.0f;
    w_tile[ty][tx] = p0 + ty < depth && col < width ? w[(p0 + ty) * width + col] : 0.0f;
    __syncthreads();
    for (int p = 0; p < edge; ++p) sum = vecmath::mul_add(x_tile[ty][p], w_tile[p][tx], sum);
    __syncthreads();  // the next tiles overwrite these
  }
  if (row < rows && col < width) layer.y.task(task)[row * width + col] = mlp_tile::activate(layer.activation, sum);
}

}  // namespace

void mlp_tiled(const DeviceCall& call) {
  for_layers(call, [](const LayerCall& layer) {
    const dim3 grid(static_cast<unsigned>((layer.y.cols + edge - 1) / edge),
                    static_cast<unsigned>((layer.y.rows + edge - 1) / edge), static_cast<unsigned>(layer.tasks));
    simt::launch(simt::Launch{.grid = grid, .block = dim3(edge, edge), .stream = layer.stream}, layer_tiled, layer);
  });
}

}  // namespace innerloop::kernels::SIMT_BACKEND
