#include "nn/gru.h"

#include <string>

#include "autodiff/ops.h"
#include "nn/init.h"

namespace innerloop::nn {

ParamValues init_gru(const GruSpec& spec, std::uint64_t seed, std::string_view prefix, Dtype dtype) {
  const std::string p(prefix);
  const int H = spec.hidden;
  ParamValues theta;
  theta.add(p + "/W", xavier_uniform(p + "/W", spec.inputs, 3 * H, seed, dtype));
  theta.add(p + "/U", orthogonal(p + "/U", H, 3 * H, 1, seed, dtype));
  theta.add(p + "/b", Tensor({1, 1, 3 * H}, dtype));
  return theta;
}

GruOutput gru(const Params& theta, const GruSpec& spec, std::string_view prefix, Var x, Var start, Var reset,
              int time_steps) {
  const std::string p(prefix);
  const int rows = x.shape().rows;
  require(time_steps >= 1 && rows % time_steps == 0, [&] {
    return p + ": " + std::to_string(rows) + " rows are not " + std::to_string(time_steps) + " time steps of N rows";
  });
  require(start.shape().cols == spec.hidden, [&] {
    return p + ": the state has " + std::to_string(start.shape().cols) + " numbers, the cell " +
           std::to_string(spec.hidden);
  });

  // The inputs of all time steps at once, then the recurrence.
  const Var z = dense(x, theta[p + "/W"], theta[p + "/b"], Activation::identity);  // (tasks, T·N, 3H)
  const Var packed = gru_sequence(z, theta[p + "/U"], start, reset, time_steps);
  const Var h = gru_block(packed, GruBlock::h);  // (tasks, T·N, H)
  const int batch = rows / time_steps;
  return {h, slice_rows(h, rows - batch, batch)};
}

}  // namespace innerloop::nn
