// Small agents and batches for them, for the tests of actor-critic losses.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "rl/actor_critic.h"

namespace innerloop::rl {

inline Tensor wave(Shape shape, double frequency, double scale = 1) {
  Tensor t(shape);
  double k = 1;
  for (double& x : t.mutable_values<double>()) x = scale * std::sin(frequency * k++);
  return t;
}

inline AgentLossSpec small_agent(nn::ActorCriticSpec::Core core, int time_steps) {
  AgentLossSpec spec{
      .agent = {}, .time_steps = time_steps, .value_weight = 0.5, .entropy_weight = 0.01, .clip = 0.2};
  spec.agent = {.core = core, .observations = 3, .core_size = 4, .policy = {}, .value_hidden = {5}};
  spec.agent.policy = {.net = {.inputs = spec.agent.features(), .hidden = {5}, .outputs = 3},
                         .head = nn::PolicySpec::Head::categorical};
  return spec;
}

// T·N rows; reset_every: 0 never, 1 at every step. Old log-probabilities are those of equally likely actions.
inline BatchValues small_batch(const AgentLossSpec& spec, int sequences, bool reset_always) {
  const int rows = spec.time_steps * sequences;
  Tensor actions({1, rows, 1});
  for (int row = 0; row < rows; ++row) actions.set(0, row, 0, (5 * row + 1) % 3);
  BatchValues batch;
  batch.add("observations", wave({1, rows, 3}, 1.7));
  batch.add("actions", actions);
  batch.add("advantages", wave({1, rows, 1}, 2.3));
  batch.add("returns", wave({1, rows, 1}, 0.9));
  batch.add("weights", Tensor::full({1, rows, 1}, 1.0 / rows));
  batch.add("reset", Tensor::full({1, rows, 1}, reset_always ? 1 : 0));
  batch.add("old_log_prob", Tensor::full({1, rows, 1}, -std::log(3)));
  const Tensors start = nn::start_state(spec.agent, 1, sequences, Dtype::f64);
  for (std::size_t k = 0; k < start.count(); ++k) batch.add("state/" + start.name(k), start[k]);
  return batch;
}

// (theta, batch) → "logits", "value".
inline std::vector<Vars> trace_agent(Inputs& in, const AgentLossSpec& spec) {
  const Params theta = in.next("theta");
  const nn::ActorCriticOutput out = run_agent(theta, spec, in.next("batch"));
  Vars seen;
  seen.add("logits", out.policy["logits"]);
  seen.add("value", out.value);
  return {seen};
}

}  // namespace innerloop::rl
