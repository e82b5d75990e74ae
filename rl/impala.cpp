#include "rl/impala.h"

#include "autodiff/ops.h"
#include "autodiff/transforms.h"

namespace innerloop::rl {

// region: equations
AgentLoss impala_loss(const Params& theta, const ImpalaSpec& spec, const Batch& batch) {
  const nn::ActorCriticOutput agent = run_agent(theta, spec.loss, batch);
  const Var log_pi = nn::log_prob(spec.loss.agent.policy, agent.policy, batch["actions"]);  // (B, T·N, 1)
  const Var log_ratio = log_pi - batch["log_mu"];
  const Var next = nn::mlp(theta, spec.loss.agent.value(), "value", batch["next_observations"]);

  // Targets and weights are data: what is descended is the distance to them.
  const Var values = stop_gradient(agent.value), ratio = exp(stop_gradient(log_ratio));
  const Var next_values = batch["not_terminated"] * stop_gradient(next);
  const Transitions transitions{batch["rewards"], next_values, batch["continues"], spec.loss.time_steps};
  const auto constant = [&](double x) { return ratio.graph->fill({1, 1, 1}, x); };
  const Var counted = spec.correction == Correction::v_trace ? ratio : 0.0 * ratio + 1.0;
  const VTrace trace = v_trace(transitions, values, counted, constant(spec.gamma), constant(spec.lambda), spec.trace);

  // [IMPALA eq. value]   L_V(θ) = ½ Σ_t w_t (v_t − V_θ(x_t))²
  // [IMPALA eq. policy]  L_π(θ) = −Σ_t w_t ρ_t log π_θ(a_t|x_t) (r_t + γ v_{t+1} − V_θ(x_t)), the last factor as data
  // [IMPALA eq. loss]    L = L_π + c_v L_V − c_e H
  const auto mean = [&](Var x) { return sum_tasks(sum_all(batch["weights"] * x)); };
  const Var critic = 0.5 * mean(square(trace.targets - agent.value));
  const Var actor = -mean(trace.advantages * log_pi);
  const Var entropy = mean_entropy(spec.loss, agent, batch);
  AgentLoss loss;
  loss.total = actor + spec.loss.value_weight * critic - entropy_bonus(spec.loss, batch, entropy);
  loss.parts.add("policy_loss", actor);
  loss.parts.add("value_loss", critic);
  loss.parts.add("entropy", entropy);
  loss.parts.add("kl", mean(expm1(log_ratio) - log_ratio));
  loss.parts.add("clipped", mean(1.0 - inside(exp(log_ratio), -1, spec.trace.rho_bar)));
  return loss;
}
// endregion

ImpalaFunctions::ImpalaFunctions()
    : behaviour("impala/behaviour",
                [](Inputs& in, const AgentLossSpec& spec) -> std::vector<Vars> {
                  const Params theta = in.next("theta");
                  const Batch batch = in.next("batch");
                  const nn::ActorCriticOutput agent = run_agent(theta, spec, batch);
                  return {Vars("log_mu", nn::log_prob(spec.agent.policy, agent.policy, batch["actions"]))};
                }),
      gradient("impala/gradient", [](Inputs& in, const ImpalaSpec& spec) -> std::vector<Vars> {
        const Params theta = in.next("theta");
        const AgentLoss loss = impala_loss(theta, spec, in.next("batch"));
        return {grad(loss.total, theta), loss.parts};
      }) {}

}  // namespace innerloop::rl
