#include "rl/experience/padding.h"

#include "autodiff/ops.h"

namespace innerloop::rl {

Var on_real_rows(Var x, Var weights) {
  return select(broadcast_cols(weights, x.shape().cols), x, x.graph->fill({1, 1, 1}, 0));
}

Vars without_padding(const Vars& batch, Var weights) {
  Vars real;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const bool per_step = batch[i].shape().rows == weights.shape().rows;
    real.add(batch.name(i), per_step ? on_real_rows(batch[i], weights) : batch[i]);
  }
  return real;
}

}  // namespace innerloop::rl
