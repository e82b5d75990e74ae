#include "nn/actor_critic.h"

#include "autodiff/ops.h"
#include "nn/gru.h"
#include "nn/lstm.h"
#include "nn/mlp.h"

namespace innerloop::nn {
namespace {

using Core = ActorCriticSpec::Core;

LstmSpec lstm_of(const ActorCriticSpec& spec) { return {.inputs = spec.observations, .hidden = spec.core_size}; }
GruSpec gru_of(const ActorCriticSpec& spec) { return {.inputs = spec.observations, .hidden = spec.core_size}; }

}  // namespace

ParamValues init_actor_critic(const ActorCriticSpec& spec, std::uint64_t seed, Dtype dtype) {
  require(spec.core == Core::none || spec.core_size >= 1, "actor_critic: a recurrent core needs a width");
  ParamValues theta;
  const auto append = [&](const ParamValues& part) {
    for (std::size_t k = 0; k < part.count(); ++k) theta.add(part.name(k), part[k]);
  };
  if (spec.core == Core::lstm) append(init_lstm(lstm_of(spec), seed, "core", dtype));
  if (spec.core == Core::gru) append(init_gru(gru_of(spec), seed, "core", dtype));
  append(init_policy(spec.policy, seed, dtype));
  append(init_mlp(spec.value(), seed, "value", dtype));

  Tensor& last = theta["policy/W" + std::to_string(spec.policy.net.layers())];
  std::vector<double> small = last.to_vector();
  for (double& w : small) w *= 0.01;
  last = Tensor::from(last.shape(), small, dtype);
  return theta;
}

Tensors start_state(const ActorCriticSpec& spec, int tasks, int sequences, Dtype dtype) {
  Tensors state;
  if (spec.core == Core::none) return state;
  state.add("h", Tensor({tasks, sequences, spec.core_size}, dtype));
  if (spec.core == Core::lstm) state.add("c", Tensor({tasks, sequences, spec.core_size}, dtype));
  return state;
}

ActorCriticOutput actor_critic(const Params& theta, const ActorCriticSpec& spec, Var observations, const Vars& state,
                               Var reset, int time_steps) {
  ActorCriticOutput out;
  Var features = observations;  // (tasks, T·N, features)
  if (spec.core == Core::lstm) {
    const LstmOutput core =
        lstm(theta, lstm_of(spec), "core", observations, {state["h"], state["c"]}, reset, time_steps);
    features = core.h;
    out.state.add("h", core.last.h);
    out.state.add("c", core.last.c);
  } else if (spec.core == Core::gru) {
    const GruOutput core = gru(theta, gru_of(spec), "core", observations, state["h"], reset, time_steps);
    features = core.h;
    out.state.add("h", core.last);
  }
  out.policy = distribution(theta, spec.policy, features);
  out.value = mlp(theta, spec.value(), "value", features);
  return out;
}

}  // namespace innerloop::nn
