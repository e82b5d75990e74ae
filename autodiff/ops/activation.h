// The activations of layers, in primitives. Internal to the rules of the fused operations.
#pragma once

#include "autodiff/ops.h"

namespace innerloop {

inline Var activate(Activation activation, Var z) {
  switch (activation) {
    case Activation::tanh: return tanh(z);
    case Activation::relu: return relu(z);
    case Activation::sigmoid: return sigmoid(z);
    case Activation::identity: return z;
  }
  return z;
}

// act'(z)·g, from the output y = act(z).
inline Var activation_slope(Activation activation, Var y, Var g) {
  switch (activation) {
    case Activation::tanh: return tanh_slope(y, g);
    case Activation::relu: return relu_slope(y, g);
    case Activation::sigmoid: return sigmoid_slope(y, g);
    case Activation::identity: return g;
  }
  return g;
}

}  // namespace innerloop
