// The long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) over a
// sequence.
#pragma once

#include <cstdint>
#include <string_view>

#include "autodiff/graph.h"
#include "autodiff/tensor.h"

namespace innerloop::nn {

struct LstmSpec {
  int inputs = 1;
  int hidden = 1;
  double forget_bias = 1;  // at the start the cell remembers (Jozefowicz et al. 2015)
  friend bool operator==(const LstmSpec&, const LstmSpec&) = default;
};

// "prefix/W" (1, inputs, 4H), "prefix/U" (1, H, 4H), "prefix/b" (1, 1, 4H); the four blocks are the gates i, f, g, o.
// W is Xavier uniform, U orthogonal, b zero but for the forget gate.
ParamValues init_lstm(const LstmSpec& spec, std::uint64_t seed, std::string_view prefix, Dtype dtype = Dtype::f64);

struct LstmState {
  Var h, c;  // (tasks, N, H)
};
struct LstmOutput {
  Var h;           // (tasks, T·N, H): time-major, row t·N + n is sequence n at time t
  LstmState last;  // after the last step
};

// x (tasks, T·N, inputs); reset (tasks, T·N, 1), data: 1 clears the state before that step.
LstmOutput lstm(const Params& theta, const LstmSpec& spec, std::string_view prefix, Var x, LstmState start, Var reset,
                int time_steps);

}  // namespace innerloop::nn
