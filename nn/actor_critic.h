// An actor and a critic: a policy and a value function over the same features, which are the observations themselves or
// what a recurrent core makes of their history.
//
//   observations ─┬──────────────────────────┬─▶ policy MLP ─▶ distribution over actions
//                 └─▶ LSTM or GRU (optional) ─┴─▶ value MLP  ─▶ V(s)
#pragma once

#include <cstdint>

#include "nn/policy.h"

namespace innerloop::nn {

struct ActorCriticSpec {
  enum class Core { none, lstm, gru } core = Core::none;
  int observations = 1;
  int core_size = 0;  // H: width of the recurrent core
  PolicySpec policy;  // policy.net.inputs is features()
  std::vector<int> value_hidden;

  int features() const { return core == Core::none ? observations : core_size; }
  MlpSpec value() const { return {features(), value_hidden, 1, policy.net.activation, true}; }
  friend bool operator==(const ActorCriticSpec&, const ActorCriticSpec&) = default;
};

constexpr auto words_of(ActorCriticSpec::Core) {
  using Core = ActorCriticSpec::Core;
  return std::to_array<Word<Core>>({{"none", Core::none}, {"lstm", Core::lstm}, {"gru", Core::gru}});
}

// "core/…" if there is one, "policy/…", "value/…". The policy's last layer is a hundredth of its usual size: at the
// start all actions are about equally likely.
ParamValues init_actor_critic(const ActorCriticSpec& spec, std::uint64_t seed, Dtype dtype = Dtype::f64);

// The recurrent state of N sequences, zeros: {} without a core, {"h"} for a GRU, {"h", "c"} for an LSTM; each
// (tasks, N, H).
Tensors start_state(const ActorCriticSpec& spec, int tasks, int sequences, Dtype dtype);

struct ActorCriticOutput {
  DistributionVars policy;  // of every row
  Var value;                // (tasks, T·N, 1)
  Vars state;               // after the last step
};

// observations (tasks, T·N, O): time-major, row t·N + n is sequence n at time t; reset (tasks, T·N, 1), data: 1 clears
// the recurrent state before that step. Without a core, rows are independent, and T may as well be 1.
ActorCriticOutput actor_critic(const Params& theta, const ActorCriticSpec& spec, Var observations, const Vars& state,
                               Var reset, int time_steps);

}  // namespace innerloop::nn
