#include "nn/lstm.h"

#include <string>
#include <vector>

#include "autodiff/ops.h"
#include "nn/init.h"

namespace innerloop::nn {

ParamValues init_lstm(const LstmSpec& spec, std::uint64_t seed, std::string_view prefix, Dtype dtype) {
  const std::string p(prefix);
  const int H = spec.hidden;
  std::vector<double> bias(static_cast<std::size_t>(4 * H));
  for (int k = H; k < 2 * H; ++k) bias[static_cast<std::size_t>(k)] = spec.forget_bias;

  ParamValues theta;
  theta.add(p + "/W", xavier_uniform(p + "/W", spec.inputs, 4 * H, seed, dtype));
  theta.add(p + "/U", orthogonal(p + "/U", H, 4 * H, 1, seed, dtype));
  theta.add(p + "/b", Tensor::from({1, 1, 4 * H}, bias, dtype));
  return theta;
}

LstmOutput lstm(const Params& theta, const LstmSpec& spec, std::string_view prefix, Var x, LstmState start, Var reset,
                int time_steps) {
  const std::string p(prefix);
  require(time_steps >= 1 && x.shape().rows % time_steps == 0, [&] {
    return p + ": " + std::to_string(x.shape().rows) + " rows are not " + std::to_string(time_steps) +
           " time steps of N rows";
  });
  const int N = x.shape().rows / time_steps;
  require(start.h.shape().cols == spec.hidden, [&] {
    return p + ": the state has " + std::to_string(start.h.shape().cols) + " numbers, the cell " +
           std::to_string(spec.hidden);
  });

  // The inputs of all time steps at once, then the recurrence.
  const Var z = dense(x, theta[p + "/W"], theta[p + "/b"], Activation::identity);  // (tasks, T·N, 4H)
  const Var packed = lstm_sequence(z, theta[p + "/U"], start.h, start.c, reset, time_steps);
  const Var h = lstm_block(packed, LstmBlock::h), c = lstm_block(packed, LstmBlock::c);  // (tasks, T·N, H)
  const int last = (time_steps - 1) * N;
  return {h, {slice_rows(h, last, N), slice_rows(c, last, N)}};
}

}  // namespace innerloop::nn
