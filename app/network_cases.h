// The networks whose speed on a GPU kernels/cuda/README.md is about: what `innerloop bench networks` measures.
//
//   mlp   40 tasks × 2000 rows, 20 inputs, 6 outputs, each task with its own weights; the mean of y²
//   lstm  B sequences of T steps, 32 inputs, H cells; the mean of h²
//   maml  the meta-gradient of app/meta_gradient_case.h: tasks × 2000 rows, K inner steps
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autodiff/function.h"
#include "meta/maml.h"

namespace innerloop::app {

struct NetworkCase {
  enum class Kind { mlp, lstm, maml } kind = Kind::mlp;
  bool hessian = false;  // the product of the Hessian with a vector, instead of the gradient
  int tasks = 1;         // of an LSTM: 1
  int rows = 1;          // of a task; of an LSTM: sequences
  int width = 1;         // units of a hidden layer, or cells
  int layers = 1;        // hidden ones
  int steps = 1;         // T of an LSTM, K of MAML

  nn::MlpSpec net() const;           // of kind mlp
  meta::MamlSpec spec() const;  // of kind maml
  std::string name() const;          // "mlp 2x64 gradient", "lstm H48 T100 B64 hessian", "maml 2x64 K1 40 tasks"
  double least_flops() const;        // what any method needs: nothing computed twice, no gradient of the data
  friend bool operator==(const NetworkCase&, const NetworkCase&) = default;
};

// FLOP a second that a GPU has in fp32: 128 multiply-adds a clock on each multiprocessor.
inline double fp32_flops_per_second(int multiprocessors, double clock_ghz) {
  return 2.0 * 128 * multiprocessors * clock_ghz * 1e9;
}

// All of them, in the order of the table. tiny: the same kinds, small enough for the emulator.
std::vector<NetworkCase> network_cases(bool tiny);

// The gradient of a case's loss, or the product of its Hessian with v. Arguments: θ, data and, for the product, v.
std::vector<Vars> network_program(Inputs& in, const NetworkCase& c);

// The arguments: their names and shapes, and the numbers (f32, on the CPU).
using NamedShapes = std::vector<std::pair<std::string, Shape>>;
struct NetworkShapes {
  NamedShapes theta, data;
};
struct NetworkInputs {
  ParamValues theta;
  BatchValues data;
  ParamValues v;
};
NetworkShapes network_shapes(const NetworkCase& c);
NetworkInputs network_inputs(const NetworkCase& c);

}  // namespace innerloop::app
