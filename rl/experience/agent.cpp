#include "rl/experience/agent.h"

#include "autodiff/ops.h"
#include "rl/experience/draw_action.h"

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

nn::PolicySpec policy_for(const envs::EnvRow& env, std::vector<int> hidden, Activation activation,
                          double log_sigma_init) {
  const envs::Spec& spec = env.spec;
  const bool discrete = spec.action_kind == envs::ActionKind::discrete;
  nn::PolicySpec policy;
  policy.net = {.inputs = spec.obs_size,
                .hidden = std::move(hidden),
                .outputs = discrete ? spec.action_count : spec.action_size,
                .activation = activation};
  policy.head = discrete ? nn::PolicySpec::Head::categorical : nn::PolicySpec::Head::gaussian;
  policy.log_sigma_init = log_sigma_init;
  return policy;
}

nn::ActorCriticSpec agent_for(const envs::EnvRow& env, nn::ActorCriticSpec::Core core, int core_size,
                              const std::vector<int>& hidden, Activation activation, double log_sigma_init) {
  nn::ActorCriticSpec agent;
  agent.core = core;
  agent.observations = env.spec.obs_size;
  agent.core_size = core == nn::ActorCriticSpec::Core::none ? 0 : core_size;
  agent.policy = policy_for(env, hidden, activation, log_sigma_init);
  agent.policy.net.inputs = agent.features();
  agent.value_hidden = hidden;
  return agent;
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
                [&] { return where; }, actions.data() + lane * size);
  return actions;
}

}  // namespace innerloop::rl
