// Padding on a graph. Rows of weight 0 are masked by select, not multiplied by 0: 0·NaN is NaN, in values and in
// gradients.
#pragma once

#include "autodiff/graph.h"

namespace innerloop::rl {

// x (tasks, rows, any) where the row's weight (tasks, rows, 1) is not 0, else 0. Its derivative is cut there too.
Var on_real_rows(Var x, Var weights);
// The batch with zeros in its padding rows, so that nothing that stood there reaches a product: of entries with a row
// per step, that is; what all rows share ("log_sigma" (tasks, 1, ·)) stays. `weights`: those of the batch.
Vars without_padding(const Vars& batch, Var weights);

}  // namespace innerloop::rl
