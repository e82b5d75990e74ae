#include "rl/rollout_agent.h"

#include <cmath>

#include "autodiff/ops.h"
#include "rl/rollout_action.h"

namespace innerloop::rl {
namespace {

using Head = nn::PolicySpec::Head;

// What is needed of the network in each step: {"mean", "sigma"} or {"probabilities"}; V; the recurrent state.
std::vector<Vars> trace_agent_step(Inputs& in, const nn::ActorCriticSpec& agent) {
  const Params theta = in.next("theta");
  const Batch seen = in.next("seen");
  const nn::ActorCriticOutput out =
      nn::actor_critic(theta, agent, seen["observations"], in.next("state"), seen["reset"], 1);
  Vars policy, value;
  if (agent.policy.head == Head::gaussian) {
    policy.add("mean", out.policy["mean"]);             // (B, N, A)
    policy.add("sigma", exp(out.policy["log_sigma"]));  // (1, 1, A)
  } else {
    policy.add("probabilities", softmax(out.policy["logits"]));  // (B, N, A)
  }
  value.add("value", out.value);
  return {policy, value, out.state};
}

}  // namespace

void draw_action(const nn::PolicySpec& policy, const double* centre, const double* sigma, Philox random,
                 bool deterministic, Dtype dtype, const std::string& where, double* action) {
  const int A = policy.net.outputs;
  if (policy.head == Head::gaussian) {
    for (int k = 0; k < A; ++k) {
      const double a = deterministic ? centre[k] : centre[k] + sigma[k] * random.normal();
      action[k] = dtype == Dtype::f32 ? static_cast<double>(static_cast<float>(a)) : a;
    }
    return;
  }
  for (int a = 0; a < A; ++a)
    if (!std::isfinite(centre[a]))
      throw NonFiniteError(where + ": the probability of action " + std::to_string(a) +
                           " is not finite; look at the policy's output and its parameters");
  action[0] = choose_action(centre, A, random.uniform(), deterministic);
}

AgentActor::AgentActor(const nn::ActorCriticSpec& agent) : agent_(agent), act_("actor_critic/act", &trace_agent_step) {
  act_.set_device(Device::cpu);  // where the environments are
}

AgentStep AgentActor::step(const ParamValues& theta, const Tensor& observations, const Tensor& reset,
                           const Tensors& state) const {
  BatchValues seen;
  seen.add("observations", observations);
  seen.add("reset", reset);
  std::vector<Tensors> out = act_(agent_, {theta, seen, state});
  AgentStep acts{.centre = out[0][0].to_vector(), .sigma = {}, .value = out[1][0].to_vector(), .state = {}};
  if (out[0].count() > 1) acts.sigma = out[0][1].to_vector();
  for (std::size_t k = 0; k < state.count(); ++k) acts.state.add(state.name(k), out[2][k]);
  return acts;
}

std::vector<double> AgentActor::draw(const AgentStep& step, std::span<const Philox> random, bool deterministic,
                                     Dtype dtype, const std::string& where) const {
  const std::size_t A = static_cast<std::size_t>(agent_.policy.net.outputs),
                    size = agent_.policy.head == Head::gaussian ? A : 1;
  std::vector<double> actions(random.size() * size);
  for (std::size_t lane = 0; lane < random.size(); ++lane)
    draw_action(agent_.policy, step.centre.data() + lane * A, step.sigma.data(), random[lane], deterministic, dtype,
                where, actions.data() + lane * size);
  return actions;
}

}  // namespace innerloop::rl
