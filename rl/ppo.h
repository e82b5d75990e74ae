// Proximal policy optimisation, with the clipped objective.
//
// Schulman, Wolski, Dhariwal, Radford, Klimov 2017, "Proximal Policy Optimization Algorithms", arXiv 1707.06347v2.
// Experience is dear, so each piece is used for several gradient steps; but after the first one the policy is no longer
// the one that collected it. PPO lets the ratio of the two policies move only a little in the direction that the
// advantage asks for: beyond 1 ± ε nothing more is to be gained, so nothing pulls.
//
//   symbol    name                     shape
//   θ         theta                    (1, in, out) per parameter
//   π_old     batch["old_log_prob"]    (B, T·N, 1): data, log π_old(a_t|s_t)
//   r_t(θ)    ratio                    (B, T·N, 1)
//   Â_t       batch["advantages"]      (B, T·N, 1): data
//   ε         clip                     half-width of the ratio's interval
//   c_1, c_2  value_weight, entropy_weight
#pragma once

#include "rl/actor_critic.h"

namespace innerloop::rl {

// Σ w_t min(r_t Â_t, clip(r_t, 1 − ε, 1 + ε) Â_t), (1, 1, 1), for log-probabilities (B, T·N, 1).
Var ppo_objective(Var log_prob, const Batch& batch, double clip);
// parts: as a2c_loss, and "kl" Σ w (r − 1 − log r) and "clip_fraction".
AgentLoss ppo_loss(const Params& theta, const AgentLossSpec& spec, const Batch& batch);

struct PpoFunctions {
  PpoFunctions();
  Function<AgentLossSpec> old_log_prob;  // (theta, batch) → "log_prob" of the batch's actions
  Function<AgentLossSpec> gradient;      // (theta, batch) → the gradient of the loss; its parts
};

// How often each batch is used, and how far the policy may go with it.
struct PpoLearnerConfig {
  double clip = 0.2;
  int epochs = 10;
  int minibatches = 4;   // of an epoch: of rows, or with a core of whole sequences
  double target_kl = 0;  // 0: all epochs are run
};
const Options<PpoLearnerConfig>& ppo_learner_options();

// PPO without its environment: θ, and the epochs of minibatches with each batch.
class PpoLearner {
 public:
  // loss: its agent and window; the constants are set here. iterations: of the whole run.
  PpoLearner(const AgentLossSpec& loss, const PpoLearnerConfig& config, const DescentConfig& descent, int iterations,
             ParamValues theta, std::uint64_t seed);

  // Iteration number `iteration` with this batch, whose sequences have so many steps. Averages over the minibatches of
  // the last epoch: the loss's parts, "gradient_norm"; "epochs".
  Metrics update(BatchValues batch, int time_steps, int iteration);

  const ParamValues& theta() const { return state_.theta; }
  void visit(Checkpoint& c) { state_.visit(c); }

 private:
  AgentLossSpec loss_;
  PpoLearnerConfig config_;
  DescentConfig descent_;
  int iterations_;
  std::uint64_t seed_;
  DescentState state_;
  PpoFunctions functions_;
};

extern const AlgorithmRow ppo;

}  // namespace innerloop::rl
