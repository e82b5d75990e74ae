// The gated recurrent unit (Cho et al. 2014, arXiv 1406.1078v3) over a sequence, in the form of cuDNN.
#pragma once

#include <cstdint>
#include <string_view>

#include "autodiff/graph.h"
#include "autodiff/tensor.h"

namespace innerloop::nn {

struct GruSpec {
  int inputs = 1;
  int hidden = 1;
  friend bool operator==(const GruSpec&, const GruSpec&) = default;
};

// "prefix/W" (1, inputs, 3H), "prefix/U" (1, H, 3H), "prefix/b" (1, 1, 3H); the three blocks are the gates r, z and the
// candidate n. W is Xavier uniform, U orthogonal, b zero.
ParamValues init_gru(const GruSpec& spec, std::uint64_t seed, std::string_view prefix, Dtype dtype = Dtype::f64);

struct GruOutput {
  Var h;     // (tasks, T·N, H): time-major, row t·N + m is sequence m at time t
  Var last;  // (tasks, N, H): after the last step
};

// x (tasks, T·N, inputs); start (tasks, N, H); reset (tasks, T·N, 1), data: 1 clears the state before that step.
GruOutput gru(const Params& theta, const GruSpec& spec, std::string_view prefix, Var x, Var start, Var reset,
              int time_steps);

}  // namespace innerloop::nn
