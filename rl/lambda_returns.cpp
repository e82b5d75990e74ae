#include "rl/lambda_returns.h"

#include "autodiff/ops.h"

namespace innerloop::rl {
namespace {

// G_{t+1} of every row: the row one step later, N rows below.
Var one_step_later(Var G, int time_steps) { return shift_rows(G, -(G.shape().rows / time_steps)); }

}  // namespace

// region: lambda_returns
// [lambda-return eq. G]  G_t = r_t + γ_t [(1 − λ_t c_t) v_{t+1} + λ_t c_t G_{t+1}]
Var lambda_returns(const Transitions& d, Var gamma, Var lambda) {
  const Var on = lambda * d.continues;  // λ_t c_t: how much of G_{t+1} there is
  return linear_recurrence(d.rewards + mul3(gamma, 1.0 - on, d.next_values), gamma * on, d.time_steps, -1);
}

// [lambda-return eq. by gamma]  ∂γG_t = (1 − λc_t) v_{t+1} + λc_t G_{t+1} + γλc_t ∂γG_{t+1}
Var lambda_returns_by_gamma(const Transitions& d, Var gamma, Var lambda) {
  const Var on = lambda * d.continues, G_tp1 = one_step_later(lambda_returns(d, gamma, lambda), d.time_steps);
  return linear_recurrence((1.0 - on) * d.next_values + on * G_tp1, gamma * on, d.time_steps, -1);
}

// [lambda-return eq. by lambda]  ∂λG_t = γc_t (G_{t+1} − v_{t+1}) + γλc_t ∂λG_{t+1}
Var lambda_returns_by_lambda(const Transitions& d, Var gamma, Var lambda) {
  const Var on = lambda * d.continues, G_tp1 = one_step_later(lambda_returns(d, gamma, lambda), d.time_steps);
  return linear_recurrence(mul3(gamma, d.continues, G_tp1 - d.next_values), gamma * on, d.time_steps, -1);
}
// endregion

}  // namespace innerloop::rl
