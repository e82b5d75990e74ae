#include "rl/v_trace.h"

#include "autodiff/ops.h"

namespace innerloop::rl {

// region: v_trace
// [V-trace eq. weights]  ρ_t = min(ρ̄, π/μ),  c_t = λ min(c̄, π/μ);  leaky: (1 − l) min(·, π/μ) + l π/μ
Var clipped_ratio(Var ratio, double most, double leak) {
  const Var clipped = minimum(ratio, ratio.graph->fill({1, 1, 1}, most));
  return leak == 0 ? clipped : (1 - leak) * clipped + leak * ratio;
}

VTrace v_trace(const Transitions& d, Var values, Var ratio, Var gamma, Var lambda, const VTraceConfig& config) {
  const Var rho = clipped_ratio(ratio, config.rho_bar, config.leak);
  const Var c = lambda * clipped_ratio(ratio, config.c_bar, config.leak);

  // [V-trace eq. 1]  v_t = V_t + Σ_k γᵏ (Π c) δ_{t+k} = V_t + δ_t + γ c_t (v_{t+1} − V_{t+1})
  //                  with δ_t = ρ_t (r_t + γ V_{t+1} − V_t)
  const Var delta = rho * (d.rewards + gamma * d.next_values - values);
  const Var v = values + linear_recurrence(delta, mul3(gamma, c, d.continues), d.time_steps, -1);

  // [V-trace eq. advantage]  ρ_t (r_t + γ v_{t+1} − V_t), with V_{t+1} for v_{t+1} where the sequence is cut
  const Var v_later = shift_rows(v, -(v.shape().rows / d.time_steps));
  const Var v_tp1 = d.next_values + d.continues * (v_later - d.next_values);
  return {.targets = v, .advantages = rho * (d.rewards + gamma * v_tp1 - values)};
}
// endregion

}  // namespace innerloop::rl
