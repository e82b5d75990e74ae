// First step of the network's backward ladder: layer by layer, a thread per number of every result.
//
// The hidden layers are computed, written to global memory and kept. Then, from the last layer to the first, a launch
// for W̄, one for b̄ and one for the cotangent of the layer below, which takes the place of that layer's values. A
// thread of W̄ adds up all rows alone, and every operand comes from global memory. That is what the last step,
// kernels/cuda/mlp.cu, ends.
#include "kernels/cuda/ladder/mlp_layers.h"
#include "kernels/cuda/ladder/network_steps.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// W̄[k, c] = Σ_r H[r, k]·Z̄[r, c]
struct WeightGradient {
  View<const float> h, z_bar;
  SIMT_DEVICE float operator()(int task, int n) const {
    const int k = n / z_bar.cols, c = n % z_bar.cols;
    float sum = 0;
    for (int r = 0; r < h.rows; ++r)
      sum = vecmath::mul_add(h.task(task)[r * h.cols + k], z_bar.task(task)[r * z_bar.cols + c], sum);
    return sum;
  }
};

// b̄[c] = Σ_r Z̄[r, c]
struct BiasGradient {
  View<const float> z_bar;
  SIMT_DEVICE float operator()(int task, int c) const {
    float sum = 0;
    for (int r = 0; r < z_bar.rows; ++r) sum += z_bar.task(task)[r * z_bar.cols + c];
    return sum;
  }
};

// act'(h[r, k])·Σ_c Z̄[r, c]·W[k, c]; of the input, which has no activation: x̄
struct Cotangent {
  View<const float> h, z_bar, w;
  Activation activation;
  SIMT_DEVICE float operator()(int task, int n) const {
    const int r = n / h.cols, k = n % h.cols;
    const float *row = z_bar.task(task) + r * z_bar.cols, *weights = w.task(task) + k * w.cols;
    float sum = 0;
    for (int c = 0; c < w.cols; ++c) sum = vecmath::mul_add(row[c], weights[c], sum);
    return mlp_tile::slope(activation, h.task(task)[n], sum);
  }
};

View<const float> read_only(const View<float>& v) { return {v.data, v.rows, v.cols, v.stride}; }

}  // namespace

void mlp_backward_naive(const DeviceCall& call) {
  require(call.workspace_bytes >= mlp_backward_ladder_workspace(call),
          "a step of the backward ladder needs mlp_backward_ladder_workspace()");
  const MlpOperands at = mlp_operands(Op::mlp_bwd, call.arity, call.attr);
  const auto in = [&](int k) { return view<const float>(call.in[k]); };
  const Activation hidden = static_cast<Activation>(call.attr.i);
  const int rows = call.in[0].rows;

  // Forward; h[l] is the input of layer l. The last layer's output is not needed.
  View<float> h[mlp_max_layers];
  float* next = static_cast<float*>(call.workspace);
  std::size_t place = 0;  // of layer l's gradients in the packed result, first that of the last layer
  for (int l = 0; l + 1 < at.layers; ++l) {
    const int width = call.in[at.bias(l)].cols;
    h[l + 1] = {next, rows, width, static_cast<std::size_t>(rows) * static_cast<std::size_t>(width)};
    next += h[l + 1].stride * static_cast<std::size_t>(call.tasks);
    const View<const float> x = l == 0 ? in(0) : read_only(h[l]);
    for_elements(h[l + 1], call.tasks, call.stream,
                 LayerNumber{{x, in(at.weights(l)), in(at.bias(l)), h[l + 1], hidden, call.tasks, call.stream}});
    place += call.in[at.weights(l)].size() + call.in[at.bias(l)].size();
  }

  // Backward; z_bar is the cotangent of layer l's output before its activation.
  float* packed = static_cast<float*>(call.out.data);
  View<const float> z_bar = in(at.y_bar);
  for (int l = at.layers - 1; l >= 0; --l) {
    const View<const float> x = l == 0 ? in(0) : read_only(h[l]), w = in(at.weights(l));
    const View<float> w_bar{packed + place, w.rows, w.cols, call.out.stride};
    const View<float> b_bar{packed + place + w.size(), 1, w.cols, call.out.stride};
    for_elements(w_bar, call.tasks, call.stream, WeightGradient{x, z_bar});
    for_elements(b_bar, call.tasks, call.stream, BiasGradient{z_bar});
    if (l > 0) {
      for_elements(h[l], call.tasks, call.stream, Cotangent{x, z_bar, w, hidden});
      z_bar = read_only(h[l]);
      place -= call.in[at.weights(l - 1)].size() + call.in[at.bias(l - 1)].size();
    } else if ((call.attr.j & mlp_with_x) != 0) {
      const std::size_t theta = call.out.size() - x.size();
      for_elements(View<float>{packed + theta, x.rows, x.cols, call.out.stride}, call.tasks, call.stream,
                   Cotangent{x, z_bar, w, Activation::identity});
    }
  }
}

}  // namespace innerloop::kernels::SIMT_BACKEND
