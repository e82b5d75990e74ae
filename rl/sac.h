// Soft actor-critic.
//
// Haarnoja, Zhou, Abbeel, Levine 2018, "Soft Actor-Critic: Off-Policy Maximum Entropy Deep Reinforcement Learning with
// a Stochastic Actor", arXiv 1801.01290v2 (v1: with a value network and a fixed temperature), and Haarnoja et al. 2018,
// "Soft Actor-Critic Algorithms and Applications", arXiv 1812.05905v2 (v2: without one, the temperature is learned).
// The policy earns its entropy beside its rewards, so it keeps trying what it does not yet know to be worse. Since the
// critics learn from any transition, whoever made it, every step of the environment is used hundreds of times.
//
//   symbol    name                 shape
//   φ         actor                (1, in, out) per parameter: mean and log σ of u in each state
//   θ₁, θ₂    critics "q1/…" "q2/…"  two action values
//   ψ         critics "v/…"        v1 only: a state value
//   θ̄, ψ̄      targets              Polyak averages of θ (v2) or ψ (v1), moved by polyak_update() alone
//   ℓ         log_alpha            (1, 1, 1); the temperature is α = exp ℓ
//   ε         noise                (1, rows, A), from N(0, 1)
//   u, a      action               u = μ + σε, a = tanh u: actions are numbers in (−1, 1) everywhere in this file
//   d         batch["terminated"]  1 where nothing comes after; a time limit is no end
//   H̄         target_entropy       −A by default: the entropy of log σ ≈ −1.4 before squashing; uniform has A log 2
#pragma once

#include "autodiff/function.h"
#include "nn/distributions.h"
#include "nn/mlp.h"

namespace innerloop::rl {

// --- What "SAC" may mean: each convention has a name (presets: rl/sac_trainer.cpp) -----------------------------------

enum class LogSigma {
  clamp,     // h limited to [−20, 2]: gradient zero outside (spinningup, SB3)
  tanh,      // −5 + 3.5 (1 + tanh h), in [−5, 2] (CleanRL)
  softplus,  // log(softplus(h) + 10⁻⁵) (softlearning)
};
constexpr auto words_of(LogSigma) {
  return std::to_array<Word<LogSigma>>(
      {{"clamp", LogSigma::clamp}, {"tanh", LogSigma::tanh}, {"softplus", LogSigma::softplus}});
}
enum class SquashLogProb {
  exact,    // log(1 − tanh²u) = 2(log 2 − u − softplus(−2u)), right for every u
  epsilon,  // log(1 − tanh²u + 10⁻⁶): no longer pushes back beyond |u| ≈ 8 (SB3, CleanRL and many others)
};
constexpr auto words_of(SquashLogProb) {
  return std::to_array<Word<SquashLogProb>>({{"exact", SquashLogProb::exact}, {"epsilon", SquashLogProb::epsilon}});
}
enum class ActorValue { minimum, mean, first };  // of the two critics, in the actor's loss
constexpr auto words_of(ActorValue) {
  return std::to_array<Word<ActorValue>>(
      {{"minimum", ActorValue::minimum}, {"mean", ActorValue::mean}, {"first", ActorValue::first}});
}
enum class TemperatureLoss { log_alpha, alpha, fixed };
constexpr auto words_of(TemperatureLoss) {
  return std::to_array<Word<TemperatureLoss>>({{"log_alpha", TemperatureLoss::log_alpha},
                                               {"alpha", TemperatureLoss::alpha},
                                               {"fixed", TemperatureLoss::fixed}});
}

// What shapes the programs.
struct SacSpec {
  nn::MlpSpec actor;   // O → 2A: the mean, then what log σ is made of
  nn::MlpSpec critic;  // O + A → 1
  int action_size = 1;
  bool value_network = false;  // v1
  bool squash = true;          // false: a = u, for problems with a Gaussian optimum
  LogSigma log_sigma = LogSigma::clamp;
  SquashLogProb log_prob = SquashLogProb::exact;
  double log_action_scale = 0;  // Σ log c of the actions' scale: entropies in units of the environment; 0: of a
  ActorValue actor_value = ActorValue::minimum;
  TemperatureLoss temperature_loss = TemperatureLoss::log_alpha;
  double critic_factor = 0.5;
  double gamma = 0.99;
  double reward_scale = 1;  // κ
  double target_entropy = -1;

  friend bool operator==(const SacSpec&, const SacSpec&) = default;
};
nn::MlpSpec value_spec(const SacSpec& spec);  // O → 1

ParamValues init_actor(const SacSpec& spec, std::uint64_t seed, Dtype dtype);
ParamValues init_critics(const SacSpec& spec, std::uint64_t seed, Dtype dtype);
// The part of the critics that has targets: both action values, or the state value.
ParamValues targeted(const ParamValues& critics, const SacSpec& spec);

// --- The equations, on a graph ---------------------------------------------------------------------------------------

struct SacAction {
  Var mean, log_sigma, u, action;  // (1, rows, A)
  Var log_prob;                    // (1, rows, 1): log π(a|s), summed over action dimensions
};
// One action per state, as a function of φ with ε fixed: derivatives go through it.
SacAction sac_action(const Params& actor, const SacSpec& spec, Var observations, Var noise);
// log π(a|s) of a = tanh(μ + σε), per row.
Var sac_log_prob(const SacSpec& spec, Var log_sigma, Var u, Var action, Var noise);
// Q_j(s, a), per row; prefix "q1" or "q2".
Var action_value(const Params& critics, const SacSpec& spec, std::string_view prefix, Var observations, Var action);

// min(q1, q2) − α log π: what a state is worth by one action drawn there. Per row, as the next one.
Var soft_value(Var q1, Var q2, Var log_alpha, Var log_prob);
// κr + γ(1 − d)·next_value. Data: no gradient leaves it.
Var soft_backup(const SacSpec& spec, const Batch& batch, Var next_value);
// y, per row: what both critics should say. Data: no gradient leaves it.
Var sac_target(const Params& actor, const Params& targets, Var log_alpha, const SacSpec& spec, const Batch& batch,
               Var noise);
Var sac_critic_loss(const Params& critics, const SacSpec& spec, const Batch& batch, Var target);
Var sac_value_loss(const Params& critics, const Params& actor, Var log_alpha, const SacSpec& spec, const Batch& batch,
                   Var noise);
Var sac_actor_loss(const SacAction& action, const Params& critics, Var log_alpha, const SacSpec& spec,
                   const Batch& batch);
Var sac_temperature_loss(Var log_alpha, Var log_prob, const SacSpec& spec);

// --- The same, compiled ----------------------------------------------------------------------------------------------

struct SacFunctions {
  SacFunctions();
  // (actor, observations, noise) → {"action"}
  Function<SacSpec> act;
  // (actor, critics, targets, log_alpha, batch, noise of s', noise of s) → ∇(L_Q [+ L_V]);
  // {"critic_loss", "target", "gradient"}, the last a sum that is finite if all of ∇ is
  Function<SacSpec> critic_gradient;
  // (actor, critics, log_alpha, batch, noise of s) → ∇L_π; {"log_alpha": ∂L_α/∂ℓ}; {"entropy", "gradient"}
  Function<SacSpec> actor_gradient;
};

}  // namespace innerloop::rl
