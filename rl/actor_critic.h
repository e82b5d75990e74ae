// Advantage actor-critic (A2C).
//
// Mnih, Badia, Mirza, Graves, Lillicrap, Harley, Silver, Kavukcuoglu 2016, "Asynchronous Methods for Deep Reinforcement
// Learning", arXiv 1602.01783v2, in the synchronous form: all environments step together and one gradient is taken. An
// actor learns by policy gradient; a critic learns to predict the return, and what turned out better than predicted is
// what the actor makes likelier.
//
//   symbol   name                  shape
//   θ        theta                 (1, in, out) per parameter; actor, critic and, if there is one, their recurrent core
//   Â_t      batch["advantages"]   (B, T·N, 1): data
//   R_t      batch["returns"]      (B, T·N, 1): data, Â_t + V_old(s_t)
//   w_t      batch["weights"]      (B, T·N, 1): adds up to 1
//   c_v, c_e value_weight, entropy_weight
#pragma once

#include "autodiff/function.h"
#include "nn/actor_critic.h"
#include "rl/descent.h"

namespace innerloop::rl {

// What shapes a loss: the agent, how long its sequences are, and the constants. A batch that holds "entropy_weight"
// (1, 1, 1), for a weight that changes from update to update, has it in place of the constant.
struct AgentLossSpec {
  nn::ActorCriticSpec agent;
  int time_steps = 1;  // T: the rows of a batch are T steps of N sequences
  double value_weight = 0.5;
  double entropy_weight = 0;
  double clip = 0;  // ε of PPO
  int window = 0;   // steps that gradients go back at most, in windows from the first step on; 0: all of them
  friend bool operator==(const AgentLossSpec&, const AgentLossSpec&) = default;
};

// The agent on all rows of a batch, from the recurrent state where its sequences start: with today's θ from there on,
// also where `window` cuts the gradient.
nn::ActorCriticOutput run_agent(const Params& theta, const AgentLossSpec& spec, const Batch& batch);

// ½ Σ w_t (V(s_t) − R_t)²,  Σ w_t H(π(·|s_t)):  (1, 1, 1) each.
Var value_loss(const nn::ActorCriticOutput& agent, const Batch& batch);
Var mean_entropy(const AgentLossSpec& spec, const nn::ActorCriticOutput& agent, const Batch& batch);

// c_e H: the batch's weight, or the constant one.
Var entropy_bonus(const AgentLossSpec& spec, const Batch& batch, Var entropy);

struct AgentLoss {
  Var total;   // what is descended
  Vars parts;  // "policy_loss", "value_loss", "entropy" and whatever else is worth a column
};
AgentLoss a2c_loss(const Params& theta, const AgentLossSpec& spec, const Batch& batch);

// (theta, batch) → the gradient of the loss; its parts.
struct A2cFunction : Function<AgentLossSpec> {
  A2cFunction();
};

// A2C without its environment: θ, and one step down the gradient of each batch.
class A2cLearner {
 public:
  // loss: its constants; time_steps, value_weight and entropy_weight are set here. iterations: of the whole run.
  A2cLearner(const AgentLossSpec& loss, const DescentConfig& config, int iterations, ParamValues theta);

  // Iteration number `iteration` with this batch, whose sequences have so many steps. "policy_loss", "value_loss",
  // "entropy", "gradient_norm".
  Metrics update(const BatchValues& batch, int time_steps, int iteration);

  const ParamValues& theta() const { return state_.theta; }
  void visit(Checkpoint& c) { state_.visit(c); }

 private:
  AgentLossSpec loss_;
  DescentConfig config_;
  int iterations_;
  DescentState state_;
  A2cFunction gradient_;
};

extern const AlgorithmRow a2c;

}  // namespace innerloop::rl
