// What the rules of the LSTM's operations share. Internal to autodiff/ops.
#pragma once

#include "autodiff/op_table.h"
#include "autodiff/ops.h"

namespace innerloop::lstm {

// `state` where the step goes on, zero where it begins anew.
Var cleared(Var reset, Var state);

// What every step starts from: the state of the step before, or `start`; cleared where reset. (T·N, H)
Var before(Var reset, Var start, Var states);

// The parts of what lstm_sequence_bwd returns, which are the parts of a direction too.
struct Swept {
  Var z_bar;           // (T·N, 4H)
  Var h0_bar, c0_bar;  // (N, H)
};
Swept split(Var swept, int steps, int n);
Swept sweep_back(Var packed, Var u, Var h0, Var c0, Var reset, Var packed_bar, Attr attr);

// How ⟨bar, tangent⟩ depends on the point (packed, U, c0), where tangent = lstm_sequence_jvp(point, direction) and
// swept = lstm_sequence_bwd(point, bar): the same number is ⟨swept, direction⟩. So this serves the cotangents of both.
struct Point {
  Var packed, u, c0, reset;
  Attr attr;
};
struct Curvature {
  Var packed, u, c0;
};
Curvature curvature(const Point& point, const Swept& direction, Var tangent, Var bar, const Swept& swept);

}  // namespace innerloop::lstm
